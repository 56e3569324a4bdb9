//! Whom the services' certificates are believed from.

use std::sync::Arc;

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore,
    client::WantsClientCert,
    pki_types::{CertificateDer, pem, pem::PemObject},
};
use thiserror::Error;

/// TLS can not be set up as an administrator wants it.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The trust anchors are not certificates.
    #[error("the trust anchors are not PEM certificates")]
    Anchors(#[source] pem::Error),
    /// A trust anchor can not vouch for anything.
    #[error("a trust anchor is not the certificate of an authority")]
    Anchor(#[source] rustls::Error),
    /// The TLS engine can not be set up.
    #[error("can not set up TLS")]
    Engine(#[source] rustls::Error),
}

/// TLS 1.2 or 1.3 that trusts these authorities, or else those that browsers trust.
pub(crate) fn trusting(
    anchors_pem: Option<&str>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let own = anchors_pem.map(|pem| with_anchors(RootCertStore::empty(), pem));
    builder(own.unwrap_or_else(|| Ok(public_roots()))?)
}

/// TLS 1.2 or 1.3 that trusts those that browsers trust, and these authorities.
pub(crate) fn trusting_also(
    anchors_pem: Option<&str>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let all = anchors_pem.map(|pem| with_anchors(public_roots(), pem));
    builder(all.unwrap_or_else(|| Ok(public_roots()))?)
}

fn builder(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Engine)?;
    Ok(builder.with_root_certificates(roots))
}

fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

fn with_anchors(mut roots: RootCertStore, pem: &str) -> Result<RootCertStore, TlsError> {
    for certificate in certificates(pem).map_err(TlsError::Anchors)? {
        roots.add(certificate).map_err(TlsError::Anchor)?;
    }
    Ok(roots)
}

/// One certificate or more.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(all) }
}
