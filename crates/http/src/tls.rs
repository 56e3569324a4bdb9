//! TLS whose certificate can be exchanged while it serves.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use thiserror::Error;

use crate::authority::Leaf;

/// Why a certificate can not be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The text is not a chain of certificates or not a key.
    #[error("can not read the certificate or its key")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// There is no certificate, the key is not the certificate's, or it is of a kind that is not supported.
    #[error("can not use the certificate with its key")]
    Rustls(#[from] rustls::Error),
}

/// The certificate that is shown at the next handshake. Clones share it.
#[derive(Clone, Debug)]
pub struct LiveCertificate {
    current: Arc<ArcSwap<CertifiedKey>>,
}

impl LiveCertificate {
    /// Begins with this certificate.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn new(leaf: &Leaf) -> Result<Self, TlsError> {
        let key = certified_key(&leaf.chain_pem, &leaf.key_pem)?;
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(key)) })
    }

    /// Shows another from the next handshake on; connections that are open stay.
    ///
    /// # Errors
    /// [`TlsError`]; the old one stays then.
    pub fn replace(&self, leaf: &Leaf) -> Result<(), TlsError> {
        self.current.store(Arc::new(certified_key(&leaf.chain_pem, &leaf.key_pem)?));
        Ok(())
    }

    /// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1.
    ///
    /// # Errors
    /// [`TlsError`] when the provider does not support these versions.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// Reads a chain and its key, which must be the first certificate's.
pub(crate) fn certified_key(chain_pem: &str, key_pem: &str) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
    Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
}
