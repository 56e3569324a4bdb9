//! The bound of a log. What repeats a line of the history waits there until there is room; everything else can be
//! looked up, and where there is no room for it the session is told to do so.

use rusqlite::{Connection, params};

use super::{Entry, entry::RESYNC, now, write};
use crate::writer::Tx;

/// The most events in the log of a session, beside the one that tells it to look again.
pub(crate) const MOST: u32 = 1000;

/// How many more events fit into the log of the session of `device`.
pub(crate) fn room(sql: &Connection, device: i64) -> rusqlite::Result<u32> {
    let count = "SELECT count(*) FROM (SELECT 1 FROM event WHERE device = ?1 LIMIT ?2)";
    let held: u32 = sql.prepare_cached(count)?.query_row(params![device, MOST], |row| row.get(0))?;
    Ok(MOST - held)
}

/// Whether lines of the history wait for room.
pub(crate) fn lags(sql: &Connection, device: i64) -> rusqlite::Result<bool> {
    sql.prepare_cached("SELECT lags FROM session WHERE device = ?1")?.query_row([device], |row| row.get(0))
}

/// Whether the newest event tells the session to look again, so that there is nothing to add to it.
pub(super) fn ends_with_resync(sql: &Connection, device: i64) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM event e JOIN session s ON s.device = e.device
         WHERE e.device = ?1 AND e.eid = s.last_event AND e.kind = ?2)";
    sql.prepare_cached(select)?.query_row(params![device, RESYNC], |row| row.get(0))
}

/// Drops what the session can look up, and tells it to; whether there is room then.
pub(super) fn make(tx: &mut Tx<'_>, device: i64) -> rusqlite::Result<bool> {
    tx.sql.prepare_cached("DELETE FROM event WHERE device = ?1 AND history IS NULL")?.execute([device])?;
    let left = room(tx.sql, device)?;
    let now = now(tx);
    write(tx, device, Entry::Resync, None, now)?;
    Ok(left > 0)
}
