//! What became of a message for those to whom it was said, device by device. Nothing of what it says is in it.

use std::fmt;

use crate::{
    DeviceId, SipUri, Timestamp,
    push::{NotWoken, StepName},
};

/// The story of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Who said it.
    pub from: SipUri,
    /// When.
    pub sent_at: Timestamp,
    /// To whom.
    pub people: Vec<PersonStory>,
}

/// What became of it for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonStory {
    /// Who.
    pub person: SipUri,
    /// When the first of their devices had it.
    pub fetched_at: Option<Timestamp>,
    /// Which that was; `None` also for what was fetched before the box kept that.
    pub fetched_by: Option<(DeviceId, String)>,
    /// Their devices that are signed in, or were to be woken.
    pub devices: Vec<DeviceStory>,
}

/// What became of it on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceStory {
    /// Which.
    pub device: DeviceId,
    /// What its person calls it.
    pub name: String,
    /// Since when it is signed in.
    pub signed_in_since: Option<Timestamp>,
    /// When it slept and was not woken, and why.
    pub not_woken: Option<(Timestamp, NotWoken)>,
    /// The steps of its notification, oldest first.
    pub steps: Vec<Step>,
}

/// A step of one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub step: StepName,
    /// The provider's word, or which attempt it was.
    pub detail: String,
}

/// Why nothing is known of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It was signed in and showed the message by itself.
    InUse,
    /// It has signed in again since, and what waited came with that.
    SignedInSince,
    /// It is not signed in any more.
    SignedOut,
}

impl DeviceStory {
    /// Why nothing is known of it; `None` where something is.
    pub fn silence(&self, sent_at: Timestamp) -> Option<Silence> {
        if self.not_woken.is_some() || !self.steps.is_empty() {
            return None;
        }
        Some(match self.signed_in_since {
            Some(since) if since <= sent_at => Silence::InUse,
            Some(_) => Silence::SignedInSince,
            None => Silence::SignedOut,
        })
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InUse => "somebody was using the device",
            Self::SignedInSince => "the device has signed in since, and was told then",
            Self::SignedOut => "the device is not signed in",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Timestamp = Timestamp::from_millis(1000);

    #[test]
    fn of_a_device_that_says_nothing_it_is_known_why() {
        let device = |signed_in_since| DeviceStory {
            device: DeviceId(1),
            name: "phone".into(),
            signed_in_since,
            not_woken: None,
            steps: Vec::new(),
        };
        let at = |millis| Some(Timestamp::from_millis(millis));
        assert_eq!(device(at(1000)).silence(SENT), Some(Silence::InUse));
        assert_eq!(device(at(1001)).silence(SENT), Some(Silence::SignedInSince));
        assert_eq!(device(None).silence(SENT), Some(Silence::SignedOut));
        let told = DeviceStory { not_woken: Some((SENT, NotWoken::Muted)), ..device(None) };
        assert_eq!(told.silence(SENT), None);
    }
}
