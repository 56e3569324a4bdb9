//! Sessions, conversations and what waits in them.

use std::{sync::Arc, time::Duration};

use fulmar_domain::{
    Office, RequestId, Timestamp,
    conversation::{Participation, Step},
    event::{Event, Failure},
    invitation::DeclineReason,
    office::OfficeIntent,
    presence::{Arrival, Availability, DeviceType, PreferredAvailability, SelfPresence},
    session::{Activity, EXPIRY_WITHOUT_PUSH},
};
use fulmar_store::{Actor, Executed, Homing, NewSession, OfficeChange, Said, StartedSession, TicketDigest};
use tokio::{sync::Notify, time::timeout};

use crate::support::{Bench, NOON, after, opening, said};

fn rid(text: &str) -> RequestId {
    text.parse().unwrap()
}

async fn invite(bench: &Bench, from: &Actor, to: &str, name: &str, first: Option<(&str, &str)>) -> Executed {
    let opening = opening(name, to, first.map(|(id, text)| said(id, text)));
    bench.store.open_conversation(from, rid("open"), opening, NOON).await.unwrap()
}

fn failure(events: &[fulmar_domain::event::Numbered]) -> Option<Failure> {
    events.iter().rev().find_map(|e| match e.event {
        Event::RequestFailed { failure, .. } => Some(failure),
        _ => None,
    })
}

#[tokio::test]
async fn a_message_waits_until_it_is_acknowledged_and_its_sender_is_told() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", Some(("m1", "lunch?"))).await;

    assert_eq!(bench.texts(&anna, NOON).await, ["lunch?"]);
    assert_eq!(bench.texts(&anna, NOON).await, ["lunch?"], "a poll with an old acknowledgement replays");
    let last = bench.events(&anna, 0, NOON).await.last().unwrap().eid;
    assert!(bench.store.acknowledge(&anna.session, last, NOON).await.unwrap());
    assert_eq!(bench.texts(&anna, NOON).await, Vec::<String>::new());

    let told = bench.events(&ben, 0, NOON).await;
    let delivered = told.iter().find(|e| matches!(e.event, Event::MessageDelivered { .. }));
    let Event::MessageDelivered { client_id, to, .. } = &delivered.unwrap().event else { unreachable!() };
    assert_eq!((client_id.as_str(), to.address().as_str()), ("m1", "anna@office.test"));
}

#[tokio::test]
async fn an_acknowledgement_beyond_the_newest_event_acknowledges_nothing() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", Some(("m1", "hello"))).await;
    bench.store.acknowledge(&anna.session, 4000, NOON).await.unwrap();
    assert_eq!(bench.texts(&anna, NOON).await, ["hello"]);
}

#[tokio::test]
async fn an_acknowledgement_that_changes_nothing_does_not_wait_for_the_writer() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", Some(("m1", "hello"))).await;
    let blocker = rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let moment = Duration::from_millis(500);
    let acknowledge = |ack, now| timeout(moment, bench.store.acknowledge(&anna.session, ack, now));
    for ack in [0, 4000] {
        assert!(acknowledge(ack, after(59)).await.unwrap().unwrap(), "{ack}");
    }
    assert!(acknowledge(1, NOON).await.is_err(), "an event is forgotten");
    assert!(acknowledge(0, after(60)).await.is_err(), "the session was heard of");
    blocker.execute_batch("ROLLBACK").unwrap();
}

#[tokio::test]
async fn sending_the_same_message_again_is_the_same_message() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", Some(("m1", "one"))).await;
    invite(&bench, &ben, "anna", "c2", Some(("m1", "one"))).await;
    for _ in 0..3 {
        bench.store.say(&ben, rid("r"), "c1".parse().unwrap(), said("m2", "two"), NOON).await.unwrap();
    }
    assert_eq!(bench.texts(&anna, NOON).await, ["one", "two"]);
}

#[tokio::test]
async fn what_was_not_fetched_is_in_the_next_session_of_the_device() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", Some(("m1", "are you there?"))).await;
    let first = bench.sign_in("anna", "phone", NOON).await;
    assert_eq!(bench.texts(&first, NOON).await, ["are you there?"]);
    let second = bench.sign_in("anna", "phone", after(5)).await;
    assert!(bench.store.session(&first.session, after(5)).await.unwrap().is_none());
    assert_eq!(bench.texts(&second, after(5)).await, ["are you there?"]);
    let events = bench.events(&second, 0, after(5)).await;
    assert!(matches!(events[0].event, Event::Invited { .. }), "{events:?}");
}

