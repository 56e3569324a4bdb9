//! What waits for a person, for the number on the icon.

use fulmar_domain::push::{self, Unseen};
use rusqlite::Connection;

/// The badge of a person. Where each message was said is looked up only for those who have muted something.
pub(super) fn of(sql: &Connection, account: i64) -> rusqlite::Result<u32> {
    let all = counted(sql, account, ALL)?;
    let has_muted = "SELECT EXISTS (SELECT 1 FROM participant WHERE account = ?1 AND muted = 1)";
    let muted = match sql.prepare_cached(has_muted)?.query_row([account], |row| row.get(0))? {
        true => counted(sql, account, MUTED)?,
        false => Unseen { messages: 0, invitations: 0 },
    };
    Ok(push::badge(all, muted))
}

const ALL: &str = "SELECT
     (SELECT count(*) FROM delivery WHERE recipient = ?1 AND delivered_at IS NULL AND failed_at IS NULL),
     (SELECT count(*) FROM invitation WHERE invited = ?1 AND state = 'ringing' AND first_message IS NULL)";

const MUTED: &str = "WITH muted AS (SELECT conversation FROM participant WHERE account = ?1 AND muted = 1)
     SELECT
     (SELECT count(*) FROM delivery d JOIN message m ON m.id = d.message
         WHERE d.recipient = ?1 AND d.delivered_at IS NULL AND d.failed_at IS NULL
             AND m.conversation IN (SELECT conversation FROM muted)),
     (SELECT count(*) FROM invitation WHERE invited = ?1 AND state = 'ringing' AND first_message IS NULL
         AND conversation IN (SELECT conversation FROM muted))";

fn counted(sql: &Connection, account: i64, select: &str) -> rusqlite::Result<Unseen> {
    sql.prepare_cached(select)?
        .query_row([account], |row| Ok(Unseen { messages: row.get(0)?, invitations: row.get(1)? }))
}
