//! Pairing of this box with a house, by the code that the house gave.

use std::{
    error::Error,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fulmar_domain::push::{HouseAddress, PairedHouse, PairingCode};
use http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use tokio::time::timeout;

use super::{
    ConfigError, PAIRING,
    client::detail,
    message::{HouseBody, PairingBody},
    tls::{self, Known},
};
use crate::{error::SendError, transport::Transport};

/// How long the house may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why this box is paired with nobody new.
#[derive(Debug, Error)]
pub enum PairError {
    /// No key or certificate could be made.
    #[error("can not make a key for the clearing house")]
    Key(#[from] rcgen::Error),
    /// What was made can not be used.
    #[error("can not set up TLS for the clearing house")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
    /// Whoever answers there did not make this code.
    #[error(
        "the box at `{0}` is not the one that made this code: look at the address, and at the first four groups of \
         the code"
    )]
    Another(HouseAddress),
    /// There is nobody, or nobody who could be a house.
    #[error("can not reach a clearing house at `{address}`")]
    Unreachable {
        /// Where it should be.
        address: HouseAddress,
        /// What failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The house does not want this box.
    #[error("the clearing house at `{address}` refuses: {detail}")]
    Refused {
        /// Where it is.
        address: HouseAddress,
        /// Its words.
        detail: String,
    },
}

/// Makes a key for this box, shows it to the house that gave the code, and returns what is to be kept of both.
///
/// # Errors
/// [`PairError`]
pub async fn pair(address: HouseAddress, code: &PairingCode) -> Result<PairedHouse, PairError> {
    let key = KeyPair::generate()?;
    let certificate_pem = certificate(&key)?;
    let key_pem = key.serialize_pem();
    let shown = Arc::new(OnceLock::new());
    let known = Known::Code { code: code.clone(), shown: Arc::clone(&shown) };
    let tls = tls::config(known, &certificate_pem, &key_pem)
        .map_err(|error: ConfigError| PairError::Tls(error.into()))?;
    let house = ask(&Transport::mutual(tls), &address, code).await?;
    let answer =
        || PairError::Refused { address: address.clone(), detail: "its answer is not understood".into() };
    let authority: &CertificateDer<'_> = shown.get().ok_or_else(answer)?;
    let (name, services) = (house.name.parse().map_err(|_| answer())?, house.services());
    Ok(PairedHouse { authority_pem: pem(authority), address, name, services, certificate_pem, key_pem })
}

async fn ask(
    transport: &Transport,
    address: &HouseAddress,
    code: &PairingCode,
) -> Result<HouseBody, PairError> {
    let unreachable = |source: SendError| match is_another(&source) {
        true => PairError::Another(address.clone()),
        false => PairError::Unreachable { address: address.clone(), source: source.into() },
    };
    let refused = |detail| PairError::Refused { address: address.clone(), detail };
    let body = PairingBody { ticket: code.ticket().reveal().to_owned() };
    let body = serde_json::to_vec(&body).map_err(|error| refused(error.to_string()))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{PAIRING}", address.origin()))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(body))
        .map_err(|error| unreachable(SendError::Request(error)))?;
    let answer = timeout(PATIENCE, transport.exchange(request)).await;
    let (head, body) = answer.unwrap_or(Err(SendError::TimedOut(PATIENCE))).map_err(unreachable)?;
    if head.status != StatusCode::CREATED {
        return Err(refused(detail(head.status, &body)));
    }
    serde_json::from_slice(&body).map_err(|_| refused("its answer is not understood".into()))
}

/// A certificate by which nobody but its key is known: it has no end, and the house looks at nothing else.
fn certificate(key: &KeyPair) -> Result<String, rcgen::Error> {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Fulmar");
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    Ok(params.self_signed(key)?.pem())
}

/// RFC 7468 §2.
fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let lines: String =
        text.as_bytes().chunks(64).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

/// Whether the certificate that was shown is not the house's.
fn is_another(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
