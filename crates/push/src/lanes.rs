//! How many notifications are under way at each service, and which services are left alone for a while because they do
//! not answer: one that is down keeps no place that another could use, and is asked by one notification at a time
//! whether it is back.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fulmar_domain::push::{self, Outcome};
use fulmar_store::Room;
use tokio::time::Instant;

/// Under way in all.
const TOTAL: usize = 2048;
/// Under way at a service where the box has an account.
const AT_PROVIDER: usize = 512;
/// Under way at a service that a device has chosen (Web Push).
const AT_ORIGIN: usize = 128;
/// After how many failures without a success a service is left alone.
const TRIPS_AT: u32 = 5;
/// For how long at first, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// For how long it is remembered what became of a service of which nothing more is heard: longer than a notification rests
/// at most, so that nobody waits for it then.
const MEMORY: Duration = push::LONGEST_PAUSE.saturating_mul(2);

/// A notification is under way for as long as this is there.
pub(crate) struct Place {
    _at_service: Arc<()>,
}

/// What became of a service with the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is left alone for so long.
    LeftAlone(Duration),
    /// It answers again.
    Back,
}

/// The services, by name.
#[derive(Default)]
pub(crate) struct Lanes(BTreeMap<String, Lane>);

struct Lane {
    bound: usize,
    /// Each place has a clone.
    places: Arc<()>,
    failures: u32,
    /// Since it was left alone: until when, and for how long that was.
    pause: Option<(Instant, Duration)>,
    /// When an attempt ended last.
    heard_of: Option<Instant>,
}

impl Lane {
    fn new(service: &str) -> Self {
        let bound = if service.starts_with("https:") { AT_ORIGIN } else { AT_PROVIDER };
        Self { bound, places: Arc::default(), failures: 0, pause: None, heard_of: None }
    }

    fn under_way(&self) -> usize {
        Arc::strong_count(&self.places) - 1
    }

    fn room(&self, now: Instant) -> usize {
        let bound = match self.pause {
            None => self.bound,
            Some((until, _)) if now < until => 0,
            // One asks whether it is back.
            Some(_) => 1,
        };
        bound.saturating_sub(self.under_way())
    }

    fn is_over(&self, now: Instant) -> bool {
        self.under_way() == 0 && self.heard_of.is_none_or(|at| now.duration_since(at) >= MEMORY)
    }

    fn failed(&mut self, now: Instant, jitter: f64) -> Option<Turn> {
        self.failures += 1;
        let pause = match self.pause {
            // Those that were under way when it was left alone say nothing new.
            Some((until, _)) if now < until => return None,
            Some((_, pause)) => (pause * 2).min(LONGEST_PAUSE),
            None if self.failures < TRIPS_AT => return None,
            None => FIRST_PAUSE,
        };
        self.pause = Some((now + pause.mul_f64(0.5 + jitter / 2.0), pause));
        Some(Turn::LeftAlone(pause))
    }

    fn answered(&mut self) -> Option<Turn> {
        self.failures = 0;
        self.pause.take().map(|_| Turn::Back)
    }
}

impl Lanes {
    /// Forgets services for which nothing has been for long, and says which of them were left alone.
    pub(crate) fn forget(&mut self, now: Instant) -> Vec<String> {
        let over = self.0.extract_if(.., |_, lane| lane.is_over(now));
        over.filter(|(_, lane)| lane.pause.is_some()).map(|(service, _)| service).collect()
    }

    /// For how many notifications there is a place.
    pub(crate) fn room(&mut self, now: Instant) -> Room {
        for provider in ["apns", "fcm", "wns"] {
            self.lane(provider);
        }
        let count = |places: usize| u32::try_from(places).unwrap_or(u32::MAX);
        Room {
            total: count(TOTAL.saturating_sub(self.under_way())),
            of: self.0.iter().map(|(service, lane)| (service.clone(), count(lane.room(now)))).collect(),
            others: count(AT_ORIGIN),
        }
    }

    /// When the next service that is left alone is to be asked again.
    pub(crate) fn next_question(&self, now: Instant) -> Option<Instant> {
        let waiting = self.0.values().filter_map(|lane| lane.pause.map(|(until, _)| until));
        waiting.filter(|until| *until > now).min()
    }

    /// Takes a place.
    pub(crate) fn enter(&mut self, service: &str) -> Place {
        Place { _at_service: Arc::clone(&self.lane(service).places) }
    }

    /// Learns from an attempt. `jitter` lies in 0..=1.
    pub(crate) fn ended(
        &mut self,
        service: &str,
        outcome: &Outcome,
        now: Instant,
        jitter: f64,
    ) -> Option<Turn> {
        let lane = self.lane(service);
        lane.heard_of = Some(now);
        match outcome {
            Outcome::Accepted | Outcome::Gone { .. } => lane.answered(),
            Outcome::Unavailable { .. } | Outcome::OursToFix { .. } => lane.failed(now, jitter),
            Outcome::Retry { .. } => None,
        }
    }

