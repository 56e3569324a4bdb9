//! The people of the office.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{AccountId, HttpsUrl, SipUri};

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Row number.
    pub id: AccountId,
    /// Address.
    pub uri: SipUri,
    /// What colleagues see.
    pub display_name: DisplayName,
    /// A disabled person keeps messages and devices but can do nothing.
    pub disabled: bool,
    /// The Autodiscover root of the pool where the person is at home, when it is not this box.
    pub homed_at: Option<HttpsUrl>,
}

/// A person's name: 1 to 100 characters, none of them a control character, no blanks at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

/// The text can not be shown as a name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a display name has 1 to 100 characters and no control characters")]
pub struct InvalidDisplayName;

impl DisplayName {
    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DisplayName {
    type Err = InvalidDisplayName;

    fn from_str(text: &str) -> Result<Self, InvalidDisplayName> {
        let name = text.trim();
        let length = name.chars().count();
        if (1..=100).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidDisplayName)
        }
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_trimmed_and_bounded() {
        assert_eq!(" Anna Arndt ".parse::<DisplayName>().unwrap().as_str(), "Anna Arndt");
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert_eq!(bad.parse::<DisplayName>(), Err(InvalidDisplayName), "{bad:?}");
        }
    }
}
