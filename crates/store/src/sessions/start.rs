//! Signing a device in.

use fulmar_domain::{
    Timestamp,
    session::{FOREGROUND_SILENCE, MAX_SESSIONS, SessionEnd},
};
use rusqlite::params;

use super::{NewSession, StartedSession, end, find, lapse};
use crate::{TicketDigest, conversations, history, notifications, presence, rows::found, writer::Tx};

pub(crate) fn start(
    tx: &mut Tx<'_>,
    new: &NewSession,
    ticket: TicketDigest,
    now: Timestamp,
) -> rusqlite::Result<StartedSession> {
    let account = new.account.0;
    let usable = "SELECT EXISTS (
         SELECT 1 FROM ticket t JOIN account a ON a.id = t.account LEFT JOIN device d ON d.id = t.device
         WHERE t.digest = ?1 AND a.id = ?2 AND a.disabled = 0 AND a.homed_at IS NULL
             AND (d.id IS NULL OR d.endpoint = ?3))";
    let values = params![ticket.as_bytes(), account, new.endpoint.as_str()];
    if !tx.sql.query_row(usable, values, |row| row.get(0))? {
        return Ok(StartedSession::ForeignTicket);
    }
    if !make_room(tx, new, now)? {
        return Ok(StartedSession::TooMany);
    }
    let device: i64 = tx.sql.query_row(
        "INSERT INTO device (account, endpoint, name, history_seen)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(history_seen), 0) FROM device WHERE account = ?1))
         ON CONFLICT (account, endpoint) DO UPDATE SET name = excluded.name, session_end = NULL RETURNING id",
        params![account, new.endpoint.as_str(), new.device_name],
        |row| row.get(0),
    )?;
    tx.sql.execute("UPDATE ticket SET device = ?2 WHERE digest = ?1", params![ticket.as_bytes(), device])?;
    end(tx, device)?;
    notifications::signed_in(tx, device, now)?;
    tx.sql.execute(
        "INSERT INTO session
             (device, sid, account, activity, availability, last_seen, started_at, last_active, device_type)
         VALUES (?1, ?2, ?3, 'foreground', ?4, ?5, ?5, ?5, ?6)",
        params![
            device,
            new.id.as_str(),
            account,
            presence::DOES_NOT_COUNT,
            now.as_millis(),
            new.device_type.as_str()
        ],
    )?;
    history::fill(tx, device)?;
    conversations::remind_of_missed(tx, account, device, now)?;
    match new.arrival {
        Some(arrival) => presence::arrive(tx, account, device, arrival, now)?,
        // The session that it had may have counted.
        None => presence::refresh(tx, account, now, None)?,
    }
    let session = find(tx.sql, &new.id, now)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(StartedSession::Started(session))
}

/// Ends the session that was silent longest where there may be no further one; whether there is room then.
fn make_room(tx: &mut Tx<'_>, new: &NewSession, now: Timestamp) -> rusqlite::Result<bool> {
    let account = new.account.0;
    let others = "SELECT count(*) FROM session s JOIN device d ON d.id = s.device
         WHERE s.account = ?1 AND d.endpoint <> ?2";
    let sessions: u32 =
        tx.sql.query_row(others, params![account, new.endpoint.as_str()], |row| row.get(0))?;
    if sessions < MAX_SESSIONS {
        return Ok(true);
    }
    let select =
        "SELECT device FROM session WHERE account = ?1 AND last_seen <= ?2 ORDER BY last_seen LIMIT 1";
    let before = (now - FOREGROUND_SILENCE).as_millis();
    let Some(device) = found(tx.sql.query_row(select, params![account, before], |row| row.get(0)))? else {
        return Ok(false);
    };
    lapse(tx, device, SessionEnd::Displaced, now)?;
    Ok(true)
}
