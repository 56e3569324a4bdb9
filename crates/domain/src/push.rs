//! What deserves a push, what it says, and what becomes of it.

mod accounts;
mod house;
mod preview;
mod quota;
mod rule;
mod story;
mod web_push;

use std::{str::FromStr, time::Duration};

use thiserror::Error;

use crate::{MessageId, PushId, SipUri, Timestamp, device::PushRegistration};

pub use accounts::{Entered, FcmSettings, WnsSettings};
pub use house::{
    BoxName, HandOver, HandOverCounts, HouseAddress, HouseBox, InvalidBoxName, InvalidHouseAddress,
    InvalidPairingCode, PairedHouse, Pairing, PairingCode, PairingTicket,
};
pub use preview::Preview;
pub use quota::{Allowance, Bucket, Quota};
pub use rule::{
    Circumstances, NotWoken, Permission, ServiceState, UnknownReason, Unseen, badge, decide,
    deserves_sign_in_notice, may_be_woken, sleeps,
};
pub use story::{DeviceStory, PersonStory, Silence, Step, Story};
pub use web_push::{Contact, InvalidContact, InvalidPrivateHost, PrivateHost, VapidKey, WebPushSettings};

/// How long a notification is worth delivering: as long as the session that it wakes can live.
pub const TIME_TO_LIVE: Duration = crate::session::EXPIRY_WITH_PUSH;

/// How long a notification rests at most before it is offered again, whatever its provider asks for.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// A notification that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Row number in the outbox.
    pub id: PushId,
    /// Where to.
    pub registration: PushRegistration,
    /// What it is about.
    pub subject: Subject,
    /// What waits for the person, for the badge on the icon.
    pub badge: u32,
    /// The same for every attempt, so that the device shows one alert for one message.
    pub collapse_id: String,
    /// When it stops being worth delivering.
    pub expires_at: Timestamp,
    /// Attempts before this one.
    pub attempts: u32,
}

/// What a notification is about. No text of a message leaves the box, unless the office wants previews.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A message is waiting.
    Message {
        /// Who wrote it, by name.
        from: String,
        /// How it begins, where the office wants that.
        preview: Option<Preview>,
    },
    /// Somebody asks for a conversation and has said nothing yet.
    Invitation {
        /// Who, by name.
        from: String,
    },
    /// The device is not signed in any more.
    SignIn,
    /// The person wants to see whether notifications arrive.
    Test,
}

/// What a provider made of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It will try to wake the device.
    Accepted,
    /// The registration is dead: the device is to be forgotten until it registers again.
    Gone {
        /// The provider's word.
        reason: String,
        /// Since when; a device that registered later is kept.
        since: Option<Timestamp>,
    },
    /// Nothing the device can help: the key, the topic or our request is wrong. Kept until somebody mends it.
    OursToFix {
        /// The provider's word, or what is missing.
        reason: String,
    },
    /// This notification is to be offered again, not before `after` has passed.
    Retry {
        /// The provider's word.
        reason: String,
        /// What the provider asked for.
        after: Option<Duration>,
    },
    /// As [`Self::Retry`], and the same would have become of any other: the service does not answer, or says that it can
    /// not serve anybody.
    Unavailable {
        /// The provider's word, or what failed on the way.
        reason: String,
        /// What the provider asked for.
        after: Option<Duration>,
    },
}

impl Outcome {
    /// The name in the ledger of a clearing house and in counters.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Gone { .. } => "gone",
            Self::OursToFix { .. } => "ours_to_fix",
            Self::Retry { .. } => "retry",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// The provider's word, or ours; nothing where it took the notification.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted => None,
            Self::Gone { reason, .. }
            | Self::OursToFix { reason }
            | Self::Retry { reason, .. }
            | Self::Unavailable { reason, .. } => Some(reason),
        }
    }
}

/// What becomes of a notification after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Done.
    Delivered,
    /// Done in vain.
    Dropped,
    /// Done in vain: it would be offered again when it is not worth delivering any more.
    Expired,
    /// Offered again at this time.
    DueAt(Timestamp),
}

/// What follows from an outcome. `attempts` counts the one that has just ended; `jitter` lies in 0..=1. With pauses of up
/// to half an hour it is the expiry that bounds the attempts.
pub fn next(outcome: &Outcome, attempts: u32, expires_at: Timestamp, now: Timestamp, jitter: f64) -> Next {
    match outcome {
        Outcome::Accepted => Next::Delivered,
        Outcome::Gone { .. } => Next::Dropped,
        Outcome::OursToFix { .. } => due(now + OURS_TO_FIX_PAUSE, expires_at),
        Outcome::Retry { after, .. } | Outcome::Unavailable { after, .. } => {
            let pause = backoff(attempts, jitter).max(after.unwrap_or_default());
            due(now + pause.min(LONGEST_PAUSE), expires_at)
        }
    }
}

/// How long a notification rests while an administrator has something to mend.
const OURS_TO_FIX_PAUSE: Duration = Duration::from_secs(15 * 60);

fn due(at: Timestamp, expires_at: Timestamp) -> Next {
    if at < expires_at { Next::DueAt(at) } else { Next::Expired }
}

/// One second doubled with every attempt up to half an hour, of which between half and all is waited.
fn backoff(attempts: u32, jitter: f64) -> Duration {
    let full = Duration::from_secs(1 << attempts.saturating_sub(1).min(11)).min(Duration::from_secs(1800));
    full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// How this box speaks to Apple, as an administrator entered it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApnsSettings {
    /// `production`, `sandbox` or an https origin.
    pub endpoint: String,
    /// The bundle id of the app.
    pub topic: String,
    /// How the box proves whose app it pushes to.
    pub auth: ApnsAuth,
    /// PEM certificates to trust in place of the public authorities.
    pub trust_anchors_pem: Option<String>,
}

