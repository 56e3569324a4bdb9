//! Who is not woken, and is made up for it when the reason has passed; and how the ledger tells both.

use std::{fs, path::Path};

use fulmar_domain::{
    DeviceId, MessageId, RequestId,
    configuration::{InvalidParameter, Object, Scope},
    device::{Provider, PushRegistration},
    event::{Event, Failure},
    presence::{PreferredAvailability, SelfPresence},
    push::{Next, NotWoken, Outcome, Silence, StepName, Subject, WnsSettings},
    session::Activity,
};
use fulmar_store::{Actor, ConfigurationChange, DeviceTest, Executed, Store};
use rusqlite::Connection;

use crate::support::{Bench, NOON, after, apple, opening, said};

const TOKEN: &str = "00fc13adff785122";
const APPLE: &str = "EnableApplePushNotificationService";
const MICROSOFT: &str = "EnableMicrosoftPushNotificationService";

fn rid(text: &str) -> RequestId {
    text.parse().unwrap()
}

async fn register(bench: &Bench, actor: &Actor, token: &str) {
    let registration = PushRegistration::Apns(token.parse().unwrap());
    bench.store.register_push(actor, rid("push"), registration, NOON).await.unwrap();
}

async fn sleep(bench: &Bench, actor: &Actor) {
    bench.store.set_activity(actor, rid("sleep"), Activity::Background, NOON).await.unwrap();
}

/// anna's phone, which sleeps and can be woken, and ben's desk.
async fn sleeping_phone() -> (Bench, Actor, Actor) {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    register(&bench, &anna, TOKEN).await;
    sleep(&bench, &anna).await;
    (bench, anna, ben)
}

/// Begins the conversation `c-…` with something said in it.
async fn write(bench: &Bench, from: &Actor, to: &str, id: &str) {
    let opening = opening(&format!("c-{id}"), to, Some(said(id, "the text")));
    bench.store.open_conversation(from, rid(id), opening, NOON).await.unwrap();
}

async fn deliver(bench: &Bench) -> Vec<String> {
    let mut delivered = Vec::new();
    while let Some(one) = bench.claim(NOON).await.pop() {
        bench.ended(one.id, &Outcome::Accepted, Next::Delivered, NOON).await;
        delivered.push(one.collapse_id);
    }
    delivered
}

/// Steps and what is said of them, oldest first.
async fn ledger(bench: &Bench) -> Vec<(StepName, String)> {
    let steps = bench.store.push_ledger(100).await.unwrap();
    steps.into_iter().rev().map(|step| (step.step, step.detail)).collect()
}

/// Each thing that was queued has one last step, or waits.
async fn adds_up(bench: &Bench, waiting: usize) {
    let steps = ledger(bench).await;
    let queued = steps.iter().filter(|(step, _)| *step == StepName::Queued).count();
    let ended = steps.iter().filter(|(step, _)| step.is_last()).count();
    assert_eq!(queued, ended + waiting, "{steps:?}");
}

async fn choose(bench: &Bench, actor: &Actor, chosen: Option<PreferredAvailability>) {
    let presence = SelfPresence { chosen: Some(chosen), ..SelfPresence::default() };
    bench.store.publish_presence(actor, None, presence, NOON).await.unwrap();
}

async fn mute(bench: &Bench, actor: &Actor, conversation: &str, muted: bool) -> Executed {
    let id = conversation.parse().unwrap();
    bench.store.mute_conversation(actor, None, id, muted, NOON).await.unwrap()
}

async fn set(store: &Store, object: Object, name: &str, value: &str) -> ConfigurationChange {
    let change = vec![(name.to_owned(), vec![value.to_owned()])];
    store.configure(object, Scope::Global, change, NOON).await.unwrap()
}

fn raw(dir: &Path) -> Connection {
    Connection::open(dir.join("fulmar.db")).unwrap()
}

fn reasons(bench: &Bench) -> Vec<String> {
    let sql = raw(bench.dir.path());
    let mut select = sql.prepare("SELECT reason FROM not_woken ORDER BY message, device").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn who_does_not_want_to_be_disturbed_is_woken_when_that_ends() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1").await;
    choose(&bench, &anna, Some(PreferredAvailability::DoNotDisturb)).await;
    write(&bench, &ben, "anna", "m2").await;
    bench.tidy(after(400)).await.unwrap();
    assert_eq!(bench.claim(after(400)).await, [], "also what waited already");
    assert_eq!(reasons(&bench), ["do-not-disturb"]);
    choose(&bench, &anna, Some(PreferredAvailability::Busy)).await;
    assert_eq!(deliver(&bench).await, ["message-1", "message-2"]);
    let why = "the person does not want to be disturbed".to_owned();
    assert!(ledger(&bench).await.contains(&(StepName::GivenUp, why)));
    adds_up(&bench, 0).await;
}

