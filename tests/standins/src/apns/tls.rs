//! What the stand-in shows to clients, and what it asks of theirs.

use std::sync::Arc;

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{Credential, StartError};
use crate::authority::{Authority, Identity};

/// Certificates of one authority, one after the other.
pub(super) struct Tls {
    authority: Authority,
    /// For clients that authenticate themselves with a certificate.
    client_ca_pem: Option<String>,
    current: watch::Sender<TlsAcceptor>,
}

impl Tls {
    pub(super) fn new(authority: Authority, credential: &Credential) -> Result<Self, StartError> {
        let client_ca_pem = match credential {
            Credential::Token(_) => None,
            Credential::Certificate { client_ca_pem } => Some(client_ca_pem.clone()),
        };
        let current = watch::Sender::new(acceptor(&authority, client_ca_pem.as_deref())?);
        Ok(Self { authority, client_ca_pem, current })
    }

    pub(super) fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// What connections are taken with; it changes with the certificate.
    pub(super) fn subscribe(&self) -> watch::Receiver<TlsAcceptor> {
        self.current.subscribe()
    }

    /// Shows another certificate from now on.
    pub(super) fn swap(&self) -> Result<(), StartError> {
        self.current.send_replace(acceptor(&self.authority, self.client_ca_pem.as_deref())?);
        Ok(())
    }
}

/// Takes TLS 1.2 or 1.3 with HTTP/2 only. A client without a certificate is let in: its pushes are refused.
fn acceptor(authority: &Authority, client_ca_pem: Option<&str>) -> Result<TlsAcceptor, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match client_ca_pem {
        None => builder.with_no_client_auth(),
        Some(client_ca_pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(client_ca_pem.as_bytes())?)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let Identity { certificate_pem, key_pem } = authority.issue_server()?;
    let chain = vec![CertificateDer::from_pem_slice(certificate_pem.as_bytes())?];
    let mut tls = builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?)?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}
