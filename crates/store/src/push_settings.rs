//! How the box speaks to Apple, and in a module for each to the other services. Keys are sealed.

mod accounts;
mod web_push;

use fulmar_domain::push::{ApnsAuth, ApnsSettings};
use rusqlite::{Row, params};

use crate::{Store, StoreError, configuration, rows::found, writer::Tx};
pub(crate) use accounts::{fcm_is_on, wns_is_on};
pub(crate) use web_push::web_push_is_on;

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
    /// key wants phones woken. Notifications that wait because of the old settings are due at once.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_apns_settings(&self, settings: ApnsSettings) -> Result<(), StoreError> {
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
            configuration::enable_push(tx)?;
            changed(tx)
        })
        .await
    }
}

/// What waits because of the old settings is due at once.
fn changed(tx: &mut Tx<'_>) -> rusqlite::Result<()> {
    tx.sql.execute("UPDATE notification SET due_at = 0 WHERE state = 'pending' AND claimed = 0", [])?;
    tx.touched.push_settings = true;
    tx.touched.outbox = true;
    Ok(())
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
