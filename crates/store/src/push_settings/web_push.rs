//! How the box speaks to services that take Web Push. The key is sealed.

use base64::{Engine, engine::general_purpose::STANDARD};
use fulmar_domain::{
    Timestamp,
    dnssec::Pkcs8,
    push::{VapidKey, WebPushSettings},
};
use rusqlite::{Row, params};

use super::changed;
use crate::{
    Store, StoreError,
    rows::{found, parse, parsed},
};

/// What the seal is bound to.
const KEY: &str = "the key for Web Push";

impl Store {
    /// The settings and the key, or `None` when nobody is woken this way.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the key was sealed with.
    pub async fn web_push_settings(&self) -> Result<Option<(WebPushSettings, VapidKey)>, StoreError> {
        let row = self
            .read("read the settings for Web Push", |sql| {
                let select = "SELECT contact, private_hosts, trust_anchors, public_key, sealed_key
                     FROM web_push_settings WHERE contact IS NOT NULL";
                found(sql.query_row(select, [], stored))
            })
            .await?;
        let Some((settings, public, sealed)) = row else { return Ok(None) };
        let pkcs8 = STANDARD.decode(self.seal.unseal(KEY, &sealed)?);
        let pkcs8 = Pkcs8(pkcs8.map_err(|_| StoreError::Unseal { what: KEY })?);
        Ok(Some((settings, VapidKey { pkcs8, public })))
    }

    /// The public key that devices subscribe for, or `None` when nobody is woken this way.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn vapid_public_key(&self) -> Result<Option<String>, StoreError> {
        self.read("read the public key for Web Push", |sql| {
            let select = "SELECT public_key FROM web_push_settings WHERE contact IS NOT NULL";
            found(sql.prepare_cached(select)?.query_row([], |row| row.get(0)))
        })
        .await
    }

    /// Replaces the settings, and returns the public key. `key` is kept where there is none yet: devices have subscribed
    /// for the one that is there. Notifications that wait because of the old settings are due at once.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_web_push_settings(
        &self,
        settings: WebPushSettings,
        key: VapidKey,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let Pkcs8(pkcs8) = key.pkcs8;
        let sealed = self.seal.seal(KEY, &STANDARD.encode(pkcs8))?;
        self.change("change the settings for Web Push", move |tx| {
            let hosts: Vec<_> = settings.private_hosts.iter().map(ToString::to_string).collect();
            let values = params![
                settings.contact.as_str(),
                hosts.join(" "),
                settings.trust_anchors_pem,
                key.public,
                sealed
            ];
            let public = tx.sql.query_row(
                "INSERT INTO web_push_settings
                     (id, contact, private_hosts, trust_anchors, public_key, sealed_key)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET contact = excluded.contact,
                     private_hosts = excluded.private_hosts, trust_anchors = excluded.trust_anchors
                 RETURNING public_key",
                values,
                |row| row.get(0),
            )?;
            changed(tx, now)?;
            Ok(public)
        })
        .await
    }

    /// Has nobody woken this way any more; what waits is withdrawn. `false` when nobody was.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn forget_web_push_settings(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.change("forget the settings for Web Push", move |tx| {
            let update = "UPDATE web_push_settings SET contact = NULL WHERE contact IS NOT NULL";
            let was_on = tx.sql.execute(update, [])? > 0;
            changed(tx, now)?;
            Ok(was_on)
        })
        .await
    }
}

/// The settings, the public key and the sealed one.
fn stored(row: &Row<'_>) -> rusqlite::Result<(WebPushSettings, String, Vec<u8>)> {
    let hosts = row.get_ref(1)?.as_str()?.split_whitespace().map(|host| parse(host, 1));
    let settings = WebPushSettings {
        contact: parsed(row, 0)?,
        private_hosts: hosts.collect::<Result<_, _>>()?,
        trust_anchors_pem: row.get(2)?,
    };
    Ok((settings, row.get(3)?, row.get(4)?))
}