/// How the box proves to Apple whose app it pushes to.
#[derive(Clone, PartialEq, Eq)]
pub enum ApnsAuth {
    /// A signing key, from which a token is made every hour.
    Token {
        /// Ten letters and digits.
        team_id: String,
        /// Ten letters and digits.
        key_id: String,
        /// PKCS#8 in PEM. A secret.
        key_pem: String,
    },
    /// A client certificate.
    Certificate {
        /// The certificate, then those that vouch for it, in PEM.
        chain_pem: String,
        /// Its key in PEM. A secret.
        key_pem: String,
    },
}

impl std::fmt::Debug for ApnsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApnsSettings")
            .field("endpoint", &self.endpoint)
            .field("topic", &self.topic)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ApnsAuth {
    /// Names the kind and what is public of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token { team_id, key_id, .. } => f
                .debug_struct("Token")
                .field("team_id", team_id)
                .field("key_id", key_id)
                .finish_non_exhaustive(),
            Self::Certificate { .. } => f.debug_struct("Certificate").finish_non_exhaustive(),
        }
    }
}

/// What a person who asked for a test notification is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// Whether the provider took it.
    pub accepted: bool,
    /// The provider's word; empty when it took it.
    pub reason: String,
}

/// A service that is left alone for a while because it does not answer, or refuses everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The name of its provider, or its origin.
    pub service: String,
    /// When that began.
    pub since: Timestamp,
    /// What it said last, or what failed on the way.
    pub reason: String,
}

/// One step in the life of a notification, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerStep {
    /// When.
    pub at: Timestamp,
    /// For whose device.
    pub person: SipUri,
    /// What the notification is about: its collapse id, such as `message-42`.
    pub about: String,
    /// The message, where it is about one.
    pub message: Option<MessageId>,
    /// The service that it goes to: a provider, or for Web Push where the service is.
    pub service: String,
    /// What happened.
    pub step: StepName,
    /// The provider's word, or which attempt it was.
    pub detail: String,
}

/// The steps that the ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepName {
    /// Written with the message's own transaction.
    Queued,
    /// Handed to the provider; the answer is not known yet.
    Sent,
    /// The provider took it.
    Accepted,
    /// The provider refused; it is tried again.
    Postponed,
    /// The provider refused it for good.
    Refused,
    /// It was not worth delivering any more.
    Expired,
    /// Given up: after the last attempt, or because the device may not be woken any more.
    GivenUp,
    /// The person read the message before the notification left.
    Unneeded,
    /// The device acknowledged the message.
    Opened,
}

/// The text names no step that the ledger knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a step of a notification")]
pub struct UnknownStep(String);

impl FromStr for StepName {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        let found = Self::ALL.into_iter().find(|step| step.as_str() == text);
        found.ok_or_else(|| UnknownStep(text.chars().take(32).collect()))
    }
}

impl StepName {
    const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sent,
        Self::Accepted,
        Self::Postponed,
        Self::Refused,
        Self::Expired,
        Self::GivenUp,
        Self::Unneeded,
        Self::Opened,
    ];

    /// Whether nothing comes after it, but for [`Self::Opened`] after [`Self::Accepted`]. Each [`Self::Queued`] ends in
    /// one of these.
    pub fn is_last(self) -> bool {
        match self {
            Self::Queued | Self::Sent | Self::Postponed | Self::Opened => false,
            Self::Accepted | Self::Refused | Self::Expired | Self::GivenUp | Self::Unneeded => true,
        }
    }

    /// The name in the store and the admin API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Postponed => "postponed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::GivenUp => "given-up",
            Self::Unneeded => "unneeded",
            Self::Opened => "opened",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);
    const LATER: Timestamp = Timestamp::from_millis(2_000_000_000);

    #[test]
    fn retries_back_off_to_half_an_hour() {
        let retry = Outcome::Retry { reason: "ServiceUnavailable".into(), after: None };
        let at = |attempts| next(&retry, attempts, LATER, NOW, 1.0);
        assert_eq!(at(1), Next::DueAt(NOW + Duration::from_secs(1)));
        assert_eq!(at(5), Next::DueAt(NOW + Duration::from_secs(16)));
        assert_eq!(at(12), Next::DueAt(NOW + Duration::from_secs(1800)));
        assert_eq!(at(200), at(12));
    }

    #[test]
    fn a_provider_that_asks_for_more_time_gets_it() {
        let retry = Outcome::Retry { reason: "TooManyRequests".into(), after: Some(Duration::from_secs(60)) };
        assert_eq!(next(&retry, 1, LATER, NOW, 0.0), Next::DueAt(NOW + Duration::from_secs(60)));
        let year =
            Outcome::Retry { reason: "TooManyRequests".into(), after: Some(Duration::from_secs(31_536_000)) };
        assert_eq!(next(&year, 1, LATER, NOW, 0.0), Next::DueAt(NOW + LONGEST_PAUSE));
    }

    #[test]
    fn nothing_is_offered_after_its_expiry() {
        let retry = Outcome::Retry { reason: "x".into(), after: None };
        assert_eq!(next(&retry, 1, NOW, NOW, 1.0), Next::Expired);
    }

    #[test]
    fn what_is_ours_to_fix_is_kept() {
        let ours = Outcome::OursToFix { reason: "InvalidProviderToken".into() };
        assert!(matches!(next(&ours, 40, LATER, NOW, 0.0), Next::DueAt(_)));
    }
}
