//! The clearing house: boxes and invitations here, and the house that this box is paired with.

use std::{num::NonZeroU32, time::Duration};

use fulmar_domain::{
    Timestamp,
    configuration::{InvalidParameter, Object, PushNotificationConfiguration, Scope},
    device::Provider,
    push::{BoxName, HandOverCounts, Outcome, PairedHouse, Pairing, Quota},
};
use fulmar_store::{ConfigurationChange, Store, TicketDigest};

use crate::support::{Bench, NOON};

const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);
const KEY: [u8; 32] = [7; 32];

fn name(text: &str) -> BoxName {
    text.parse().unwrap()
}

fn ticket(text: &str) -> TicketDigest {
    TicketDigest::of(text.as_bytes())
}

async fn invite(store: &Store, who: &str, number: &str) -> bool {
    store.invite_box(name(who), number.into(), ticket("secret"), NOON + QUARTER).await.unwrap()
}

async fn pair(store: &Store, number: &str, secret: &str, now: Timestamp) -> Pairing {
    store.pair_box(number.into(), ticket(secret), KEY, now).await.unwrap()
}

#[tokio::test]
async fn an_invitation_is_good_once_and_for_its_time() {
    let Bench { store, dir } = Bench::new().await;
    assert!(invite(&store, "oslo", "AAAA").await);
    assert_eq!(store.house_boxes(NOON).await.unwrap(), (vec![], vec![(name("oslo"), NOON + QUARTER)]));
    assert_eq!(pair(&store, "BBBB", "secret", NOON).await, Pairing::Wrong);
    assert_eq!(pair(&store, "AAAA", "secret", NOON + QUARTER).await, Pairing::Late);
    assert_eq!(store.box_with_key(KEY).await.unwrap(), None);
    assert_eq!(pair(&store, "AAAA", "secret", NOON).await, Pairing::Paired(name("oslo")));
    assert_eq!(pair(&store, "AAAA", "secret", NOON).await, Pairing::Used);
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.box_with_key(KEY).await.unwrap(), Some((name("oslo"), Quota::default())));
    let (boxes, invited) = store.house_boxes(NOON).await.unwrap();
    assert_eq!((boxes.len(), invited), (1, vec![]));
}

#[tokio::test]
async fn five_wrong_secrets_end_an_invitation_and_no_other() {
    let Bench { store, .. } = Bench::new().await;
    assert!(invite(&store, "oslo", "AAAA").await && invite(&store, "bergen", "BBBB").await);
    assert!(!invite(&store, "turku", "AAAA").await, "the number is taken");
    for _ in 0..4 {
        assert_eq!(pair(&store, "AAAA", "guess", NOON).await, Pairing::Wrong);
    }
    assert_eq!(pair(&store, "AAAA", "guess", NOON).await, Pairing::Ended);
    assert_eq!(pair(&store, "AAAA", "secret", NOON).await, Pairing::Ended);
    assert_eq!(store.house_boxes(NOON).await.unwrap().1, [(name("bergen"), NOON + QUARTER)]);
    assert!(invite(&store, "oslo", "CCCC").await, "who was guessed at is invited anew");
    assert_eq!(pair(&store, "CCCC", "secret", NOON).await, Pairing::Paired(name("oslo")));
}

