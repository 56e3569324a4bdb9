//! What a phone fetches before it trusts the box, with and without TLS: the box's own authority, a page that
//! says what to do with it, and the proofs that a public authority asks for.
//!
//! Nothing here is secret, and nothing here makes a phone trust anybody: the page says with what to compare the
//! fingerprint.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    Problem, Surface,
    cms::{self, SignError},
    edge, profile,
    tls::{LiveCertificate, TlsError},
};

const PAGE: &str = include_str!("../../../web-ui/trust/index.html");
const STYLE: &str = include_str!("../../../web-ui/trust/trust.css");
/// What stands in the page for the fingerprint.
const FINGERPRINT: &str = "{fingerprint}";

/// The box's own authority, as phones and administrators see it. Clones share it.
#[derive(Clone, Debug)]
pub struct Trust {
    authority: Arc<Authority>,
    live: LiveCertificate,
}

#[derive(Debug)]
struct Authority {
    pem: String,
    der: CertificateDer<'static>,
}

impl Trust {
    /// The authority with this certificate; `live` signs the profile for iPhones.
    ///
    /// # Errors
    /// [`TlsError::Pem`] when it is no certificate.
    pub fn new(authority_pem: &str, live: LiveCertificate) -> Result<Self, TlsError> {
        let der = CertificateDer::from_pem_slice(authority_pem.as_bytes())?;
        let authority = Arc::new(Authority { pem: authority_pem.to_owned(), der });
        Ok(Self { authority, live })
    }

    /// The certificate of the authority in PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority.pem
    }

    /// The SHA-256 of the authority's certificate.
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, &self.authority.der).as_ref());
        bytes
    }

    /// The SHA-256 of the authority's certificate, as phones print it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let bytes: Vec<String> = self.digest().iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// The certificates that are shown.
    pub fn live(&self) -> &LiveCertificate {
        &self.live
    }

    /// The signed profile for iPhones, DER.
    fn profile(&self) -> Result<Vec<u8>, SignError> {
        cms::sign(profile::profile(&self.authority.der).as_bytes(), &self.live.foremost())
    }
}

/// Puts these routes before those of `phones`; all of them are served with and without TLS. Tokens are compared
/// with their case, unlike the paths of phones.
pub fn serve(trust: Trust, phones: Router) -> Router {
    let routes = Router::new()
        .route("/trust", get(page))
        .route("/trust/", get(page))
        .route("/trust.css", get(async || ([(header::CONTENT_TYPE, "text/css")], STYLE)))
        .route("/ca.mobileconfig", get(ios))
        .route("/ca.crt", get(android))
        .route("/ca.pem", get(pem))
        .route("/.well-known/acme-challenge/{token}", get(proof))
        .with_state(trust);
    edge(routes, Surface::Phones).fallback_service(phones)
}

async fn page(State(trust): State<Trust>) -> Html<String> {
    // In groups of four bytes, between which it may be broken into lines.
    let fingerprint = trust.fingerprint();
    let bytes: Vec<&str> = fingerprint.split(':').collect();
    let groups: Vec<String> = bytes.chunks(4).map(|group| group.join(":")).collect();
    Html(PAGE.replace(FINGERPRINT, &groups.join(":<wbr>")))
}

async fn ios(State(trust): State<Trust>) -> Result<Response, Problem> {
    let profile = trust.profile().map_err(|error| {
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::error!(error, "The profile for iPhones could not be signed.");
        Problem::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, "application/x-apple-aspen-config")], profile).into_response())
}

async fn android(State(trust): State<Trust>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-x509-ca-cert")], trust.authority.der.to_vec())
}

async fn pem(State(trust): State<Trust>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], trust.authority.pem.clone())
}

/// RFC 8555 §8.3.
async fn proof(State(trust): State<Trust>, Path(token): Path<String>) -> Result<Response, Problem> {
    let text = trust.live.challenges().text(&token);
    let text =
        text.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no authority has given this token"))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], text).into_response())
}