#[tokio::test]
async fn signing_in_with_another_choice_ends_do_not_disturb() {
    let (bench, anna, ben) = sleeping_phone().await;
    choose(&bench, &anna, Some(PreferredAvailability::DoNotDisturb)).await;
    write(&bench, &ben, "anna", "m1").await;
    let desk = bench.sign_in("anna", "desk", NOON).await;
    assert_eq!(deliver(&bench).await, [""; 0], "a sign-in without a choice leaves it");
    choose(&bench, &desk, None).await;
    assert_eq!(deliver(&bench).await, ["message-1"]);
}

#[tokio::test]
async fn a_muted_conversation_wakes_nobody_and_is_not_in_the_badge() {
    let (bench, anna, ben) = sleeping_phone().await;
    let tablet = bench.sign_in("anna", "tablet", NOON).await;
    write(&bench, &ben, "anna", "m1").await;
    mute(&bench, &anna, "c-m1", true).await;
    mute(&bench, &anna, "c-m1", true).await;
    bench.store.say(&ben, None, "c-m1".parse().unwrap(), said("m2", "more"), NOON).await.unwrap();
    write(&bench, &ben, "anna", "m3").await;
    let claimed = bench.claim(NOON).await;
    let shown: Vec<_> = claimed.iter().map(|one| (one.collapse_id.as_str(), one.badge)).collect();
    assert_eq!(shown, [("message-3", 1)]);
    for device in [&anna, &tablet] {
        let told = bench.events(device, 0, NOON).await.into_iter();
        let muted = told.filter(|e| matches!(&e.event, Event::Muted { muted: true, .. }));
        assert_eq!(muted.count(), 1, "each device is told once");
    }
    let nobody = bench.events(&ben, 0, NOON).await;
    assert!(!nobody.iter().any(|e| matches!(e.event, Event::Muted { .. })), "the others are not");
    let seen = bench.store.conversation(anna.account, &"c-m1".parse().unwrap(), NOON).await.unwrap().unwrap();
    assert!(seen.muted);
    let of_ben = bench.store.conversation(ben.account, &"c-m1".parse().unwrap(), NOON).await.unwrap();
    assert!(!of_ben.unwrap().muted);
}

