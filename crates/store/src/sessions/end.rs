//! How sessions end that nobody ends.

use fulmar_domain::{DeviceId, Timestamp, session::SessionEnd};
use rusqlite::params;

use super::end;
use crate::{
    Store, StoreError, notifications,
    rows::{found, parsed_or_null},
    writer::Tx,
};

impl Store {
    /// How the last session of a device ended, where it has none and nobody ended it.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn session_end(
        &self,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Option<SessionEnd>, StoreError> {
        self.read("look up how a session ended", move |sql| {
            let select = "SELECT session_end FROM device WHERE id = ?1";
            let end = found(sql.prepare_cached(select)?.query_row([device.0], |row| parsed_or_null(row, 0)))?;
            // The sweep may not have come yet.
            let select = "SELECT EXISTS (SELECT 1 FROM session WHERE device = ?1)";
            let silent = sql.prepare_cached(select)?.query_row([device.0], |row| row.get(0))?
                && super::of_device(sql, device.0, now)?.is_none();
            Ok(if silent { Some(SessionEnd::Expired) } else { end.flatten() })
        })
        .await
    }
}

/// Ends the session of a device whose client does not know of it. The device is told where it can be, and not woken
/// any more after that.
pub(crate) fn lapse(tx: &mut Tx<'_>, device: i64, how: SessionEnd, now: Timestamp) -> rusqlite::Result<()> {
    end(tx, device)?;
    let update = "UPDATE device SET session_end = ?2 WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute(params![device, how.as_str()])?;
    notifications::session_ended(tx, device, how, now)
}
