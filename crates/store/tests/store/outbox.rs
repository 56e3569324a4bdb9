//! The worker's turns: what it is given, and what is made of what it says.

use std::{collections::BTreeSet, time::Duration};

use fulmar_domain::{
    RequestId,
    conversation::MessageName,
    device::{PushRegistration, Subscription},
    dnssec::Pkcs8,
    event::Event,
    push::{Next, Notification, Outcome, StepName, VapidKey, WebPushSettings},
    session::Activity,
};
use fulmar_store::{Actor, Attempted, Room};

use crate::support::{Bench, NOON, after, opening, said};

const ORIGIN: &str = "https://push.example";

fn rid(text: &str) -> RequestId {
    text.parse().unwrap()
}

fn accepted(notification: &Notification) -> Attempted {
    Attempted { id: notification.id, outcome: Outcome::Accepted, next: Next::Delivered }
}

async fn say(bench: &Bench, from: &Actor, to: &str, id: &str) {
    let opening = opening(&format!("c-{id}"), to, Some(said(id, "the text")));
    bench.store.open_conversation(from, rid(id), opening, NOON).await.unwrap();
}

async fn sleeper(bench: &Bench, name: &str, registration: PushRegistration) -> Actor {
    let sleeper = bench.sign_in(name, "phone", NOON).await;
    bench.store.register_push(&sleeper, rid("push"), registration, NOON).await.unwrap();
    bench.store.set_activity(&sleeper, rid("sleep"), Activity::Background, NOON).await.unwrap();
    sleeper
}

/// The sleeping phones of anna, with Apple, and of carla, with a service of her own; ben writes.
async fn two_sleep() -> (Bench, Actor, Actor) {
    let bench = Bench::new().await;
    let contact = "mailto:admin@office.example".parse().unwrap();
    let settings = WebPushSettings { contact, private_hosts: BTreeSet::new(), trust_anchors_pem: None };
    let key = VapidKey { pkcs8: Pkcs8(b"k".to_vec()), public: "K".into() };
    bench.store.set_web_push_settings(settings, key, NOON).await.unwrap();
    let subscription = Subscription {
        endpoint: format!("{ORIGIN}/wp/1").parse().unwrap(),
        key: format!("B{}", "A".repeat(86)).parse().unwrap(),
        auth: "A".repeat(22).parse().unwrap(),
    };
    let apple = PushRegistration::Apns("00fc13adff785122".parse().unwrap());
    let anna = sleeper(&bench, "anna", apple).await;
    sleeper(&bench, "carla", PushRegistration::WebPush(subscription)).await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    (bench, anna, ben)
}

