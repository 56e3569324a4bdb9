//! How often a password may be guessed.
//!
//! Failures are counted for the person, or the administrator, and for the address they come from. Some are free; after those, each
//! further attempt has to wait, twice as long every time. Inside and outside count apart, so that nobody who
//! guesses from outside keeps a person out of the office; and an address from which a person has signed in is
//! not slowed by guesses from elsewhere. Names are counted whether or not somebody has them.
//!
//! An attempt that is under way counts as failed once a person or an address is slowed, so that many at a time
//! are no way around it; before that, a bounded number may be under way, as when an office comes back from a
//! power cut. All of it is in memory and bounded: a restart forgets it.

mod count;

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fulmar_domain::{AdministratorName, InvalidSipUri, SipUri, Timestamp, office::Side};

pub(crate) use count::Key;

use count::{ADMINISTRATOR, Count, free};

/// How long an address stays familiar after a sign-in from it.
const FAMILIAR: Duration = Duration::from_secs(30 * 24 * 3600);
/// More persons, addresses and familiar pairs than this are not remembered: the oldest half goes.
const REMEMBERED: usize = 10_000;

/// From where somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) address: IpAddr,
    pub(crate) side: Side,
}

/// Whose sign-ins have to wait.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Those for this person: an address of this office or not.
    Person(SipUri),
    /// Those of this administrator at the console: there is one of that name or not.
    Administrator(AdministratorName),
    /// Those from this address; of IPv6 the first 64 bits count, the others are zero.
    Address(IpAddr),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(uri) => f.write_str(&uri.address()),
            Self::Administrator(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidSipUri;

    fn from_str(text: &str) -> Result<Self, InvalidSipUri> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        text.parse().map(Self::Administrator).or_else(|_| text.parse().map(Self::Person))
    }
}

/// Sign-ins that are slowed because of wrong passwords in the last hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Whose.
    pub subject: Subject,
    /// On which side.
    pub side: Side,
    /// How many attempts failed.
    pub failures: u32,
    /// When the last one did.
    pub last_failure: Timestamp,
    /// Before that, no attempt is looked at; may have passed.
    pub until: Timestamp,
    /// From which addresses they came, or for whom, the latest first; eight at most.
    pub seen_with: Vec<String>,
}

/// Failures by person and by address. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Throttle {
    state: Arc<Mutex<State>>,
}

/// An attempt that is under way. One that is dropped has failed.
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    keys: Vec<((Key, Side), String)>,
    familiar: (Key, IpAddr),
    at: Timestamp,
}

#[derive(Default)]
struct State {
    counts: HashMap<(Key, Side), Count>,
    /// Who has signed in from where, and when last.
    familiar: HashMap<(Key, IpAddr), Timestamp>,
}

impl Throttle {
    /// Begins an attempt to be the one of that key.
    ///
    /// # Errors
    /// The time to wait, when there were too many. Whoever does not wait makes it worse for the address.
    pub(crate) fn attempt(&self, who: Key, from: Origin, now: Timestamp) -> Result<Attempt<'_>, Duration> {
        let address = prefix(from.address);
        let person = ((who.clone(), from.side), address.to_string());
        let source = ((Key::Address(address), from.side), who.to_string());
        let familiar = (who, address);
        let mut state = self.lock();
        let keys = if state.familiar.contains_key(&familiar) { vec![source] } else { vec![person, source] };
        state.make_room(now);
        let wait = keys.iter().filter_map(|(key, _)| state.counts.get(key)?.wait(key, now)).max();
        if let Some(wait) = wait {
            for (key, with) in keys.iter().filter(|(key, _)| matches!(key.0, Key::Address(_))) {
                state.count(key, now).fail(with, now);
            }
            return Err(wait);
        }
        for (key, _) in &keys {
            state.count(key, now).under_way += 1;
        }
        Ok(Attempt { throttle: self, keys, familiar, at: now })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose attempts are slowed, the latest failure first.
    pub(crate) fn lockouts(&self, now: Timestamp) -> Vec<Lockout> {
        let state = self.lock();
        let shown = |(key, count): (&(Key, Side), &Count)| {
            let pause = count.pause(key).filter(|_| !count.is_old(now))?;
            let subject = match &key.0 {
                Key::Person(name) => Subject::Person(name.parse().ok()?),
                Key::Administrator(name) => Subject::Administrator(name.clone()),
                Key::Address(address) => Subject::Address(*address),
            };
            Some(Lockout {
                subject,
                side: key.1,
                failures: count.failures,
                last_failure: count.last,
                until: count.last + pause,
                seen_with: count.seen_with.iter().filter(|with| is_shown(with)).cloned().collect(),
            })
        };
        let mut lockouts: Vec<_> = state.counts.iter().filter_map(shown).collect();
        lockouts.sort_by_key(|lockout| std::cmp::Reverse(lockout.last_failure));
        lockouts
    }

