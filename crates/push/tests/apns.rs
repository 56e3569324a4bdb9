//! The APNs client against the stand-in.

#![expect(clippy::unwrap_used, reason = "what fails while a test is set up ends the test")]

use std::{sync::Arc, time::Duration};

use fulmar_domain::{
    PushId, Timestamp,
    device::{DeviceToken, PushRegistration},
    push::{ApnsAuth, ApnsSettings, Notification, Outcome, Subject},
};
use fulmar_push::apns::{Client, Settings};
use fulmar_standins::{
    apns::{Answer, ApnsStandin, Behaviour, Config, Credential, ProviderKey, Received, Refusal},
    authority::Authority,
};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const DEVICE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const TEAM: &str = "TEAM000001";
const KEY: &str = "KEY0000001";
const MINUTE: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    Timestamp::from_millis(0) + std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn device() -> DeviceToken {
    DEVICE.parse().unwrap()
}

fn message(collapse_id: &str) -> Notification {
    Notification {
        id: PushId(1),
        registration: PushRegistration::Apns(device()),
        subject: Subject::Message { from: "Anna Arndt".into(), preview: None },
        badge: 3,
        collapse_id: collapse_id.into(),
        expires_at: Timestamp::from_millis(1_900_000_000_999),
        attempts: 0,
    }
}

/// A stand-in with a provider key, and a client that has it.
struct Setup {
    standin: ApnsStandin,
    client: Client,
}

impl Setup {
    async fn new() -> Self {
        let key = ProviderKey::make(TEAM, KEY).unwrap();
        let auth = ApnsAuth::Token { team_id: TEAM.into(), key_id: KEY.into(), key_pem: key.pem().into() };
        let config = Config { limits_token_updates: true, ..Config::new(Credential::Token(key)).unwrap() };
        let topic = config.topic.clone();
        let standin = ApnsStandin::start(config).await.unwrap();
        let client = client(&standin, &topic, auth);
        Self { standin, client }
    }

    async fn send(&self, collapse_id: &str) -> Outcome {
        self.client.send(&message(collapse_id), &device(), now()).await
    }

    fn connections(&self) -> Vec<u64> {
        self.standin.received().iter().map(|request| request.connection).collect()
    }
}

fn client(standin: &ApnsStandin, topic: &str, auth: ApnsAuth) -> Client {
    client_trusting(standin.ca_pem(), standin, topic, auth)
}

fn client_trusting(ca_pem: &str, standin: &ApnsStandin, topic: &str, auth: ApnsAuth) -> Client {
    let trust_anchors_pem = Some(ca_pem.to_owned());
    let stored = ApnsSettings { endpoint: standin.endpoint(), topic: topic.into(), trust_anchors_pem, auth };
    Client::new(Settings::read(&stored).unwrap())
}

fn field<'a>(request: &'a Received, name: &str) -> &'a str {
    request.headers[name].to_str().unwrap()
}

