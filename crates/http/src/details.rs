//! What stands in a certificate, as far as anybody here asks for it.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::pki_types::{CertificateDer, pem::PemObject};
use thiserror::Error;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, public_key::PublicKey,
    time::ASN1Time,
};

/// The curves by their object identifiers (RFC 5480 §2.1.1.1).
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
/// Ed25519 (RFC 8410 §3).
const ED25519: &str = "1.3.101.112";

/// What stands in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Whom it is for, as a line.
    pub subject: String,
    /// Who issued it, as a line.
    pub issuer: String,
    /// The DNS names, in lower case; one may begin with `*.`.
    pub names: BTreeSet<String>,
    /// From when it is valid.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// The kind of its key.
    pub key: KeyKind,
}

/// The kind of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with so many bits.
    Rsa(usize),
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519, which phones do not know.
    Ed25519,
    /// Another, by its object identifier.
    Other(String),
}

/// Bytes that are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no certificate that can be read")]
pub struct NotACertificate;

impl Details {
    /// Of the first certificate in a PEM file.
    ///
    /// # Errors
    /// [`NotACertificate`]
    pub fn of_first(pem: &str) -> Result<Self, NotACertificate> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| NotACertificate)?;
        let (_, certificate) = parse_x509_certificate(&certificate).map_err(|_| NotACertificate)?;
        Ok(Self::of(&certificate))
    }

    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Self {
        Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names(certificate),
            not_before: at(certificate.validity().not_before),
            not_after: at(certificate.validity().not_after),
            key: KeyKind::of(certificate),
        }
    }

    /// Whether one of the names stands for `host`.
    pub fn covers(&self, host: &str) -> bool {
        self.names.iter().any(|name| stands_for(name, host))
    }

    /// Whether it is valid at this time.
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        self.not_before <= now && now < self.not_after
    }
}

impl KeyKind {
    fn of(certificate: &X509Certificate<'_>) -> Self {
        let key = certificate.public_key();
        let algorithm = key.algorithm.algorithm.to_id_string();
        if algorithm == ED25519 {
            return Self::Ed25519;
        }
        let curve = key.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
        match (key.parsed(), curve.map(|curve| curve.to_id_string()).as_deref()) {
            (Ok(PublicKey::RSA(key)), _) => Self::Rsa(key.key_size()),
            (Ok(PublicKey::EC(_)), Some(P256)) => Self::P256,
            (Ok(PublicKey::EC(_)), Some(P384)) => Self::P384,
            (_, curve) => Self::Other(curve.map_or(algorithm, ToOwned::to_owned)),
        }
    }
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA with {bits} bits"),
            Self::P256 => f.write_str("ECDSA on P-256"),
            Self::P384 => f.write_str("ECDSA on P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(algorithm) => write!(f, "of the kind {algorithm}"),
        }
    }
}

/// Whether a name in a certificate stands for a host. A star stands for one whole label, the first
/// (RFC 6125 §6.4.3).
pub fn stands_for(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
        None => name.eq_ignore_ascii_case(host),
    }
}

fn names(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return BTreeSet::new() };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    names.collect()
}

fn at(time: ASN1Time) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(stands_for("*.office.test", "web.office.test"));
        assert!(stands_for("*.office.test", "WEB.Office.Test"));
        assert!(!stands_for("*.office.test", "a.web.office.test"));
        assert!(!stands_for("*.office.test", "office.test"));
        assert!(!stands_for("*.office.test", ".office.test"));
        assert!(stands_for("web.office.test", "Web.office.test"));
    }

    #[test]
    fn what_is_no_certificate_is_said_to_be_none() {
        assert_eq!(Details::of_first("hello"), Err(NotACertificate));
        let nothing = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(Details::of_first(nothing), Err(NotACertificate));
    }
}