    /// Forgets the failures of a subject on both sides; whether there were any.
    pub(crate) fn clear(&self, subject: &Subject) -> bool {
        let key = match subject {
            Subject::Person(uri) => Key::Person(uri.address()),
            Subject::Administrator(name) => Key::Administrator(name.clone()),
            Subject::Address(address) => Key::Address(prefix(*address)),
        };
        let mut state = self.lock();
        let sides = [Side::Inside, Side::Outside];
        sides.map(|side| state.counts.remove(&(key.clone(), side)).is_some()).contains(&true)
    }
}

impl Attempt<'_> {
    /// Somebody proved to be that person: guesses from elsewhere do not slow this address from now on.
    pub(crate) fn succeeded(mut self) {
        self.throttle.lock().familiar.insert(self.familiar.clone(), self.at);
        self.end(false);
    }

    /// The password could not be looked at.
    pub(crate) fn undecided(mut self) {
        self.end(false);
    }

    fn end(&mut self, failed: bool) {
        let mut state = self.throttle.lock();
        for (key, with) in self.keys.drain(..) {
            let count = state.count(&key, self.at);
            count.under_way = count.under_way.saturating_sub(1);
            if failed && count.fail(&with, self.at) == free(&key) {
                // What was given as a name may be a password in the wrong field: only addresses are logged.
                let (who, address) = &self.familiar;
                let person = Some(who.to_string()).filter(|who| is_shown(who));
                tracing::warn!(person, %address, side = ?key.1, "Sign-ins are slowed after too many wrong passwords.");
            }
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.end(true);
    }
}

impl State {
    fn count(&mut self, key: &(Key, Side), now: Timestamp) -> &mut Count {
        let count = self.counts.entry(key.clone()).or_insert_with(|| Count::new(now));
        count.forget_old(now);
        count
    }

    fn make_room(&mut self, now: Timestamp) {
        if self.counts.len() >= REMEMBERED {
            self.counts.retain(|_, count| !count.is_old(now));
            let cut = median(self.counts.values().map(|count| count.last), REMEMBERED);
            self.counts.retain(|_, count| cut.is_none_or(|cut| count.last > cut));
        }
        if self.familiar.len() >= REMEMBERED {
            self.familiar.retain(|_, last| now.since(*last) < FAMILIAR);
            let cut = median(self.familiar.values().copied(), REMEMBERED);
            self.familiar.retain(|_, last| cut.is_none_or(|cut| *last > cut));
        }
    }
}

/// Whoever has one IPv6 address has the 64 bits behind it.
fn prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Addresses of hosts and of people, and administrators; nothing else that was typed.
fn is_shown(with: &str) -> bool {
    with.parse::<IpAddr>().is_ok()
        || with.parse::<SipUri>().is_ok()
        || with.strip_prefix(ADMINISTRATOR).is_some_and(|name| name.parse::<AdministratorName>().is_ok())
}

/// The middle of `times` when there are `limit` or more of them.
fn median(times: impl Iterator<Item = Timestamp>, limit: usize) -> Option<Timestamp> {
    let mut times: Vec<_> = times.collect();
    let middle = times.len() / 2;
    (times.len() >= limit).then(|| *times.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests;
