//! The clients for Firebase and WNS against their stand-ins.

#![expect(clippy::unwrap_used, reason = "what fails while a test is set up ends the test")]

use std::{sync::Arc, time::Duration};

use fulmar_domain::{
    PushId, Timestamp,
    device::{Endpoint, FcmToken, PushRegistration},
    push::{FcmSettings, Notification, Outcome, Subject, WnsSettings},
};
use fulmar_push::{fcm, wns};
use fulmar_standins::{
    fcm::{Behaviour, FcmStandin, Received, refusal},
    wns::{PACKAGE_SID, SECRET, WnsStandin, taken},
};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const TOKEN: &str = "dGhpcyBpcyBhIHRva2Vu:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx";
const MINUTE: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    Timestamp::from_millis(0) + std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn message(registration: PushRegistration) -> Notification {
    Notification {
        id: PushId(1),
        registration,
        subject: Subject::Message { from: "Anna & Arndt".into(), preview: None },
        badge: 3,
        collapse_id: "message-17".into(),
        expires_at: now() + 120 * MINUTE,
        attempts: 0,
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted
}

fn paths(received: &[Received]) -> Vec<&str> {
    received.iter().map(|request| request.uri.path()).collect()
}

struct Firebase {
    standin: FcmStandin,
    client: Arc<fcm::Client>,
}

impl Firebase {
    async fn new() -> Self {
        let standin = FcmStandin::start().await.unwrap();
        let client = Arc::new(fcm::Client::new(fcm::Settings::read(&Self::settings(&standin)).unwrap()));
        Self { standin, client }
    }

    fn settings(standin: &FcmStandin) -> FcmSettings {
        FcmSettings {
            endpoint: standin.endpoint(),
            service_account: standin.service_account(),
            trust_anchors_pem: Some(standin.ca_pem().to_owned()),
        }
    }

    async fn send_at(&self, now: Timestamp) -> Outcome {
        let token: FcmToken = TOKEN.parse().unwrap();
        self.client.send(&message(PushRegistration::Fcm(token.clone())), &token, now).await
    }

    async fn send(&self) -> Outcome {
        self.send_at(now()).await
    }
}

const SEND: &str = "/v1/projects/fulmar-standin/messages:send";

#[tokio::test]
async fn firebase_is_told_who_wrote_and_how_long_it_matters() {
    let firebase = Firebase::new().await;
    assert_eq!(firebase.send().await, accepted());
    let received = firebase.standin.received();
    assert_eq!(paths(&received), ["/token", SEND]);
    let body: Value = serde_json::from_slice(&received[1].body).unwrap();
    let message = &body["message"];
    assert_eq!(message["token"], TOKEN);
    assert_eq!(message["notification"], json!({ "title": "Anna & Arndt", "body": "New message" }));
    assert_eq!(message["data"], json!({ "collapseId": "message-17", "badge": "3" }));
    let android = &message["android"];
    assert_eq!((&android["priority"], &android["collapse_key"]), (&json!("HIGH"), &json!("message-17")));
    assert_eq!(android["notification"]["tag"], "message-17");
}

#[tokio::test]
async fn many_pushes_share_one_token_until_it_is_about_to_end() {
    let firebase = Arc::new(Firebase::new().await);
    let mut sending = JoinSet::new();
    for _ in 0..20 {
        let firebase = Arc::clone(&firebase);
        sending.spawn(async move { firebase.send().await });
    }
    assert!(sending.join_all().await.iter().all(|outcome| *outcome == Outcome::Accepted));
    let asked = || paths(&firebase.standin.received()).into_iter().filter(|path| *path == "/token").count();
    assert_eq!(asked(), 1);
    assert_eq!(firebase.send_at(now() + 54 * MINUTE).await, accepted());
    assert_eq!(asked(), 1);
    // The clock of the box runs ahead of Google's, as far as its tokens allow.
    let firebase = Firebase::new().await;
    assert_eq!(firebase.send_at(now() - 56 * MINUTE).await, accepted());
    assert_eq!(firebase.send().await, accepted());
    assert_eq!(paths(&firebase.standin.received()), ["/token", SEND, "/token", SEND]);
}

#[tokio::test]
async fn a_token_that_google_refuses_is_replaced_once() {
    let firebase = Firebase::new().await;
    assert_eq!(firebase.send().await, accepted());
    firebase.standin.revoke_tokens();
    assert_eq!(firebase.send().await, accepted());
    assert_eq!(paths(&firebase.standin.received()), ["/token", SEND, SEND, "/token", SEND]);
    let refused = || Behaviour::answer(StatusCode::UNAUTHORIZED);
    firebase.standin.script([refused(), Behaviour::Judge, refused()]);
    assert_eq!(firebase.send().await, Outcome::OursToFix { reason: "HTTP status 401".into() });
}

#[tokio::test]
async fn a_service_account_that_google_does_not_know_is_ours_to_fix() {
    let standin = FcmStandin::start().await.unwrap();
    let settings = Firebase::settings(&standin);
    let service_account = settings.service_account.replace("push@", "nobody@");
    let settings = fcm::Settings::read(&FcmSettings { service_account, ..settings }).unwrap();
    let firebase = Firebase { standin, client: Arc::new(fcm::Client::new(settings)) };
    assert_eq!(firebase.send().await, Outcome::OursToFix { reason: "invalid_grant".into() });
    firebase.standin.script([Behaviour::answer(StatusCode::SERVICE_UNAVAILABLE)]);
    assert_eq!(firebase.send().await, Outcome::Unavailable { reason: "HTTP status 503".into(), after: None });
    assert_eq!(paths(&firebase.standin.received()), ["/token", "/token"]);
}

#[tokio::test]
async fn the_words_of_firebase_come_back() {
    let firebase = Firebase::new().await;
    assert_eq!(firebase.send().await, accepted());
    for (status, code, outcome) in [
        (404, "UNREGISTERED", Outcome::Gone { reason: "UNREGISTERED".into(), since: None }),
        (403, "SENDER_ID_MISMATCH", Outcome::OursToFix { reason: "SENDER_ID_MISMATCH".into() }),
        (429, "QUOTA_EXCEEDED", Outcome::Retry { reason: "QUOTA_EXCEEDED".into(), after: Some(MINUTE) }),
        (503, "UNAVAILABLE", Outcome::Unavailable { reason: "UNAVAILABLE".into(), after: None }),
    ] {
        firebase.standin.script([refusal(StatusCode::from_u16(status).unwrap(), code)]);
        assert_eq!(firebase.send().await, outcome);
    }
}

#[test]
fn what_is_no_service_account_is_refused_and_its_key_not_repeated() {
    let complaint = |service_account: &str| {
        let service_account = service_account.to_owned();
        let stored =
            FcmSettings { endpoint: FcmSettings::ENDPOINT.into(), service_account, trust_anchors_pem: None };
        fcm::Settings::read(&stored).err().unwrap().to_string()
    };
    assert!(complaint("SECRET").contains("not a JSON file"));
    let account =
        json!({ "project_id": "p", "private_key": "SECRET", "client_email": "e", "private_key_id": "k" });
    assert_eq!(complaint(&account.to_string()), "the private key of the service account is not PEM");
    let account = json!({ "project_id": "../p" });
    assert!(complaint(&account.to_string()).contains("`project_id`"));
}

struct Windows {
    standin: WnsStandin,
    client: wns::Client,
}

impl Windows {
    async fn new() -> Self {
        let standin = WnsStandin::start().await.unwrap();
        let client = wns::Client::new(wns::Settings::read(&Self::settings(&standin)).unwrap());
        Self { standin, client }
    }

    fn settings(standin: &WnsStandin) -> WnsSettings {
        WnsSettings {
            package_sid: PACKAGE_SID.into(),
            secret: SECRET.into(),
            token_endpoint: standin.token_endpoint(),
            channel_domain: "localhost".parse().unwrap(),
            trust_anchors_pem: Some(standin.ca_pem().to_owned()),
        }
    }

    async fn send(&self) -> Outcome {
        self.send_to(&self.standin.channel()).await
    }

    async fn send_to(&self, channel: &str) -> Outcome {
        let channel: Endpoint = channel.parse().unwrap();
        self.client.send(&message(PushRegistration::Wns(channel.clone())), &channel, now()).await
    }
}

#[tokio::test]
async fn windows_shows_who_wrote() {
    let windows = Windows::new().await;
    assert_eq!(windows.send().await, accepted());
    let received = windows.standin.received();
    assert_eq!(paths(&received), ["/accesstoken.srf", "/"]);
    let toast = std::str::from_utf8(&received[1].body).unwrap();
    assert!(toast.contains("<text>Anna &amp; Arndt</text><text>New message</text>"), "{toast}");
    assert_eq!(received[1].headers["x-wns-tag"], "message17");
}

#[tokio::test]
async fn a_token_that_wns_refuses_is_replaced_once() {
    let windows = Windows::new().await;
    assert_eq!(windows.send().await, accepted());
    windows.standin.revoke_tokens();
    assert_eq!(windows.send().await, accepted());
    assert_eq!(paths(&windows.standin.received()), ["/accesstoken.srf", "/", "/", "/accesstoken.srf", "/"]);
}

#[tokio::test]
async fn the_states_of_a_channel_come_back() {
    let windows = Windows::new().await;
    assert_eq!(windows.send().await, accepted());
    for word in ["dropped", "channelthrottled"] {
        windows.standin.script([taken(word)]);
        assert_eq!(windows.send().await, Outcome::Retry { reason: word.into(), after: None });
    }
    for (status, outcome) in [
        (StatusCode::GONE, Outcome::Gone { reason: "HTTP status 410".into(), since: None }),
        (StatusCode::FORBIDDEN, Outcome::OursToFix { reason: "HTTP status 403".into() }),
        (StatusCode::NOT_ACCEPTABLE, Outcome::Retry { reason: "HTTP status 406".into(), after: None }),
    ] {
        windows.standin.script([Behaviour::answer(status)]);
        assert_eq!(windows.send().await, outcome);
    }
    let gone = windows.send_to(&format!("{}x", windows.standin.channel())).await;
    assert_eq!(gone, Outcome::Gone { reason: "no such channel".into(), since: None });
}

#[tokio::test]
async fn a_channel_elsewhere_is_never_shown_the_token() {
    let windows = Windows::new().await;
    let outcome = windows.send_to("https://push.example/?token=x").await;
    assert!(matches!(&outcome, Outcome::OursToFix { .. }), "the domain may be mistyped: {outcome:?}");
    assert!(windows.standin.received().is_empty());
}

#[tokio::test]
async fn a_wrong_secret_is_ours_to_fix() {
    let standin = WnsStandin::start().await.unwrap();
    let settings = WnsSettings { secret: "wrong".into(), ..Windows::settings(&standin) };
    let client = wns::Client::new(wns::Settings::read(&settings).unwrap());
    let outcome = Windows { standin, client }.send().await;
    assert_eq!(outcome, Outcome::OursToFix { reason: "invalid_client".into() });
}

#[test]
fn a_package_sid_has_the_form_of_microsofts() {
    let settings = WnsSettings {
        package_sid: "my app".into(),
        secret: SECRET.into(),
        token_endpoint: WnsSettings::TOKEN_ENDPOINT.into(),
        channel_domain: WnsSettings::CHANNEL_DOMAIN.parse().unwrap(),
        trust_anchors_pem: None,
    };
    let complaint = wns::Settings::read(&settings).err().unwrap().to_string();
    assert!(complaint.contains("`my app` is not a package SID"), "{complaint}");
    let settings = WnsSettings { package_sid: PACKAGE_SID.into(), ..settings };
    assert!(wns::Settings::read(&settings).is_ok());
}
