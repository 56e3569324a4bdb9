//! Who administers the box from the console.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A word of 1 to 40 lower-case letters, digits, `.`, `-` and `_` that begins with a letter: never an address of a
/// person or of a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdministratorName(String);

/// The text can not name an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` can not name an administrator: it is a word of 1 to 40 letters, digits, `.`, `-` and `_` that begins \
     with a letter, such as `marie`"
)]
pub struct InvalidAdministratorName(String);

impl AdministratorName {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AdministratorName {
    type Err = InvalidAdministratorName;

    fn from_str(text: &str) -> Result<Self, InvalidAdministratorName> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        if plain && text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.len() <= 40 {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidAdministratorName(text.chars().take(40).collect()))
        }
    }
}

impl fmt::Display for AdministratorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::SipUri;

    #[test]
    fn a_name_is_a_word_that_begins_with_a_letter() {
        for good in ["a", "marie", "m.curie", "it-2_b", &"x".repeat(40)] {
            assert_eq!(good.parse::<AdministratorName>().unwrap().as_str(), good);
        }
        assert_eq!("Marie".parse::<AdministratorName>().unwrap().as_str(), "marie");
        for bad in ["", "2b", ".a", "a b", "a/b", "anna@office.test", "é", &"x".repeat(41)] {
            assert!(bad.parse::<AdministratorName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_name_is_an_address() {
        for name in ["abcd", "a.1.2.3", "f"] {
            assert!(name.parse::<AdministratorName>().is_ok(), "{name}");
            assert!(name.parse::<IpAddr>().is_err() && name.parse::<SipUri>().is_err(), "{name}");
        }
    }
}
