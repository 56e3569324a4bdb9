//! How the outside finds the box.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Who answers for the SIP domain outside the office. Inside, the box always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A provider does, with records that are entered there. Other names of the domain are the provider's, so
    /// inside the box answers for its own names only.
    RecordsAtProvider,
    /// The box does: the provider only says that the SIP domain is the box's.
    Delegated,
    /// Nobody: the box is for the office network.
    OfficeOnly,
}

/// The text is no mode.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a mode: choose `records-at-provider`, `delegated` or `office-only`")]
pub struct InvalidMode(String);

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RecordsAtProvider, Self::Delegated, Self::OfficeOnly];

    /// The name under which it is stored and asked for.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RecordsAtProvider => "records-at-provider",
            Self::Delegated => "delegated",
            Self::OfficeOnly => "office-only",
        }
    }
}

impl FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        let found = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        found.ok_or_else(|| InvalidMode(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
