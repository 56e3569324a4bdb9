//! How failures add up, and how long they make the next attempt wait.

use std::{collections::VecDeque, fmt, net::IpAddr, time::Duration};

use fulmar_domain::{AdministratorName, SipUri, Timestamp, office::Side};

/// Failures for one person that cost nothing, by side.
const FREE_FOR_PERSON: Limits = Limits { inside: 10, outside: 5 };
/// Failures from one address that cost nothing: an office, or a home, has several people behind one.
const FREE_FROM_ADDRESS: Limits = Limits { inside: 50, outside: 20 };
/// Attempts that may be under way at a time while nothing is slowed, for one person and from one address.
const BURST_FOR_PERSON: u32 = 16;
const BURST_FROM_ADDRESS: u32 = 256;
/// The first pause; each further failure doubles it.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause: a phone inside that still has the old password must not keep its owner out.
pub(super) const LONGEST_PAUSE_INSIDE: Duration = Duration::from_secs(30);
pub(super) const LONGEST_PAUSE_OUTSIDE: Duration = Duration::from_secs(15 * 60);
/// Failures are forgotten when none came for so long.
pub(super) const MEMORY: Duration = Duration::from_secs(3600);
/// With how many others a count is shown: the addresses of a person, the persons of an address.
const SHOWN: usize = 8;
/// What stands before the name of an administrator: nobody's address has a space.
pub(super) const ADMINISTRATOR: &str = "administrator ";

struct Limits {
    inside: u32,
    outside: u32,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// What was given as the address of a person, in lower case.
    Person(String),
    Administrator(AdministratorName),
    Address(IpAddr),
}

impl Key {
    /// The spellings of one person's address are one key.
    pub(crate) fn person(name: &str) -> Self {
        let short = || name.chars().take(320).collect::<String>().to_lowercase();
        Self::Person(name.parse::<SipUri>().map_or_else(|_| short(), |uri| uri.address()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Administrator(name) => write!(f, "{ADMINISTRATOR}{name}"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// What is known of the attempts of a person or from an address.
pub(super) struct Count {
    pub(super) failures: u32,
    pub(super) under_way: u32,
    pub(super) last: Timestamp,
    pub(super) seen_with: VecDeque<String>,
}

impl Count {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { failures: 0, under_way: 0, last: now, seen_with: VecDeque::new() }
    }

    /// Forgets what is old; what is under way stays.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        if self.is_old(now) {
            *self = Self { under_way: self.under_way, ..Self::new(now) };
        }
    }

    /// Also what happened long after `now`: the clock was ahead then.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.last).max(self.last.since(now)) >= MEMORY
    }

    /// Counts a failure, and says how many there are.
    pub(super) fn fail(&mut self, with: &str, now: Timestamp) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.last = self.last.max(now);
        self.seen_with.retain(|other| other != with);
        self.seen_with.push_front(with.to_owned());
        self.seen_with.truncate(SHOWN);
        self.failures
    }

    /// How long the next attempt has to wait; `None` when it has not.
    pub(super) fn wait(&self, key: &(Key, Side), now: Timestamp) -> Option<Duration> {
        if self.is_old(now) {
            return None;
        }
        let Some(pause) = self.pause(key) else {
            let burst = match key.0 {
                Key::Person(_) | Key::Administrator(_) => BURST_FOR_PERSON,
                Key::Address(_) => BURST_FROM_ADDRESS,
            };
            return (self.under_way >= burst).then_some(FIRST_PAUSE);
        };
        // One at a time: whoever comes while another is looked at waits as if that had failed.
        let since = if self.under_way > 0 { Duration::ZERO } else { now.since(self.last) };
        pause.checked_sub(since).filter(|wait| !wait.is_zero())
    }

    /// How long after the last failure the next attempt is looked at; `None` while failures cost nothing.
    pub(super) fn pause(&self, key: &(Key, Side)) -> Option<Duration> {
        let beyond = self.failures.checked_sub(free(key))?;
        let longest = match key.1 {
            Side::Inside => LONGEST_PAUSE_INSIDE,
            Side::Outside => LONGEST_PAUSE_OUTSIDE,
        };
        Some(FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(beyond)).min(longest))
    }
}

/// How many failures cost nothing.
pub(super) fn free((key, side): &(Key, Side)) -> u32 {
    let limits = match key {
        Key::Person(_) | Key::Administrator(_) => &FREE_FOR_PERSON,
        Key::Address(_) => &FREE_FROM_ADDRESS,
    };
    match side {
        Side::Inside => limits.inside,
        Side::Outside => limits.outside,
    }
}
