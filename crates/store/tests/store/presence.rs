//! Who is there: choices, endpoints, their age, and who is told.

use std::time::Duration;

use fulmar_domain::{
    RequestId, Timestamp,
    event::{Event, Failure},
    presence::{
        AWAY_AFTER, ActivityToken, Arrival, Availability, Changed, DeviceType, INACTIVE_AFTER, Location,
        PreferredAvailability, Presence, SelfPresence,
    },
    session::{Activity, EXPIRY_WITHOUT_PUSH},
};
use fulmar_store::{Actor, Executed, NewSession, StartedSession, Store, TicketDigest};

use crate::support::{Bench, NOON, after};

fn rid(text: &str) -> RequestId {
    text.parse().unwrap()
}

fn choice(chosen: Option<PreferredAvailability>) -> SelfPresence {
    SelfPresence { chosen: Some(chosen), ..SelfPresence::default() }
}

async fn publish(bench: &Bench, actor: &Actor, presence: SelfPresence, now: Timestamp) -> Executed {
    bench.store.publish_presence(actor, None, presence, now).await.unwrap()
}

async fn seen(store: &Store, name: &str, now: Timestamp) -> Presence {
    store.presence(&format!("{name}@office.test").parse().unwrap(), now).await.unwrap().unwrap()
}

async fn follow(bench: &Bench, follower: &Actor, name: &str, now: Timestamp) {
    let people = vec![format!("{name}@office.test").parse().unwrap()];
    bench.store.subscribe_presence(follower, None, people, now).await.unwrap();
}

/// What a session is told of the presence of others, and that it has dealt with it.
async fn told(bench: &Bench, actor: &Actor, now: Timestamp) -> Vec<(Changed, Availability)> {
    let events = bench.events(actor, 0, now).await;
    let last = events.last().map_or(0, |event| event.eid);
    bench.store.acknowledge(&actor.session, last, now).await.unwrap();
    let presence = events.into_iter().filter_map(|event| match event.event {
        Event::PresenceChanged { changed, presence, .. } => Some((changed, presence.availability)),
        _ => None,
    });
    presence.collect()
}

#[tokio::test]
async fn whom_nobody_touches_is_idle_and_then_away_and_those_who_look_are_told_once() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    follow(&bench, &ben, "anna", NOON).await;
    assert_eq!(told(&bench, &ben, NOON).await, [(Changed::ALL, Availability::Online)]);
    let (idle, away) = (NOON + INACTIVE_AFTER, NOON + INACTIVE_AFTER + AWAY_AFTER);
    for (now, availability) in [(idle, Availability::IdleOnline), (away, Availability::Away)] {
        assert_eq!(seen(&bench.store, "anna", now).await.availability, availability, "before it is told");
        bench.tidy(now).await.unwrap();
        assert_eq!(told(&bench, &ben, now).await, [(Changed::AVAILABILITY, availability)]);
        bench.tidy(now + Duration::from_secs(1)).await.unwrap();
        assert_eq!(told(&bench, &ben, now).await, []);
    }
    let back = away + Duration::from_secs(60);
    bench.store.report_activity(&anna, rid("r"), back).await.unwrap();
    assert_eq!(told(&bench, &ben, back).await, [(Changed::AVAILABILITY, Availability::Online)]);
    assert_eq!(seen(&bench.store, "anna", back).await.last_active, Some(back));
}

#[tokio::test]
async fn only_what_a_person_does_shows_that_they_are_there() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let idle = NOON + INACTIVE_AFTER;
    bench.store.query_contacts(&anna, None, idle).await.unwrap();
    follow(&bench, &anna, "ben", idle).await;
    bench.store.set_activity(&anna, None, Activity::Background, idle).await.unwrap();
    bench.store.acknowledge(&anna.session, 0, idle).await.unwrap();
    assert_eq!(seen(&bench.store, "anna", idle).await.availability, Availability::IdleOnline);
    bench.store.set_activity(&anna, None, Activity::Foreground, idle).await.unwrap();
    assert_eq!(seen(&bench.store, "anna", idle).await.availability, Availability::Online);
}

#[tokio::test]
async fn the_endpoint_that_was_used_last_counts() {
    let bench = Bench::new().await;
    bench.sign_in("anna", "phone", NOON).await;
    let desk = bench.sign_in("anna", "desk", after(200)).await;
    let now = NOON + INACTIVE_AFTER;
    let anna = seen(&bench.store, "anna", now).await;
    assert_eq!((anna.availability, anna.last_active), (Availability::Online, Some(after(200))));
    bench.store.terminate_session(&desk.session, now).await.unwrap();
    assert_eq!(seen(&bench.store, "anna", now).await.availability, Availability::IdleOnline);
}

#[tokio::test]
async fn a_choice_holds_on_every_device_until_it_is_taken_back() {
    let bench = Bench::new().await;
    let phone = bench.sign_in("anna", "phone", NOON).await;
    publish(&bench, &phone, choice(Some(PreferredAvailability::Offwork)), NOON).await;
    let anna = seen(&bench.store, "anna", NOON).await;
    assert_eq!((anna.availability, anna.activity), (Availability::Away, Some(ActivityToken::OffWork)));
    let desk = bench.sign_in("anna", "desk", after(1)).await;
    bench.store.terminate_session(&phone.session, after(1)).await.unwrap();
    assert_eq!(seen(&bench.store, "anna", after(1)).await.availability, Availability::Away);
    publish(&bench, &desk, choice(None), after(2)).await;
    let anna = seen(&bench.store, "anna", after(2)).await;
    assert_eq!((anna.availability, anna.activity), (Availability::Online, None));
}

