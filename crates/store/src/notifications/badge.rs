//! What waits for a person, for the number on the icon.

use fulmar_domain::push::{self, Unseen};
use rusqlite::{Connection, Row};

/// The columns that [`of`] reads, of the person `d.account`.
pub(super) const COLUMNS: &str = "
     (SELECT count(*) FROM delivery WHERE recipient = d.account AND delivered_at IS NULL AND failed_at IS NULL),
     (SELECT count(*) FROM invitation
         WHERE invited = d.account AND state = 'ringing' AND first_message IS NULL),
     EXISTS (SELECT 1 FROM participant WHERE account = d.account AND muted = 1), d.account";

const MUTED: &str = "WITH muted AS (SELECT conversation FROM participant WHERE account = ?1 AND muted = 1)
     SELECT
     (SELECT count(*) FROM delivery d JOIN message m ON m.id = d.message
         WHERE d.recipient = ?1 AND d.delivered_at IS NULL AND d.failed_at IS NULL
             AND m.conversation IN (SELECT conversation FROM muted)),
     (SELECT count(*) FROM invitation WHERE invited = ?1 AND state = 'ringing' AND first_message IS NULL
         AND conversation IN (SELECT conversation FROM muted))";

/// The badge from [`COLUMNS`], which begin at `column`. Where each message was said is looked up only for those who have
/// muted something.
pub(super) fn of(sql: &Connection, row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    let all = unseen(row, column)?;
    if !row.get::<_, bool>(column + 2)? {
        return Ok(push::badge(all, Unseen { messages: 0, invitations: 0 }));
    }
    let account: i64 = row.get(column + 3)?;
    let muted = sql.prepare_cached(MUTED)?.query_row([account], |row| unseen(row, 0))?;
    Ok(push::badge(all, muted))
}

fn unseen(row: &Row<'_>, column: usize) -> rusqlite::Result<Unseen> {
    Ok(Unseen { messages: row.get(column)?, invitations: row.get(column + 1)? })
}
