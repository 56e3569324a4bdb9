//! The client for Web Push against the stand-in.

#![expect(clippy::unwrap_used, reason = "what fails while a test is set up ends the test")]

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{
    PushId, Timestamp,
    device::{PushRegistration, Subscription},
    dnssec::Pkcs8,
    push::{Notification, Outcome, PrivateHost, Subject, VapidKey, WebPushSettings},
};
use fulmar_push::web_push::{Client, Settings};
use fulmar_standins::web_push::{self, Behaviour, WebPushStandin};
use http::StatusCode;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};

fn now() -> Timestamp {
    Timestamp::from_millis(0) + std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn key() -> VapidKey {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    VapidKey { pkcs8: Pkcs8(pkcs8.as_ref().to_vec()), public }
}

/// A stand-in on this machine, which is allowed, and a device that subscribed for the box's key.
struct Setup {
    standin: WebPushStandin,
    key: VapidKey,
    device: Subscription,
    client: Client,
}

impl Setup {
    async fn new() -> Self {
        let standin = WebPushStandin::start().await.unwrap();
        let key = key();
        let device = subscription(standin.subscribe(Some(&key.public)).unwrap());
        let client = client(&standin, &key, &["localhost"]);
        Self { standin, key, device, client }
    }

    async fn send(&self, collapse_id: &str) -> Outcome {
        self.client.send(&message(&self.device, collapse_id), &self.device, now()).await
    }
}

fn subscription(of: web_push::Subscription) -> Subscription {
    let web_push::Subscription { endpoint, p256dh, auth, .. } = of;
    Subscription {
        endpoint: endpoint.parse().unwrap(),
        key: p256dh.parse().unwrap(),
        auth: auth.parse().unwrap(),
    }
}

fn client(standin: &WebPushStandin, key: &VapidKey, private_hosts: &[&str]) -> Client {
    let private_hosts: BTreeSet<PrivateHost> =
        private_hosts.iter().map(|host| host.parse().unwrap()).collect();
    let stored = WebPushSettings {
        contact: "mailto:admin@office.example".parse().unwrap(),
        private_hosts,
        trust_anchors_pem: Some(standin.ca_pem().to_owned()),
    };
    Client::new(Settings::read(stored, key).unwrap())
}

fn message(device: &Subscription, collapse_id: &str) -> Notification {
    Notification {
        id: PushId(1),
        registration: PushRegistration::WebPush(device.clone()),
        subject: Subject::Message { from: "Anna Arndt".into(), preview: None },
        badge: 3,
        collapse_id: collapse_id.into(),
        expires_at: now() + Duration::from_secs(3600),
        attempts: 0,
    }
}

#[tokio::test]
async fn the_device_reads_who_wrote_and_the_service_does_not() {
    let setup = Setup::new().await;
    assert_eq!(setup.send("message-1").await, Outcome::Accepted);

    let request = &setup.standin.received()[0];
    let field = |name: &str| request.headers[name].to_str().unwrap();
    for (name, value) in [("content-encoding", "aes128gcm"), ("urgency", "high"), ("topic", "message-1")] {
        assert_eq!(field(name), value);
    }
    assert!((3590..=3600).contains(&field("ttl").parse::<u32>().unwrap()));
    assert!(!request.body.windows(4).any(|bytes| bytes == b"Anna"));
    let text: Value = serde_json::from_str(&setup.standin.shown()[0].text).unwrap();
    let told = json!({ "title": "Anna Arndt", "body": "New message", "badge": 3, "collapseId": "message-1" });
    assert_eq!(text, told);
}

#[tokio::test]
async fn the_same_message_sent_twice_is_shown_once_and_looks_different() {
    let setup = Setup::new().await;
    setup.standin.script([Behaviour::Close]);
    let lost = setup.send("message-1").await;
    assert!(matches!(&lost, Outcome::Unavailable { after: None, .. }), "{lost:?}");
    assert_eq!(setup.send("message-1").await, Outcome::Accepted);
    assert_eq!(setup.standin.shown().len(), 1);
    let received = setup.standin.received();
    assert_ne!(received[0].body, received[1].body);
    assert_eq!(received[0].body.len(), received[1].body.len());
}

#[tokio::test]
async fn a_key_that_the_device_did_not_subscribe_for_is_ours_to_fix() {
    let setup = Setup::new().await;
    let other = client(&setup.standin, &key(), &["localhost"]);
    let outcome = other.send(&message(&setup.device, "m"), &setup.device, now()).await;
    let reason = "HTTP status 403: the subscription is for another key".to_owned();
    assert_eq!(outcome, Outcome::OursToFix { reason });
}

#[tokio::test]
async fn a_wrong_clock_is_told_by_the_service() {
    let setup = Setup::new().await;
    for skew in [Duration::from_secs(13 * 3600), Duration::from_secs(48 * 3600)] {
        let message = Notification { expires_at: now() + skew + skew, ..message(&setup.device, "m") };
        let outcome = setup.client.send(&message, &setup.device, now() + skew).await;
        assert_eq!(outcome, Outcome::OursToFix { reason: "HTTP status 403: the claims are wrong".into() });
    }
}

#[tokio::test]
async fn what_the_service_says_comes_back() {
    let setup = Setup::new().await;
    let busy = Behaviour::Answer {
        status: StatusCode::TOO_MANY_REQUESTS,
        headers: vec![("retry-after", "90".into())],
        body: "slow down".into(),
    };
    setup.standin.script([
        busy,
        Behaviour::answer(StatusCode::GONE),
        Behaviour::answer(StatusCode::BAD_GATEWAY),
    ]);
    let after = Some(Duration::from_secs(90));
    let said = |status: u16| format!("HTTP status {status}");
    assert_eq!(setup.send("m").await, Outcome::Retry { reason: said(429) + ": slow down", after });
    assert_eq!(setup.send("m").await, Outcome::Gone { reason: said(410), since: None });
    assert_eq!(setup.send("m").await, Outcome::Unavailable { reason: said(502), after: None });
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let setup = Setup::new().await;
    let elsewhere = setup.standin.subscribe(None).unwrap().endpoint;
    setup.standin.script([Behaviour::Answer {
        status: StatusCode::TEMPORARY_REDIRECT,
        headers: vec![("location", elsewhere)],
        body: String::new(),
    }]);
    let outcome = setup.send("m").await;
    assert_eq!(outcome, Outcome::Retry { reason: "HTTP status 307".into(), after: None });
    assert_eq!(setup.standin.received().len(), 1);
}

#[tokio::test]
async fn a_host_at_a_private_address_is_not_spoken_to_unless_it_is_named() {
    let setup = Setup::new().await;
    let careful = client(&setup.standin, &setup.key, &["push.office.example"]);
    let outcome = careful.send(&message(&setup.device, "m"), &setup.device, now()).await;
    let Outcome::OursToFix { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("`localhost` has no address in the world"), "{reason}");
    assert!(setup.standin.received().is_empty());
}

#[tokio::test]
async fn a_service_of_another_authority_is_told_nothing() {
    let (setup, other) = (Setup::new().await, WebPushStandin::start().await.unwrap());
    let client = client(&other, &setup.key, &["localhost"]);
    let outcome = client.send(&message(&setup.device, "m"), &setup.device, now()).await;
    let Outcome::OursToFix { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("invalid peer certificate"), "{reason}");
}

#[tokio::test]
async fn a_key_that_is_no_point_ends_the_registration() {
    let setup = Setup::new().await;
    let broken =
        Subscription { key: format!("B{}", "A".repeat(86)).parse().unwrap(), ..setup.device.clone() };
    let outcome = setup.client.send(&message(&broken, "m"), &broken, now()).await;
    assert!(matches!(&outcome, Outcome::Gone { .. }), "{outcome:?}");
    assert!(setup.standin.received().is_empty());
}

#[tokio::test]
async fn a_silent_service_is_given_half_a_minute() {
    let setup = Setup::new().await;
    assert_eq!(setup.send("m1").await, Outcome::Accepted);
    setup.standin.script([Behaviour::Silence]);
    tokio::time::pause();
    let outcome = setup.send("m2").await;
    assert_eq!(outcome, Outcome::Unavailable { reason: "no answer within 30s".into(), after: None });
}
