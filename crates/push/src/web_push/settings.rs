//! What an administrator entered, checked and made ready for use.

use std::collections::BTreeSet;

use fulmar_domain::push::{PrivateHost, VapidKey, WebPushSettings};
use ring::error::KeyRejected;
use rustls::ClientConfig;
use thiserror::Error;

use super::vapid::Vapid;
use crate::tls::{TlsError, trusting_also};

/// Settings with which pushes can be sent: the key and the certificates in them were read.
pub struct Settings {
    pub(super) vapid: Vapid,
    pub(super) tls: ClientConfig,
    pub(super) private_hosts: BTreeSet<PrivateHost>,
}

/// Something is of no use.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The stored key was damaged.
    #[error("the key for Web Push is not a P-256 key in PKCS#8 form")]
    Key(#[source] KeyRejected),
    /// TLS can not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Settings {
    /// Reads every part of what is stored.
    pub fn read(stored: WebPushSettings, key: &VapidKey) -> Result<Self, SettingsError> {
        let tls = Self::check(&stored)?;
        let vapid = Vapid::new(key, stored.contact).map_err(SettingsError::Key)?;
        Ok(Self { vapid, tls, private_hosts: stored.private_hosts })
    }

    /// Reads what was entered.
    pub fn check(entered: &WebPushSettings) -> Result<ClientConfig, TlsError> {
        Ok(trusting_also(entered.trust_anchors_pem.as_deref())?.with_no_client_auth())
    }
}
