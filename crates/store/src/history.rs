//! What happened to a person in conversations: one line for each thing, in its order, and for each device how far
//! it has come. Every session of the person is told at once; a device that signs in again goes on after the last
//! line that it has acknowledged itself, whatever the person's other devices have seen.

use fulmar_domain::{Timestamp, conversation::HISTORY};
use rusqlite::params;

use crate::{
    conversations,
    events::{self, Columns, Entry},
    writer::Tx,
};

/// Adds a line to the history of `account` and tells it to the sessions; their devices.
pub(crate) fn tell(
    tx: &mut Tx<'_>,
    account: i64,
    entry: Entry<'_>,
    now: Timestamp,
) -> rusqlite::Result<Vec<i64>> {
    let Columns { kind, detail, conversation, person, message, invitation, .. } = entry.columns();
    let insert = "INSERT INTO history (account, at, kind, detail, conversation, person, message, invitation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id";
    let values = params![account, now.as_millis(), kind, detail, conversation, person, message, invitation];
    let line: i64 = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    let devices: Vec<i64> = tx
        .sql
        .prepare_cached("SELECT device FROM session WHERE account = ?1")?
        .query_map([account], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for device in &devices {
        events::repeat(tx, *device, entry, line)?;
    }
    Ok(devices)
}

/// Begins the log of a new session with what its device has not acknowledged.
pub(crate) fn replay(tx: &mut Tx<'_>, account: i64, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let insert =
        "INSERT INTO event (device, eid, kind, detail, conversation, person, message, invitation, history)
         SELECT ?2, row_number() OVER (ORDER BY h.id), h.kind, h.detail, h.conversation, h.person, h.message,
             h.invitation, h.id
         FROM history h JOIN device d ON d.id = ?2
         WHERE h.account = ?1 AND h.id > d.history_seen AND h.at > ?3";
    let lines = tx.sql.execute(insert, params![account, device, (now - HISTORY).as_millis()])?;
    let update = "UPDATE session SET last_event = last_event + ?2 WHERE device = ?1";
    tx.sql.execute(update, params![device, lines])?;
    tx.touched.sessions.insert(device);
    Ok(())
}

/// Notes that a device has acknowledged its events up to `ack`.
pub(crate) fn acknowledged(tx: &Tx<'_>, device: i64, ack: u64) -> rusqlite::Result<()> {
    let update = "UPDATE device SET history_seen = max(history_seen, newest)
         FROM (SELECT max(history) AS newest FROM event WHERE device = ?1 AND eid <= ?2)
         WHERE id = ?1 AND newest IS NOT NULL";
    tx.sql.prepare_cached(update)?.execute(params![device, ack]).map(drop)
}

/// Forgets what is not told to anybody any more. Whose message has reached nobody until then is told.
pub(crate) fn forget_old(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let delete = "DELETE FROM history WHERE at <= ?1 RETURNING kind, account, message";
    let forgotten: Vec<(String, i64, Option<i64>)> = tx
        .sql
        .prepare_cached(delete)?
        .query_map([(now - HISTORY).as_millis()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (kind, account, message) in forgotten {
        if let (events::MESSAGE_RECEIVED, Some(message)) = (kind.as_str(), message) {
            conversations::forgotten(tx, message, account, now)?;
        }
    }
    Ok(())
}