#[tokio::test]
async fn a_service_without_room_keeps_nobody_waiting_at_another() {
    let (bench, _, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    say(&bench, &ben, "carla", "m2").await;
    let of = [("apns".to_owned(), 0)].into();
    let room = Room { total: 10, of, others: 10 };
    let claimed = bench.store.outbox_turn(Vec::new(), room, NOON).await.unwrap();
    let services: Vec<_> = claimed.notifications.iter().map(|due| due.registration.service()).collect();
    assert_eq!((services, claimed.next_due), (vec![ORIGIN.to_owned()], None));
    let claimed = bench.claim(NOON).await;
    assert_eq!(claimed[0].registration.service(), "apns");
}

#[tokio::test]
async fn there_is_no_more_taken_than_there_is_room() {
    let (bench, _, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    say(&bench, &ben, "carla", "m2").await;
    assert_eq!(bench.turn(Vec::new(), 0, NOON).await.notifications, []);
    assert_eq!(bench.turn(Vec::new(), 1, NOON).await.notifications.len(), 1);
    assert_eq!(bench.turn(Vec::new(), 1, NOON).await.notifications.len(), 1);
}

#[tokio::test]
async fn many_messages_for_one_phone_leave_room_for_the_others() {
    let (bench, _, ben) = two_sleep().await;
    for id in ["m1", "m2", "m3", "m4"] {
        say(&bench, &ben, "anna", id).await;
    }
    let anna_again = bench.turn(Vec::new(), 2, NOON).await.notifications;
    assert_eq!(anna_again.len(), 1);
    say(&bench, &ben, "carla", "m5").await;
    assert_eq!(bench.turn(Vec::new(), 2, NOON).await.notifications.len(), 1);
}

#[tokio::test]
async fn who_is_first_in_line_moves_aside_when_it_is_to_be_tried_again() {
    let (bench, anna, ben) = two_sleep().await;
    for id in ["m1", "m2", "m3"] {
        say(&bench, &ben, "anna", id).await;
    }
    let first = bench.claim(NOON).await;
    let throttled = Outcome::Retry { reason: "TooManyRequests".into(), after: None };
    bench.ended(first[0].id, &throttled, Next::DueAt(after(60)), NOON).await;
    let second = bench.claim(NOON).await;
    assert_ne!(second[0].id, first[0].id);
    assert!(bench.claim(after(60)).await.is_empty(), "one of the device is under way");
    let third = bench.turn(vec![accepted(&second[0])], 1, after(61)).await.notifications;
    bench.turn(vec![accepted(&third[0])], 0, after(61)).await;
    let last = bench.claim(after(61)).await;
    assert_eq!((last.len(), last[0].id), (1, first[0].id));
    bench.acknowledge(&anna, after(61)).await;
    bench.turn(vec![accepted(&last[0])], 0, after(61)).await;
    say(&bench, &ben, "anna", "m4").await;
    assert_eq!(bench.claim(after(62)).await.len(), 1, "a line that was empty has a head again");
}

#[tokio::test]
async fn who_is_forgotten_or_withdrawn_lets_the_next_move_up() {
    let (bench, anna, ben) = two_sleep().await;
    for id in ["m1", "m2", "m3"] {
        say(&bench, &ben, "anna", id).await;
    }
    let sql = rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    sql.execute("DELETE FROM notification WHERE id = (SELECT min(id) FROM notification)", []).unwrap();
    let due = bench.claim(NOON).await;
    assert_eq!(due.len(), 1);
    bench.ended(due[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    bench.acknowledge(&anna, NOON).await;
    assert!(bench.claim(NOON).await.is_empty());
    say(&bench, &ben, "anna", "m4").await;
    assert_eq!(bench.claim(NOON).await.len(), 1);
}

#[tokio::test]
async fn a_turn_records_what_has_ended_and_then_takes_what_follows() {
    let (bench, _, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    say(&bench, &ben, "anna", "m2").await;
    let first = bench.claim(NOON).await;
    let second = bench.turn(vec![accepted(&first[0])], 10, after(1)).await.notifications;
    assert_eq!(second.len(), 1);
    assert_ne!(second[0].id, first[0].id);
}

#[tokio::test]
async fn what_is_said_twice_is_recorded_once() {
    let (bench, _, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    let first = bench.claim(NOON).await;
    let busy = Outcome::Unavailable { reason: "Shutdown".into(), after: None };
    let ended = Attempted { id: first[0].id, outcome: busy, next: Next::DueAt(after(9)) };
    for _ in 0..2 {
        bench.turn(vec![ended.clone()], 0, NOON).await;
    }
    let steps = bench.store.push_ledger(10).await.unwrap();
    let postponed = steps.iter().filter(|step| step.step == StepName::Postponed).count();
    assert_eq!(postponed, 1);
    assert_eq!(bench.turn(Vec::new(), 10, NOON).await.next_due, Some(after(9)));
}

#[tokio::test]
async fn what_is_withdrawn_under_way_stays_so_whatever_comes_of_it() {
    let (bench, anna, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    let first = bench.claim(NOON).await;
    bench.acknowledge(&anna, NOON).await;
    let busy = Outcome::Retry { reason: "TooManyRequests".into(), after: None };
    bench.ended(first[0].id, &busy, Next::DueAt(after(1)), NOON).await;
    assert!(bench.claim(after(10)).await.is_empty());
    let newest = bench.store.push_ledger(1).await.unwrap();
    assert_eq!(newest[0].step, StepName::Unneeded);
}

async fn steps(bench: &Bench) -> Vec<StepName> {
    let steps = bench.store.push_ledger(20).await.unwrap();
    steps.into_iter().rev().map(|step| step.step).collect()
}

#[tokio::test]
async fn a_phone_that_is_faster_than_the_answer_was_woken_all_the_same() {
    let (bench, anna, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    let first = bench.claim(NOON).await;
    let conversation = "c-m1".parse().unwrap();
    bench.store.mark_read(&anna, None, conversation, MessageName::Newest, NOON).await.unwrap();
    bench.acknowledge(&anna, NOON).await;
    bench.ended(first[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    assert_eq!(steps(&bench).await, [StepName::Queued, StepName::Sent, StepName::Accepted, StepName::Opened]);
}

#[tokio::test]
async fn what_is_read_and_acknowledged_is_opened_once() {
    let (bench, anna, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    let first = bench.claim(NOON).await;
    bench.ended(first[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    let conversation = "c-m1".parse().unwrap();
    bench.store.mark_read(&anna, None, conversation, MessageName::Newest, NOON).await.unwrap();
    bench.acknowledge(&anna, NOON).await;
    assert_eq!(steps(&bench).await, [StepName::Queued, StepName::Sent, StepName::Accepted, StepName::Opened]);
}

#[tokio::test]
async fn what_was_fetched_elsewhere_under_way_and_lost_its_worker_has_a_last_step() {
    let (bench, _, ben) = two_sleep().await;
    let tablet = bench.sign_in("anna", "tablet", NOON).await;
    say(&bench, &ben, "anna", "m1").await;
    bench.claim(NOON).await;
    bench.acknowledge(&tablet, NOON).await;
    bench.store.release_claims(after(1)).await.unwrap();
    bench.store.release_claims(after(2)).await.unwrap();
    assert_eq!(steps(&bench).await, [StepName::Queued, StepName::Sent, StepName::Unneeded]);
    assert!(bench.claim(after(2)).await.is_empty());
}

#[tokio::test]
async fn a_person_who_asks_for_a_test_is_told_while_the_service_is_left_alone() {
    let (bench, anna, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    bench.store.test_push(&anna, rid("t"), NOON).await.unwrap();
    let room = Room { total: 10, of: [("apns".to_owned(), 0)].into(), others: 0 };
    let claimed = bench.store.outbox_turn(Vec::new(), room, NOON).await.unwrap().notifications;
    assert_eq!(claimed.len(), 1);
    bench.turn(vec![accepted(&claimed[0])], 0, NOON).await;
    let told = bench.events(&anna, 0, NOON).await;
    assert!(told.iter().any(|told| matches!(&told.event, Event::PushTested { .. })));
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_nobody_asleep() {
    let (bench, _, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    let before = NOON - Duration::from_secs(7200);
    assert!(bench.claim(before).await.is_empty());
    bench.tidy(before).await.unwrap();
    assert_eq!(bench.claim(before).await.len(), 1);
}

#[tokio::test]
async fn what_waits_goes_where_the_device_is_woken_now() {
    let (bench, anna, ben) = two_sleep().await;
    say(&bench, &ben, "anna", "m1").await;
    let subscription = Subscription {
        endpoint: "https://other.example:8443/wp/2".parse().unwrap(),
        key: format!("B{}", "A".repeat(86)).parse().unwrap(),
        auth: "A".repeat(22).parse().unwrap(),
    };
    bench.store.register_push(&anna, rid("w"), PushRegistration::WebPush(subscription), NOON).await.unwrap();
    let room = Room { total: 10, of: [("https://other.example:8443".to_owned(), 1)].into(), others: 0 };
    assert_eq!(bench.store.outbox_turn(Vec::new(), room, NOON).await.unwrap().notifications.len(), 1);
}
