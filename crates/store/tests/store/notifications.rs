//! Who is woken, once, and what is remembered of it.

use std::time::Duration;

use fulmar_domain::{
    RequestId, Timestamp,
    configuration::{Object, Scope},
    device::{MAX_REGISTRATIONS, PushRegistration, Subscription},
    dnssec::Pkcs8,
    event::Event,
    push::{
        ApnsAuth, ApnsSettings, FcmSettings, Next, Outcome, StepName, Subject, VapidKey, WebPushSettings,
        WnsSettings,
    },
    session::{Activity, EXPIRY_WITH_PUSH, FOREGROUND_SILENCE},
};
use fulmar_store::{Actor, Store};

use crate::support::{Bench, NOON, after, opening, said};

const MINUTE: Duration = Duration::from_secs(60);

fn rid(text: &str) -> RequestId {
    text.parse().unwrap()
}

async fn register(bench: &Bench, actor: &Actor, token: &str) {
    let registration = PushRegistration::Apns(token.parse().unwrap());
    bench.store.register_push(actor, rid("push"), registration, NOON).await.unwrap();
}

async fn sleep(bench: &Bench, actor: &Actor, now: Timestamp) {
    bench.store.set_activity(actor, rid("sleep"), Activity::Background, now).await.unwrap();
}

async fn write(bench: &Bench, from: &Actor, to: &str, id: &str, now: Timestamp) {
    let opening = opening(&format!("c-{id}"), to, Some(said(id, "the text")));
    bench.store.open_conversation(from, rid(id), opening, now).await.unwrap();
}

/// anna's phone, which sleeps and can be woken, and ben's desk.
async fn sleeping_phone() -> (Bench, Actor, Actor) {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    register(&bench, &anna, "00fc13adff785122").await;
    sleep(&bench, &anna, NOON).await;
    (bench, anna, ben)
}

async fn steps(store: &Store) -> Vec<StepName> {
    store.push_ledger(20).await.unwrap().into_iter().rev().map(|s| s.step).collect()
}

#[tokio::test]
async fn a_sleeping_phone_is_woken_once_and_without_the_text() {
    let (bench, _, ben) = sleeping_phone().await;
    let mut outbox = bench.store.outbox();
    outbox.mark_unchanged();
    write(&bench, &ben, "anna", "m1", NOON).await;
    assert!(outbox.has_changed().unwrap());
    let claimed = bench.claim(NOON).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].subject, Subject::Message { from: "ben".into(), preview: None });
    assert_eq!((claimed[0].badge, claimed[0].attempts), (1, 0));
    assert!(!format!("{claimed:?}").contains("the text"));
    assert!(bench.claim(NOON).await.is_empty(), "a claimed notification is not offered twice");
    bench.ended(claimed[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    assert!(bench.claim(after(3600)).await.is_empty());
    assert_eq!(steps(&bench.store).await, [StepName::Queued, StepName::Sent, StepName::Accepted]);
}

#[tokio::test]
async fn a_phone_in_the_foreground_is_not_woken_until_it_falls_silent() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    register(&bench, &anna, "00fc13adff785122").await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    bench.tidy(after(60)).await.unwrap();
    assert!(bench.claim(after(60)).await.is_empty());
    let silent = NOON + FOREGROUND_SILENCE;
    bench.tidy(silent).await.unwrap();
    bench.tidy(silent).await.unwrap();
    assert_eq!(bench.claim(silent).await.len(), 1);
}

