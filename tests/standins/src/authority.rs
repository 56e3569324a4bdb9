//! A certificate authority that lives as long as a test, or in the directory of `cargo xtask run`.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use thiserror::Error;

/// An authority that issues certificates for stand-ins and their clients.
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key, both PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its key, PKCS#8.
    pub key_pem: String,
}

/// A certificate could not be made or read back.
#[derive(Debug, Error)]
#[error("can not make or read the certificate of `{name}`")]
pub struct CertificateError {
    name: String,
    source: rcgen::Error,
}

impl Authority {
    /// Makes an authority of this name with a fresh key.
    pub fn make(name: &str) -> Result<Self, CertificateError> {
        Self::try_make(name).map_err(failed(name))
    }

    fn try_make(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = named(name, vec![])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self { certificate_pem, issuer: Issuer::new(params, key) })
    }

    /// Reads back an authority that was written down.
    pub fn read(written: Identity) -> Result<Self, CertificateError> {
        let Identity { certificate_pem, key_pem } = written;
        let issuer = KeyPair::from_pem(&key_pem)
            .and_then(|key| Issuer::from_ca_cert_pem(&certificate_pem, key))
            .map_err(failed("the stand-in's authority"))?;
        Ok(Self { certificate_pem, issuer })
    }

    /// What has to be written down to read the authority back.
    pub fn to_identity(&self) -> Identity {
        Identity { certificate_pem: self.pem().to_owned(), key_pem: self.issuer.key().serialize_pem() }
    }

    /// The authority's certificate, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Issues a certificate for a service on `localhost` and `127.0.0.1`.
    pub fn issue_server(&self) -> Result<Identity, CertificateError> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.issue("localhost", names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Issues a certificate with which a client of this name authenticates itself.
    pub fn issue_client(&self, name: &str) -> Result<Identity, CertificateError> {
        self.issue(name, vec![], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        name: &str,
        alternative_names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, CertificateError> {
        self.try_issue(name, alternative_names, usage).map_err(failed(name))
    }

    fn try_issue(
        &self,
        name: &str,
        alternative_names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = named(name, alternative_names)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

fn named(name: &str, alternative_names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(alternative_names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn failed(name: &str) -> impl FnOnce(rcgen::Error) -> CertificateError {
    let name = name.to_owned();
    move |source| CertificateError { name, source }
}
