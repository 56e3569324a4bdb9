//! How the box speaks to services at which an administrator has an account.

use std::fmt;

use crate::{
    DnsName,
    push::{ApnsSettings, WebPushSettings},
};

/// The settings of any service as an administrator entered them, to be looked at before they are kept.
#[derive(Clone, Copy, Debug)]
pub enum Entered<'a> {
    /// For Apple.
    Apns(&'a ApnsSettings),
    /// For Web Push.
    WebPush(&'a WebPushSettings),
    /// For Firebase.
    Fcm(&'a FcmSettings),
    /// For WNS.
    Wns(&'a WnsSettings),
}

/// Firebase Cloud Messaging, as an administrator entered it.
#[derive(Clone, PartialEq, Eq)]
pub struct FcmSettings {
    /// An https origin.
    pub endpoint: String,
    /// The key file of a service account, JSON. A secret.
    pub service_account: String,
    /// PEM certificates to trust in place of the public authorities.
    pub trust_anchors_pem: Option<String>,
}

impl FcmSettings {
    /// Where Firebase takes messages.
    pub const ENDPOINT: &str = "https://fcm.googleapis.com";
}

impl fmt::Debug for FcmSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FcmSettings").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Windows Push Notification Services, as an administrator entered it.
#[derive(Clone, PartialEq, Eq)]
pub struct WnsSettings {
    /// `ms-app://…`, which names the app.
    pub package_sid: String,
    /// The client secret of the app.
    pub secret: String,
    /// Where tokens come from, an https URL.
    pub token_endpoint: String,
    /// Channels of devices are at hosts of this domain, and nothing is sent to others.
    pub channel_domain: DnsName,
    /// PEM certificates to trust in place of the public authorities.
    pub trust_anchors_pem: Option<String>,
}

impl WnsSettings {
    /// Where Microsoft issues tokens.
    pub const TOKEN_ENDPOINT: &str = "https://login.live.com/accesstoken.srf";
    /// Where Microsoft has its channels.
    pub const CHANNEL_DOMAIN: &str = "notify.windows.com";
}

impl fmt::Debug for WnsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WnsSettings").field("package_sid", &self.package_sid).finish_non_exhaustive()
    }
}
