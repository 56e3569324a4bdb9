//! How much is answered by UDP to one part of the network outside, so that nobody is flooded through this box.
//!
//! A datagram's source can be forged; the answer goes to whoever has that address. Each /24 and each /56 has an
//! allowance of answers. What goes beyond is left unanswered, but for every second one, which is answered with
//! "ask by TCP": somebody who really is there asks again and gets everything.
//!
//! Memory is fixed. An allowance is a place in each of two rows, chosen by a keyed hash, and somebody is limited
//! only when both are used up: a neighbour in one row does no harm, and nobody can choose neighbours.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Instant,
};

use crate::siphash::{self, Key};

/// Answers a second for a part of the network.
const RATE: u64 = 100;
/// Answers at once, for somebody who was silent before.
const BURST: u64 = 200;
/// Places in a row; with two rows of eight bytes each: half a megabyte.
const PLACES: usize = 1 << 15;
/// Microseconds that an answer costs.
const COST: u64 = 1_000_000 / RATE;

/// Whether something is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answer,
    /// Beyond the allowance, and answered with as little as possible.
    Hint,
    /// Beyond the allowance.
    Silence,
}

/// The allowances of everybody.
pub(crate) struct Limiter {
    key: Key,
    start: Instant,
    /// For each place the time at which its allowance is whole again, in microseconds since the start.
    rows: [Box<[AtomicU64]>; 2],
    beyond: AtomicU32,
}

impl Limiter {
    pub(crate) fn new(key: Key, start: Instant) -> Self {
        let row = || (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        Self { key, start, rows: [row(), row()], beyond: AtomicU32::new(0) }
    }

    /// Takes one answer from the allowance of this source.
    pub(crate) fn take(&self, source: IpAddr, now: Instant) -> Verdict {
        let now = u64::try_from(now.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX);
        let [a, b, c, d, e, f, g, h] = siphash::hash(&self.key, &prefix(source));
        let places = [[a, b, c, d], [e, f, g, h]].map(|part| u32::from_le_bytes(part) as usize % PLACES);
        // Both rows are charged, whatever the other one says.
        let taken = [0, 1].map(|row| take(&self.rows[row][places[row]], now));
        if taken.contains(&true) {
            return Verdict::Answer;
        }
        match self.beyond.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Verdict::Hint,
            _ => Verdict::Silence,
        }
    }
}

/// What counts as one: a /24 of IPv4, a /56 of IPv6, which is what one household gets.
fn prefix(source: IpAddr) -> [u8; 8] {
    match source.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            [4, a, b, c, 0, 0, 0, 0]
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, ..] = v6.octets();
            [a, b, c, d, e, f, g, 6]
        }
    }
}

/// Whether there was something left at this place.
fn take(place: &AtomicU64, now: u64) -> bool {
    let next = |whole_at: u64| {
        let whole_at = whole_at.max(now);
        (whole_at - now <= (BURST - 1) * COST).then_some(whole_at.saturating_add(COST))
    };
    place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter() -> Limiter {
        Limiter::new([7; 16], Instant::now())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many of so many questions at once are answered.
    fn answered(limiter: &Limiter, source: &str, questions: u64, at: Duration) -> u64 {
        let (source, now) = (address(source), limiter.start + at);
        let verdicts = (0..questions).map(|_| limiter.take(source, now));
        verdicts.filter(|verdict| *verdict == Verdict::Answer).count() as u64
    }

    #[test]
    fn a_burst_is_answered_and_then_a_rate() {
        let limiter = limiter();
        let source = "198.51.100.9";
        assert_eq!(answered(&limiter, source, 1000, Duration::ZERO), BURST);
        assert_eq!(answered(&limiter, source, 1000, Duration::from_secs(1)), RATE);
        assert_eq!(answered(&limiter, source, 1000, Duration::from_secs(60)), BURST);
    }

    #[test]
    fn every_second_answer_too_many_is_a_hint() {
        let limiter = limiter();
        let source = "198.51.100.9";
        answered(&limiter, source, BURST, Duration::ZERO);
        let beyond: Vec<Verdict> = (0..100).map(|_| limiter.take(address(source), limiter.start)).collect();
        let count = |verdict| beyond.iter().filter(|one| **one == verdict).count();
        assert_eq!((count(Verdict::Hint), count(Verdict::Silence)), (50, 50));
    }

    #[test]
    fn neighbours_share_and_others_do_not() {
        let limiter = limiter();
        for (used, same, other) in [
            ("198.51.100.9", "198.51.100.200", "198.51.101.9"),
            ("198.51.100.9", "::ffff:198.51.100.1", "203.0.113.9"),
            ("2001:db8:0:4400::1", "2001:db8:0:44ff:9::9", "2001:db8:0:4500::1"),
        ] {
            answered(&limiter, used, BURST, Duration::ZERO);
            assert_eq!(answered(&limiter, same, 1, Duration::ZERO), 0, "{same}");
            assert_eq!(answered(&limiter, other, 1, Duration::ZERO), 1, "{other}");
        }
    }

    #[test]
    fn a_flood_from_many_places_does_not_silence_somebody_else() {
        let limiter = limiter();
        for third in 0..=255 {
            answered(&limiter, &format!("203.0.{third}.1"), 1000, Duration::ZERO);
        }
        let others: Vec<String> = (0..=255).map(|third| format!("192.0.{third}.1")).collect();
        let answered = others.iter().filter(|other| answered(&limiter, other, 1, Duration::ZERO) == 1);
        assert_eq!(answered.count(), others.len());
    }
}
