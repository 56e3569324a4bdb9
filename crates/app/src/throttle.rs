//! How often a password may be guessed.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fulmar_domain::Timestamp;

/// The time over which failures are counted, and after which they are forgotten.
pub(crate) const WINDOW: Duration = Duration::from_secs(300);
/// Failures for one name within [`WINDOW`].
const PER_NAME: u32 = 10;
/// Failures from one address within [`WINDOW`]; an office has many people behind one.
const PER_ADDRESS: u32 = 50;
/// More names and addresses than this are not remembered: the oldest go first.
const REMEMBERED: usize = 10_000;

/// Failures by name and by address. Names are counted whether or not somebody has them.
#[derive(Default)]
pub(crate) struct Throttle {
    failures: Mutex<HashMap<Key, Count>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Address(IpAddr),
}

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    since: Timestamp,
}

impl Throttle {
    /// Counts an attempt as failed, before it is known to be; [`Self::forgive`] takes that back.
    ///
    /// # Errors
    /// The time to wait, when there were too many.
    pub(crate) fn attempt(&self, name: &str, from: IpAddr, now: Timestamp) -> Result<(), Duration> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(name, from);
        for (key, limit) in &keys {
            if let Some(count) =
                failures.get(key).filter(|c| c.failures >= *limit && now.since(c.since) < WINDOW)
            {
                return Err(WINDOW.saturating_sub(now.since(count.since)));
            }
        }
        make_room(&mut failures, now);
        for (key, _) in keys {
            let count = failures.entry(key).or_insert(Count { failures: 0, since: now });
            if now.since(count.since) >= WINDOW {
                *count = Count { failures: 0, since: now };
            }
            count.failures += 1;
        }
        Ok(())
    }

    /// The attempt was none: the password was right, or could not be looked at.
    pub(crate) fn forgive(&self, name: &str, from: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in keys(name, from) {
            if let Some(count) = failures.get_mut(&key) {
                count.failures = count.failures.saturating_sub(1);
            }
        }
    }
}

fn keys(name: &str, from: IpAddr) -> [(Key, u32); 2] {
    let name = name.chars().take(320).collect::<String>().to_lowercase();
    [(Key::Name(name), PER_NAME), (Key::Address(from), PER_ADDRESS)]
}

fn make_room(failures: &mut HashMap<Key, Count>, now: Timestamp) {
    if failures.len() < REMEMBERED {
        return;
    }
    failures.retain(|_, count| now.since(count.since) < WINDOW);
    if failures.len() >= REMEMBERED {
        let mut ages: Vec<_> = failures.values().map(|count| count.since).collect();
        let median = ages.len() / 2;
        let (_, cut, _) = ages.select_nth_unstable(median);
        let cut = *cut;
        failures.retain(|_, count| count.since > cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_is_closed_after_ten_failures_from_anywhere() {
        let throttle = Throttle::default();
        for i in 0..10 {
            assert_eq!(throttle.attempt("anna@office.test", address(i), NOW), Ok(()));
        }
        let later = NOW + Duration::from_secs(100);
        let wait = throttle.attempt("Anna@Office.test", address(99), later);
        assert_eq!(wait, Err(Duration::from_secs(200)));
        assert_eq!(throttle.attempt("ben@office.test", address(1), later), Ok(()));
        assert_eq!(throttle.attempt("anna@office.test", address(99), NOW + WINDOW), Ok(()));
    }

    #[test]
    fn an_address_is_closed_after_fifty_failures_for_anybody() {
        let throttle = Throttle::default();
        for i in 0..50 {
            assert_eq!(throttle.attempt(&format!("p{i}"), address(1), NOW), Ok(()));
        }
        assert!(throttle.attempt("p51", address(1), NOW).is_err());
        assert_eq!(throttle.attempt("p51", address(2), NOW), Ok(()));
    }

    #[test]
    fn a_right_password_is_no_failure() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            assert_eq!(throttle.attempt("anna", address(1), NOW), Ok(()));
            throttle.forgive("anna", address(1));
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = Throttle::default();
        for i in 0..30_000_i64 {
            let from = IpAddr::from(std::net::Ipv6Addr::from_bits(i.unsigned_abs().into()));
            let _ = throttle.attempt(&i.to_string(), from, NOW + Duration::from_millis(i.unsigned_abs()));
        }
        assert!(throttle.failures.lock().unwrap().len() <= REMEMBERED + 2);
    }
}
