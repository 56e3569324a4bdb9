//! Channels of events: several instances of one client in one log.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    application::{Application, ClientDescription, ClientText},
    channel::{Channel, LONG_SILENCE, MAX_CHANNELS, Pace, PaceChange},
    conversation::DeliveryState,
    presence::DeviceType,
};
use fulmar_store::{Actor, NewApplication, NewSession, StartedApplication, Store, TicketDigest};

use crate::support::{Bench, NOON, after, opening, said};

fn text(text: &str) -> ClientText {
    text.parse().unwrap()
}

/// Makes anna's application for an instance of her client; whether there was none.
async fn open(bench: &Bench, instance: Option<&str>, now: Timestamp) -> (Application, bool) {
    let proved = bench.credentials("anna").await;
    let (account, digest) = (proved.account.id, TicketDigest::of(b"anna"));
    let _ = bench.store.keep_ticket(digest, proved, NOON + Duration::from_secs(7200)).await;
    let client = ClientDescription {
        endpoint_id: text("e-1"),
        culture: text("en-US"),
        user_agent: text("Client/1.0"),
        kind: text("Browser"),
        instance_id: instance.map(text),
    };
    let session = NewSession {
        id: "anna".parse().unwrap(),
        account,
        endpoint: "digest".parse().unwrap(),
        device_name: "Client/1.0".into(),
        device_type: DeviceType::Web,
        arrival: None,
    };
    match bench.store.start_application(NewApplication { session, client }, digest, now).await.unwrap() {
        StartedApplication::Created(application) => (application, true),
        StartedApplication::Known(application) => (application, false),
        other => panic!("{other:?}"),
    }
}

async fn enter(store: &Store, application: &Application, ack: u64, now: Timestamp) -> Option<Channel> {
    let (session, instance) = (&application.session, application.client.instance_id.as_ref());
    store.enter_channel(session, instance, ack, PaceChange::default(), now).await.unwrap()
}

async fn acknowledge(bench: &Bench, application: &Application, ack: u64, now: Timestamp) -> bool {
    let channel = enter(&bench.store, application, ack, now).await.unwrap();
    bench.store.acknowledge_in(channel.id, &application.session.id, ack, now).await.unwrap()
}

/// Two windows of anna's client, and what ben has said to her since.
async fn two_windows(bench: &Bench) -> (Application, Application, Actor) {
    let ben = bench.sign_in("ben", "phone", NOON).await;
    let (first, made) = open(bench, None, NOON).await;
    assert!(made);
    let (second, made) = open(bench, Some("tab 2"), NOON).await;
    assert!(made && second.session.device == first.session.device);
    assert!(!open(bench, Some("tab 2"), NOON).await.1);
    let hello = opening("c1", "anna", Some(said("m1", "hello")));
    bench.store.open_conversation(&ben, None, hello, NOON).await.unwrap();
    (first, second, ben)
}

/// The numbers of what is kept.
async fn kept(bench: &Bench, application: &Application, now: Timestamp) -> Vec<u64> {
    let inbox = bench.store.inbox(&application.session.id, 0, now).await.unwrap().unwrap();
    inbox.events.iter().map(|event| event.eid).collect()
}

#[tokio::test]
async fn events_are_kept_until_every_window_has_them_and_have_arrived_with_the_first() {
    let bench = Bench::new().await;
    let (first, second, ben) = two_windows(&bench).await;
    assert_eq!(kept(&bench, &first, NOON).await, [1, 2]);
    assert!(acknowledge(&bench, &first, 2, NOON).await);
    assert_eq!(kept(&bench, &first, NOON).await, [1, 2]);
    let messages = bench.store.newest_messages(ben.account, &"c1".parse().unwrap()).await.unwrap();
    let delivered = bench.store.deliveries(ben.account, messages[0]).await.unwrap();
    assert_eq!(delivered[0].state, DeliveryState::Delivered);
    assert!(acknowledge(&bench, &second, 1, NOON).await);
    assert_eq!(kept(&bench, &first, NOON).await, [2]);
    assert!(acknowledge(&bench, &second, 2, NOON).await);
    assert_eq!(kept(&bench, &first, NOON).await, [0_u64; 0]);
}

#[tokio::test]
async fn a_window_that_is_not_there_keeps_nothing_and_is_sent_to_where_the_log_begins() {
    let bench = Bench::new().await;
    let (first, second, _) = two_windows(&bench).await;
    let later = after(300);
    assert!(acknowledge(&bench, &first, 1, later).await);
    assert_eq!(kept(&bench, &first, later).await, [2]);
    let back = enter(&bench.store, &second, 0, later).await.unwrap();
    assert_eq!((back.acknowledged, back.resumed), (1, false));
}