    fn lane(&mut self, service: &str) -> &mut Lane {
        self.0.entry(service.to_owned()).or_insert_with(|| Lane::new(service))
    }

    fn under_way(&self) -> usize {
        self.0.values().map(Lane::under_way).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: &str = "https://push.office.example";

    fn down() -> Outcome {
        Outcome::Unavailable { reason: "HTTP status 503".into(), after: None }
    }

    fn room(lanes: &mut Lanes, service: &str, now: Instant) -> u32 {
        let room = lanes.room(now);
        room.of.get(service).copied().unwrap_or(room.others)
    }

    #[test]
    fn a_service_has_its_own_places_and_gives_them_back() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        let places: Vec<_> = (0..AT_ORIGIN).map(|_| lanes.enter(OFFICE)).collect();
        assert_eq!(room(&mut lanes, OFFICE, now), 0);
        assert_eq!(room(&mut lanes, "https://other.example", now), 128);
        assert_eq!((room(&mut lanes, "apns", now), lanes.room(now).total), (512, 2048 - 128));
        drop(places);
        assert_eq!(room(&mut lanes, OFFICE, now), 128);
    }

    #[test]
    fn a_service_that_is_down_is_left_alone_and_asked_by_one_whether_it_is_back() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for _ in 1..TRIPS_AT {
            assert_eq!(lanes.ended("apns", &down(), now, 1.0), None);
            assert_eq!(room(&mut lanes, "apns", now), 512);
        }
        assert_eq!(lanes.ended("apns", &down(), now, 1.0), Some(Turn::LeftAlone(FIRST_PAUSE)));
        assert_eq!(lanes.ended("apns", &down(), now, 1.0), None, "it was under way");
        assert_eq!((room(&mut lanes, "apns", now), room(&mut lanes, "fcm", now)), (0, 512));

        let later = lanes.next_question(now).unwrap();
        assert_eq!(later, now + FIRST_PAUSE);
        assert_eq!(room(&mut lanes, "apns", later), 1);
        let place = lanes.enter("apns");
        assert_eq!(room(&mut lanes, "apns", later), 0);
        drop(place);
        assert_eq!(lanes.ended("apns", &down(), later, 1.0), Some(Turn::LeftAlone(FIRST_PAUSE * 2)));
        assert_eq!(room(&mut lanes, "apns", later), 0);
        assert_eq!(lanes.ended("apns", &Outcome::Accepted, later, 1.0), Some(Turn::Back));
        assert_eq!(room(&mut lanes, "apns", later), 512);
    }

    #[test]
    fn a_pause_is_five_minutes_at_most_and_varies_by_half() {
        let (mut lanes, mut now) = (Lanes::default(), Instant::now());
        for _ in 0..40 {
            lanes.ended("apns", &down(), now, 0.0);
            now = lanes.next_question(now).unwrap_or(now);
        }
        assert_eq!(lanes.ended("apns", &down(), now, 0.0), Some(Turn::LeftAlone(LONGEST_PAUSE)));
        assert_eq!(lanes.next_question(now), Some(now + LONGEST_PAUSE / 2));
    }

    #[test]
    fn a_service_that_nobody_waits_for_is_forgotten_and_not_shown_as_down_for_ever() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for _ in 0..TRIPS_AT {
            lanes.ended(OFFICE, &down(), now, 1.0);
        }
        lanes.ended("https://up.example", &Outcome::Accepted, now, 1.0);
        assert_eq!(lanes.forget(now + push::LONGEST_PAUSE), Vec::<String>::new());
        let place = lanes.enter(OFFICE);
        assert_eq!(lanes.forget(now + MEMORY), Vec::<String>::new(), "it is asked whether it is back");
        drop(place);
        assert_eq!(lanes.forget(now + MEMORY), [OFFICE]);
        assert_eq!(room(&mut lanes, OFFICE, now + MEMORY), 128);
        assert_eq!(lanes.0.keys().filter(|service| service.starts_with("https:")).count(), 0);
    }

    #[test]
    fn what_one_device_is_told_says_nothing_of_the_service() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        let throttled = Outcome::Retry { reason: "TooManyRequests".into(), after: None };
        for _ in 0..100 {
            assert_eq!(lanes.ended("apns", &throttled, now, 1.0), None);
        }
        for _ in 0..100 {
            lanes.ended("apns", &down(), now, 1.0);
            lanes.ended("apns", &Outcome::Gone { reason: "Unregistered".into(), since: None }, now, 1.0);
        }
        assert_eq!(room(&mut lanes, "apns", now), 512);
    }
}
