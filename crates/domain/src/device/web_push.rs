//! A subscription to a Web Push service (RFC 8030, RFC 8291).

use std::{fmt, net::Ipv4Addr, str::FromStr};

use thiserror::Error;

use crate::DnsName;

/// Where a service takes messages for a device, and what only the device can read them with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The push resource.
    pub endpoint: Endpoint,
    /// `p256dh`
    pub key: PublicKey,
    /// `auth`
    pub auth: AuthSecret,
}

/// The https URL of a push resource, at most 1,000 bytes, at a host with a name. Who knows it may push, so `Debug` does
/// not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: DnsName,
    port: u16,
}

/// The text can not be an endpoint. It is not repeated, because it may be a real one with a slip.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "an endpoint is an https URL of at most 1000 bytes, at a host with a name, without user and fragment"
)]
pub struct InvalidEndpoint;

impl Endpoint {
    const MAX_LEN: usize = 1000;

    /// The URL, for requests to it only.
    pub fn reveal(&self) -> &str {
        &self.url
    }

    /// The host of the service.
    pub fn host(&self) -> &DnsName {
        &self.host
    }

    /// The port of the service.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The service, as the URL of its root has it (RFC 6454 §6.2).
    pub fn origin(&self) -> String {
        match self.port {
            443 => format!("https://{}", self.host),
            port => format!("https://{}:{port}", self.host),
        }
    }
}

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let allowed = |b: u8| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b);
        let rest = text.strip_prefix("https://").ok_or(InvalidEndpoint)?;
        if text.len() > Self::MAX_LEN || !text.bytes().all(allowed) {
            return Err(InvalidEndpoint);
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| InvalidEndpoint)?),
            None => (authority, 443),
        };
        // An address in the place of a name is not looked up, so nothing would compare it with those of the office.
        if port == 0 || host.ends_with('.') || host.parse::<Ipv4Addr>().is_ok() {
            return Err(InvalidEndpoint);
        }
        Ok(Self { url: text.to_owned(), host: host.parse().map_err(|_| InvalidEndpoint)?, port })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint(…)")
    }
}

/// What a key of a subscription looks like.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidKey {
    /// `p256dh`
    #[error("`p256dh` is a point of P-256, uncompressed: 65 bytes in base64url, which are 87 characters")]
    PublicKey,
    /// `auth`
    #[error("`auth` has 16 bytes in base64url, which are 22 characters")]
    AuthSecret,
}

/// The public key of a device: a point of P-256 in uncompressed form, in base64url without padding (RFC 8291 §2.1).
/// Whether it lies on the curve is seen when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(String);

impl PublicKey {
    /// Base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        // The first byte is 4.
        let key = base64url(text, 87).filter(|text| text.starts_with('B'));
        key.map(|text| Self(text.to_owned())).ok_or(InvalidKey::PublicKey)
    }
}

/// What a device shares with those who push to it, in base64url without padding (RFC 8291 §2.2). It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthSecret(String);

impl AuthSecret {
    /// Base64url.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthSecret {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        base64url(text, 22).map(|text| Self(text.to_owned())).ok_or(InvalidKey::AuthSecret)
    }
}

impl fmt::Debug for AuthSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthSecret(…)")
    }
}

/// Padding is taken off: some libraries of clients write it.
fn base64url(text: &str, length: usize) -> Option<&str> {
    let text = text.trim_end_matches('=');
    let valid =
        text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    valid.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_https_url_at_a_host_with_a_name() {
        for (url, origin) in [
            ("https://push.example/p/aXc?v=1", "https://push.example"),
            ("https://Push.Example:8443/p", "https://push.example:8443"),
            ("https://push.example:443/p", "https://push.example"),
            ("https://localhost?p", "https://localhost"),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!((endpoint.origin().as_str(), endpoint.reveal()), (origin, url));
        }
        for wrong in [
            "",
            "http://push.example/p",
            "https://",
            "https:///p",
            "https://127.0.0.1/p",
            "https://[::1]/p",
            "https://127.0.0.1./p",
            "https://anna@push.example/p",
            "https://push.example:0/p",
            "https://push.example:99999/p",
            "https://push.example/p#f",
            "https://push.example/a b",
            "https://push.example/\u{e9}",
            &format!("https://push.example/{}", "x".repeat(980)),
        ] {
            assert_eq!(wrong.parse::<Endpoint>(), Err(InvalidEndpoint), "{wrong}");
        }
    }

    #[test]
    fn keys_have_their_length_and_alphabet() {
        let key = format!("B{}", "x".repeat(86));
        assert_eq!(format!("{key}=").parse::<PublicKey>().unwrap().as_str(), key);
        for wrong in [&key[1..], &key.replace('x', "+"), &key.replace('B', "A"), ""] {
            assert_eq!(wrong.parse::<PublicKey>(), Err(InvalidKey::PublicKey), "{wrong}");
        }
        assert!("BTBZMqHH6r4Tts7J_aSIgg==".parse::<AuthSecret>().is_ok());
        for wrong in ["BTBZMqHH6r4Tts7J_aSIg", "BTBZMqHH6r4Tts7J/aSIgg", ""] {
            assert_eq!(wrong.parse::<AuthSecret>(), Err(InvalidKey::AuthSecret), "{wrong}");
        }
    }

    #[test]
    fn what_lets_somebody_push_is_not_printed() {
        let subscription = Subscription {
            endpoint: "https://push.example/p/secret".parse().unwrap(),
            key: format!("B{}", "x".repeat(86)).parse().unwrap(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg".parse().unwrap(),
        };
        let printed = format!("{subscription:?}");
        assert!(!printed.contains("secret") && !printed.contains("aSIgg"), "{printed}");
    }
}
