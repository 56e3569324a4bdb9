//! A second service on a port with TLS, for whoever offers its protocol and nothing else (RFC 7301), and shows a
//! certificate. Nobody else is asked for one.
//!
//! Any certificate is let through whose key the client has: who that is, the router knows by the key. What is shown to
//! the client is the certificate of the box's own authority, whatever name it asks for.

use std::sync::Arc;

use axum::Router;
use ring::digest::{SHA256, digest};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};

use crate::tls::{LiveCertificate, TlsError};

/// The SHA-256 of the public key (SubjectPublicKeyInfo) that the client has shown; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKey(pub [u8; 32]);

/// The service. Clones share it.
#[derive(Clone)]
pub struct Mutual {
    pub(crate) protocol: &'static [u8],
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) router: Router,
}

impl Mutual {
    /// A router behind `protocol`, over HTTP/2 and TLS 1.3. Nothing is resumed: whoever comes shows its key.
    ///
    /// # Errors
    /// [`TlsError`] when the provider does not support that version.
    pub fn new(protocol: &'static [u8], live: &LiveCertificate, router: Router) -> Result<Self, TlsError> {
        let provider = Arc::new(crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(AnyKey(provider)))
            .with_cert_resolver(Arc::new(Own(live.clone())));
        config.alpn_protocols = vec![protocol.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { protocol, config: Arc::new(config), router })
    }

    /// Whether a client asks for this service.
    pub(crate) fn is_meant_by(&self, hello: &ClientHello<'_>) -> bool {
        let mut offered = hello.alpn().into_iter().flatten();
        offered.next() == Some(self.protocol) && offered.next().is_none()
    }
}

/// The key in a certificate; `None` for what is none.
pub(crate) fn key_of(certificate: &CertificateDer<'_>) -> Option<PeerKey> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, certificate.tbs_certificate.subject_pki.raw).as_ref());
    Some(PeerKey(key))
}

#[derive(Debug)]
struct Own(LiveCertificate);

impl ResolvesServerCert for Own {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.own())
    }
}

/// Takes every certificate that is one, from a client that has its key.
#[derive(Debug)]
struct AnyKey(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let known = key_of(end_entity).map(|_| ClientCertVerified::assertion());
        known.ok_or(rustls::Error::InvalidCertificate(CertificateError::BadEncoding))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
