//! When a public authority is asked.

use std::{collections::BTreeSet, time::Duration};

use crate::{DnsName, Timestamp};

/// 2026-01-01T00:00:00Z, before this rule was written: a clock that shows less is wrong, and so would be what
/// it says of certificates.
pub const EARLIEST: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The first pause after a failure; it doubles.
const FIRST_RETRY: Duration = Duration::from_secs(60);
/// The longest pause. Public authorities take five failures an hour for a name, and so many only in the first.
const LONGEST_RETRY: Duration = Duration::from_secs(12 * 3600);

/// The certificate that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it is for, as it stands in it.
    pub names: BTreeSet<String>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// What went wrong since the last certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How often.
    pub count: u32,
    /// When last, and why.
    pub last: Option<(Timestamp, String)>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask now.
    Order(Reason),
    /// Ask then, or look again.
    Wait(Timestamp),
    /// The clock is wrong: nobody is asked before it is right.
    WrongClock,
}

/// Why a certificate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is none.
    None,
    /// The names of the office are others than those in it.
    Names,
    /// A third of its life or less is left.
    Age,
    /// An administrator wants it.
    Asked,
}

/// Whether to ask for a certificate for `wanted`. `jitter` (0 to 1) keeps many boxes from asking at once.
pub fn next_order(
    now: Timestamp,
    wanted: &BTreeSet<DnsName>,
    held: Option<&Held>,
    failures: &Failures,
    asked: bool,
    jitter: f64,
) -> Next {
    if now < EARLIEST {
        return Next::WrongClock;
    }
    let reason = match held {
        _ if asked => Reason::Asked,
        None => Reason::None,
        Some(held) if !is_for(held, wanted) => Reason::Names,
        Some(held) if now >= renew_at(held) => Reason::Age,
        Some(held) => return Next::Wait(renew_at(held)),
    };
    match failures.last {
        Some((at, _)) if failures.count > 0 => {
            let due = at + retry_after(failures.count, jitter);
            // A failure that lies ahead was noted by a clock that was wrong.
            if due <= now || at > now { Next::Order(reason) } else { Next::Wait(due) }
        }
        _ => Next::Order(reason),
    }
}

/// How long after so many failures in a row it is tried again: a minute, then twice as long each time up to
/// twelve hours, between three and five quarters of that.
pub fn retry_after(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_RETRY).mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// When a third of its life is left.
fn renew_at(held: &Held) -> Timestamp {
    held.not_after - held.not_after.since(held.not_before) / 3
}

fn is_for(held: &Held, wanted: &BTreeSet<DnsName>) -> bool {
    held.names.len() == wanted.len() && wanted.iter().all(|name| held.names.contains(name.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn wanted() -> BTreeSet<DnsName> {
        ["web.office.test", "sip.office.test"].map(|name| name.parse().unwrap()).into()
    }

    fn held() -> Held {
        let names = wanted().iter().map(ToString::to_string).collect();
        Held { names, not_before: NOW, not_after: NOW + 90 * DAY }
    }

    fn next(now: Timestamp, held: Option<&Held>, failures: &Failures) -> Next {
        next_order(now, &wanted(), held, failures, false, 0.5)
    }

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let (held, none) = (held(), Failures::default());
        assert_eq!(next(NOW, Some(&held), &none), Next::Wait(NOW + 60 * DAY));
        assert_eq!(next(NOW + 60 * DAY, Some(&held), &none), Next::Order(Reason::Age));
        assert_eq!(next(NOW, None, &none), Next::Order(Reason::None));
    }

    #[test]
    fn other_names_are_asked_for_at_once() {
        let mut other = held();
        other.names.insert("more.office.test".into());
        assert_eq!(next(NOW, Some(&other), &Failures::default()), Next::Order(Reason::Names));
        other.names.remove("more.office.test");
        other.names.remove("web.office.test");
        assert_eq!(next(NOW, Some(&other), &Failures::default()), Next::Order(Reason::Names));
    }

    #[test]
    fn a_clock_that_is_far_behind_asks_nobody() {
        let then = Timestamp::from_millis(3_600_000);
        assert_eq!(next(then, None, &Failures::default()), Next::WrongClock);
        assert_eq!(next_order(then, &wanted(), None, &Failures::default(), true, 0.0), Next::WrongClock);
    }

    #[test]
    fn after_a_failure_it_is_tried_again_later_and_later() {
        let failed = |count| Failures { count, last: Some((NOW, "no".into())) };
        assert_eq!(next(NOW, None, &failed(1)), Next::Wait(NOW + Duration::from_secs(60)));
        assert_eq!(next(NOW, None, &failed(3)), Next::Wait(NOW + Duration::from_secs(240)));
        assert_eq!(next(NOW + Duration::from_secs(60), None, &failed(1)), Next::Order(Reason::None));
        let before = NOW - DAY;
        assert_eq!(next(before, None, &failed(9)), Next::Order(Reason::None), "the clock was set back");
    }

    proptest! {
        #[test]
        fn the_pause_is_never_shorter_than_45_seconds_nor_longer_than_15_hours(
            failures in 0_u32.., jitter in -1.0_f64..2.0,
        ) {
            let pause = retry_after(failures, jitter);
            prop_assert!(pause >= Duration::from_secs(45) && pause <= Duration::from_secs(15 * 3600));
        }
    }
}