#[tokio::test]
async fn a_decline_is_told_and_ends_what_can_be_said() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", None).await;
    let c1 = || "c1".parse().unwrap();
    bench
        .store
        .step_conversation(&anna, rid("no"), c1(), Step::Decline(DeclineReason::Local), NOON)
        .await
        .unwrap();
    let told = bench.events(&ben, 0, NOON).await;
    let declined = told
        .iter()
        .any(|e| matches!(e.event, Event::ParticipantChanged { participation: Participation::Declined, .. }));
    assert!(declined, "{told:?}");
    bench.store.say(&ben, rid("r"), c1(), said("m", "but"), NOON).await.unwrap();
    assert_eq!(failure(&bench.events(&ben, 0, NOON).await), Some(Failure::WrongState));
    assert_eq!(bench.texts(&anna, NOON).await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_speaks_in_a_conversation_of_others() {
    let bench = Bench::new().await;
    let (ben, carla) = (bench.sign_in("ben", "desk", NOON).await, bench.sign_in("carla", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", None).await;
    bench.store.say(&carla, rid("r"), "c1".parse().unwrap(), said("m", "hi"), NOON).await.unwrap();
    assert_eq!(failure(&bench.events(&carla, 0, NOON).await), Some(Failure::NoSuchConversation));
}

#[tokio::test]
async fn a_disabled_person_is_nobody() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    bench.store.set_disabled("anna@office.test".parse().unwrap(), true, NOON).await.unwrap();
    assert!(bench.store.session(&anna.session, NOON).await.unwrap().is_none());
    invite(&bench, &ben, "anna", "c1", Some(("m", "x"))).await;
    assert_eq!(failure(&bench.events(&ben, 0, NOON).await), Some(Failure::NoSuchPerson));
}

#[tokio::test]
async fn who_is_at_home_elsewhere_is_nobody_here_until_they_come_home() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let uri: fulmar_domain::SipUri = "anna@office.test".parse().unwrap();
    let home = async |url: &str| {
        let home = (url != "here").then(|| url.parse().unwrap());
        bench.store.set_home(uri.clone(), home, NOON).await.unwrap()
    };
    assert_eq!(home("https://web.office.test:8443/root").await, Homing::OwnHost);
    assert!(bench.store.session(&anna.session, NOON).await.unwrap().is_some());
    assert_eq!(home("https://pool2.office.test/root").await, Homing::Done);
    assert_eq!(
        bench.credentials("anna").await.account.homed_at,
        Some("https://pool2.office.test/root".parse().unwrap())
    );
    assert!(bench.store.session(&anna.session, NOON).await.unwrap().is_none());
    invite(&bench, &ben, "anna", "c1", Some(("m", "x"))).await;
    assert_eq!(failure(&bench.events(&ben, 0, NOON).await), Some(Failure::NoSuchPerson));
    let becomes_ours = OfficeIntent {
        web_host: "pool2".parse().unwrap(),
        ..crate::support::office(&["office.test"]).intent().clone()
    };
    let refused = bench.store.set_office(Office::new(becomes_ours, NOON).unwrap()).await.unwrap();
    assert_eq!(refused, OfficeChange::PeopleHomedAt("pool2.office.test".parse().unwrap()));
    assert_eq!(home("here").await, Homing::Done);
    bench.sign_in("anna", "phone", NOON).await;
    let nobody = "nobody@office.test".parse().unwrap();
    assert_eq!(bench.store.set_home(nobody, None, NOON).await.unwrap(), Homing::NoSuchPerson);
}

#[tokio::test]
async fn presence_is_told_to_those_who_follow_and_only_the_latest() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let people = vec!["anna@office.test".parse().unwrap()];
    bench.store.subscribe_presence(&ben, rid("s"), people, NOON).await.unwrap();
    let publish = async |chosen| {
        let presence = SelfPresence { chosen: Some(Some(chosen)), ..SelfPresence::default() };
        bench.store.publish_presence(&anna, rid("p"), presence, NOON).await.unwrap();
    };
    for chosen in [PreferredAvailability::Away, PreferredAvailability::Busy] {
        publish(chosen).await;
    }
    let heard = |events: Vec<fulmar_domain::event::Numbered>| -> Vec<Availability> {
        let presence = events.into_iter().filter_map(|e| match e.event {
            Event::PresenceChanged { presence, .. } => Some(presence.availability),
            _ => None,
        });
        presence.collect()
    };
    assert_eq!(heard(bench.events(&ben, 0, NOON).await), [Availability::Busy]);
    bench.store.set_activity(&ben, rid("b"), Activity::Background, NOON).await.unwrap();
    publish(PreferredAvailability::Away).await;
    assert_eq!(heard(bench.events(&ben, 0, NOON).await), []);
}

#[tokio::test]
async fn following_somebody_unknown_follows_nobody() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    let people = vec!["anna@office.test".parse().unwrap(), "nobody@office.test".parse().unwrap()];
    bench.store.subscribe_presence(&ben, rid("s"), people, NOON).await.unwrap();
    let events = bench.events(&ben, 0, NOON).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(failure(&events), Some(Failure::NoSuchPerson));
}