#[tokio::test]
async fn who_is_seen_as_offline_gives_no_sign_of_life() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    publish(&bench, &anna, choice(Some(PreferredAvailability::Offline)), NOON).await;
    let anna = seen(&bench.store, "anna", NOON).await;
    assert_eq!(anna.availability, Availability::Offline);
    assert_eq!((anna.last_active, anna.device_type), (None, DeviceType::Unknown));
}

#[tokio::test]
async fn what_is_not_given_stays_and_what_is_empty_is_taken_away() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let note = |text: &str| SelfPresence { note: Some(text.parse().unwrap()), ..SelfPresence::default() };
    let beach: Location = "by the beach".parse().unwrap();
    let place = SelfPresence { location: Some(beach.clone()), ..SelfPresence::default() };
    publish(&bench, &anna, note("heads down"), NOON).await;
    publish(&bench, &anna, place, NOON).await;
    let both = seen(&bench.store, "anna", NOON).await;
    assert_eq!((both.note.as_str(), &both.location), ("heads down", &beach));
    publish(&bench, &anna, note(""), NOON).await;
    let one = seen(&bench.store, "anna", NOON).await;
    assert_eq!((one.note.as_str(), &one.location), ("", &beach));
}

#[tokio::test]
async fn what_changed_adds_up_until_it_is_fetched() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    follow(&bench, &ben, "anna", NOON).await;
    told(&bench, &ben, NOON).await;
    publish(&bench, &anna, choice(Some(PreferredAvailability::Busy)), NOON).await;
    let note = SelfPresence { note: Some("x".parse().unwrap()), ..SelfPresence::default() };
    publish(&bench, &anna, note, NOON).await;
    let both = Changed { availability: true, note: true, location: false };
    assert_eq!(told(&bench, &ben, NOON).await, [(both, Availability::Busy)]);
}

#[tokio::test]
async fn a_persons_own_devices_are_told_how_they_are_seen() {
    let bench = Bench::new().await;
    let (phone, desk) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "desk", NOON).await);
    publish(&bench, &phone, choice(Some(PreferredAvailability::DoNotDisturb)), NOON).await;
    for device in [&phone, &desk] {
        let events = bench.events(device, 0, NOON).await;
        let own = events.iter().filter(|event| match &event.event {
            Event::SelfPresenceChanged { changed, presence } => {
                *changed == Changed::AVAILABILITY && presence.availability == Availability::DoNotDisturb
            }
            _ => false,
        });
        assert_eq!(own.count(), 1, "{events:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_not_available_neither_counts_nor_publishes() {
    let bench = Bench::new().await;
    let proved = bench.credentials("anna").await;
    let (account, digest) = (proved.account.id, TicketDigest::of(b"t"));
    assert!(bench.store.keep_ticket(digest, proved, after(3600)).await.unwrap());
    let new = NewSession {
        id: "s".parse().unwrap(),
        account,
        endpoint: "browser".parse().unwrap(),
        device_name: "Browser".into(),
        device_type: DeviceType::Web,
        arrival: None,
    };
    let session = new.id.clone();
    let started = bench.store.start_session(new, digest, NOON).await.unwrap();
    assert!(matches!(started, StartedSession::Started(session) if session.machine_state.is_none()));
    let anna = Actor { account, session };
    assert_eq!(seen(&bench.store, "anna", NOON).await.availability, Availability::Offline);
    let refused = Executed::Done(Err(Failure::WrongState));
    assert_eq!(publish(&bench, &anna, choice(None), NOON).await, refused);
    assert_eq!(bench.store.report_activity(&anna, None, NOON).await.unwrap(), refused);
    let soon = Arrival::new(None, Duration::from_secs(60));
    bench.store.make_available(&anna, soon, Vec::new(), NOON).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_was_wrong_for_a_while_leaves_nobody_active_for_ever() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let tomorrow = after(86_400);
    bench.store.report_activity(&anna, None, tomorrow).await.unwrap();
    follow(&bench, &ben, "anna", NOON).await;
    bench.tidy(NOON).await.unwrap();
    told(&bench, &ben, NOON).await;
    let idle = NOON + INACTIVE_AFTER;
    bench.tidy(idle).await.unwrap();
    assert_eq!(told(&bench, &ben, idle).await, [(Changed::AVAILABILITY, Availability::IdleOnline)]);
}

#[tokio::test]
async fn whose_last_session_falls_silent_is_offline() {
    let bench = Bench::new().await;
    bench.sign_in("anna", "phone", NOON).await;
    let ben = bench.sign_in("ben", "desk", after(60)).await;
    follow(&bench, &ben, "anna", after(60)).await;
    told(&bench, &ben, after(60)).await;
    let silent = NOON + EXPIRY_WITHOUT_PUSH;
    assert_eq!(seen(&bench.store, "anna", silent).await.availability, Availability::Offline);
    bench.tidy(silent).await.unwrap();
    assert_eq!(told(&bench, &ben, silent).await, [(Changed::AVAILABILITY, Availability::Offline)]);
}

#[tokio::test]
async fn a_restart_forgets_no_choice() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    publish(&bench, &anna, choice(Some(PreferredAvailability::BeRightBack)), NOON).await;
    let Bench { store, dir } = bench;
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(seen(&store, "anna", NOON).await.availability, Availability::BeRightBack);
}