#[tokio::test]
async fn a_message_is_announced_by_its_sender_and_nothing_else() {
    let setup = Setup::new().await;
    assert_eq!(setup.send("m1").await, Outcome::Accepted);

    let request = &setup.standin.received()[0];
    assert_eq!(request.device, DEVICE);
    for (name, value) in [
        ("apns-topic", "org.example.fulmar"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", "1900000000"),
        ("apns-collapse-id", "m1"),
    ] {
        assert_eq!(field(request, name), value);
    }
    let payload: Value = serde_json::from_slice(&request.payload).unwrap();
    let alert = json!({ "title": "Anna Arndt", "body": "New message" });
    assert_eq!(payload, json!({ "aps": { "alert": alert, "badge": 3, "sound": "default" } }));
}

#[tokio::test]
async fn what_is_about_nobody_says_what_it_is() {
    let setup = Setup::new().await;
    for (number, (subject, alert)) in
        [(Subject::Test, "Notifications work"), (Subject::SignIn, "Sign in again to get your messages")]
            .into_iter()
            .enumerate()
    {
        let notification = Notification { subject, ..message(&format!("t{number}")) };
        assert_eq!(setup.client.send(&notification, &device(), now()).await, Outcome::Accepted);
        assert_eq!(setup.standin.shown()[number].payload["aps"]["alert"], alert);
    }
}

#[tokio::test]
async fn every_request_has_a_random_uuid_of_its_own() {
    let setup = Setup::new().await;
    for collapse_id in ["m1", "m2"] {
        assert_eq!(setup.send(collapse_id).await, Outcome::Accepted);
    }
    let received = setup.standin.received();
    let (one, other) = (field(&received[0], "apns-id"), field(&received[1], "apns-id"));
    assert_ne!(one, other);
    assert_eq!((&one[14..15], other.len()), ("4", 36));
}

#[tokio::test]
async fn a_client_certificate_takes_the_place_of_a_token() {
    let developers = Authority::make("Developers").unwrap();
    let config = Config::new(Credential::Certificate { client_ca_pem: developers.pem().to_owned() }).unwrap();
    let topic = config.topic.clone();
    let standin = ApnsStandin::start(config).await.unwrap();
    let identity = developers.issue_client(&topic).unwrap();
    let auth = ApnsAuth::Certificate { chain_pem: identity.certificate_pem, key_pem: identity.key_pem };

    let outcome = client(&standin, &topic, auth).send(&message("m1"), &device(), now()).await;
    assert_eq!(outcome, Outcome::Accepted);
    assert!(!standin.received()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_words_of_a_refusal_come_back() {
    let setup = Setup::new().await;
    let dead =
        Refusal { timestamp: Some(1_508_249_865_488), ..Refusal::new(StatusCode::GONE, "Unregistered") };
    let since = Some(Timestamp::from_millis(1_508_249_865_488));
    for (refusal, outcome) in [
        (dead, Outcome::Gone { reason: "Unregistered".into(), since }),
        (
            Refusal::new(StatusCode::BAD_REQUEST, "TopicDisallowed"),
            Outcome::OursToFix { reason: "TopicDisallowed".into() },
        ),
        (
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Shutdown"),
            Outcome::Unavailable { reason: "Shutdown".into(), after: None },
        ),
        (
            Refusal::new(StatusCode::FORBIDDEN, "NewInANewYear"),
            Outcome::OursToFix { reason: "NewInANewYear".into() },
        ),
    ] {
        setup.standin.script([Behaviour::Refuse(refusal)]);
        assert_eq!(setup.send("m1").await, outcome);
    }
}

#[tokio::test]
async fn after_goaway_the_next_push_takes_a_new_connection() {
    let setup = Setup::new().await;
    setup.standin.script([Behaviour::GoAway]);
    for collapse_id in ["m1", "m2"] {
        assert_eq!(setup.send(collapse_id).await, Outcome::Accepted);
    }
    assert_eq!(setup.connections(), [1, 2]);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_on_a_new_connection_and_shown_once() {
    let setup = Setup::new().await;
    setup.standin.script([Behaviour::Close]);
    let lost = setup.send("m1").await;
    assert!(matches!(&lost, Outcome::Unavailable { after: None, .. }), "{lost:?}");
    assert_eq!(setup.send("m1").await, Outcome::Accepted);
    assert_eq!(setup.connections(), [1, 2]);
    assert_eq!(setup.standin.shown().len(), 1);
}

#[tokio::test]
async fn a_service_that_nobody_answers_for_is_tried_again() {
    let Setup { standin, client } = Setup::new().await;
    drop(standin);
    let outcome = client.send(&message("m1"), &device(), now()).await;
    assert!(matches!(&outcome, Outcome::Unavailable { .. }), "{outcome:?}");
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

#[tokio::test]
async fn a_service_of_another_authority_is_told_nothing() {
    let setup = Setup::new().await;
    let other = Authority::make("Another").unwrap();
    let key_pem = ProviderKey::make(TEAM, KEY).unwrap().pem().to_owned();
    let auth = ApnsAuth::Token { team_id: TEAM.into(), key_id: KEY.into(), key_pem };
    let client = client_trusting(other.pem(), &setup.standin, "org.example.fulmar", auth);

    let outcome = client.send(&message("m1"), &device(), now()).await;
    let Outcome::OursToFix { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("UnknownIssuer"), "{reason}");
    assert!(setup.standin.received().is_empty());
}

#[tokio::test]
async fn a_key_that_the_team_does_not_have_is_ours_to_fix() {
    let setup = Setup::new().await;
    let key_pem = ProviderKey::make(TEAM, KEY).unwrap().pem().to_owned();
    let auth = ApnsAuth::Token { team_id: TEAM.into(), key_id: KEY.into(), key_pem };
    let outcome =
        client(&setup.standin, "org.example.fulmar", auth).send(&message("m1"), &device(), now()).await;
    assert_eq!(outcome, Outcome::OursToFix { reason: "InvalidProviderToken".into() });
}

#[tokio::test]
async fn a_provider_token_is_renewed_after_fifty_minutes() {
    let setup = Setup::new().await;
    let start = now();
    for minutes in [0, 49, 50] {
        let later = start + minutes * MINUTE;
        assert_eq!(setup.client.send(&message("m1"), &device(), later).await, Outcome::Accepted);
        setup.standin.advance_clock(if minutes == 0 { 49 * MINUTE } else { MINUTE });
    }
    let received = setup.standin.received();
    let tokens: Vec<_> = received.iter().map(|request| field(request, "authorization")).collect();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
}

#[tokio::test]
async fn an_expired_provider_token_is_replaced_at_once() {
    let setup = Setup::new().await;
    assert_eq!(setup.send("m1").await, Outcome::Accepted);
    // The service's clock runs ahead of ours.
    setup.standin.advance_clock(61 * MINUTE);
    let outcome = setup.client.send(&message("m2"), &device(), now() + 30 * MINUTE).await;
    assert_eq!(outcome, Outcome::Accepted);
    let refusal = Refusal::new(StatusCode::FORBIDDEN, "ExpiredProviderToken");
    let answers: Vec<_> = setup.standin.received().into_iter().map(|request| request.answer).collect();
    assert_eq!(answers, [Answer::Accepted, Answer::Refused(refusal), Answer::Accepted]);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_as_expired_means_a_wrong_clock() {
    let setup = Setup::new().await;
    setup.standin.advance_clock(120 * MINUTE);
    assert_eq!(setup.send("m1").await, Outcome::OursToFix { reason: "ExpiredProviderToken".into() });
    assert_eq!(setup.standin.received().len(), 1);
}

#[tokio::test]
async fn five_hundred_pushes_are_in_flight_on_one_connection() {
    const MANY: usize = 500;
    let Setup { standin, client } = Setup::new().await;
    standin.script(vec![Behaviour::Silence; MANY]);
    let client = Arc::new(client);
    let mut sending = JoinSet::new();
    for n in 0..MANY {
        let client = Arc::clone(&client);
        sending.spawn(async move { client.send(&message(&format!("m{n}")), &device(), now()).await });
    }
    // None of them is answered, so all of them are open when the last one has come.
    let received = standin.wait_for_received(MANY).await.unwrap();
    assert!(received.iter().all(|request| request.connection == 1));
}
