use super::{
    count::{FIRST_PAUSE, LONGEST_PAUSE_INSIDE, LONGEST_PAUSE_OUTSIDE, MEMORY},
    *,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const ANNA: &str = "anna@office.test";

fn outside(last: u8) -> Origin {
    Origin { address: IpAddr::from([203, 0, 113, last]), side: Side::Outside }
}

fn inside(last: u8) -> Origin {
    Origin { address: IpAddr::from([192, 168, 1, last]), side: Side::Inside }
}

/// A wrong password; the time to wait when it is not looked at.
fn fail(throttle: &Throttle, name: &str, from: Origin, now: Timestamp) -> Option<Duration> {
    throttle.attempt(Key::person(name), from, now).map(drop).err()
}

fn succeed(throttle: &Throttle, name: &str, from: Origin, now: Timestamp) {
    throttle.attempt(Key::person(name), from, now).ok().unwrap().succeeded();
}

/// Fails so often, waiting each time as long as is asked; returns when it ends.
fn guess(throttle: &Throttle, name: &str, from: Origin, times: u32) -> Timestamp {
    guess_from(NOW, throttle, name, from, times)
}

fn guess_from(mut now: Timestamp, throttle: &Throttle, name: &str, from: Origin, times: u32) -> Timestamp {
    for _ in 0..times {
        if let Some(wait) = fail(throttle, name, from, now) {
            now = now + wait;
            assert_eq!(fail(throttle, name, from, now), None);
        }
    }
    now
}

#[test]
fn each_wrong_password_beyond_the_free_ones_doubles_the_wait() {
    let throttle = Throttle::default();
    for _ in 0..5 {
        assert_eq!(fail(&throttle, ANNA, outside(1), NOW), None);
    }
    for (second, wait) in [(0, 1), (1, 2), (3, 4), (7, 8)] {
        let now = NOW + Duration::from_secs(second);
        assert_eq!(fail(&throttle, ANNA, outside(9), now), Some(Duration::from_secs(wait)));
        let now = now + Duration::from_secs(wait);
        assert_eq!(fail(&throttle, "SIP:Anna@Office.test", outside(2), now), None);
    }
}

#[test]
fn twenty_wrong_passwords_from_outside_slow_that_address_and_person_and_nobody_else() {
    let throttle = Throttle::default();
    let now = guess(&throttle, ANNA, outside(1), 20);
    assert!(fail(&throttle, ANNA, outside(2), now).is_some(), "the person, from outside");
    assert!(fail(&throttle, "ben@office.test", outside(1), now).is_some(), "the address");
    assert_eq!(fail(&throttle, "ben@office.test", outside(2), now), None);
    assert_eq!(fail(&throttle, ANNA, inside(1), now), None, "the person, from inside");
}

#[test]
fn who_does_not_wait_makes_it_worse_for_the_address_only() {
    let throttle = Throttle::default();
    for _ in 0..20 {
        fail(&throttle, ANNA, outside(1), NOW);
    }
    let later = NOW + Duration::from_secs(1);
    assert!(fail(&throttle, "ben@office.test", outside(1), NOW).is_some());
    assert_eq!(fail(&throttle, ANNA, outside(2), later), None);
}

#[test]
fn an_address_that_a_person_signs_in_from_is_not_slowed_by_guesses_from_elsewhere() {
    let throttle = Throttle::default();
    succeed(&throttle, ANNA, outside(7), NOW);
    let now = guess(&throttle, ANNA, outside(1), 20);
    assert!(fail(&throttle, ANNA, outside(8), now).is_some());
    assert_eq!(fail(&throttle, ANNA, outside(7), now), None);
}

#[test]
fn waits_are_bounded_and_shorter_inside() {
    let throttle = Throttle::default();
    let now = guess(&throttle, ANNA, outside(1), 40);
    assert_eq!(fail(&throttle, ANNA, outside(2), now), Some(LONGEST_PAUSE_OUTSIDE));
    let now = guess(&throttle, ANNA, inside(1), 40);
    assert_eq!(fail(&throttle, ANNA, inside(2), now), Some(LONGEST_PAUSE_INSIDE));
}

#[test]
fn failures_are_forgotten_after_an_hour_of_quiet() {
    let throttle = Throttle::default();
    let now = guess(&throttle, ANNA, outside(1), 8) + MEMORY;
    for _ in 0..5 {
        assert_eq!(fail(&throttle, ANNA, outside(1), now), None);
    }
    assert!(fail(&throttle, ANNA, outside(1), now).is_some());
}

#[test]
fn a_clock_that_was_ahead_keeps_nobody_out() {
    let throttle = Throttle::default();
    guess_from(NOW + 24 * MEMORY, &throttle, ANNA, outside(1), 20);
    assert_eq!(fail(&throttle, ANNA, outside(1), NOW), None);
}

#[test]
fn a_right_password_is_no_failure() {
    let throttle = Throttle::default();
    for _ in 0..100 {
        succeed(&throttle, ANNA, outside(1), NOW);
    }
}

#[test]
fn many_may_sign_in_at_once_until_somebody_is_slowed() {
    let throttle = Throttle::default();
    let begin = |name: &str, now| throttle.attempt(Key::person(name), outside(1), now);
    let office: Vec<_> = (0..100).map(|i| begin(&format!("p{i}@office.test"), NOW).ok().unwrap()).collect();
    office.into_iter().for_each(Attempt::succeeded);
    let hers: Vec<_> = (0..16).map(|_| begin(ANNA, NOW).ok().unwrap()).collect();
    assert_eq!(begin(ANNA, NOW).err(), Some(FIRST_PAUSE), "a seventeenth at a time");
    drop(hers);
    let later = NOW + LONGEST_PAUSE_OUTSIDE;
    let one = throttle.attempt(Key::person(ANNA), outside(2), later).ok().unwrap();
    assert_eq!(fail(&throttle, ANNA, outside(3), later), Some(LONGEST_PAUSE_OUTSIDE), "one at a time");
    one.undecided();
    assert_eq!(fail(&throttle, ANNA, outside(3), later), None);
}

#[test]
fn an_administrator_sees_who_is_slowed_and_from_where_and_can_end_it() {
    let throttle = Throttle::default();
    // A password in the wrong field is not shown.
    fail(&throttle, "hunter2", outside(1), NOW);
    let now = guess(&throttle, ANNA, outside(1), 6);
    let lockouts = throttle.lockouts(now);
    let [person] = lockouts.as_slice() else { panic!("{lockouts:?}") };
    assert_eq!(person.subject, Subject::Person(ANNA.parse().unwrap()));
    assert_eq!((person.failures, person.side), (6, Side::Outside));
    assert_eq!(person.seen_with, ["203.0.113.1"]);
    assert_eq!(person.until, now + Duration::from_secs(2));
    assert_eq!(throttle.lockouts(now + MEMORY / 2), lockouts, "also when the wait is over");
    assert!(throttle.lockouts(now + MEMORY).is_empty());
    let now = guess_from(now, &throttle, ANNA, outside(1), 20);
    let address = Subject::Address(outside(1).address);
    let lockout = throttle.lockouts(now).into_iter().find(|lockout| lockout.subject == address);
    assert_eq!(lockout.unwrap().seen_with, [ANNA]);
    assert!(throttle.clear(&person.subject) && throttle.clear(&address));
    assert!(throttle.lockouts(now).is_empty() && !throttle.clear(&address));
    assert_eq!(fail(&throttle, ANNA, outside(1), now), None);
}

#[test]
fn an_administrator_is_slowed_apart_from_people() {
    let throttle = Throttle::default();
    let marie = "marie".parse::<AdministratorName>().unwrap();
    for i in 0..6 {
        drop(throttle.attempt(Key::Administrator(marie.clone()), outside(i), NOW));
    }
    assert_eq!(fail(&throttle, "marie", outside(9), NOW), None, "a person, or what was typed as one");
    let [lockout] = &throttle.lockouts(NOW)[..] else { panic!("{:?}", throttle.lockouts(NOW)) };
    assert_eq!(lockout.subject, Subject::Administrator(marie));
    assert!(throttle.clear(&lockout.subject));
}

#[test]
fn neighbours_in_one_ipv6_network_are_one_address() {
    let throttle = Throttle::default();
    let from = |text: &str| Origin { address: text.parse().unwrap(), side: Side::Outside };
    for i in 0..20 {
        fail(&throttle, &format!("p{i}@office.test"), from(&format!("2001:db8::{i}")), NOW);
    }
    assert!(fail(&throttle, ANNA, from("2001:db8::ffff:1"), NOW).is_some());
    assert_eq!(fail(&throttle, ANNA, from("2001:db8:0:1::1"), NOW), None);
}

#[test]
fn what_is_remembered_is_bounded() {
    let throttle = Throttle::default();
    for i in 0..30_000_u64 {
        let address = IpAddr::from(Ipv6Addr::from_bits(u128::from(i) << 64));
        let (from, now) = (Origin { address, side: Side::Outside }, NOW + Duration::from_millis(i));
        fail(&throttle, &i.to_string(), from, now);
        let name = format!("p{i}@office.test");
        succeed(&throttle, &name, Origin { address: (i as u32).to_be_bytes().into(), ..from }, now);
    }
    let state = throttle.lock();
    assert!(state.counts.len() <= REMEMBERED + 2 && state.familiar.len() <= REMEMBERED + 2);
}
