//! The devices of a person, for administrators, and the end of one.
//!
//! A device is there while it has a session, can be woken, or holds a ticket that has not ended. Its row stays
//! afterwards, so that its number is never another device's and the ledger of notifications keeps its story.

use fulmar_domain::{DeviceId, SipUri, Timestamp, presence::Changed, session::Activity};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    Store, StoreError, notifications, presence,
    rows::{activity, timestamp},
    sessions,
    writer::Tx,
};

/// A device as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSummary {
    /// Which.
    pub id: DeviceId,
    /// What the person calls it.
    pub name: String,
    /// Whether it can be woken.
    pub has_push: bool,
    /// Whether somebody looks at it, and when it was last heard of, to the minute; `None` without a session.
    pub session: Option<(Activity, Timestamp)>,
}

impl Store {
    /// The devices of a person, by number; `None` when there is nobody.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn devices(
        &self,
        person: &SipUri,
        now: Timestamp,
    ) -> Result<Option<Vec<DeviceSummary>>, StoreError> {
        let uri = person.to_string();
        self.read("list the devices of a person", move |sql| {
            let Some(account) = account(sql, &uri)? else { return Ok(None) };
            sql.prepare_cached(
                "SELECT d.id, d.name, d.push_token IS NOT NULL, s.activity, s.last_seen
                 FROM device d LEFT JOIN session s ON s.device = d.id
                 WHERE d.account = ?1 AND (s.device IS NOT NULL OR d.push_token IS NOT NULL OR EXISTS (
                     SELECT 1 FROM ticket t WHERE t.account = ?1 AND t.device = d.id AND t.expires_at > ?2))
                 ORDER BY d.id",
            )?
            .query_map(params![account, now.as_millis()], summary)?
            .collect::<Result<_, _>>()
            .map(Some)
        })
        .await
    }

    /// Ends what a device of a person has: its session, its registration for push, its tickets, and those of the
    /// person that no device has used yet, since any of them may be this one's. `false` when it had nothing.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn revoke_device(
        &self,
        person: &SipUri,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (uri, device) = (person.to_string(), device.0);
        self.change("revoke a device", move |tx| {
            let Some(account) = account(tx.sql, &uri)? else { return Ok(false) };
            let select = "SELECT EXISTS (SELECT 1 FROM device d LEFT JOIN session s ON s.device = d.id
                 WHERE d.id = ?2 AND d.account = ?1 AND (s.device IS NOT NULL OR d.push_token IS NOT NULL
                     OR EXISTS (SELECT 1 FROM ticket t WHERE t.account = ?1 AND t.device = d.id)))";
            if !tx.sql.query_row(select, [account, device], |row| row.get(0))? {
                return Ok(false);
            }
            let delete = "DELETE FROM ticket WHERE account = ?1 AND (device = ?2 OR device IS NULL)";
            tx.sql.execute(delete, [account, device])?;
            sign_out(tx, device, now)?;
            presence::changed(tx, account, Changed::AVAILABILITY)?;
            Ok(true)
        })
        .await
    }
}

/// Ends the session of a device, and wakes it no more.
pub(crate) fn sign_out(tx: &mut Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    sessions::end(tx, device)?;
    notifications::unregister(tx, device, "the device was signed out", now)
}

fn account(sql: &Connection, uri: &str) -> rusqlite::Result<Option<i64>> {
    sql.query_row("SELECT id FROM account WHERE uri = ?1", [uri], |row| row.get(0)).optional()
}

fn summary(row: &Row<'_>) -> rusqlite::Result<DeviceSummary> {
    let session = match row.get::<_, Option<i64>>(4)? {
        Some(_) => Some((activity(row, 3)?, timestamp(row, 4)?)),
        None => None,
    };
    Ok(DeviceSummary { id: DeviceId(row.get(0)?), name: row.get(1)?, has_push: row.get(2)?, session })
}
