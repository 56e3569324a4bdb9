//! What happened to a person in conversations: one line for each thing, in its order, and for each device how far
//! it has come. Every session of the person is told at once; a device that signs in again goes on after the last
//! line that it has acknowledged itself, whatever the person's other devices have seen. Where the log of a session is
//! full, further lines wait here until it has acknowledged some of it.

use std::{collections::BTreeSet, time::Duration};

use fulmar_domain::{Timestamp, configuration::ArchivingConfiguration};
use rusqlite::{Connection, params};

use crate::{
    configuration, conversations,
    events::{self, Columns, Entry, MESSAGE_RECEIVED, MESSAGE_SENT},
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
pub(crate) fn fill(tx: &mut Tx<'_>, device: i64) -> rusqlite::Result<()> {
    let room = events::room(tx.sql, device)?;
    let insert =
        "INSERT INTO event (device, eid, kind, detail, conversation, person, message, invitation, history)
         SELECT ?1, last_event + row_number() OVER (ORDER BY id), kind, detail, conversation, person, message,
             invitation, id
         FROM (
             SELECT s.last_event, h.*
             FROM session s JOIN device d ON d.id = s.device JOIN history h ON h.account = s.account
             WHERE s.device = ?1 AND h.id > d.history_seen
                 AND h.id > (SELECT coalesce(max(history), 0) FROM event WHERE device = ?1)
             ORDER BY h.id LIMIT ?2)";
    let lines = tx.sql.prepare_cached(insert)?.execute(params![device, room])?;
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

/// How long it is kept.
fn kept(sql: &Connection) -> rusqlite::Result<Duration> {
    // One for all sites.
    Ok(configuration::in_force::<ArchivingConfiguration>(sql, "")?.keeps())
}

/// The most lines, and the most conversations, that are forgotten in one change, so that others have their turn.
const AT_ONCE: usize = 256;

/// Forgets some of what is not told to anybody any more; whether there may be more of it. Whose message has reached
/// nobody until then is told.
pub(crate) fn forget_some(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<bool> {
    let before = (now - kept(tx.sql)?).as_millis();
    let lines = forget_lines(tx, before, now)?;
    // In which nothing has happened for so long, and of which nothing is told any more.
    let delete = "DELETE FROM conversation WHERE id IN (
         SELECT c.id FROM conversation c WHERE c.created_at <= ?1
             AND NOT EXISTS (SELECT 1 FROM message m WHERE m.conversation = c.id)
             AND NOT EXISTS (SELECT 1 FROM history h WHERE h.conversation = c.id)
             AND NOT EXISTS (SELECT 1 FROM invitation i WHERE i.conversation = c.id AND i.state = 'ringing')
             AND NOT EXISTS (SELECT 1 FROM meeting m WHERE m.conversation = c.id)
         LIMIT ?2)";
    let conversations = tx.sql.prepare_cached(delete)?.execute(params![before, AT_ONCE])?;
    Ok(lines == AT_ONCE || conversations == AT_ONCE)
}

fn forget_lines(tx: &mut Tx<'_>, before: i64, now: Timestamp) -> rusqlite::Result<usize> {
    let delete =
        "DELETE FROM history WHERE id IN (SELECT id FROM history WHERE at <= ?1 ORDER BY at LIMIT ?2)
         RETURNING kind, account, message";
    let lines: Vec<(String, i64, Option<i64>)> = tx
        .sql
        .prepare_cached(delete)?
        .query_map(params![before, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut messages = BTreeSet::new();
    for (kind, account, message) in &lines {
        messages.extend(*message);
        if let (MESSAGE_RECEIVED, Some(message)) = (kind.as_str(), *message) {
            conversations::forgotten(tx, message, *account, now)?;
        }
    }
    // With a message go its receipts, and the events and notifications that are about it.
    let delete = "DELETE FROM message WHERE id = ?1 AND NOT EXISTS (
         SELECT 1 FROM history WHERE message = ?1 AND kind IN (?2, ?3))";
    for message in messages {
        tx.sql.prepare_cached(delete)?.execute(params![message, MESSAGE_RECEIVED, MESSAGE_SENT])?;
    }
    Ok(lines.len())
}
