//! Who is there.

use std::str::FromStr;

use thiserror::Error;

/// What a person lets others know, from most to least reachable.
///
/// The aggregate numbers are those of the published ancestor (Communicator Web Access, "availability").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Ready to talk.
    Online,
    /// Busy, may be interrupted.
    Busy,
    /// Must not be interrupted.
    DoNotDisturb,
    /// Back in a moment.
    BeRightBack,
    /// Not at the phone.
    Away,
    /// Not signed in.
    Offline,
}

/// The number is not one that a client may publish.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an availability: use 3500, 6500, 9500, 12500, 15500 or 18500")]
pub struct InvalidAvailability(String);

impl Availability {
    /// The aggregate number on the wire and in the store.
    pub fn number(self) -> u16 {
        match self {
            Self::Online => 3500,
            Self::Busy => 6500,
            Self::DoNotDisturb => 9500,
            Self::BeRightBack => 12500,
            Self::Away => 15500,
            Self::Offline => 18500,
        }
    }

    /// What others see of a person with these sessions: the one that claims most attention wins, as the
    /// ancestor's aggregation does: do not disturb over busy over online over the rest.
    pub fn aggregate(sessions: impl IntoIterator<Item = Self>) -> Self {
        sessions.into_iter().max_by_key(|a| a.weight()).unwrap_or(Self::Offline)
    }

    fn weight(self) -> u8 {
        match self {
            Self::DoNotDisturb => 5,
            Self::Busy => 4,
            Self::Online => 3,
            Self::BeRightBack => 2,
            Self::Away => 1,
            Self::Offline => 0,
        }
    }
}

impl FromStr for Availability {
    type Err = InvalidAvailability;

    fn from_str(text: &str) -> Result<Self, InvalidAvailability> {
        [Self::Online, Self::Busy, Self::DoNotDisturb, Self::BeRightBack, Self::Away, Self::Offline]
            .into_iter()
            .find(|a| a.number().to_string() == text)
            .ok_or_else(|| InvalidAvailability(text.chars().take(16).collect()))
    }
}

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

/// What others see of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The aggregate over the person's sessions.
    pub availability: Availability,
    /// The person's note, empty when there is none.
    pub note: Note,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_demanding_session_wins() {
        use Availability::{Away, DoNotDisturb, Offline, Online};
        assert_eq!(Availability::aggregate([Away, Online]), Online);
        assert_eq!(Availability::aggregate([DoNotDisturb, Online]), DoNotDisturb);
        assert_eq!(Availability::aggregate([]), Offline);
    }

    #[test]
    fn numbers_read_back() {
        assert_eq!("6500".parse(), Ok(Availability::Busy));
        assert!("6501".parse::<Availability>().is_err());
    }
}
