//! How phones are woken by services that take Web Push.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{
    dnssec::Pkcs8,
    push::{VapidKey, WebPushSettings},
};
use fulmar_store::StoreError;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use thiserror::Error;

use crate::{App, random::NoRandomness};

/// Why the settings stay as they are.
#[derive(Debug, Error)]
pub enum ChangeWebPushError {
    /// No key could be made.
    #[error("can not make a key for Web Push")]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error("can not change the settings for Web Push")]
    Store(#[from] StoreError),
}

impl App {
    /// Has phones woken by the services that they choose. With the first settings a key is made, which stays; its public
    /// part is returned.
    ///
    /// # Errors
    /// [`ChangeWebPushError`]
    pub async fn set_web_push(&self, settings: WebPushSettings) -> Result<String, ChangeWebPushError> {
        Ok(self.store.set_web_push_settings(settings, vapid_key()?, self.now()).await?)
    }

    /// Has nobody woken this way any more; `false` when nobody was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_web_push(&self) -> Result<bool, StoreError> {
        self.store.forget_web_push_settings(self.now()).await
    }

    /// The key that devices subscribe for; `None` when nobody is woken this way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn vapid_key(&self) -> Result<Option<String>, StoreError> {
        self.store.vapid_public_key().await
    }
}

fn vapid_key() -> Result<VapidKey, NoRandomness> {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|_| NoRandomness)?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).map_err(|_| NoRandomness)?;
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    Ok(VapidKey { pkcs8: Pkcs8(pkcs8.as_ref().to_vec()), public })
}
