//! Proofs that the box holds its names, for an authority that asks (RFC 8555 §8.3, RFC 8737).
//!
//! They are in memory only: whoever carries an order on puts them here again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};

use crate::{authority::AuthorityError, tls::TlsError};

/// The protocol with which an authority asks for a proof within TLS.
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// The proofs that are held ready. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Challenges(Arc<Mutex<Ready>>);

#[derive(Debug, Default)]
struct Ready {
    /// What is answered over HTTP, by token.
    texts: HashMap<String, String>,
    /// What is shown over TLS, by name in lower case.
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// Answers `/.well-known/acme-challenge/<token>` with this (RFC 8555 §8.3).
    pub fn answer_over_http(&self, token: String, key_authorization: String) {
        self.ready().texts.insert(token, key_authorization);
    }

    /// Shows a certificate with this digest of the key authorization to whoever asks for `name` with
    /// `acme-tls/1` (RFC 8737 §3).
    ///
    /// # Errors
    /// When the name can not stand in a certificate.
    pub fn answer_over_tls(&self, name: &str, digest: &[u8]) -> Result<(), AuthorityError> {
        let failed = |source| AuthorityError::Certificate { operation: "make a proof over TLS", source };
        let mut params = CertificateParams::new([name.to_owned()]).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let shown = certified(certificate.der().clone(), &key)
            .map_err(|source| AuthorityError::Unusable { operation: "make a proof over TLS", source })?;
        self.ready().certificates.insert(name.to_ascii_lowercase(), Arc::new(shown));
        Ok(())
    }

    /// Holds nothing ready any more.
    pub fn clear(&self) {
        *self.ready() = Ready::default();
    }

    pub(crate) fn text(&self, token: &str) -> Option<String> {
        self.ready().texts.get(token).cloned()
    }

    pub(crate) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.ready().certificates.get(&name.to_ascii_lowercase()).cloned()
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not checked like others: the extension that makes it a proof is one that clients do not know.
fn certified(certificate: CertificateDer<'static>, key: &KeyPair) -> Result<CertifiedKey, TlsError> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    Ok(CertifiedKey::new(vec![certificate], any_supported_type(&key)?))
}
