//! What the services do with each push, as dice fall.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use fulmar_standins::{
    apns::{Behaviour as Apple, Refusal},
    web_push::Behaviour as Web,
};
use http::StatusCode;

/// How often in ten thousand.
const MOODS: [(u64, Mood); 11] = [
    (200, Mood::TooMany),
    (100, Mood::Fault),
    (100, Mood::Unavailable),
    (50, Mood::Late),
    (50, Mood::Garbage),
    (20, Mood::GoAway),
    (20, Mood::BreakOff),
    (10, Mood::Reset),
    (10, Mood::OldToken),
    (10, Mood::Silence),
    (5, Mood::VeryLate),
];
/// How many devices die at a time.
const DEATHS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    Good,
    TooMany,
    Fault,
    Unavailable,
    Late,
    VeryLate,
    Garbage,
    GoAway,
    BreakOff,
    Reset,
    OldToken,
    Silence,
    Gone,
}

/// Clones share the dice.
#[derive(Clone)]
pub(super) struct Moods(Arc<Mutex<State>>);

struct State {
    dice: u64,
    is_calm: bool,
    is_out: bool,
    /// Tokens and endpoints.
    dead: BTreeSet<String>,
    done: BTreeMap<Mood, usize>,
}

impl Moods {
    pub(super) fn new(seed: u64) -> Self {
        let (dead, done) = (BTreeSet::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(State { dice: seed, is_calm: false, is_out: false, dead, done })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// From now on all that is judged is what the services document, and who is dead.
    pub(super) fn calm(&self) {
        self.state().is_calm = true;
    }

    pub(super) fn set_outage(&self, is_out: bool) {
        self.state().is_out = is_out;
    }

    /// Some more devices have no app any more.
    pub(super) fn kill(&self, devices: &[String]) {
        let mut state = self.state();
        for _ in 0..DEATHS {
            let number = state.throw(devices.len() as u64) as usize;
            state.dead.insert(devices[number].clone());
        }
    }

    pub(super) fn dead(&self) -> BTreeSet<String> {
        self.state().dead.clone()
    }

    pub(super) fn done(&self) -> BTreeMap<Mood, usize> {
        self.state().done.clone()
    }

    pub(super) fn apple(&self, device: &str) -> Apple {
        let refuse = |status, reason| Apple::Refuse(Refusal::new(status, reason));
        match self.state().next(device) {
            Mood::Good => Apple::Judge,
            Mood::TooMany => refuse(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            Mood::Fault => refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
            Mood::Unavailable => refuse(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
            Mood::Late => Apple::AnswerLate(Duration::from_millis(500)),
            // Later than anybody waits.
            Mood::VeryLate => Apple::AnswerLate(Duration::from_secs(40)),
            Mood::Garbage => Apple::Garbage(StatusCode::BAD_GATEWAY),
            Mood::GoAway => Apple::GoAway,
            Mood::BreakOff => Apple::BreakOff,
            Mood::Reset => Apple::Close,
            Mood::OldToken => refuse(StatusCode::FORBIDDEN, "ExpiredProviderToken"),
            Mood::Silence => Apple::Silence,
            Mood::Gone => refuse(StatusCode::GONE, "Unregistered"),
        }
    }

    pub(super) fn web(&self, path: &str) -> Web {
        match self.state().next(path) {
            Mood::Good => Web::Judge,
            Mood::TooMany => Web::Answer {
                status: StatusCode::TOO_MANY_REQUESTS,
                headers: vec![("retry-after", "1".to_owned())],
                body: String::new(),
            },
            Mood::Fault => Web::answer(StatusCode::INTERNAL_SERVER_ERROR),
            Mood::Unavailable | Mood::OldToken => Web::answer(StatusCode::SERVICE_UNAVAILABLE),
            Mood::Late => Web::AnswerLate(Duration::from_millis(500)),
            Mood::VeryLate => Web::AnswerLate(Duration::from_secs(40)),
            Mood::Garbage => Web::Answer {
                status: StatusCode::BAD_GATEWAY,
                headers: vec![],
                body: "<html>\u{0}Bad gateway".repeat(1000),
            },
            Mood::GoAway => Web::GoAway,
            Mood::BreakOff | Mood::Reset => Web::Close,
            Mood::Silence => Web::Silence,
            Mood::Gone => Web::answer(StatusCode::GONE),
        }
    }
}

impl State {
    fn next(&mut self, device: &str) -> Mood {
        let mood = self.draw(device);
        *self.done.entry(mood).or_default() += 1;
        mood
    }

    fn draw(&mut self, device: &str) -> Mood {
        if self.dead.iter().any(|dead| dead.ends_with(device)) {
            return Mood::Gone;
        }
        if self.is_out {
            return Mood::Unavailable;
        }
        if self.is_calm {
            return Mood::Good;
        }
        let mut thrown = self.throw(10_000);
        for (often, mood) in MOODS {
            if thrown < often {
                return mood;
            }
            thrown -= often;
        }
        Mood::Good
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn throw(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut thrown = self.dice;
        thrown = (thrown ^ thrown >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        thrown = (thrown ^ thrown >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (thrown ^ thrown >> 31) % sides
    }
}
