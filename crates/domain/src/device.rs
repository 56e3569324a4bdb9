//! The phones of a person, and how they are woken.

mod address;
mod web_push;

use std::{fmt, str::FromStr};

use thiserror::Error;

pub use address::is_public;
pub use web_push::{AuthSecret, Endpoint, InvalidEndpoint, InvalidKey, PublicKey, Subscription};

/// How many devices of a person can be woken at most; beyond that the one that registered longest ago is forgotten.
pub const MAX_REGISTRATIONS: u32 = 16;

/// Where a device is woken: the service, and the address it gave to the device. A secret: it is never logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushRegistration {
    /// Apple Push Notification service.
    Apns(DeviceToken),
    /// A service of the device's own choice that takes Web Push (RFC 8030), such as those of UnifiedPush.
    WebPush(Subscription),
    /// Firebase Cloud Messaging.
    Fcm(FcmToken),
    /// Windows Push Notification Services: the URI of the device's channel.
    Wns(Endpoint),
}

/// A service that wakes phones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Apple Push Notification service.
    Apns,
    /// Any service that takes Web Push.
    WebPush,
    /// Firebase Cloud Messaging.
    Fcm,
    /// Windows Push Notification Services.
    Wns,
}

/// The text names no provider that this box can reach.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UnknownProvider {
    /// Microsoft's service for Windows Phone 7 and 8.0.
    #[error("the push service of Windows Phone (MPNS) exists no more: nobody can be woken through it")]
    Mpns,
    /// Nothing that is known here.
    #[error("`{0}` is not a push provider that this box knows: use `apns`, `webpush`, `fcm` or `wns`")]
    Unknown(String),
}

impl PushRegistration {
    /// By whom the device is woken.
    pub fn provider(&self) -> Provider {
        match self {
            Self::Apns(_) => Provider::Apns,
            Self::WebPush(_) => Provider::WebPush,
            Self::Fcm(_) => Provider::Fcm,
            Self::Wns(_) => Provider::Wns,
        }
    }

    /// The service itself: for Web Push the origin of the endpoint, else the provider's name. What one of them does says
    /// nothing of the others.
    pub fn service(&self) -> String {
        match self {
            Self::Apns(_) | Self::Fcm(_) | Self::Wns(_) => self.provider().as_str().to_owned(),
            Self::WebPush(subscription) => subscription.endpoint.origin(),
        }
    }

    /// What the device is known by at its service; no other device has the same.
    pub fn address(&self) -> &str {
        match self {
            Self::Apns(token) => token.reveal(),
            Self::WebPush(subscription) => subscription.endpoint.reveal(),
            Self::Fcm(token) => token.reveal(),
            Self::Wns(channel) => channel.reveal(),
        }
    }
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Apns, Self::WebPush, Self::Fcm, Self::Wns];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Apns => "Apple",
            Self::WebPush => "Web Push",
            Self::Fcm => "Firebase",
            Self::Wns => "WNS",
        }
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "apns",
            Self::WebPush => "webpush",
            Self::Fcm => "fcm",
            Self::Wns => "wns",
        }
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "apns" => Ok(Self::Apns),
            "webpush" => Ok(Self::WebPush),
            "fcm" => Ok(Self::Fcm),
            "wns" => Ok(Self::Wns),
            "mpns" => Err(UnknownProvider::Mpns),
            _ => Err(UnknownProvider::Unknown(text.chars().take(32).collect())),
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

/// A registration token of Firebase: 16 to 1000 letters, digits, `-`, `_` and `:`. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct FcmToken(String);

/// The text can not be a registration token. It is not repeated, because it may be a real one with a slip.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a registration token of Firebase has 16 to 1000 letters, digits, `-`, `_` and `:`")]
pub struct InvalidFcmToken;

impl FcmToken {
    /// The token, for the service only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for FcmToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FcmToken(…)")
    }
}

impl FromStr for FcmToken {
    type Err = InvalidFcmToken;

    fn from_str(text: &str) -> Result<Self, InvalidFcmToken> {
        let valid = (16..=1000).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':'));
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidFcmToken) }
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

    #[test]
    fn a_token_of_firebase_has_its_alphabet_and_is_never_printed() {
        let token: FcmToken = "dGhpcyBpcyBhIHRva2Vu:APA91b-_x".parse().unwrap();
        assert!(!format!("{token:?}").contains("APA"));
        for bad in ["", "short", "dGhpcyBpcyBhIHRva2Vu APA91b", &"x".repeat(1001)] {
            assert!(bad.parse::<FcmToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_service_that_is_gone_is_refused_with_a_reason() {
        let told = |name: &str| name.parse::<Provider>().unwrap_err().to_string();
        assert!(told("mpns").contains("exists no more"));
        assert_eq!(
            told("gcm"),
            "`gcm` is not a push provider that this box knows: use `apns`, `webpush`, `fcm` or `wns`"
        );
        for provider in [Provider::Apns, Provider::WebPush, Provider::Fcm, Provider::Wns] {
            assert_eq!(provider.as_str().parse(), Ok(provider));
        }
    }
}
