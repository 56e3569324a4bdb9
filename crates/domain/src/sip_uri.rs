//! Addresses of people.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{DnsName, InvalidDnsName};

/// The address of a person, `sip:user@domain` (RFC 3261 §19.1), without port, parameters or password.
///
/// The user part is kept in lower case: offices do not tell Anna from anna. It has 1 to 64 characters out of
/// the unreserved set and `&=+$,;?/` without those that need escaping in a form or an XML attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SipUri {
    user: String,
    domain: DnsName,
}

/// The text is not an address of the form `anna@office.example`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not an address such as `anna@office.example`")]
pub struct InvalidSipUri {
    text: String,
    source: Option<InvalidDnsName>,
}

impl SipUri {
    /// The part before the `@`, in lower case.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The SIP domain.
    pub fn domain(&self) -> &DnsName {
        &self.domain
    }

    /// `user@domain`, as a person writes it.
    pub fn address(&self) -> String {
        format!("{}@{}", self.user, self.domain)
    }
}

impl FromStr for SipUri {
    type Err = InvalidSipUri;

    /// Takes the address bare or with the `sip:` scheme in any case.
    fn from_str(text: &str) -> Result<Self, InvalidSipUri> {
        let invalid = |source| InvalidSipUri { text: text.chars().take(320).collect(), source };
        let bare = match text.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case("sip:") => &text[4..],
            _ => text,
        };
        let (user, domain) = bare.split_once('@').ok_or_else(|| invalid(None))?;
        if !is_user(user) {
            return Err(invalid(None));
        }
        let domain = domain.parse().map_err(|source| invalid(Some(source)))?;
        Ok(Self { user: user.to_ascii_lowercase(), domain })
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sip:{}@{}", self.user, self.domain)
    }
}

fn is_user(user: &str) -> bool {
    (1..=64).contains(&user.len())
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+' | b'!' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_bare_and_with_its_scheme() {
        let bare: SipUri = "Anna@Office.test".parse().unwrap();
        let full: SipUri = "SIP:anna@office.test".parse().unwrap();
        assert_eq!(bare, full);
        assert_eq!(bare.to_string(), "sip:anna@office.test");
        assert_eq!(bare.address(), "anna@office.test");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "anna",
            "@office.test",
            "anna@",
            "an na@office.test",
            "anna@office..test",
            "a@b@c",
            "<a>@b.c",
        ] {
            assert!(bad.parse::<SipUri>().is_err(), "{bad}");
        }
    }
}
