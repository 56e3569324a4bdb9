//! What happened to a person in conversations: one line for each thing, in its order, and for each device how far
//! it has come. Every session of the person is told at once; a device that signs in again goes on after the last
//! line that it has acknowledged itself, whatever the person's other devices have seen. Where the log of a session is
//! full, further lines wait here until it has acknowledged some of it.

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

/// Puts what the device has not acknowledged into the log of its session, behind what is there, while there is room.
pub(crate) fn fill(tx: &mut Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let room = events::room(tx.sql, device)?;
    let insert =
        "INSERT INTO event (device, eid, kind, detail, conversation, person, message, invitation, history)
         SELECT ?1, last_event + row_number() OVER (ORDER BY id), kind, detail, conversation, person, message,
             invitation, id
         FROM (
             SELECT s.last_event, h.*
             FROM session s JOIN device d ON d.id = s.device JOIN history h ON h.account = s.account
             WHERE s.device = ?1 AND h.at > ?2 AND h.id > d.history_seen
                 AND h.id > (SELECT coalesce(max(history), 0) FROM event WHERE device = ?1)
             ORDER BY h.id LIMIT ?3)";
    let values = params![device, (now - HISTORY).as_millis(), room];
    let lines = tx.sql.prepare_cached(insert)?.execute(values)?;
    // Where all the room was taken there may be more.
    let update = "UPDATE session SET last_event = last_event + ?2, lags = (?2 = ?3) WHERE device = ?1";
    tx.sql.prepare_cached(update)?.execute(params![device, lines, room])?;
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
