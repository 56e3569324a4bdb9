//! How the box speaks to services that take Web Push.

use std::{collections::BTreeSet, fmt, str::FromStr};

use thiserror::Error;

use crate::{DnsName, SipUri, device::Endpoint, dnssec::Pkcs8};

/// What an administrator entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebPushSettings {
    /// Whom a service tells that something is wrong with the box.
    pub contact: Contact,
    /// Services that may be at a private address, such as one of the office's own. All others must be in the world.
    pub private_hosts: BTreeSet<PrivateHost>,
    /// PEM certificates to trust beside the public authorities.
    pub trust_anchors_pem: Option<String>,
}

/// A host that may be at a private address, on one port or on any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PrivateHost {
    host: DnsName,
    port: Option<u16>,
}

/// The text names no host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no host with a name: use `push.lan`, or `push.lan:8443` for one port of it")]
pub struct InvalidPrivateHost(String);

impl PrivateHost {
    /// Whether this endpoint is there.
    pub fn is_of(&self, endpoint: &Endpoint) -> bool {
        self.host == *endpoint.host() && self.port.is_none_or(|port| port == endpoint.port())
    }
}

impl FromStr for PrivateHost {
    type Err = InvalidPrivateHost;

    fn from_str(text: &str) -> Result<Self, InvalidPrivateHost> {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port > 0).map(Some)),
            None => (text, Some(None)),
        };
        match (host.parse(), port) {
            (Ok(host), Some(port)) => Ok(Self { host, port }),
            _ => Err(InvalidPrivateHost(text.chars().take(253).collect())),
        }
    }
}

impl fmt::Display for PrivateHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

/// The key that says who pushes (VAPID, RFC 8292): devices subscribe for it, so it stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VapidKey {
    /// A key for ES256.
    pub pkcs8: Pkcs8,
    /// Its public point, uncompressed, in base64url without padding.
    pub public: String,
}

/// A `mailto:` or `https:` URI of at most 200 bytes (RFC 8292 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(String);

/// The text is no contact.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no contact for push services: use a mail address such as `mailto:admin@office.example`, or an https URL"
)]
pub struct InvalidContact(String);

impl Contact {
    /// The URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Contact {
    type Err = InvalidContact;

    fn from_str(text: &str) -> Result<Self, InvalidContact> {
        let written =
            text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
        let valid = match text.split_once(':') {
            // Services refuse hosts that nobody else could write to.
            Some(("mailto", address)) => {
                address.parse::<SipUri>().is_ok_and(|uri| uri.address() == address && is_elsewhere(address))
            }
            Some(("https", rest)) => rest.strip_prefix("//").is_some_and(|rest| {
                let host = rest.split(['/', '?', ':']).next().unwrap_or_default();
                host.parse::<DnsName>().is_ok() && is_elsewhere(host)
            }),
            _ => false,
        };
        if written && valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidContact(text.chars().take(200).collect()))
        }
    }
}

fn is_elsewhere(host: &str) -> bool {
    host.contains('.') && !host.ends_with("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_host_is_one_port_of_it_or_all() {
        let endpoint = |text: &str| text.parse::<Endpoint>().unwrap();
        for (text, of_443, of_8443) in
            [("push.lan", true, true), ("push.lan:443", true, false), ("push.lan:8443", false, true)]
        {
            let host: PrivateHost = text.parse().unwrap();
            assert_eq!(host.to_string(), text);
            assert_eq!(host.is_of(&endpoint("https://push.lan/up")), of_443, "{text}");
            assert_eq!(host.is_of(&endpoint("https://push.lan:8443/up")), of_8443, "{text}");
            assert!(!host.is_of(&endpoint("https://other.lan/up")));
        }
        for wrong in
            ["", ":443", "push.lan:", "push.lan:0", "push.lan:x", "push.lan:65536", "a b", "[::1]:443"]
        {
            assert!(wrong.parse::<PrivateHost>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_contact_is_somebody_who_can_be_written_to() {
        for good in
            ["mailto:admin@office.example", "https://office.example/contact", "https://office.example:8443"]
        {
            assert_eq!(good.parse::<Contact>().unwrap().as_str(), good);
        }
        for wrong in [
            "",
            "admin@office.example",
            "mailto:",
            "mailto:admin",
            "mailto:admin@localhost",
            "mailto:<admin@office.example>",
            "http://office.example",
            "https://localhost/",
            "https:///x",
            "tel:+49301234",
            &format!("mailto:{}@office.example", "a".repeat(200)),
        ] {
            assert_eq!(
                wrong.parse::<Contact>(),
                Err(InvalidContact(wrong.chars().take(200).collect())),
                "{wrong}"
            );
        }
    }
}
