//! Host and domain names as the office writes them.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A fully qualified DNS name of letters, digits, `-` and `_`, in lower case, without the trailing dot.
///
/// Labels have 1 to 63 octets, the name at most 253 (RFC 1035 §2.3.4); an underscore is allowed because
/// service names need it (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

/// The text is not a name that an office can have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a DNS name such as `office.example`")]
pub struct InvalidDnsName(String);

impl DnsName {
    /// The name in lower case, without the trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// This name below `prefix`, which may itself have several labels (`_sip._tls`).
    ///
    /// # Errors
    /// [`InvalidDnsName`] when the result is too long or `prefix` has a bad label.
    pub fn child(&self, prefix: &str) -> Result<Self, InvalidDnsName> {
        format!("{prefix}.{}", self.0).parse()
    }

    /// Whether this name equals `zone` or lies below it.
    pub fn is_within(&self, zone: &Self) -> bool {
        self.0.strip_suffix(&zone.0).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

impl FromStr for DnsName {
    type Err = InvalidDnsName;

    fn from_str(text: &str) -> Result<Self, InvalidDnsName> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let valid = name.len() <= 253 && name.split('.').all(is_label);
        if valid {
            Ok(Self(name.to_ascii_lowercase()))
        } else {
            Err(InvalidDnsName(text.chars().take(253).collect()))
        }
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_lower_case_without_the_trailing_dot() {
        assert_eq!(name("Web.Office.TEST.").as_str(), "web.office.test");
    }

    #[test]
    fn bad_names_are_refused() {
        for bad in ["", ".", "a..b", "-a.b", "a-.b", "a b", "ä.example", &"a".repeat(64), &"a.".repeat(128)]
        {
            assert!(bad.parse::<DnsName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_lies_within_its_zone_label_by_label() {
        assert!(name("web.office.test").is_within(&name("office.test")));
        assert!(name("office.test").is_within(&name("office.test")));
        assert!(!name("backoffice.test").is_within(&name("office.test")));
    }
}
