//! Who is there: what a person chose, what their endpoints show, and what others see of both.

mod preferred;
mod text;

use std::{convert::Infallible, fmt, str::FromStr, time::Duration};

use crate::Timestamp;
pub use preferred::{PreferredAvailability, UnknownAvailability};
pub use text::{InvalidLocation, InvalidNote, Location, Note};

/// How long an endpoint stays active without a sign of its person, where it says nothing else ("UCWA reference,
/// makeMeAvailable": `inactiveTimeout`).
pub const INACTIVE_AFTER: Duration = Duration::from_secs(5 * 60);
/// How long it is inactive before its person counts as away.
pub const AWAY_AFTER: Duration = Duration::from_secs(5 * 60);
/// What an endpoint may ask for instead of [`INACTIVE_AFTER`].
const INACTIVE_BOUNDS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));

/// What others see of a person, from most to least reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Availability {
    /// Ready to talk.
    Online,
    /// Ready to talk, and has not touched anything for a while.
    IdleOnline,
    /// Busy, may be interrupted.
    Busy,
    /// Busy, and has not touched anything for a while.
    IdleBusy,
    /// Must not be interrupted.
    DoNotDisturb,
    /// Back in a moment.
    BeRightBack,
    /// Not at the phone.
    Away,
    /// Not signed in.
    Offline,
}

impl Availability {
    /// What follows from a person's choice and from the most active of their endpoints, if any counts.
    ///
    /// Online and busy are only as good as what the endpoints show; every other choice is the person's word.
    pub fn of(chosen: Option<PreferredAvailability>, endpoints: Option<MachineState>) -> Self {
        use PreferredAvailability as Chosen;
        let Some(machine) = endpoints else { return Self::Offline };
        match (chosen, machine) {
            (Some(Chosen::Offline), _) => Self::Offline,
            (Some(Chosen::DoNotDisturb), _) => Self::DoNotDisturb,
            (Some(Chosen::BeRightBack), _) => Self::BeRightBack,
            (Some(Chosen::Away | Chosen::Offwork), _) | (_, MachineState::Away) => Self::Away,
            (Some(Chosen::Busy), MachineState::Active) => Self::Busy,
            (Some(Chosen::Busy), MachineState::Idle) => Self::IdleBusy,
            (Some(Chosen::Online) | None, MachineState::Active) => Self::Online,
            (Some(Chosen::Online) | None, MachineState::Idle) => Self::IdleOnline,
        }
    }

    /// The aggregate number of the published ancestor (Communicator Web Access, "availability").
    pub fn number(self) -> u16 {
        match self {
            Self::Online => 3500,
            Self::IdleOnline => 4500,
            Self::Busy => 6500,
            Self::IdleBusy => 7500,
            Self::DoNotDisturb => 9500,
            Self::BeRightBack => 12500,
            Self::Away => 15500,
            Self::Offline => 18500,
        }
    }

    /// Its name in the published successor ("UCWA reference, Availability").
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::IdleOnline => "IdleOnline",
            Self::Busy => "Busy",
            Self::IdleBusy => "IdleBusy",
            Self::DoNotDisturb => "DoNotDisturb",
            Self::BeRightBack => "BeRightBack",
            Self::Away => "Away",
            Self::Offline => "Offline",
        }
    }
}

/// What an endpoint shows of its person, from the least to the most active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MachineState {
    /// Nobody has touched it for long.
    Away,
    /// Nobody has touched it for a while.
    Idle,
    /// Somebody uses it.
    Active,
}

impl MachineState {
    /// The state of an endpoint that was last used at `last_active`. After a clock was set back it counts as used.
    pub fn of(last_active: Timestamp, inactive_after: Duration, now: Timestamp) -> Self {
        match now.since(last_active) {
            idle if idle < inactive_after => Self::Active,
            idle if idle < inactive_after + AWAY_AFTER => Self::Idle,
            _ => Self::Away,
        }
    }
}

/// How an endpoint begins to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// What its person chooses with that; what was chosen before stays where this is `None`.
    pub chosen: Option<PreferredAvailability>,
    inactive_after: Duration,
}

impl Default for Arrival {
    fn default() -> Self {
        Self { chosen: None, inactive_after: INACTIVE_AFTER }
    }
}

impl Arrival {
    /// An endpoint that is inactive after `inactive_after`, or the nearest that is allowed: a minute to a day.
    pub fn new(chosen: Option<PreferredAvailability>, inactive_after: Duration) -> Self {
        let (shortest, longest) = INACTIVE_BOUNDS;
        Self { chosen, inactive_after: inactive_after.clamp(shortest, longest) }
    }

    /// How long it stays active without a sign of its person.
    pub fn inactive_after(self) -> Duration {
        self.inactive_after
    }
}

/// What a person changes of how they are seen. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelfPresence {
    /// What they choose; `Some(None)` takes the choice back, so that the endpoints alone count.
    pub chosen: Option<Option<PreferredAvailability>>,
    /// The note, empty to take it away.
    pub note: Option<Note>,
    /// The place, empty to take it away.
    pub location: Option<Location>,
}

