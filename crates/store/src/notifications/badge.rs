//! What waits for a person, for the number on the icon.

use fulmar_domain::push::{self, Unseen};
use rusqlite::Connection;

/// The badge of a person. Only where they have muted something is it looked up where each message was said.
pub(super) fn of(sql: &Connection, account: i64) -> rusqlite::Result<u32> {
    let select = "WITH waiting AS (
             SELECT message FROM delivery WHERE recipient = ?1 AND delivered_at IS NULL AND failed_at IS NULL),
         ringing AS (
             SELECT conversation FROM invitation
             WHERE invited = ?1 AND state = 'ringing' AND first_message IS NULL),
         muted AS (SELECT conversation FROM participant WHERE account = ?1 AND muted = 1)
         SELECT (SELECT count(*) FROM waiting), (SELECT count(*) FROM ringing),
             (SELECT count(*) FROM waiting w JOIN message m ON m.id = w.message
                 WHERE EXISTS (SELECT 1 FROM muted) AND m.conversation IN muted),
             (SELECT count(*) FROM ringing
                 WHERE EXISTS (SELECT 1 FROM muted) AND conversation IN muted)";
    sql.prepare_cached(select)?.query_row([account], |row| {
        let all = Unseen { messages: row.get(0)?, invitations: row.get(1)? };
        Ok(push::badge(all, Unseen { messages: row.get(2)?, invitations: row.get(3)? }))
    })
}
