//! What an administrator entered, checked and made ready for use.

use fulmar_domain::{DnsName, device::Endpoint, push::WnsSettings};
use rustls::ClientConfig;
use thiserror::Error;

use crate::tls::{TlsError, trusting};

/// Settings with which pushes can be sent: the certificates in them were read.
pub struct Settings {
    pub(super) package_sid: String,
    pub(super) secret: String,
    pub(super) token_endpoint: String,
    pub(super) channel_domain: DnsName,
    pub(super) tls: ClientConfig,
}

/// Something that was entered is of no use.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The package SID has another form than Microsoft's.
    #[error("`{0}` is not a package SID, such as `ms-app://s-1-15-2-…`")]
    PackageSid(String),
    /// The secret is empty.
    #[error("there is no client secret")]
    Secret,
    /// The token endpoint is no URL.
    #[error("`{0}` is not an https URL at a host with a name")]
    TokenEndpoint(String),
    /// TLS can not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Settings {
    /// Reads every part of what is stored.
    pub fn read(stored: &WnsSettings) -> Result<Self, SettingsError> {
        let WnsSettings { package_sid, secret, token_endpoint, channel_domain, trust_anchors_pem } = stored;
        let named = package_sid.strip_prefix("ms-app://").is_some_and(|sid| {
            !sid.is_empty() && sid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        if !named {
            return Err(SettingsError::PackageSid(package_sid.chars().take(256).collect()));
        }
        if secret.is_empty() {
            return Err(SettingsError::Secret);
        }
        let checked: Result<Endpoint, _> = token_endpoint.parse();
        checked.map_err(|_| SettingsError::TokenEndpoint(token_endpoint.chars().take(256).collect()))?;
        Ok(Self {
            package_sid: package_sid.clone(),
            secret: secret.clone(),
            token_endpoint: token_endpoint.clone(),
            channel_domain: channel_domain.clone(),
            tls: trusting(trust_anchors_pem.as_deref())?.with_no_client_auth(),
        })
    }
}
