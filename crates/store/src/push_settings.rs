//! How the box speaks to Apple, and in a module for each to the other services. Keys are sealed.

mod accounts;
mod house;
mod web_push;

use fulmar_domain::{
    Timestamp,
    device::Provider,
    push::{ApnsAuth, ApnsSettings},
};
use rusqlite::{Connection, Row, params};

use crate::{Store, StoreError, configuration, notifications, rows::found, writer::Tx};

/// What the seal is bound to.
const KEY: &str = "the key for Apple";

impl Store {
    /// The settings, or `None` when nobody has entered any.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the key was sealed with.
    pub async fn apns_settings(&self) -> Result<Option<ApnsSettings>, StoreError> {
        let row = self
            .read("read the settings for Apple", |sql| {
                let select = "SELECT endpoint, topic, team_id, key_id, chain_pem, sealed_key, trust_anchors
                     FROM apns_settings";
                found(sql.query_row(select, [], stored))
            })
            .await?;
        let Some((mut settings, sealed)) = row else { return Ok(None) };
        let key = self.seal.unseal(KEY, &sealed)?;
        match &mut settings.auth {
            ApnsAuth::Token { key_pem, .. } | ApnsAuth::Certificate { key_pem, .. } => *key_pem = key,
        }
        Ok(Some(settings))
    }

    /// Replaces the settings and switches push on (`EnableApplePushNotificationService`, global): whoever enters a
    /// key wants phones woken. What waits because of the old settings is due at once, and who slept for want of them is
    /// woken.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_apns_settings(&self, settings: ApnsSettings, now: Timestamp) -> Result<(), StoreError> {
        let (key, team_id, key_id, chain) = match settings.auth {
            ApnsAuth::Token { team_id, key_id, key_pem } => (key_pem, Some(team_id), Some(key_id), None),
            ApnsAuth::Certificate { chain_pem, key_pem } => (key_pem, None, None, Some(chain_pem)),
        };
        let sealed = self.seal.seal(KEY, &key)?;
        self.change("change the settings for Apple", move |tx| {
            tx.sql.execute(
                "INSERT OR REPLACE INTO apns_settings
                     (id, endpoint, topic, team_id, key_id, chain_pem, sealed_key, trust_anchors)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    settings.endpoint,
                    settings.topic,
                    team_id,
                    key_id,
                    chain,
                    sealed,
                    settings.trust_anchors_pem
                ],
            )?;
            configuration::enable_push(tx, Provider::Apns)?;
            changed(tx, now)
        })
        .await
    }

    /// Has nobody woken through Apple any more; what waits is withdrawn. `false` when nobody was.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn forget_apns_settings(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.forget_settings("forget the settings for Apple", "DELETE FROM apns_settings", now).await
    }

    async fn forget_settings(
        &self,
        operation: &'static str,
        delete: &'static str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change(operation, move |tx| {
            let was_on = tx.sql.execute(delete, [])? > 0;
            changed(tx, now)?;
            Ok(was_on)
        })
        .await
    }
}

/// Whether the box can speak to a service, by itself or through its clearing house.
pub(crate) fn are_there(sql: &Connection, service: Provider) -> rusqlite::Result<bool> {
    let select = match service {
        Provider::Apns => "SELECT EXISTS (SELECT 1 FROM apns_settings)",
        Provider::WebPush => "SELECT EXISTS (SELECT 1 FROM web_push_settings WHERE contact IS NOT NULL)",
        Provider::Fcm => "SELECT EXISTS (SELECT 1 FROM fcm_settings)",
        Provider::Wns => "SELECT EXISTS (SELECT 1 FROM wns_settings)",
    };
    let own: bool = sql.prepare_cached(select)?.query_row([], |row| row.get(0))?;
    Ok(own || house::sends_to(sql, service)?)
}

/// What waits because of the old settings is due at once, or withdrawn where there are none any more; who slept for want
/// of settings is woken.
fn changed(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    tx.sql.execute("UPDATE notification SET due_at = 0 WHERE state = 'pending' AND claimed = 0", [])?;
    tx.touched.push_settings = true;
    tx.touched.outbox = true;
    notifications::reconsider_all(tx, now)
}

/// The settings with an empty key, and the sealed key.
fn stored(row: &Row<'_>) -> rusqlite::Result<(ApnsSettings, Vec<u8>)> {
    let key_pem = String::new();
    let auth = match row.get(4)? {
        Some(chain_pem) => ApnsAuth::Certificate { chain_pem, key_pem },
        None => ApnsAuth::Token { team_id: row.get(2)?, key_id: row.get(3)?, key_pem },
    };
    let settings =
        ApnsSettings { endpoint: row.get(0)?, topic: row.get(1)?, auth, trust_anchors_pem: row.get(6)? };
    Ok((settings, row.get(5)?))
}
