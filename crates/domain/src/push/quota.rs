//! How much a box may hand over to a clearing house.

use std::{num::NonZeroU32, time::Duration};

use crate::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How many notifications a box may hand over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// A minute, and at once.
    pub per_minute: NonZeroU32,
    /// In any 24 hours.
    pub per_day: NonZeroU32,
}

impl Default for Quota {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self { per_minute: number(600), per_day: number(20_000) }
    }
}

/// Holds so many tokens, and is filled evenly within a period.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    capacity: f64,
    per_second: f64,
    level: f64,
    at: Timestamp,
}

impl Bucket {
    /// A bucket from which `taken` are missing.
    pub fn new(capacity: NonZeroU32, period: Duration, taken: u32, now: Timestamp) -> Self {
        let capacity = f64::from(capacity.get());
        let level = (capacity - f64::from(taken)).max(0.0);
        Self { capacity, per_second: capacity / period.as_secs_f64(), level, at: now }
    }

    /// How long until there is a token; nothing where there is one.
    pub fn wait(&mut self, now: Timestamp) -> Option<Duration> {
        let gained = now.since(self.at).as_secs_f64() * self.per_second;
        self.level = (self.level + gained).min(self.capacity);
        self.at = now;
        (self.level < 1.0).then(|| Duration::from_secs_f64((1.0 - self.level) / self.per_second))
    }

    /// Takes a token, or says how long until there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        match self.wait(now) {
            Some(wait) => Err(wait),
            None => {
                self.level -= 1.0;
                Ok(())
            }
        }
    }
}

/// What a box has left of its quota.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    quota: Quota,
    minute: Bucket,
    day: Bucket,
}

impl Allowance {
    /// Of a box that has handed over so many within the last 24 hours.
    pub fn new(quota: Quota, sent: u32, now: Timestamp) -> Self {
        Self {
            quota,
            minute: Bucket::new(quota.per_minute, MINUTE, 0, now),
            day: Bucket::new(quota.per_day, DAY, sent, now),
        }
    }

    /// What it was made for; another quota takes another.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// One more, or how long until it may be.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        if let Some(wait) = self.day.wait(now) {
            return Err(wait);
        }
        self.minute.take(now)?;
        self.day.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn quota(per_minute: u32, per_day: u32) -> Quota {
        Quota { per_minute: NonZeroU32::new(per_minute).unwrap(), per_day: NonZeroU32::new(per_day).unwrap() }
    }

    #[test]
    fn a_minute_s_worth_goes_at_once_and_then_evenly() {
        let mut allowance = Allowance::new(quota(60, 1000), 0, NOW);
        assert!((0..60).all(|_| allowance.take(NOW).is_ok()));
        assert_eq!(allowance.take(NOW), Err(Duration::from_secs(1)));
        assert_eq!(allowance.take(NOW + Duration::from_secs(1)), Ok(()));
        assert!(allowance.take(NOW + Duration::from_secs(1)).is_err());
        let later = NOW + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| allowance.take(later).is_ok()).count(), 60, "no more than fits");
    }

    #[test]
    fn what_was_sent_before_a_start_counts_for_the_day() {
        let mut allowance = Allowance::new(quota(600, 24), 23, NOW);
        assert_eq!(allowance.take(NOW), Ok(()));
        assert_eq!(allowance.take(NOW), Err(Duration::from_secs(3600)));
        assert_eq!(allowance.take(NOW + Duration::from_secs(3600)), Ok(()));
        assert!(Allowance::new(quota(600, 24), 100, NOW).take(NOW).is_err());
    }

    #[test]
    fn a_clock_that_was_set_back_gives_nothing_away() {
        let mut allowance = Allowance::new(quota(1, 10), 0, NOW);
        assert_eq!(allowance.take(NOW), Ok(()));
        assert!(allowance.take(NOW - Duration::from_secs(3600)).is_err());
    }
}
