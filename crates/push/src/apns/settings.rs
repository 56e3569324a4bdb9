//! What an administrator entered, checked and made ready for use.

use fulmar_domain::push::{ApnsAuth, ApnsSettings};
use http::Uri;
use ring::error::KeyRejected;
use rustls::{
    ClientConfig, ConfigBuilder,
    client::WantsClientCert,
    pki_types::{PrivateKeyDer, pem, pem::PemObject},
};
use thiserror::Error;

use super::tokens::Signer;
use crate::tls::{TlsError, certificates, trusting};

const PRODUCTION: &str = "https://api.push.apple.com";
const SANDBOX: &str = "https://api.sandbox.push.apple.com";

/// Settings with which pushes can be sent: every key and certificate in them was read.
pub struct Settings {
    pub(super) endpoint: String,
    pub(super) topic: String,
    pub(super) tls: ClientConfig,
    /// Nothing where a client certificate takes its place.
    pub(super) signer: Option<Signer>,
}

/// Something that was entered is of no use.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The endpoint is not one of Apple's and not a URL.
    #[error("`{0}` is neither `production` nor `sandbox` nor an https URL without a path")]
    Endpoint(String),
    /// The topic can not be the id of an app.
    #[error("`{0}` is not the bundle id of an app")]
    Topic(String),
    /// A team or key id has another form than Apple's.
    #[error("the {what} `{id}` does not have ten letters and digits")]
    Id {
        /// Team id or key id.
        what: &'static str,
        /// What was entered.
        id: String,
    },
    /// The key is not PEM. The reader's own words are left out: they can repeat the key.
    #[error("the APNs key is not a PEM file with a private key")]
    KeyPem,
    /// The key is PEM but not an ES256 key.
    #[error("the APNs key is not a P-256 key in PKCS#8 form")]
    KeyKind(#[source] KeyRejected),
    /// TLS can not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client certificate is not PEM.
    #[error("the client certificate is not a chain of PEM certificates")]
    CertificatePem(#[source] pem::Error),
    /// The key of the client certificate is not PEM. Nor are its reader's words repeated.
    #[error("the key of the client certificate is not a PEM file with a private key")]
    CertificateKeyPem,
    /// The client certificate and its key do not go together.
    #[error("the client certificate can not be used with its key")]
    Certificate(#[source] rustls::Error),
}

impl Settings {
    /// Reads every part of what is stored.
    pub fn read(stored: &ApnsSettings) -> Result<Self, SettingsError> {
        let tls = trusting(stored.trust_anchors_pem.as_deref())?;
        let (tls, signer) = match &stored.auth {
            ApnsAuth::Token { team_id, key_id, key_pem } => {
                (tls.with_no_client_auth(), Some(signer(team_id, key_id, key_pem)?))
            }
            ApnsAuth::Certificate { chain_pem, key_pem } => (authenticated(tls, chain_pem, key_pem)?, None),
        };
        Ok(Self { endpoint: endpoint(&stored.endpoint)?, topic: topic(&stored.topic)?, tls, signer })
    }
}

fn endpoint(entered: &str) -> Result<String, SettingsError> {
    match entered {
        "production" => return Ok(PRODUCTION.to_owned()),
        "sandbox" => return Ok(SANDBOX.to_owned()),
        _ => {}
    }
    let invalid = || SettingsError::Endpoint(entered.to_owned());
    let uri: Uri = entered.parse().map_err(|_| invalid())?;
    let bare = uri.scheme_str() == Some("https") && uri.path_and_query().is_none_or(|path| path == "/");
    match uri.authority() {
        Some(authority) if bare => Ok(format!("https://{authority}")),
        _ => Err(invalid()),
    }
}

/// A bundle id is made of letters, digits, `-` and `.` (CFBundleIdentifier).
fn topic(entered: &str) -> Result<String, SettingsError> {
    let valid = !entered.is_empty()
        && entered.len() <= 155
        && entered.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    if valid { Ok(entered.to_owned()) } else { Err(SettingsError::Topic(entered.to_owned())) }
}

fn signer(team_id: &str, key_id: &str, key_pem: &str) -> Result<Signer, SettingsError> {
    for (what, id) in [("team id", team_id), ("key id", key_id)] {
        if id.len() != 10 || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(SettingsError::Id { what, id: id.to_owned() });
        }
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| SettingsError::KeyPem)?;
    Signer::new(team_id, key_id, key.secret_der()).map_err(SettingsError::KeyKind)
}

fn authenticated(
    tls: ConfigBuilder<ClientConfig, WantsClientCert>,
    chain_pem: &str,
    key_pem: &str,
) -> Result<ClientConfig, SettingsError> {
    let chain = certificates(chain_pem).map_err(SettingsError::CertificatePem)?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| SettingsError::CertificateKeyPem)?;
    tls.with_client_auth_cert(chain, key).map_err(SettingsError::Certificate)
}