#[tokio::test]
async fn a_clock_that_is_set_back_lets_no_window_keep_events_for_long() {
    let bench = Bench::new().await;
    let (first, second, _) = two_windows(&bench).await;
    assert!(acknowledge(&bench, &second, 1, after(600)).await);
    assert!(acknowledge(&bench, &first, 2, NOON).await);
    assert_eq!(kept(&bench, &first, NOON).await, [0_u64; 0]);
    assert_eq!(enter(&bench.store, &second, 1, NOON).await.unwrap().acknowledged, 2);
}

#[tokio::test]
async fn a_new_window_has_what_no_other_has_fetched() {
    let bench = Bench::new().await;
    let (first, ..) = two_windows(&bench).await;
    let (third, made) = open(&bench, Some("tab 3"), NOON).await;
    assert!(made);
    assert_eq!((first.acknowledged, third.acknowledged), (0, 0));
    assert!(acknowledge(&bench, &first, 2, NOON).await);
    assert_eq!(open(&bench, Some("tab 4"), NOON).await.0.acknowledged, 2);
}

#[tokio::test]
async fn what_a_client_says_of_its_pace_holds_until_it_was_silent_for_long() {
    let bench = Bench::new().await;
    let (application, _) = open(&bench, None, NOON).await;
    let minute = Some(Duration::from_secs(60));
    let said = async |change: PaceChange, ack, now| {
        bench.store.enter_channel(&application.session, None, ack, change, now).await.unwrap().unwrap()
    };
    let medium = said(PaceChange { medium: minute, ..PaceChange::default() }, 0, NOON).await;
    assert_eq!(medium.pace, Pace::default().after(PaceChange { medium: minute, ..PaceChange::default() }));
    let both = said(PaceChange { timeout: minute, ..PaceChange::default() }, 0, after(10)).await;
    assert_eq!(both.pace.release, medium.pace.release);
    let Bench { store, dir } = bench;
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(enter(&store, &application, 0, after(20)).await, Some(both), "a restart forgets nothing");
    let back = after(20) + LONG_SILENCE;
    let forgotten = enter(&store, &application, 0, back).await.unwrap();
    assert_eq!((forgotten.pace, forgotten.resumed), (Pace::default(), true));
    assert!(enter(&store, &application, 0, back).await.unwrap().resumed, "the answer may have been lost");
    assert!(!enter(&store, &application, 1, back).await.unwrap().resumed);
}

#[tokio::test]
async fn an_idle_poll_is_noted_once_a_minute() {
    let bench = Bench::new().await;
    let (application, _) = open(&bench, None, NOON).await;
    let channel = enter(&bench.store, &application, 0, after(59)).await.unwrap();
    let disk = rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    // Whoever writes now waits for us.
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let moment = Duration::from_millis(300);
    let noted = enter(&bench.store, &application, 0, after(59));
    assert_eq!(tokio::time::timeout(moment, noted).await.unwrap(), Some(channel));
    assert!(tokio::time::timeout(moment, enter(&bench.store, &application, 0, after(60))).await.is_err());
    disk.execute_batch("ROLLBACK").unwrap();
    enter(&bench.store, &application, 0, after(61)).await.unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sid = &application.session.id;
    let acknowledged = bench.store.acknowledge_in(channel.id, sid, 0, after(61));
    assert!(tokio::time::timeout(moment, acknowledged).await.unwrap().unwrap());
}

#[tokio::test]
async fn a_window_closes_alone_while_there_are_others() {
    let bench = Bench::new().await;
    let (first, second, _) = two_windows(&bench).await;
    let channel = enter(&bench.store, &second, 0, NOON).await.unwrap();
    assert!(bench.store.close_channel(&second.session, &text("tab 2"), NOON).await.unwrap());
    assert!(!bench.store.acknowledge_in(channel.id, &second.session.id, 0, NOON).await.unwrap());
    assert_eq!(enter(&bench.store, &second, 0, NOON).await, None);
    let device = first.session.device;
    assert_eq!(bench.store.application(device, Some(&text("tab 2")), NOON).await.unwrap(), None);
    assert!(enter(&bench.store, &first, 0, NOON).await.is_some());
    let (only, _) = open(&bench, Some("tab 2"), NOON).await;
    let later = NOON + LONG_SILENCE;
    assert!(!bench.store.close_channel(&only.session, &text("tab 2"), later).await.unwrap());
}

#[tokio::test]
async fn of_too_many_windows_the_one_that_was_silent_longest_ends() {
    let bench = Bench::new().await;
    let (first, _) = open(&bench, Some("0"), NOON).await;
    for number in 1..=u64::from(MAX_CHANNELS) {
        open(&bench, Some(&number.to_string()), after(number)).await;
    }
    let now = after(30);
    let is_there = async |instance: &str| {
        bench.store.application(first.session.device, Some(&text(instance)), now).await.unwrap().is_some()
    };
    assert!(!is_there("0").await && is_there("1").await && is_there("16").await);
}
