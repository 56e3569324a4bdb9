//! The phones of a person, and how they are woken.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Where a device is woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRegistration {
    /// By whom.
    pub provider: Provider,
    /// The address the provider gave to the device. A secret: it is never logged.
    pub token: DeviceToken,
}

/// A service that wakes phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Apple Push Notification service.
    Apns,
}

/// The text names no provider that this box can reach.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a push provider that this box knows: use `apns`")]
pub struct UnknownProvider(String);

impl Provider {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "apns",
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "apns" => Ok(Self::Apns),
            _ => Err(UnknownProvider(text.chars().take(32).collect())),
        }
    }
}

/// An APNs device token: 8 to 100 octets in hexadecimal, kept in lower case.
///
/// Apple asks not to rely on a length; the bounds only keep rubbish out. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceToken(String);

/// The text can not be a device token. It is not repeated, because it may be a real one with a slip.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a device token has 16 to 200 hexadecimal digits")]
pub struct InvalidDeviceToken;

impl DeviceToken {
    /// The digits, for the provider's URL only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(…)")
    }
}

impl FromStr for DeviceToken {
    type Err = InvalidDeviceToken;

    fn from_str(text: &str) -> Result<Self, InvalidDeviceToken> {
        let valid = (16..=200).contains(&text.len())
            && text.len().is_multiple_of(2)
            && text.bytes().all(|b| b.is_ascii_hexdigit());
        if valid { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidDeviceToken) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_hexadecimal_and_never_printed() {
        let token: DeviceToken = "00FC13ADFF785122".parse().unwrap();
        assert_eq!(token.reveal(), "00fc13adff785122");
        assert!(!format!("{token:?}").contains("00fc"));
        for bad in ["", "00fc", "00fc13adff78512", "../../../../etc/pw", &"0".repeat(202)] {
            assert!(bad.parse::<DeviceToken>().is_err(), "{bad}");
        }
    }
}