#[tokio::test]
async fn a_box_that_pairs_anew_keeps_its_quota_and_its_old_key_ends() {
    let Bench { store, .. } = Bench::new().await;
    invite(&store, "oslo", "AAAA").await;
    pair(&store, "AAAA", "secret", NOON).await;
    let number = |number| NonZeroU32::new(number).unwrap();
    let quota = Quota { per_minute: number(3), per_day: number(50) };
    assert!(store.set_box_quota(name("oslo"), quota).await.unwrap());
    assert!(!store.set_box_quota(name("bergen"), quota).await.unwrap());
    invite(&store, "oslo", "BBBB").await;
    let again = store.pair_box("BBBB".into(), ticket("secret"), [8; 32], NOON).await.unwrap();
    assert_eq!(again, Pairing::Paired(name("oslo")));
    assert_eq!(store.box_with_key(KEY).await.unwrap(), None);
    assert_eq!(store.box_with_key([8; 32]).await.unwrap(), Some((name("oslo"), quota)));
    assert!(store.remove_box(name("oslo")).await.unwrap());
    assert!(!store.remove_box(name("oslo")).await.unwrap());
    assert_eq!(store.box_with_key([8; 32]).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_handed_over_is_counted_and_forgotten_after_a_month() {
    let Bench { store, .. } = Bench::new().await;
    invite(&store, "oslo", "AAAA").await;
    pair(&store, "AAAA", "secret", NOON).await;
    let outcomes = [
        Outcome::Accepted,
        Outcome::Gone { reason: "Unregistered".into(), since: None },
        Outcome::Retry { reason: "Shutdown".into(), after: None },
    ];
    for (attempt, outcome) in (1..).zip(&outcomes) {
        let at = NOON + Duration::from_secs(attempt.into());
        store.record_hand_over(name("oslo"), Provider::Apns, outcome, attempt, at).await.unwrap();
    }
    store.count_throttled(name("oslo"), NOON).await.unwrap();
    store.count_throttled(name("oslo"), NOON).await.unwrap();
    let (boxes, _) = store.house_boxes(NOON).await.unwrap();
    assert_eq!(boxes[0].today, HandOverCounts { accepted: 1, gone: 1, failed: 1, throttled: 2 });
    assert_eq!(boxes[0].last_seen, NOON + Duration::from_secs(3));
    assert_eq!(store.house_boxes(NOON + DAY).await.unwrap().0[0].today, HandOverCounts::default());
    let ledger = store.house_ledger(None, 2).await.unwrap();
    let told: Vec<_> = ledger.iter().map(|row| (row.outcome.as_str(), row.reason.as_str())).collect();
    assert_eq!(told, [("retry", "Shutdown"), ("gone", "Unregistered")]);
    assert_eq!(store.house_ledger(Some(name("bergen")), 9).await.unwrap(), []);
    assert_eq!(store.handed_over_since(name("oslo"), NOON + Duration::from_secs(2)).await.unwrap(), 2);
    store.tidy(NOON + 30 * DAY).await.unwrap();
    assert_eq!(store.house_ledger(Some(name("oslo")), 9).await.unwrap().len(), 3);
    store.tidy(NOON + 31 * DAY).await.unwrap();
    assert_eq!(store.house_ledger(Some(name("oslo")), 9).await.unwrap(), []);
}

fn house(services: &[Provider]) -> PairedHouse {
    PairedHouse {
        address: "house.example:8443".parse().unwrap(),
        authority_pem: "authority".into(),
        name: name("oslo"),
        services: services.to_vec(),
        certificate_pem: "certificate".into(),
        key_pem: "the-key-of-this-box".into(),
    }
}

#[tokio::test]
async fn the_house_of_a_box_is_kept_with_its_key_sealed() {
    let Bench { store, dir } = Bench::new().await;
    let mut settings = store.push_settings_generation();
    settings.mark_unchanged();
    store.set_push_house(house(&[Provider::Apns]), NOON).await.unwrap();
    assert!(settings.has_changed().unwrap());
    for file in ["fulmar.db", "fulmar.db-wal"] {
        let bytes = std::fs::read(dir.path().join(file)).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"the-key-of-"), "{file}");
    }
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.push_house().await.unwrap(), Some(house(&[Provider::Apns])));
    let both = [Provider::Apns, Provider::Fcm];
    assert!(store.set_house_services(both.to_vec(), NOON).await.unwrap());
    assert!(!store.set_house_services(both.to_vec(), NOON).await.unwrap());
    assert_eq!(store.push_house().await.unwrap(), Some(house(&both)));
    assert!(store.forget_push_house(NOON).await.unwrap());
    assert!(!store.forget_push_house(NOON).await.unwrap());
    assert_eq!(store.push_house().await.unwrap(), None);
}

/// What the box says when a service is to be switched on.
async fn switched_on(store: &Store, switch: &str) -> ConfigurationChange {
    let on = vec![(switch.to_owned(), vec!["True".to_owned()])];
    let site = Scope::Site("office.test".parse().unwrap());
    store.configure(Object::PushNotification, site, on, NOON).await.unwrap()
}

#[tokio::test]
async fn a_house_is_as_good_as_a_key_for_the_services_that_it_sends_to() {
    const MICROSOFT: &str = "EnableMicrosoftPushNotificationService";
    let Bench { store, .. } = Bench::new().await;
    let no_key = switched_on(&store, MICROSOFT).await;
    assert!(matches!(no_key, ConfigurationChange::Refused(InvalidParameter::NoKey { .. })), "{no_key:?}");
    store.set_push_house(house(&[Provider::Apns]), NOON).await.unwrap();
    let no_key = switched_on(&store, MICROSOFT).await;
    assert!(matches!(no_key, ConfigurationChange::Refused(InvalidParameter::NoKey { .. })), "{no_key:?}");
    store.set_house_services(vec![Provider::Apns, Provider::Wns], NOON).await.unwrap();
    let domain = "office.test".parse().unwrap();
    let push: PushNotificationConfiguration = store.configuration(&domain).await.unwrap();
    assert!(push.enable_microsoft_push_notification_service, "what is new is switched on");
    assert!(matches!(switched_on(&store, MICROSOFT).await, ConfigurationChange::Done(_)));
}
