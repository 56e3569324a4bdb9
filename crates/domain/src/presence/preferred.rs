use std::str::FromStr;

use thiserror::Error;

use super::ActivityToken;

/// What a person chose to be seen as ("UCWA reference, PreferredAvailability"). It holds on all their endpoints, until
/// they choose something else or take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PreferredAvailability {
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
    /// Away, because the day is over.
    Offwork,
    /// Seen as if not signed in. UCWA has no word for this choice.
    Offline,
}

/// The text names no choice.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an availability that a person can choose")]
pub struct UnknownAvailability(String);

impl PreferredAvailability {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Online,
        Self::Busy,
        Self::DoNotDisturb,
        Self::BeRightBack,
        Self::Away,
        Self::Offwork,
        Self::Offline,
    ];

    /// The name in UCWA and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::Busy => "Busy",
            Self::DoNotDisturb => "DoNotDisturb",
            Self::BeRightBack => "BeRightBack",
            Self::Away => "Away",
            Self::Offwork => "Offwork",
            Self::Offline => "Offline",
        }
    }

    /// The number in MCX. Away and off work have the same one; an activity tells them apart.
    pub fn number(self) -> u16 {
        match self {
            Self::Online => 3500,
            Self::Busy => 6500,
            Self::DoNotDisturb => 9500,
            Self::BeRightBack => 12500,
            Self::Away | Self::Offwork => 15500,
            Self::Offline => 18500,
        }
    }

    /// What the person is seen to do while it holds.
    pub fn activity(self) -> Option<ActivityToken> {
        (self == Self::Offwork).then_some(ActivityToken::OffWork)
    }

    /// The choice with this number and activity.
    pub fn with_number(number: &str, activity: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| {
            choice.number().to_string() == number && choice.activity().map(ActivityToken::as_str) == activity
        })
    }
}

impl FromStr for PreferredAvailability {
    type Err = UnknownAvailability;

    fn from_str(text: &str) -> Result<Self, UnknownAvailability> {
        let found = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
        found.ok_or_else(|| UnknownAvailability(text.chars().take(16).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for choice in PreferredAvailability::ALL {
            assert_eq!(choice.as_str().parse(), Ok(choice));
            let activity = choice.activity().map(ActivityToken::as_str);
            let number = choice.number().to_string();
            assert_eq!(PreferredAvailability::with_number(&number, activity), Some(choice));
        }
        assert_eq!(PreferredAvailability::with_number("6501", None), None);
        assert_eq!(PreferredAvailability::with_number("3500", Some("off-work")), None);
        assert!("online".parse::<PreferredAvailability>().is_err());
    }
}
