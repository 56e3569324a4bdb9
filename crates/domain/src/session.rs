//! The life of a session: one device, one person, from sign-in to sign-out or silence.

use std::{str::FromStr, time::Duration};

use thiserror::Error;

use crate::{AccountId, DeviceId, SessionId, Timestamp, id::EndpointId, presence::MachineState};

/// How long a session of a device that can be woken lives without a word, where the office says nothing else.
pub const EXPIRY_WITH_PUSH: Duration = Duration::from_secs(259_200);
/// How long a session of any other device lives without a word, where the office says nothing else.
pub const EXPIRY_WITHOUT_PUSH: Duration = Duration::from_secs(3_600);
/// How long a poll is held when nothing happens.
pub const POLL_WAIT: Duration = Duration::from_secs(180);
/// A foreground device that has not polled for this long is taken to sleep: one poll and half of the next.
pub const FOREGROUND_SILENCE: Duration = Duration::from_secs(270);

/// The most sessions of a person. Whoever signs in on one more device ends the session that was silent longest, if it
/// was so for [`FOREGROUND_SILENCE`]; where none was, there is no further one.
pub const MAX_SESSIONS: u32 = 8;

/// A signed-in session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The name that travels with every request.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// The device's own name.
    pub endpoint: EndpointId,
    /// Whether somebody looks at it.
    pub activity: Activity,
    /// How active it is; `None` when it has not made itself available, so that its person is not seen by it.
    pub machine_state: Option<MachineState>,
    /// Whether the device has said where it is woken.
    pub has_push: bool,
    /// When it last asked for anything, to the minute.
    pub last_seen: Timestamp,
    /// The number of its newest event.
    pub last_event: u64,
    /// Up to where its events were acknowledged; those are forgotten.
    pub acknowledged: u64,
    /// How long it lives without a word.
    pub expiry: Expiry,
}

/// How long sessions live without a word, as the office has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// On a device that can be woken (`SessionExpirationInterval`).
    pub with_push: Duration,
    /// On any other (`SessionShortExpirationInterval`).
    pub without_push: Duration,
}

impl Default for Expiry {
    fn default() -> Self {
        Self { with_push: EXPIRY_WITH_PUSH, without_push: EXPIRY_WITHOUT_PUSH }
    }
}

/// What the client says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// On the screen, with a poll held.
    Foreground,
    /// Suspended by its system: reached by push only.
    Background,
}

impl Activity {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "foreground",
            Self::Background => "background",
        }
    }
}

/// How a session ended that nobody ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// It was silent too long.
    Expired,
    /// It was silent longest when its person signed in on more devices than [`MAX_SESSIONS`].
    Displaced,
}

/// The text names no such end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an end of a session")]
pub struct UnknownEnd(String);

impl SessionEnd {
    /// The name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Displaced => "displaced",
        }
    }
}

impl FromStr for SessionEnd {
    type Err = UnknownEnd;

    fn from_str(text: &str) -> Result<Self, UnknownEnd> {
        let found = [Self::Expired, Self::Displaced].into_iter().find(|end| end.as_str() == text);
        found.ok_or_else(|| UnknownEnd(text.chars().take(32).collect()))
    }
}

impl Session {
    /// How long it lives without a word.
    pub fn lifetime(&self) -> Duration {
        if self.has_push { self.expiry.with_push } else { self.expiry.without_push }
    }

    /// Whether the session ended by silence.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.since(self.last_seen) >= self.lifetime()
    }
}