#[tokio::test]
async fn a_silent_session_ends() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let later = NOON + EXPIRY_WITHOUT_PUSH;
    assert!(bench.store.inbox(&anna.session, 0, later).await.unwrap().is_none());
    bench.tidy(later).await.unwrap();
    assert!(bench.store.sessions().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_ticket_belongs_to_the_device_that_used_it_first() {
    let bench = Bench::new().await;
    let credentials = bench.credentials("anna").await;
    let account = credentials.account.id;
    let digest = TicketDigest::of(b"t");
    assert!(bench.store.keep_ticket(digest, credentials, after(60)).await.unwrap());
    let new = |device: &str, sid: &str| NewSession {
        id: sid.parse().unwrap(),
        account,
        endpoint: device.parse().unwrap(),
        device_name: device.into(),
        device_type: DeviceType::Mobile,
        arrival: Some(Arrival::default()),
    };
    let first = bench.store.start_session(new("phone", "s1"), digest, NOON).await.unwrap();
    assert!(matches!(first, StartedSession::Started(_)));
    let second = bench.store.start_session(new("tablet", "s2"), digest, NOON).await.unwrap();
    assert_eq!(second, StartedSession::ForeignTicket);
    let device = bench.store.ticket(digest).await.unwrap().unwrap().device;
    let StartedSession::Started(session) = first else { unreachable!() };
    assert_eq!(device, Some(session.device));
}

#[tokio::test]
async fn a_waiting_poll_is_woken_by_the_commit() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let device = bench.store.session(&anna.session, NOON).await.unwrap().unwrap().device;
    let waker = Arc::new(Notify::new());
    let _waiting = bench.store.wait_for_events(device, Arc::clone(&waker));
    assert!(timeout(Duration::from_millis(50), waker.notified()).await.is_err());
    invite(&bench, &ben, "anna", "c1", Some(("m", "x"))).await;
    waker.notified().await;
    assert_eq!(bench.texts(&anna, NOON).await, ["x"]);
}

#[tokio::test]
async fn a_person_with_two_devices_hears_on_both_and_counts_once() {
    let bench = Bench::new().await;
    let (phone, tablet) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "tablet", NOON).await);
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", Some(("m", "x"))).await;
    for device in [&phone, &tablet] {
        assert_eq!(bench.texts(device, NOON).await, ["x"]);
        let last: Timestamp = NOON;
        let ack = bench.events(device, 0, last).await.last().unwrap().eid;
        bench.store.acknowledge(&device.session, ack, last).await.unwrap();
    }
    let told = bench.events(&ben, 0, NOON).await;
    assert_eq!(told.iter().filter(|e| matches!(e.event, Event::MessageDelivered { .. })).count(), 1);
}

#[tokio::test]
async fn a_ninth_device_takes_the_place_of_the_one_that_was_silent_longest() {
    let bench = Bench::new().await;
    let mut devices = Vec::new();
    for number in 0..8 {
        devices.push(bench.sign_in("anna", &format!("device-{number}"), NOON).await);
    }
    for (number, device) in devices.iter().enumerate().filter(|(number, _)| *number != 5) {
        bench.store.acknowledge(&device.session, 0, after(100 + number as u64)).await.unwrap();
    }
    let lives =
        async |device: &Actor, now| bench.store.session(&device.session, now).await.unwrap().is_some();
    let ninth = bench.sign_in("anna", "device-8", after(270)).await;
    let mut left = Vec::new();
    for device in devices.iter().chain([&ninth]) {
        left.push(lives(device, after(270)).await);
    }
    assert_eq!(left, [true, true, true, true, true, false, true, true, true]);
    bench.sign_in("anna", "device-3", after(271)).await;
    assert!(lives(&ninth, after(271)).await, "a device that has its place takes none");
    bench.sign_in("ben", "device-9", after(271)).await;
}

#[tokio::test]
async fn a_ninth_device_is_refused_while_all_eight_are_in_use() {
    let bench = Bench::new().await;
    for number in 0..8 {
        bench.sign_in("anna", &format!("device-{number}"), NOON).await;
    }
    let credentials = bench.credentials("anna").await;
    let (account, digest) = (credentials.account.id, TicketDigest::of(b"ninth"));
    assert!(bench.store.keep_ticket(digest, credentials, after(3600)).await.unwrap());
    let new = |id: &str| NewSession {
        id: id.parse().unwrap(),
        account,
        endpoint: "device-8".parse().unwrap(),
        device_name: "device-8".into(),
        device_type: DeviceType::Mobile,
        arrival: Some(Arrival::default()),
    };
    let refused = bench.store.start_session(new("s9"), digest, after(269)).await.unwrap();
    assert_eq!(refused, StartedSession::TooMany);
    let taken = bench.store.start_session(new("s10"), digest, after(270)).await.unwrap();
    assert!(matches!(taken, StartedSession::Started(_)), "{taken:?}");
}

#[tokio::test]
async fn how_a_message_looks_is_kept_beside_what_it_says() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let first = Said { html: Some("<b>bold</b>".parse().unwrap()), ..said("m1", "bold") };
    let opening = opening("c1", "anna", Some(first));
    bench.store.open_conversation(&ben, None, opening, NOON).await.unwrap();
    let messages = bench
        .store
        .messages(anna.account, &"c1".parse().unwrap(), fulmar_domain::MessageId(0), 10)
        .await
        .unwrap();
    assert_eq!(messages[0].html.as_ref().unwrap().reveal(), "<b>bold</b>");
    assert_eq!(bench.texts(&anna, NOON).await, ["bold"]);
}
