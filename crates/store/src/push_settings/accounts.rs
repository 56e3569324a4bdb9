//! How the box speaks to Firebase Cloud Messaging and to Windows Push Notification Services. What proves who it is, is
//! sealed.

use fulmar_domain::{
    Timestamp,
    device::Provider,
    push::{FcmSettings, WnsSettings},
};
use rusqlite::params;

use super::changed;
use crate::{
    Store, StoreError, configuration,
    rows::{found, parsed},
};

/// What the seals are bound to.
const ACCOUNT: &str = "the service account for Firebase";
const SECRET: &str = "the client secret for WNS";

impl Store {
    /// The settings for Firebase, or `None` when nobody is woken this way.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the account was sealed with.
    pub async fn fcm_settings(&self) -> Result<Option<FcmSettings>, StoreError> {
        let row = self
            .read("read the settings for Firebase", |sql| {
                let select = "SELECT endpoint, trust_anchors, sealed_account FROM fcm_settings";
                found(sql.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
            })
            .await?;
        let Some((endpoint, trust_anchors_pem, sealed)) = row else { return Ok(None) };
        let sealed: Vec<u8> = sealed;
        let service_account = self.seal.unseal(ACCOUNT, &sealed)?;
        Ok(Some(FcmSettings { endpoint, service_account, trust_anchors_pem }))
    }

    /// Replaces the settings for Firebase. Notifications that wait because of the old ones are due at once.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_fcm_settings(&self, settings: FcmSettings, now: Timestamp) -> Result<(), StoreError> {
        let sealed = self.seal.seal(ACCOUNT, &settings.service_account)?;
        self.change("change the settings for Firebase", move |tx| {
            let insert = "INSERT OR REPLACE INTO fcm_settings (id, endpoint, sealed_account, trust_anchors)
                 VALUES (1, ?1, ?2, ?3)";
            tx.sql.execute(insert, params![settings.endpoint, sealed, settings.trust_anchors_pem])?;
            changed(tx, now)
        })
        .await
    }

    /// Has nobody woken by Firebase any more; what waits is withdrawn. `false` when nobody was.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn forget_fcm_settings(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.forget_settings("forget the settings for Firebase", "DELETE FROM fcm_settings", now).await
    }

    /// The settings for WNS, or `None` when nobody is woken this way.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the secret was sealed with.
    pub async fn wns_settings(&self) -> Result<Option<WnsSettings>, StoreError> {
        let row = self
            .read("read the settings for WNS", |sql| {
                let select =
                    "SELECT package_sid, token_endpoint, channel_domain, trust_anchors, sealed_secret
                     FROM wns_settings";
                found(sql.query_row(select, [], |row| {
                    let settings = WnsSettings {
                        package_sid: row.get(0)?,
                        secret: String::new(),
                        token_endpoint: row.get(1)?,
                        channel_domain: parsed(row, 2)?,
                        trust_anchors_pem: row.get(3)?,
                    };
                    Ok((settings, row.get::<_, Vec<u8>>(4)?))
                }))
            })
            .await?;
        let Some((settings, sealed)) = row else { return Ok(None) };
        Ok(Some(WnsSettings { secret: self.seal.unseal(SECRET, &sealed)?, ..settings }))
    }

    /// Replaces the settings for WNS and switches it on (`EnableMicrosoftPushNotificationService`, global). What waits
    /// because of the old ones is due at once.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_wns_settings(&self, settings: WnsSettings, now: Timestamp) -> Result<(), StoreError> {
        let sealed = self.seal.seal(SECRET, &settings.secret)?;
        self.change("change the settings for WNS", move |tx| {
            let values = params![
                settings.package_sid,
                sealed,
                settings.token_endpoint,
                settings.channel_domain.as_str(),
                settings.trust_anchors_pem
            ];
            tx.sql.execute(
                "INSERT OR REPLACE INTO wns_settings
                     (id, package_sid, sealed_secret, token_endpoint, channel_domain, trust_anchors)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5)",
                values,
            )?;
            configuration::enable_push(tx, Provider::Wns)?;
            changed(tx, now)
        })
        .await
    }

    /// Has nobody woken by WNS any more; what waits is withdrawn. `false` when nobody was.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn forget_wns_settings(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.forget_settings("forget the settings for WNS", "DELETE FROM wns_settings", now).await
    }
}
