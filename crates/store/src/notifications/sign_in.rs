//! The notice to a device that it is not signed in any more. It is the last thing that the device is woken for.

use fulmar_domain::{
    Timestamp,
    push::{self, TIME_TO_LIVE},
    session::SessionEnd,
};
use rusqlite::params;

use super::{ids, queued, unneeded, unregister, waking::may_wake, withdraw};
use crate::writer::Tx;

/// What is noted of what a device was to be woken for.
const ENDED: &str = "the session of the device has ended";

/// The session of a device has ended, and nobody ended it: what it was to be woken for is withdrawn, and where the
/// device can be woken it is told.
pub(crate) fn session_ended(
    tx: &mut Tx<'_>,
    device: i64,
    how: SessionEnd,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let select = "SELECT push_token IS NOT NULL FROM device WHERE id = ?1";
    let has_push = tx.sql.prepare_cached(select)?.query_row([device], |row| row.get(0))?;
    if !push::deserves_sign_in_notice(Some(how), has_push) || may_wake(tx.sql, device)?.is_err() {
        return unregister(tx, device, ENDED, now);
    }
    withdraw(tx, device, ENDED, now)?;
    let insert = "INSERT INTO notification (device, service, place, sign_in, collapse, due_at, expires_at)
         SELECT id, push_service, 'head', 1, 'sign-in', ?2, ?3 FROM device WHERE id = ?1 RETURNING id";
    let values = params![device, now.as_millis(), (now + TIME_TO_LIVE).as_millis()];
    let id = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    queued(tx, id, now)
}

/// The device is signed in again: a notice that has not left is withdrawn.
pub(crate) fn signed_in(tx: &Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT id FROM notification WHERE device = ?1 AND sign_in = 1 AND state = 'pending'";
    unneeded(tx, ids(tx.sql, select, params![device])?, now)
}

/// What became of the notice is known: without a session the device is not woken any more.
pub(super) fn done(tx: &mut Tx<'_>, notification: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT n.device FROM notification n WHERE n.id = ?1 AND n.sign_in = 1
         AND NOT EXISTS (SELECT 1 FROM session s WHERE s.device = n.device)";
    ids(tx.sql, select, params![notification])?
        .into_iter()
        .try_for_each(|device| unregister(tx, device, ENDED, now))
}
