//! How a stand-in is set up: for whom it stands, and whom it believes.

use std::net::{Ipv4Addr, SocketAddr};

use rcgen::KeyPair;

use crate::authority::{Authority, CertificateError};

/// The app that the stand-in pushes for unless told otherwise.
const TOPIC: &str = "org.example.fulmar";

/// Everything a stand-in is started with.
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who vouches for its certificate.
    pub authority: Authority,
    /// The app whose pushes it takes.
    pub topic: String,
    /// How a client proves that it may push for that app.
    pub credential: Credential,
    /// Whether a second new provider token within 20 minutes is answered with `TooManyProviderTokenUpdates`.
    pub limits_token_updates: bool,
}

impl Config {
    /// A stand-in on a free port of 127.0.0.1 with an authority of its own.
    pub fn new(credential: Credential) -> Result<Self, CertificateError> {
        Ok(Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            authority: Authority::make("APNs stand-in")?,
            topic: TOPIC.to_owned(),
            credential,
            limits_token_updates: false,
        })
    }
}

/// How a client proves that it may push.
pub enum Credential {
    /// With a JSON Web Token signed by this key.
    Token(ProviderKey),
    /// With a certificate that this authority issued.
    Certificate {
        /// The authority's certificate, PEM.
        client_ca_pem: String,
    },
}

/// A key that Apple would have made for a team of developers.
pub struct ProviderKey {
    /// The team, ten characters.
    pub team_id: String,
    /// The key's name, ten characters.
    pub key_id: String,
    pem: String,
    public_point: Vec<u8>,
}

impl ProviderKey {
    /// Makes an ES256 key.
    pub fn make(team_id: &str, key_id: &str) -> Result<Self, rcgen::Error> {
        Ok(Self::named(team_id, key_id, &KeyPair::generate()?))
    }

    /// Reads a key that was written down.
    pub fn read(team_id: &str, key_id: &str, pem: &str) -> Result<Self, rcgen::Error> {
        Ok(Self::named(team_id, key_id, &KeyPair::from_pem(pem)?))
    }

    fn named(team_id: &str, key_id: &str, pair: &KeyPair) -> Self {
        Self {
            team_id: team_id.to_owned(),
            key_id: key_id.to_owned(),
            pem: pair.serialize_pem(),
            public_point: pair.public_key_raw().to_vec(),
        }
    }

    /// What Apple offers for download as `AuthKey_….p8`: PKCS#8, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The public point, uncompressed (SEC 1 §2.3.3).
    pub(super) fn public_point(&self) -> &[u8] {
        &self.public_point
    }
}