#[tokio::test]
async fn a_phone_that_goes_to_sleep_is_woken_for_what_it_left_behind() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    register(&bench, &anna, "00fc13adff785122").await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    sleep(&bench, &anna, NOON).await;
    assert_eq!(bench.claim(NOON).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_dies_leaves_the_notification_to_the_next() {
    let (bench, _, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    let first = bench.claim(NOON).await;
    assert!(bench.claim(after(3600)).await.is_empty(), "it is under way for as long as its worker lives");
    bench.store.release_claims(after(1)).await.unwrap();
    let second = bench.claim(after(1)).await;
    assert_eq!(first[0].collapse_id, second[0].collapse_id);
    assert_eq!(second[0].attempts, 1);
}

#[tokio::test]
async fn a_device_is_woken_for_one_thing_after_the_other() {
    let (bench, _, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    write(&bench, &ben, "anna", "m2", NOON).await;
    let first = bench.claim(NOON).await;
    assert_eq!((first.len(), bench.claim(NOON).await.len()), (1, 0));
    let next = bench.turn(Vec::new(), 10, NOON).await.next_due;
    assert_eq!(next, None, "it follows the one that is under way, and is not asked for again and again");
    bench.ended(first[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    assert_eq!(bench.claim(NOON).await.len(), 1);
}

#[tokio::test]
async fn what_is_to_be_tried_later_is_not_released() {
    let (bench, _, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    let id = bench.claim(NOON).await[0].id;
    let retry = Outcome::Retry { reason: "Shutdown".into(), after: None };
    bench.ended(id, &retry, Next::DueAt(after(50)), NOON).await;
    bench.store.release_claims(after(1)).await.unwrap();
    assert!(bench.claim(after(1)).await.is_empty());
    assert_eq!(bench.claim(after(50)).await.len(), 1);
}

#[tokio::test]
async fn a_message_that_was_read_elsewhere_wakes_nobody() {
    let (bench, _, ben) = sleeping_phone().await;
    let tablet = bench.sign_in("anna", "tablet", NOON).await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    let last = bench.events(&tablet, 0, NOON).await.last().unwrap().eid;
    bench.store.acknowledge(&tablet.session, last, NOON).await.unwrap();
    assert!(bench.claim(NOON).await.is_empty());
    assert_eq!(steps(&bench.store).await, [StepName::Queued, StepName::Unneeded]);
}

#[tokio::test]
async fn a_phone_that_woke_and_read_is_in_the_ledger() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    let claimed = bench.claim(NOON).await;
    bench.ended(claimed[0].id, &Outcome::Accepted, Next::Delivered, NOON).await;
    let last = bench.events(&anna, 0, NOON).await.last().unwrap().eid;
    bench.store.acknowledge(&anna.session, last, NOON).await.unwrap();
    assert_eq!(steps(&bench.store).await.last(), Some(&StepName::Opened));
}

#[tokio::test]
async fn a_dead_registration_is_forgotten_unless_it_is_newer() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    let id = bench.claim(NOON).await[0].id;
    let gone = |since| Outcome::Gone { reason: "Unregistered".into(), since: Some(since) };
    bench.ended(id, &gone(NOON - MINUTE), Next::Dropped, NOON).await;
    assert!(bench.store.session(&anna.session, NOON).await.unwrap().unwrap().has_push);
    write(&bench, &ben, "anna", "m2", NOON).await;
    let id = bench.claim(NOON).await[0].id;
    bench.ended(id, &gone(NOON + MINUTE), Next::Dropped, NOON).await;
    assert!(!bench.store.session(&anna.session, NOON).await.unwrap().unwrap().has_push);
}

#[tokio::test]
async fn a_phone_that_is_handed_on_wakes_for_its_new_owner_only() {
    let (bench, anna, ben) = sleeping_phone().await;
    let carla = bench.sign_in("carla", "phone", NOON).await;
    register(&bench, &carla, "00fc13adff785122").await;
    sleep(&bench, &carla, NOON).await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    assert!(bench.claim(NOON).await.is_empty());
    assert!(!bench.store.session(&anna.session, NOON).await.unwrap().unwrap().has_push);
    write(&bench, &ben, "carla", "m2", NOON).await;
    assert_eq!(bench.claim(NOON).await.len(), 1);
}

#[tokio::test]
async fn signing_out_is_the_end_of_being_woken() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    assert!(bench.store.terminate_session(&anna.session, NOON).await.unwrap());
    write(&bench, &ben, "anna", "m2", NOON).await;
    assert!(bench.claim(NOON).await.is_empty());
}

#[tokio::test]
async fn a_test_tells_what_the_provider_said() {
    let (bench, anna, _) = sleeping_phone().await;
    bench.store.test_push(&anna, rid("t1"), NOON).await.unwrap();
    let id = bench.claim(NOON).await[0].id;
    let retry = Outcome::Retry { reason: "Shutdown".into(), after: None };
    bench.ended(id, &retry, Next::DueAt(after(5)), NOON).await;
    let told = bench.events(&anna, 0, NOON).await;
    let outcome = told.into_iter().find_map(|e| match e.event {
        Event::PushTested { request, outcome } => Some((request, outcome.accepted, outcome.reason)),
        _ => None,
    });
    assert_eq!(outcome, Some((rid("t1"), false, "Shutdown".into())));
    assert!(bench.claim(after(10)).await.is_empty(), "a test is not tried again");
}

#[tokio::test]
async fn what_expired_is_given_up() {
    let (bench, _, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    let late = after(4 * 24 * 3600);
    assert!(bench.claim(late).await.is_empty());
    bench.tidy(late).await.unwrap();
    let left: Vec<_> = bench.claim(late).await.into_iter().map(|left| left.subject).collect();
    assert_eq!(left, [Subject::SignIn], "the session has expired, too");
}

#[tokio::test]
async fn settings_for_apple_come_back_and_their_key_is_not_in_the_database() {
    let bench = Bench::new().await;
    let settings = ApnsSettings {
        endpoint: "https://127.0.0.1:2197".into(),
        topic: "test.office.app".into(),
        auth: ApnsAuth::Token { team_id: "A".into(), key_id: "B".into(), key_pem: "VERY SECRET KEY".into() },
        trust_anchors_pem: None,
    };
    let mut changed = bench.store.push_settings_generation();
    changed.mark_unchanged();
    bench.store.set_apns_settings(settings.clone(), NOON).await.unwrap();
    assert!(changed.has_changed().unwrap());
    assert!(bench.store.apns_settings().await.unwrap().unwrap() == settings);
    for file in ["fulmar.db", "fulmar.db-wal"] {
        let bytes = std::fs::read(bench.dir.path().join(file)).unwrap();
        assert!(!bytes.windows(11).any(|w| w == b"VERY SECRET"), "{file}");
    }
}

/// How long the session of a phone that can be woken lives without a word.
const LIFE: Duration = EXPIRY_WITH_PUSH;

#[tokio::test]
async fn a_phone_whose_session_expired_is_told_once_to_sign_in_again() {
    let (bench, anna, ben) = sleeping_phone().await;
    write(&bench, &ben, "anna", "m1", NOON).await;
    bench.tidy(NOON + LIFE).await.unwrap();
    assert_eq!(bench.store.session(&anna.session, NOON + LIFE).await.unwrap(), None);
    let claimed = bench.claim(NOON + LIFE).await;
    let subjects: Vec<_> = claimed.iter().map(|notification| notification.subject.clone()).collect();
    assert_eq!(subjects, [Subject::SignIn], "the message waits, and wakes nobody");
    let id = claimed[0].id;
    bench.ended(id, &Outcome::Accepted, Next::Delivered, NOON + LIFE).await;
    for days in 4..8 {
        bench.tidy(after(days * 24 * 3600)).await.unwrap();
        assert_eq!(bench.claim(after(days * 24 * 3600)).await, [], "it is told once");
    }
    let devices = bench.store.devices(&"anna@office.test".parse().unwrap(), NOON + LIFE).await.unwrap();
    assert_eq!(devices.unwrap(), [], "it is not woken any more");
}

#[tokio::test]
async fn a_phone_that_signed_in_again_before_the_notice_left_is_not_told() {
    let (bench, _, ben) = sleeping_phone().await;
    bench.tidy(NOON + LIFE).await.unwrap();
    let anna = bench.sign_in("anna", "phone", NOON + LIFE).await;
    assert_eq!(bench.claim(NOON + LIFE).await, []);
    assert_eq!(steps(&bench.store).await, [StepName::Queued, StepName::Unneeded]);
    sleep(&bench, &anna, NOON + LIFE).await;
    let ben = bench.sign_in(&ben.session.as_str()[..3], "desk", NOON + LIFE).await;
    write(&bench, &ben, "anna", "m1", NOON + LIFE).await;
    assert_eq!(bench.claim(NOON + LIFE).await.len(), 1, "it is woken as before");
}

#[tokio::test]
async fn whoever_signed_out_or_was_revoked_is_told_nothing() {
    let (bench, anna, _) = sleeping_phone().await;
    bench.store.terminate_session(&anna.session, NOON).await.unwrap();
    let (revoked, person) = (sleeping_phone().await.0, "anna@office.test".parse().unwrap());
    let device = revoked.store.devices(&person, NOON).await.unwrap().unwrap()[0].id;
    assert!(revoked.store.revoke_device(&person, device, NOON).await.unwrap());
    for bench in [bench, revoked] {
        bench.tidy(NOON + LIFE).await.unwrap();
        assert_eq!(bench.claim(NOON + LIFE).await, []);
        assert_eq!(bench.store.session_end(device, NOON + LIFE).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_revoked_device_is_not_told_any_more_that_it_expired() {
    let (bench, ..) = sleeping_phone().await;
    let person = "anna@office.test".parse().unwrap();
    let device = bench.store.devices(&person, NOON).await.unwrap().unwrap()[0].id;
    bench.tidy(NOON + LIFE).await.unwrap();
    assert!(bench.store.revoke_device(&person, device, NOON).await.unwrap());
    assert_eq!(bench.claim(NOON + LIFE).await, []);
}

#[tokio::test]
async fn where_push_is_off_nobody_is_told() {
    let (bench, ..) = sleeping_phone().await;
    let off = vec![("EnableApplePushNotificationService".to_owned(), vec!["False".to_owned()])];
    bench.store.configure(Object::PushNotification, Scope::Global, off, NOON).await.unwrap();
    bench.tidy(NOON + LIFE).await.unwrap();
    assert!(!bench.waits());
}

#[tokio::test]
async fn what_proves_who_the_box_is_comes_back_and_is_not_in_the_database() {
    let bench = Bench::new().await;
    let fcm = FcmSettings {
        endpoint: FcmSettings::ENDPOINT.into(),
        service_account: "VERY SECRET ACCOUNT".into(),
        trust_anchors_pem: None,
    };
    let wns = WnsSettings {
        package_sid: "ms-app://s-1".into(),
        secret: "VERY SECRET SECRET".into(),
        token_endpoint: WnsSettings::TOKEN_ENDPOINT.into(),
        channel_domain: WnsSettings::CHANNEL_DOMAIN.parse().unwrap(),
        trust_anchors_pem: Some("PEM".into()),
    };
    bench.store.set_fcm_settings(fcm.clone(), NOON).await.unwrap();
    bench.store.set_wns_settings(wns.clone(), NOON).await.unwrap();
    assert_eq!(bench.store.fcm_settings().await.unwrap(), Some(fcm));
    assert_eq!(bench.store.wns_settings().await.unwrap(), Some(wns));
    for file in ["fulmar.db", "fulmar.db-wal"] {
        let bytes = std::fs::read(bench.dir.path().join(file)).unwrap();
        assert!(!bytes.windows(11).any(|w| w == b"VERY SECRET"), "{file}");
    }
}

#[tokio::test]
async fn each_service_wakes_its_own_devices_while_it_is_set_up() {
    let (bench, anna, ben) = sleeping_phone().await;
    let token = PushRegistration::Fcm("dGhpcyBpcyBhIHRva2Vu".parse().unwrap());
    bench.store.register_push(&anna, rid("f"), token.clone(), NOON).await.unwrap();
    write(&bench, &ben, "anna", "m1", NOON).await;
    assert!(bench.claim(NOON).await.is_empty());
    let (endpoint, service_account) = (FcmSettings::ENDPOINT.into(), "{}".into());
    let settings = FcmSettings { endpoint, service_account, trust_anchors_pem: None };
    bench.store.set_fcm_settings(settings, NOON).await.unwrap();
    write(&bench, &ben, "anna", "m2", NOON).await;
    assert_eq!(bench.claim(NOON).await[0].registration, token);
    assert!(bench.store.forget_fcm_settings(NOON).await.unwrap());
    assert!(!bench.store.forget_fcm_settings(NOON).await.unwrap());
    assert!(!bench.waits());

    let channel = PushRegistration::Wns("https://db5.notify.windows.com/?token=x".parse().unwrap());
    bench.store.register_push(&anna, rid("w"), channel, NOON).await.unwrap();
    write(&bench, &ben, "anna", "m3", NOON).await;
    assert!(!bench.waits());
}

fn raw(bench: &Bench) -> rusqlite::Connection {
    rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap()
}

fn subscription(name: &str) -> PushRegistration {
    PushRegistration::WebPush(Subscription {
        endpoint: format!("https://push.example/{name}").parse().unwrap(),
        key: format!("B{}", "x".repeat(86)).parse().unwrap(),
        auth: "BTBZMqHH6r4Tts7J_aSIgg".parse().unwrap(),
    })
}

fn web_push(contact: &str) -> WebPushSettings {
    WebPushSettings {
        contact: contact.parse().unwrap(),
        private_hosts: ["push.lan", "localhost"].map(|host| host.parse().unwrap()).into(),
        trust_anchors_pem: None,
    }
}

fn vapid(secret: &[u8], public: &str) -> VapidKey {
    VapidKey { pkcs8: Pkcs8(secret.to_vec()), public: public.into() }
}

#[tokio::test]
async fn a_subscription_comes_back_as_it_was_and_needs_settings_to_be_woken() {
    let (bench, anna, ben) = sleeping_phone().await;
    bench.store.register_push(&anna, rid("w"), subscription("1"), NOON).await.unwrap();
    write(&bench, &ben, "anna", "m1", NOON).await;
    assert!(bench.claim(NOON).await.is_empty());
    bench.store.set_web_push_settings(web_push("mailto:a@b.example"), vapid(b"k", "K"), NOON).await.unwrap();
    write(&bench, &ben, "anna", "m2", NOON).await;
    let claimed = bench.claim(NOON).await;
    assert_eq!(claimed.into_iter().map(|one| one.registration).collect::<Vec<_>>(), [subscription("1")]);
}

#[tokio::test]
async fn switching_web_push_off_withdraws_what_waits_and_keeps_the_key() {
    let (bench, anna, ben) = sleeping_phone().await;
    let settings = web_push("mailto:a@b.example");
    assert!(!bench.store.forget_web_push_settings(NOON).await.unwrap());
    assert_eq!(
        bench.store.set_web_push_settings(settings.clone(), vapid(b"k", "K"), NOON).await.unwrap(),
        "K"
    );
    bench.store.register_push(&anna, rid("w"), subscription("1"), NOON).await.unwrap();
    write(&bench, &ben, "anna", "m1", NOON).await;

    assert!(bench.store.forget_web_push_settings(NOON).await.unwrap());
    assert!(!bench.waits());
    assert_eq!(bench.store.web_push_settings().await.unwrap(), None);
    assert_eq!(bench.store.vapid_public_key().await.unwrap(), None);

    assert_eq!(
        bench.store.set_web_push_settings(settings.clone(), vapid(b"other", "L"), NOON).await.unwrap(),
        "K"
    );
    assert_eq!(bench.store.web_push_settings().await.unwrap(), Some((settings, vapid(b"k", "K"))));
}

#[tokio::test]
async fn the_key_for_web_push_is_sealed() {
    let bench = Bench::new().await;
    let secret = b"a key that nobody reads";
    bench
        .store
        .set_web_push_settings(web_push("mailto:a@b.example"), vapid(secret, "K"), NOON)
        .await
        .unwrap();
    let sealed: Vec<u8> =
        raw(&bench).query_row("SELECT sealed_key FROM web_push_settings", [], |row| row.get(0)).unwrap();
    assert!(!sealed.windows(5).any(|bytes| bytes == &secret[..5] || bytes == b"YSBrZ"));
}

#[tokio::test]
async fn a_person_has_sixteen_registrations_and_the_oldest_goes() {
    let bench = Bench::new().await;
    bench.store.set_web_push_settings(web_push("mailto:a@b.example"), vapid(b"k", "K"), NOON).await.unwrap();
    for number in 1..=MAX_REGISTRATIONS + 1 {
        let now = after(u64::from(number) * 3600);
        let actor = bench.sign_in("anna", &format!("phone-{number}"), now).await;
        bench.store.register_push(&actor, rid("w"), subscription(&number.to_string()), now).await.unwrap();
    }
    let addresses: Vec<String> = raw(&bench)
        .prepare("SELECT push_token FROM device WHERE push_token IS NOT NULL ORDER BY push_registered")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(addresses.len(), MAX_REGISTRATIONS as usize);
    assert_eq!(addresses[0], "https://push.example/2");
}
