use std::str::FromStr;

use thiserror::Error;

/// A line beside the availability: at most 500 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(String);

/// The note is too long.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a note has at most 500 characters")]
pub struct InvalidNote;

impl Note {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Note {
    type Err = InvalidNote;

    fn from_str(text: &str) -> Result<Self, InvalidNote> {
        if text.chars().count() <= 500 { Ok(Self(text.trim().to_owned())) } else { Err(InvalidNote) }
    }
}

/// Where a person says that they are: at most 60 characters ("UCWA reference, location").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(String);

/// The place is too long.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a location has at most 60 characters")]
pub struct InvalidLocation;

impl Location {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        if text.chars().count() <= 60 { Ok(Self(text.trim().to_owned())) } else { Err(InvalidLocation) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(" at the beach ".parse::<Location>().unwrap().as_str(), "at the beach");
        assert!("ü".repeat(60).parse::<Location>().is_ok());
        assert_eq!("ü".repeat(61).parse::<Location>(), Err(InvalidLocation));
        assert_eq!("ü".repeat(501).parse::<Note>(), Err(InvalidNote));
    }
}