#[tokio::test]
async fn muting_outlives_a_restart_and_unmuting_wakes_for_what_was_said() {
    let (mut bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1").await;
    mute(&bench, &anna, "c-m1", true).await;
    bench.restart().await;
    bench.store.say(&ben, None, "c-m1".parse().unwrap(), said("m2", "more"), NOON).await.unwrap();
    assert_eq!(deliver(&bench).await, [""; 0]);
    mute(&bench, &anna, "c-m1", false).await;
    assert_eq!(deliver(&bench).await, ["message-1", "message-2"]);
    adds_up(&bench, 0).await;
    let stranger = bench.sign_in("carla", "phone", NOON).await;
    assert_eq!(mute(&bench, &stranger, "c-m1", true).await, Executed::Done(Err(Failure::NoSuchConversation)));
}

#[tokio::test]
async fn an_invitation_counts_until_it_is_answered_and_one_with_a_message_once() {
    let (bench, anna, ben) = sleeping_phone().await;
    bench.store.open_conversation(&ben, None, opening("rings", "anna", None), NOON).await.unwrap();
    write(&bench, &ben, "anna", "m1").await;
    let claimed = bench.claim(NOON).await;
    assert_eq!((claimed[0].collapse_id.as_str(), claimed[0].badge), ("invitation-1", 2));
    bench.ended(claimed[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    mute(&bench, &anna, "rings", true).await;
    assert_eq!(bench.claim(NOON).await[0].badge, 1);
}

#[tokio::test]
async fn who_registers_is_woken_for_what_waits() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    sleep(&bench, &anna).await;
    write(&bench, &ben, "anna", "m1").await;
    assert_eq!(reasons(&bench), ["no-registration"]);
    register(&bench, &anna, TOKEN).await;
    assert_eq!(deliver(&bench).await, ["message-1"]);
}

#[tokio::test]
async fn whose_registration_died_is_woken_for_the_same_after_the_next() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1").await;
    write(&bench, &ben, "anna", "m2").await;
    let id = bench.claim(NOON).await[0].id;
    let gone = Outcome::Gone { reason: "Unregistered".into(), since: Some(NOON) };
    bench.ended(id, &gone, Next::Dropped, NOON).await;
    adds_up(&bench, 0).await;
    register(&bench, &anna, "11fc13adff785122").await;
    assert_eq!(deliver(&bench).await, ["message-1", "message-2"]);
    adds_up(&bench, 0).await;
}

#[tokio::test]
async fn a_switch_that_goes_on_wakes_who_slept_through_something() {
    let (bench, _, ben) = sleeping_phone().await;
    set(&bench.store, Object::PushNotification, APPLE, "False").await;
    write(&bench, &ben, "anna", "m1").await;
    set(&bench.store, Object::PushNotification, APPLE, "True").await;
    set(&bench.store, Object::MobilityPolicy, "EnablePushNotifications", "False").await;
    write(&bench, &ben, "anna", "m2").await;
    assert_eq!(reasons(&bench), ["switched-off apns", "policy push"]);
    assert_eq!(bench.claim(NOON).await, []);
    set(&bench.store, Object::MobilityPolicy, "EnablePushNotifications", "True").await;
    assert_eq!(deliver(&bench).await, ["message-1", "message-2"]);
    adds_up(&bench, 0).await;
}

#[tokio::test]
async fn without_a_key_a_service_stays_off_and_says_what_to_do() {
    let bench = Bench::new().await;
    let refused = set(&bench.store, Object::PushNotification, MICROSOFT, "True").await;
    let ConfigurationChange::Refused(error @ InvalidParameter::NoKey { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        error.to_string(),
        "`EnableMicrosoftPushNotificationService` can not be `True` while the box has no key for WNS: \
         enter it with `fulmarctl push keys set wns`, which switches the service on"
    );
    assert!(bench.store.forget_apns_settings(NOON).await.unwrap());
    assert!(!bench.store.forget_apns_settings(NOON).await.unwrap());
    // It was on, and stays so.
    let done = set(&bench.store, Object::PushNotification, MICROSOFT, "False").await;
    assert!(matches!(done, ConfigurationChange::Done(Some(_))));
    set(&bench.store, Object::PushNotification, APPLE, "False").await;
    let refused = set(&bench.store, Object::PushNotification, APPLE, "True").await;
    assert!(matches!(
        refused,
        ConfigurationChange::Refused(InvalidParameter::NoKey { service: "Apple", .. })
    ));
}

#[tokio::test]
async fn forgetting_a_key_withdraws_what_waits_and_another_one_makes_up_for_it() {
    let (bench, _, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1").await;
    bench.store.forget_apns_settings(NOON).await.unwrap();
    assert_eq!(bench.claim(NOON).await, []);
    bench.store.set_apns_settings(apple(), NOON).await.unwrap();
    assert_eq!(deliver(&bench).await, ["message-1"]);
    adds_up(&bench, 0).await;
}

fn wns() -> WnsSettings {
    WnsSettings {
        package_sid: "ms-app://s-1".into(),
        secret: "a secret".into(),
        token_endpoint: WnsSettings::TOKEN_ENDPOINT.into(),
        channel_domain: WnsSettings::CHANNEL_DOMAIN.parse().unwrap(),
        trust_anchors_pem: None,
    }
}

#[tokio::test]
async fn a_key_for_wns_switches_it_on_and_the_switch_switches_it_off() {
    let (bench, anna, ben) = sleeping_phone().await;
    bench.store.set_wns_settings(wns(), NOON).await.unwrap();
    let channel = PushRegistration::Wns("https://db5.notify.windows.com/?token=x".parse().unwrap());
    bench.store.register_push(&anna, rid("w"), channel, NOON).await.unwrap();
    write(&bench, &ben, "anna", "m1").await;
    set(&bench.store, Object::PushNotification, MICROSOFT, "False").await;
    assert_eq!(bench.claim(NOON).await, []);
    set(&bench.store, Object::PushNotification, MICROSOFT, "True").await;
    assert_eq!(deliver(&bench).await, ["message-1"]);
}

#[tokio::test]
async fn what_is_withdrawn_has_a_last_step_that_says_why() {
    let (bench, anna, ben) = sleeping_phone().await;
    let carla = bench.sign_in("carla", "phone", NOON).await;
    register(&bench, &carla, "22fc13adff785122").await;
    sleep(&bench, &carla).await;
    write(&bench, &ben, "anna", "m1").await;
    write(&bench, &ben, "carla", "m2").await;
    adds_up(&bench, 2).await;
    register(&bench, &ben, "22fc13adff785122").await;
    bench.store.terminate_session(&anna.session, NOON).await.unwrap();
    adds_up(&bench, 0).await;
    let given_up = ledger(&bench).await.into_iter().filter(|(step, _)| *step == StepName::GivenUp);
    let reasons: Vec<_> = given_up.map(|(_, detail)| detail).collect();
    assert_eq!(reasons, ["another device is woken there", "the device was signed out"]);
}

#[tokio::test]
async fn what_was_withdrawn_under_way_has_one_last_step() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1").await;
    let id = bench.claim(NOON).await[0].id;
    bench.store.unregister_push(&anna, None, NOON).await.unwrap();
    bench.ended(id, &Outcome::Accepted, Next::Delivered, NOON).await;
    adds_up(&bench, 0).await;
}

#[tokio::test]
async fn what_expired_says_so() {
    let (bench, _, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1").await;
    let id = bench.claim(NOON).await[0].id;
    let retry = Outcome::Retry { reason: "ServiceUnavailable".into(), after: None };
    bench.ended(id, &retry, Next::Expired, NOON).await;
    assert_eq!(ledger(&bench).await.last().unwrap().0, StepName::Expired);
    adds_up(&bench, 0).await;
}

/// A database as it was before the switch for WNS.
fn before_the_switch(dir: &Path) {
    let mut scripts: Vec<_> =
        fs::read_dir("migrations").unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    let sql = raw(dir);
    for script in scripts.iter().take(36) {
        sql.execute_batch(&fs::read_to_string(script).unwrap()).unwrap();
    }
    sql.execute_batch(
        "PRAGMA application_id = 0x466c6d72; PRAGMA user_version = 36;
         INSERT INTO wns_settings VALUES (1, 'ms-app://s-1', x'00', 'https://t', 'notify.windows.com', NULL);
         INSERT INTO configuration VALUES ('PushNotificationConfiguration', 'site:office.test');
         INSERT INTO configuration_value VALUES
             ('PushNotificationConfiguration', 'site:office.test',
                 'EnableMicrosoftPushNotificationService', 0, 'False');
         INSERT INTO account (id, uri, domain, display_name, password_hash, created_at)
             VALUES (1, 'sip:anna@office.test', 'office.test', 'Anna', 'x', 0);
         INSERT INTO device (id, account, endpoint, name) VALUES (1, 1, 'phone', 'phone');
         INSERT INTO notification (id, device, request, collapse, state, due_at, expires_at)
             VALUES (1, 1, 'r', 'test', 'dropped', 0, 0);
         INSERT INTO push_ledger (notification, at, step, detail)
             VALUES (1, 0, 'gone', 'Unregistered'), (1, 1, 'given-up', 'it expired'), (1, 2, 'given-up', 'x');",
    )
    .unwrap();
}

#[tokio::test]
async fn a_box_that_woke_devices_through_wns_goes_on_and_its_ledger_has_the_new_terms() {
    let dir = tempfile::tempdir().unwrap();
    before_the_switch(dir.path());
    let store = Store::open(dir.path()).unwrap();
    for scope in [Scope::Global, Scope::Site("office.test".parse().unwrap())] {
        let values = store.configured(Object::PushNotification, scope.clone()).await.unwrap().unwrap();
        let on: Vec<_> = values.into_iter().map(|(name, value)| (name, value.words()[0].clone())).collect();
        assert_eq!(on[..2], [(APPLE, "False".to_owned()), (MICROSOFT, "True".to_owned())], "{scope}");
    }
    let steps: Vec<_> = store.push_ledger(9).await.unwrap().into_iter().map(|step| step.step).collect();
    assert_eq!(steps, [StepName::GivenUp, StepName::Expired, StepName::Refused]);
}

#[tokio::test]
async fn what_was_written_leaves_the_box_only_where_previews_are_on_and_is_kept_nowhere_else() {
    let (bench, _, ben) = sleeping_phone().await;
    set(&bench.store, Object::PushNotification, "EnableMessagePreviews", "True").await;
    write(&bench, &ben, "anna", "m1").await;
    let claimed = bench.claim(NOON).await;
    let Subject::Message { preview: Some(preview), .. } = &claimed[0].subject else { panic!("{claimed:?}") };
    assert_eq!(preview.reveal(), "the text");
    assert!(!format!("{claimed:?}").contains("the text"), "a log would show it");
    assert!(!ledger(&bench).await.iter().any(|(_, detail)| detail.contains("the text")));
    let of_message: i64 = raw(bench.dir.path())
        .query_row("SELECT count(*) FROM notification WHERE collapse || service LIKE '%text%'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(of_message, 0);
    bench.ended(claimed[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    set(&bench.store, Object::PushNotification, "EnableMessagePreviews", "False").await;
    write(&bench, &ben, "anna", "m2").await;
    assert!(matches!(bench.claim(NOON).await[0].subject, Subject::Message { preview: None, .. }));
}

#[tokio::test]
async fn a_message_can_say_what_became_of_it_on_each_device() {
    let (bench, phone, ben) = sleeping_phone().await;
    let mut devices = [phone.clone(), phone.clone(), phone.clone()];
    for (device, name) in devices[1..].iter_mut().zip(["tablet", "desk"]) {
        *device = bench.sign_in("anna", name, NOON).await;
    }
    let [_, tablet, desk] = devices;
    sleep(&bench, &tablet).await;
    write(&bench, &ben, "anna", "m1").await;
    assert_eq!(deliver(&bench).await, ["message-1"]);
    bench.acknowledge(&desk, after(9)).await;
    bench.sign_in("anna", "late", after(10)).await;

    let story = bench.store.story(MessageId(1)).await.unwrap().unwrap();
    assert_eq!((story.from.user(), story.sent_at, story.people.len()), ("ben", NOON, 1));
    let person = &story.people[0];
    assert_eq!((person.fetched_at, person.fetched_by.as_ref().unwrap().1.as_str()), (Some(after(9)), "desk"));
    let told = person.devices.iter().map(|device| {
        let steps: Vec<_> = device.steps.iter().map(|step| step.step).collect();
        (device.name.as_str(), steps, device.not_woken, device.silence(story.sent_at))
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("phone", vec![StepName::Queued, StepName::Sent, StepName::Accepted], None, None),
            ("tablet", vec![], Some((NOON, NotWoken::NoRegistration)), None),
            ("desk", vec![], None, Some(Silence::InUse)),
            ("late", vec![], None, Some(Silence::SignedInSince)),
        ]
    );
    assert!(!format!("{story:?}").contains("the text"));
    assert_eq!(bench.store.story(MessageId(2)).await.unwrap(), None);
    let steps = bench.store.push_ledger(1).await.unwrap();
    assert_eq!((steps[0].message, steps[0].service.as_str()), (Some(MessageId(1)), "apns"));
}

#[tokio::test]
async fn why_a_device_was_not_woken_goes_with_the_message() {
    let (bench, anna, ben) = sleeping_phone().await;
    choose(&bench, &anna, Some(PreferredAvailability::DoNotDisturb)).await;
    write(&bench, &ben, "anna", "m1").await;
    assert_eq!(reasons(&bench), ["do-not-disturb"]);
    // The box was up all the time.
    for days in 0..40 {
        bench.store.may_forget(after(days * 86_400)).await.unwrap();
        bench.tidy(after(days * 86_400)).await.unwrap();
    }
    assert_eq!(reasons(&bench), [""; 0]);
}

#[tokio::test]
async fn an_administrator_tests_a_device_and_its_session_hears_nothing_of_it() {
    let (bench, anna, ben) = sleeping_phone().await;
    let [phone, desk] = [1, 2].map(DeviceId);
    let DeviceTest::Queued(id) = bench.store.test_device(phone, NOON).await.unwrap() else { panic!() };
    assert_eq!(bench.store.push_end(id).await.unwrap(), None);
    assert_eq!(bench.claim(NOON).await[0].id, id);
    let retry = Outcome::Retry { reason: "Shutdown".into(), after: None };
    bench.ended(id, &retry, Next::DueAt(after(5)), NOON).await;
    let end = bench.store.push_end(id).await.unwrap().unwrap();
    assert_eq!((end.step, end.detail.as_str()), (StepName::GivenUp, "Shutdown"), "a test is not tried again");
    let told = bench.events(&anna, 0, NOON).await;
    assert!(!told.iter().any(|e| matches!(e.event, Event::PushTested { .. })));
    let no_registration = DeviceTest::NotWoken(NotWoken::NoRegistration);
    assert_eq!(bench.store.test_device(desk, NOON).await.unwrap(), no_registration);
    assert_eq!(bench.store.test_device(DeviceId(99), NOON).await.unwrap(), DeviceTest::NoSuchDevice);
    set(&bench.store, Object::PushNotification, APPLE, "False").await;
    let off = DeviceTest::NotWoken(NotWoken::SwitchedOff(Provider::Apns));
    assert_eq!(bench.store.test_device(phone, NOON).await.unwrap(), off);
    drop(ben);
}
