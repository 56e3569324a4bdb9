//! TLS whose certificates can be exchanged while it serves.
//!
//! There is always the certificate of the box's own authority. A public one may stand in front of it and is
//! shown for the names that it covers while it is valid; for every other name phones get the box's own, as for
//! `lyncdiscoverinternal` when a public authority could not look at it. Connections that are open stay through
//! an exchange; sessions that could be resumed do not, since whoever resumes one looks at no certificate.

use std::{sync::Arc, time::SystemTime};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions},
    sign::CertifiedKey,
};
use thiserror::Error;

use crate::{
    authority::Leaf,
    challenges::{ACME_TLS, Challenges},
    details::{Details, NotACertificate},
};

/// How many sessions can be resumed.
const SESSIONS: usize = 1024;

/// Why a certificate can not be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The text is not a chain of certificates or not a key.
    #[error("can not read the certificate or its key")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The certificate can not be understood.
    #[error("can not understand the certificate")]
    Details(#[from] NotACertificate),
    /// There is no certificate, the key is not the certificate's, or it is of a kind that is not supported.
    #[error("can not use the certificate with its key")]
    Rustls(#[from] rustls::Error),
}

/// The certificates that are shown at the next handshake. Clones share them.
#[derive(Clone, Debug)]
pub struct LiveCertificate {
    shown: Arc<ArcSwap<Shown>>,
    sessions: Arc<Sessions>,
    challenges: Challenges,
}

#[derive(Debug)]
struct Shown {
    own: Arc<CertifiedKey>,
    public: Option<Public>,
}

#[derive(Debug)]
struct Public {
    key: Arc<CertifiedKey>,
    details: Details,
}

impl LiveCertificate {
    /// Begins with this certificate of the box's own authority.
    ///
    /// # Errors
    /// [`TlsError`]
    pub fn new(own: &Leaf) -> Result<Self, TlsError> {
        Ok(Self {
            shown: Arc::new(ArcSwap::from_pointee(Shown::read(own, None)?)),
            sessions: Arc::new(Sessions::new()),
            challenges: Challenges::default(),
        })
    }

    /// Shows these from the next handshake on: `public` for the names it covers, `own` for all others.
    /// Connections that are open stay.
    ///
    /// # Errors
    /// [`TlsError`]; those before stay then.
    pub fn show(&self, own: &Leaf, public: Option<&Leaf>) -> Result<(), TlsError> {
        let next = Shown::read(own, public)?;
        if !self.shown.load().is_same(&next) {
            self.shown.store(Arc::new(next));
            self.sessions.forget();
        }
        Ok(())
    }

    /// The proofs that the box holds names, while an authority asks for them.
    pub fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// What stands in the certificate that somebody sees who asks for `host`.
    ///
    /// # Errors
    /// [`NotACertificate`]; none that is shown is.
    pub fn details_for(&self, host: &str) -> Result<Details, NotACertificate> {
        let key = self.shown.load().for_host(Some(host), SystemTime::now());
        let certificate = key.cert.first().ok_or(NotACertificate)?;
        let (_, certificate) =
            x509_parser::parse_x509_certificate(certificate).map_err(|_| NotACertificate)?;
        Ok(Details::of(&certificate))
    }

    /// Whether somebody who asks for `host` sees the public certificate, and not that of the box's own authority.
    pub fn is_public_for(&self, host: &str) -> bool {
        let shown = self.shown.load();
        !Arc::ptr_eq(&shown.for_host(Some(host), SystemTime::now()), &shown.own)
    }

    /// The certificate of the box's own authority, with its key.
    pub(crate) fn own(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.shown.load().own)
    }

    /// The certificate that stands in front, with its key: signs what the box hands out.
    pub(crate) fn foremost(&self) -> Arc<CertifiedKey> {
        self.shown.load().for_host(None, SystemTime::now())
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
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ACME_TLS.to_vec()];
        config.session_storage = Arc::clone(&self.sessions) as Arc<dyn StoresServerSessions>;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737 §3: whoever offers this and nothing else looks for a proof, not for a service.
        if hello.alpn().is_some_and(|mut offered| offered.all(|protocol| protocol == ACME_TLS)) {
            return self.challenges.certificate(hello.server_name()?);
        }
        Some(self.shown.load().for_host(hello.server_name(), SystemTime::now()))
    }
}

impl Shown {
    fn read(own: &Leaf, public: Option<&Leaf>) -> Result<Self, TlsError> {
        let read = |leaf: &Leaf| certified_key(&leaf.chain_pem, &leaf.key_pem).map(Arc::new);
        let public = public.map(|leaf| -> Result<Public, TlsError> {
            Ok(Public { key: read(leaf)?, details: Details::of_first(&leaf.chain_pem)? })
        });
        Ok(Self { own: read(own)?, public: public.transpose()? })
    }

    /// Without a name, the public one: whoever names no host can not be told apart.
    fn for_host(&self, host: Option<&str>, now: SystemTime) -> Arc<CertifiedKey> {
        let public = self.public.as_ref().filter(|public| {
            public.details.is_valid_at(now) && host.is_none_or(|host| public.details.covers(host))
        });
        Arc::clone(public.map_or(&self.own, |public| &public.key))
    }

    fn is_same(&self, other: &Self) -> bool {
        let public = |shown: &Self| shown.public.as_ref().map(|public| public.key.cert.clone());
        self.own.cert == other.own.cert && public(self) == public(other)
    }
}

/// The sessions that can be resumed, all of which are forgotten at once.
#[derive(Debug)]
struct Sessions(ArcSwap<Cache>);

/// `ServerSessionMemoryCache::new` hands out an `Arc` already; `ArcSwap` holds another.
type Cache = Arc<ServerSessionMemoryCache>;

impl Sessions {
    fn new() -> Self {
        Self(ArcSwap::from_pointee(ServerSessionMemoryCache::new(SESSIONS)))
    }

    fn forget(&self) {
        self.0.store(Arc::new(ServerSessionMemoryCache::new(SESSIONS)));
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.load().put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.load().get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.load().take(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// Reads a chain and its key, which must be the first certificate's.
pub(crate) fn certified_key(chain_pem: &str, key_pem: &str) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
    Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
}
