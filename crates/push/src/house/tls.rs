//! TLS as a box speaks it to its house.
//!
//! The certificate of the house is believed when its authority is the one that is known, whatever host it is for: that
//! authority is the house's own and issues nothing but the house's certificates, while the house may be reached by an
//! address, or be called something else tomorrow.

use std::sync::{Arc, OnceLock};

use fulmar_domain::push::PairingCode;
use ring::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    version::TLS13,
};
use thiserror::Error;

use super::PROTOCOL;
use crate::tls::{TlsError, certificates};

/// What is kept for the connection to a house is of no use.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The certificate of the house's authority, or TLS itself.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The key is not PEM. The reader's own words are left out: they can repeat the key.
    #[error("the key for the clearing house is not a PEM file with a private key")]
    Key,
    /// The certificate of this box does not go with its key.
    #[error("the certificate for the clearing house can not be used with its key")]
    Certificate(#[source] rustls::Error),
}

/// By what a house is known.
#[derive(Debug)]
pub(super) enum Known {
    /// By the certificate of its authority.
    Authority(RootCertStore),
    /// By the code that it gave; the certificate of its authority is noted as soon as it was shown.
    Code { code: PairingCode, shown: Arc<OnceLock<CertificateDer<'static>>> },
}

impl Known {
    pub(super) fn authority(pem: &str) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem).map_err(TlsError::Anchors)? {
            roots.add(certificate).map_err(TlsError::Anchor)?;
        }
        Ok(Self::Authority(roots))
    }
}

/// TLS 1.3 to a house, with the certificate of this box.
pub(super) fn config(
    known: Known,
    certificate_pem: &str,
    key_pem: &str,
) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(crypto::ring::default_provider());
    let chain = certificates(certificate_pem).map_err(TlsError::Anchors)?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| ConfigError::Key)?;
    let verifier = Verifier { known, provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(TlsError::Engine)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain, key)
        .map_err(ConfigError::Certificate)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Debug)]
struct Verifier {
    known: Known,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |roots: &RootCertStore| {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let certificate = ParsedCertificate::try_from(end_entity)?;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)
        };
        match &self.known {
            Known::Authority(roots) => verify(roots)?,
            Known::Code { code, shown } => {
                let authority = intermediates.iter().find(|certificate| code.is_of(&sha256(certificate)));
                let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
                let authority = authority.ok_or(unknown)?.clone().into_owned();
                let mut roots = RootCertStore::empty();
                roots.add(authority.clone())?;
                verify(&roots)?;
                // A second connection would show the same.
                let _ = shown.set(authority);
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
