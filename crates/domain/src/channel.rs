//! Channels of events of an application of UCWA: each instance of a client has its own place in the log of the one
//! session ("UCWA reference, events").

use std::time::Duration;

use crate::{event::Release, id::ChannelId, session::POLL_WAIT};

/// How long a channel may be silent until what its client has said of it is forgotten.
pub const LONG_SILENCE: Duration = Duration::from_secs(30 * 60);
/// The most channels of an application: beyond that the one that was silent longest ends.
pub const MAX_CHANNELS: u32 = 16;

/// A channel as a poll finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Row number.
    pub id: ChannelId,
    /// Up to where its client has acknowledged, or where the log begins, whichever is later.
    pub acknowledged: u64,
    /// How it is answered.
    pub pace: Pace,
    /// It was silent for [`LONG_SILENCE`] before it came to this place.
    pub resumed: bool,
}

/// How a channel is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long events of less weight wait.
    pub release: Release,
    /// How long a poll is held when nothing happens.
    pub timeout: Duration,
}

/// What a client says of it; the rest stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaceChange {
    /// How long events of medium weight wait.
    pub medium: Option<Duration>,
    /// How long events of low weight wait.
    pub low: Option<Duration>,
    /// How long a poll is held when nothing happens.
    pub timeout: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        let release = Release { medium: Duration::from_secs(5), low: Duration::from_secs(15) };
        Self { release, timeout: POLL_WAIT }
    }
}

impl Pace {
    /// The pace after a client has said that.
    #[must_use]
    pub fn after(self, change: PaceChange) -> Self {
        let Release { medium, low } = self.release;
        let release = Release { medium: change.medium.unwrap_or(medium), low: change.low.unwrap_or(low) };
        Self { release, timeout: change.timeout.unwrap_or(self.timeout) }
    }
}