#[cfg(test)]
mod tests {
    use fulmar_standins::{apns::ProviderKey, authority::Authority};

    use super::*;

    fn with_token(team_id: &str, key_id: &str, key_pem: &str) -> ApnsSettings {
        ApnsSettings {
            endpoint: "production".into(),
            topic: "org.example.fulmar".into(),
            trust_anchors_pem: None,
            auth: ApnsAuth::Token { team_id: team_id.into(), key_id: key_id.into(), key_pem: key_pem.into() },
        }
    }

    fn good() -> ApnsSettings {
        with_token("TEAM000001", "KEY0000001", &pem())
    }

    fn pem() -> String {
        ProviderKey::make("TEAM000001", "KEY0000001").unwrap().pem().to_owned()
    }

    fn with_certificate(chain_pem: &str, key_pem: &str) -> ApnsSettings {
        let auth = ApnsAuth::Certificate { chain_pem: chain_pem.into(), key_pem: key_pem.into() };
        ApnsSettings { auth, ..good() }
    }

    /// What an administrator reads.
    fn complaint(stored: &ApnsSettings) -> String {
        Settings::read(stored).err().expect("refused").to_string()
    }

    #[test]
    fn endpoints_are_named_or_given_as_a_url() {
        for (entered, endpoint) in [
            ("production", PRODUCTION),
            ("sandbox", SANDBOX),
            ("https://localhost:2197", "https://localhost:2197"),
            ("https://relay.example/", "https://relay.example"),
        ] {
            let stored = ApnsSettings { endpoint: entered.into(), ..good() };
            assert_eq!(Settings::read(&stored).unwrap().endpoint, endpoint);
        }
        for wrong in ["", "apple", "http://localhost", "https://localhost/3/device", "https:///"] {
            assert!(
                complaint(&ApnsSettings { endpoint: wrong.into(), ..good() }).contains("https URL"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn ids_have_ten_letters_and_digits() {
        let pem = pem();
        assert_eq!(
            complaint(&with_token("TEAM1", "KEY0000001", &pem)),
            "the team id `TEAM1` does not have ten letters and digits"
        );
        assert_eq!(
            complaint(&with_token("TEAM000001", "AuthKey_KEY.p8", &pem)),
            "the key id `AuthKey_KEY.p8` does not have ten letters and digits"
        );
    }

    #[test]
    fn a_topic_is_a_bundle_id() {
        assert!(complaint(&ApnsSettings { topic: "org example".into(), ..good() }).contains("`org example`"));
    }

    #[test]
    fn a_key_that_lost_its_line_breaks_is_refused_and_not_repeated() {
        let pem = pem();
        let error =
            Settings::read(&with_token("TEAM000001", "KEY0000001", &pem.replace('\n', ""))).err().unwrap();
        assert!(matches!(error, SettingsError::KeyPem));
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn a_key_of_another_curve_is_refused() {
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
        assert!(complaint(&with_token("TEAM000001", "KEY0000001", &p384)).contains("P-256"));
    }

    #[test]
    fn a_client_certificate_goes_with_its_own_key_only() {
        let developers = Authority::make("Developers").unwrap();
        let (one, other) =
            (developers.issue_client("one").unwrap(), developers.issue_client("other").unwrap());
        assert!(Settings::read(&with_certificate(&one.certificate_pem, &one.key_pem)).is_ok());
        assert!(complaint(&with_certificate(&one.certificate_pem, &other.key_pem)).contains("with its key"));
        assert!(complaint(&with_certificate("", &one.key_pem)).contains("not a chain"));
        assert!(complaint(&with_certificate(&one.certificate_pem, "")).contains("the key of the client"));
    }

    #[test]
    fn trust_anchors_are_certificates() {
        let trusting = |pem: &str| ApnsSettings { trust_anchors_pem: Some(pem.to_owned()), ..good() };
        assert!(Settings::read(&trusting(Authority::make("Own").unwrap().pem())).is_ok());
        assert!(complaint(&trusting("")).contains("trust anchors"));
    }
}
