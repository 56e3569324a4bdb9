use std::{cmp::Ordering, fmt, str::FromStr};

use thiserror::Error;

use crate::{DnsName, configuration::Object};

/// For whom an object holds. The most specific scope that has it wins, with the object as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody.
    Global,
    /// The people of one SIP domain, which is what an office has for a site.
    Site(DnsName),
    /// The people to whom the policy of this name was granted.
    Tag(PolicyName),
}

/// What a policy that is granted to people is called: 1 to 64 letters, digits, `-`, `_` and `.`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(String);

/// Why a text is no scope, or not one of that object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidScope {
    /// None of the three.
    #[error("`{0}` is not a scope: use `global`, `site:office.example` or, for a MobilityPolicy, `tag:name`")]
    NotAScope(String),
    /// Not the name of a policy.
    #[error("`{0}` is not the name of a policy: use 1 to 64 letters, digits, `-`, `_` and `.`")]
    NotAName(String),
    /// Only policies are granted.
    #[error("a `{0}` is for everybody or for a site: only a MobilityPolicy is granted to people by name")]
    NotGranted(Object),
    /// People of several sites are in one conversation.
    #[error("an `{0}` is for everybody: people of several sites are in one conversation")]
    NotForSites(Object),
}

impl Scope {
    /// Whether `object` can be set at this scope.
    ///
    /// # Errors
    /// [`InvalidScope::NotGranted`] and [`InvalidScope::NotForSites`]
    pub fn check(&self, object: Object) -> Result<(), InvalidScope> {
        match self {
            Self::Tag(_) if object != Object::MobilityPolicy => Err(InvalidScope::NotGranted(object)),
            Self::Site(_) if object == Object::Archiving => Err(InvalidScope::NotForSites(object)),
            Self::Global | Self::Site(_) | Self::Tag(_) => Ok(()),
        }
    }

    /// The wider a scope, the earlier it is shown.
    pub fn order(&self, other: &Self) -> Ordering {
        let rank = |scope: &Self| match scope {
            Self::Global => 0,
            Self::Site(_) => 1,
            Self::Tag(_) => 2,
        };
        rank(self).cmp(&rank(other)).then_with(|| self.to_string().cmp(&other.to_string()))
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let refused = || InvalidScope::NotAScope(text.chars().take(128).collect());
        match text.split_once(':') {
            None if text.eq_ignore_ascii_case("global") => Ok(Self::Global),
            Some((kind, domain)) if kind.eq_ignore_ascii_case("site") => {
                domain.parse().map(Self::Site).map_err(|_| refused())
            }
            Some((kind, name)) if kind.eq_ignore_ascii_case("tag") => name.parse().map(Self::Tag),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Site(domain) => write!(f, "site:{domain}"),
            Self::Tag(name) => write!(f, "tag:{name}"),
        }
    }
}

impl FromStr for PolicyName {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if valid {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidScope::NotAName(text.chars().take(128).collect()))
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_back_as_it_was_written() {
        for text in ["global", "site:office.test", "tag:sales-north"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        assert_eq!("Site:Office.Test".parse::<Scope>().unwrap().to_string(), "site:office.test");
        for bad in ["", "user:anna", "site:", "site", "tag:", "tag:a b", "service:web", "globally"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_mobility_policy_is_granted() {
        let tag: Scope = "tag:sales".parse().unwrap();
        assert!(tag.check(Object::MobilityPolicy).is_ok());
        assert_eq!(tag.check(Object::Mcx), Err(InvalidScope::NotGranted(Object::Mcx)));
        assert!(Scope::Global.check(Object::Mcx).is_ok());
    }

    #[test]
    fn what_is_kept_is_one_for_all_sites() {
        let site: Scope = "site:office.test".parse().unwrap();
        assert!(site.check(Object::Mcx).is_ok());
        let refused = site.check(Object::Archiving).unwrap_err();
        assert!(refused.to_string().starts_with("an `ArchivingConfiguration` is for everybody"), "{refused}");
    }
}
