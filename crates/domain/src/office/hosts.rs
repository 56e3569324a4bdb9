//! The hosts of the office. All are the box.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::Side;
use crate::DnsName;

/// Labels of hosts that clients expect by name.
const DISCOVER: &str = "lyncdiscover";
const DISCOVER_INTERNAL: &str = "lyncdiscoverinternal";
const SIP: &str = "sip";

/// What stands before the SIP domain in the name of the web host. One label, so that a wildcard certificate
/// covers it, within the SIP domain, because phones refuse hosts of another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebHost(String);

/// Why a text can not name the web host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidWebHost {
    /// Not one label of letters, digits and `-`.
    #[error("`{0}` is not a single label such as `web`")]
    NotALabel(String),
    /// Clients expect something else under this name.
    #[error("`{0}` has a use of its own: choose another name for the web host")]
    Taken(String),
}

/// The hosts of one SIP domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// `lyncdiscover`: what phones ask for from anywhere.
    pub discover: DnsName,
    /// `lyncdiscoverinternal`: what phones ask for first; exists inside only.
    pub discover_internal: DnsName,
    /// The host in every link that a phone is given; also the name server.
    pub web: DnsName,
    /// The registrar of the desks.
    pub sip: DnsName,
}

impl WebHost {
    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for WebHost {
    fn default() -> Self {
        Self("web".to_owned())
    }
}

impl FromStr for WebHost {
    type Err = InvalidWebHost;

    fn from_str(text: &str) -> Result<Self, InvalidWebHost> {
        let refused = || InvalidWebHost::NotALabel(text.chars().take(64).collect());
        let label: DnsName = text.parse().map_err(|_| refused())?;
        let label = label.as_str();
        if label.contains(['.', '_']) || text.ends_with('.') {
            return Err(refused());
        }
        if [DISCOVER, DISCOVER_INTERNAL, SIP].contains(&label) {
            return Err(InvalidWebHost::Taken(label.to_owned()));
        }
        Ok(Self(label.to_owned()))
    }
}

impl fmt::Display for WebHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Hosts {
    /// The hosts of `domain`, which must be a SIP domain of an office.
    pub(super) fn of(domain: &DnsName, web: &WebHost) -> Self {
        Self {
            discover: child(domain, DISCOVER),
            discover_internal: child(domain, DISCOVER_INTERNAL),
            web: child(domain, web.as_str()),
            sip: child(domain, SIP),
        }
    }

    /// Those that exist on one side. `lyncdiscoverinternal` must never lead anybody outside to an address that
    /// does not answer: clients wait for minutes.
    pub fn on(&self, side: Side) -> Vec<&DnsName> {
        match side {
            Side::Inside => vec![&self.discover, &self.discover_internal, &self.web, &self.sip],
            Side::Outside => vec![&self.discover, &self.web, &self.sip],
        }
    }
}

/// The longest name of a service or host that is put before a SIP domain, beside the web host.
pub(super) const LONGEST_PREFIX: &str = "_sipfederationtls._tcp";

#[expect(clippy::expect_used, reason = "`Office::new` proved that the longest prefix fits")]
pub(super) fn child(domain: &DnsName, prefix: &str) -> DnsName {
    domain.child(prefix).expect("a prefix no longer than the longest fits below a SIP domain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_host_is_one_label_that_nothing_else_uses() {
        assert_eq!("Mobile-1".parse::<WebHost>().unwrap().as_str(), "mobile-1");
        assert_eq!(WebHost::default().to_string().parse(), Ok(WebHost::default()));
        for bad in ["", "a.b", "web.", "_web", "-web", "w b", &"w".repeat(64)] {
            assert!(matches!(bad.parse::<WebHost>(), Err(InvalidWebHost::NotALabel(_))), "{bad}");
        }
        for taken in ["lyncdiscover", "LyncDiscoverInternal", "sip"] {
            assert!(matches!(taken.parse::<WebHost>(), Err(InvalidWebHost::Taken(_))), "{taken}");
        }
    }
}