/// What others see of a person. A note is the person's own (type `Personal`): the box knows no other source of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// What follows from their choice and their endpoints.
    pub availability: Availability,
    /// What they do, where there is a word for it.
    pub activity: Option<ActivityToken>,
    /// Their note, empty when there is none.
    pub note: Note,
    /// Where they are, empty when they do not say.
    pub location: Location,
    /// When they last touched an endpoint that counts; `None` when they are offline.
    pub last_active: Option<Timestamp>,
    /// On what that was.
    pub device_type: DeviceType,
}

/// What somebody does beside being available or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityToken {
    /// Away because the day is over.
    OffWork,
}

impl ActivityToken {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OffWork => "off-work",
        }
    }
}

/// What an endpoint is ("UCWA reference, ContactDeviceType").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceType {
    /// A phone or tablet.
    Mobile,
    /// A program on a desk.
    Pc,
    /// A browser.
    Web,
    /// None, or something else.
    Unknown,
}

impl DeviceType {
    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "Mobile",
            Self::Pc => "PC",
            Self::Web => "Web",
            Self::Unknown => "Unknown",
        }
    }
}

impl FromStr for DeviceType {
    type Err = Infallible;

    /// What is not known is `Unknown`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let known = [Self::Mobile, Self::Pc, Self::Web].into_iter().find(|kind| kind.as_str() == text);
        Ok(known.unwrap_or(Self::Unknown))
    }
}

/// Which parts of a presence changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Availability, activity, or what they are read from.
    pub availability: bool,
    /// The note.
    pub note: bool,
    /// The place.
    pub location: bool,
}

impl Changed {
    /// Everything, as for somebody who sees it for the first time.
    pub const ALL: Self = Self { availability: true, note: true, location: true };
    /// Availability alone.
    pub const AVAILABILITY: Self = Self { availability: true, note: false, location: false };

    /// This and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            availability: self.availability || other.availability,
            note: self.note || other.note,
            location: self.location || other.location,
        }
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts =
            [(self.availability, "availability "), (self.note, "note "), (self.location, "location ")];
        parts.iter().filter(|(changed, _)| *changed).try_for_each(|(_, name)| f.write_str(name))
    }
}

impl FromStr for Changed {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let has = |name| text.split(' ').any(|part| part == name);
        Ok(Self { availability: has("availability"), note: has("note"), location: has("location") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn after(idle: Duration) -> MachineState {
        MachineState::of(NOON, INACTIVE_AFTER, NOON + idle)
    }

    #[test]
    fn an_endpoint_that_nobody_touches_is_idle_and_then_away() {
        let just_before = |limit: Duration| limit - Duration::from_millis(1);
        assert_eq!(after(just_before(INACTIVE_AFTER)), MachineState::Active);
        assert_eq!(after(INACTIVE_AFTER), MachineState::Idle);
        assert_eq!(after(just_before(INACTIVE_AFTER + AWAY_AFTER)), MachineState::Idle);
        assert_eq!(after(INACTIVE_AFTER + AWAY_AFTER), MachineState::Away);
        let set_back = NOON - Duration::from_secs(86_400);
        assert_eq!(MachineState::of(NOON, INACTIVE_AFTER, set_back), MachineState::Active);
    }

    #[test]
    fn online_and_busy_age_and_the_rest_is_the_persons_word() {
        use MachineState::{Active, Away, Idle};
        use PreferredAvailability as Chosen;
        for (chosen, seen) in [
            (None, [Availability::Online, Availability::IdleOnline, Availability::Away]),
            (Some(Chosen::Online), [Availability::Online, Availability::IdleOnline, Availability::Away]),
            (Some(Chosen::Busy), [Availability::Busy, Availability::IdleBusy, Availability::Away]),
            (Some(Chosen::DoNotDisturb), [Availability::DoNotDisturb; 3]),
            (Some(Chosen::BeRightBack), [Availability::BeRightBack; 3]),
            (Some(Chosen::Away), [Availability::Away; 3]),
            (Some(Chosen::Offwork), [Availability::Away; 3]),
            (Some(Chosen::Offline), [Availability::Offline; 3]),
        ] {
            let states = [Active, Idle, Away].map(|state| Availability::of(chosen, Some(state)));
            assert_eq!(states, seen, "{chosen:?}");
            assert_eq!(Availability::of(chosen, None), Availability::Offline);
        }
    }

    #[test]
    fn an_endpoint_is_inactive_after_a_minute_to_a_day() {
        let asked = |seconds| Arrival::new(None, Duration::from_secs(seconds)).inactive_after().as_secs();
        assert_eq!([0, 600, u64::MAX].map(asked), [60, 600, 86_400]);
    }

    #[test]
    fn parts_read_back() {
        for changed in [Changed::default(), Changed::AVAILABILITY, Changed::ALL] {
            assert_eq!(changed.to_string().parse(), Ok(changed));
        }
    }
}
