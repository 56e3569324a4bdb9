//! What an administrator entered, checked and made ready for use.

use fulmar_domain::{device::Endpoint, push::FcmSettings};
use ring::error::KeyRejected;
use rustls::{
    ClientConfig,
    pki_types::{PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use thiserror::Error;

use crate::{
    jwt::Rs256,
    tls::{TlsError, trusting},
};

/// Settings with which pushes can be sent: the key and the certificates in them were read.
pub struct Settings {
    /// The URL that takes messages.
    pub(super) send: String,
    pub(super) account: ServiceAccount,
    pub(super) tls: ClientConfig,
}

/// Who the box is.
pub(super) struct ServiceAccount {
    pub(super) email: String,
    pub(super) key_id: String,
    pub(super) key: Rs256,
    pub(super) token_endpoint: String,
}

/// Something that was entered is of no use.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A URL is none.
    #[error("`{0}` is not an https URL at a host with a name")]
    Url(String),
    /// Not the file that the console of Firebase gives. Its reader's words are left out: they can repeat the key.
    #[error("the service account is not a JSON file with a `{0}`")]
    Account(&'static str),
    /// The key in it is not PEM.
    #[error("the private key of the service account is not PEM")]
    KeyPem,
    /// The key is of another kind.
    #[error("the private key of the service account is not an RSA key in PKCS#8 form")]
    KeyKind(#[source] KeyRejected),
    /// TLS can not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Settings {
    /// Reads every part of what is stored.
    pub fn read(stored: &FcmSettings) -> Result<Self, SettingsError> {
        let account: Value = serde_json::from_str(&stored.service_account).unwrap_or_default();
        let field = |name| account[name].as_str().ok_or(SettingsError::Account(name));
        let project = field("project_id")?;
        if !project.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':')) {
            return Err(SettingsError::Account("project_id"));
        }
        let origin = url(&stored.endpoint)?.origin();
        let pem = PrivateKeyDer::from_pem_slice(field("private_key")?.as_bytes());
        let key = Rs256::new(pem.map_err(|_| SettingsError::KeyPem)?.secret_der());
        Ok(Self {
            send: format!("{origin}/v1/projects/{project}/messages:send"),
            tls: trusting(stored.trust_anchors_pem.as_deref())?.with_no_client_auth(),
            account: ServiceAccount {
                email: field("client_email")?.to_owned(),
                key_id: field("private_key_id")?.to_owned(),
                key: key.map_err(SettingsError::KeyKind)?,
                token_endpoint: url(field("token_uri")?)?.reveal().to_owned(),
            },
        })
    }
}

fn url(text: &str) -> Result<Endpoint, SettingsError> {
    text.parse().map_err(|_| SettingsError::Url(text.chars().take(256).collect()))
}
