//! Phones that are woken by a service of their own.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_standins::web_push::{Subscription, WebPushStandin};
use fulmar_suite::{Kind, Office, uri};
use fulmar_wire::mcx::{self, Event};
use fulmarctl::phone::Phone;
use http::Method;
use serde_json::{Value, json};

use super::ucwa_foreign::python;

pub(super) async fn switch_on(office: &Office, service: &WebPushStandin, private_hosts: &[&str]) -> Value {
    let settings = json!({
        "contact": "mailto:admin@office.example",
        "private_hosts": private_hosts,
        "trust_anchors_pem": service.ca_pem(),
    });
    office.admin().change(Method::PUT, "/api/v1/push/web", &settings).await.unwrap()
}

fn registration(subscription: Subscription) -> mcx::Command {
    let Subscription { endpoint, p256dh, auth, .. } = subscription;
    mcx::Command::RegisterWebPush { endpoint: endpoint.into(), p256dh, auth: auth.into() }
}

async fn tested(phone: &mut Phone) -> (bool, String) {
    let given = phone.command(mcx::Command::TestPush).await.unwrap();
    let told = phone.until("the service's answer", |event| match event {
        Event::PushTested { rid, accepted, reason } if *rid == given => Some((*accepted, reason.clone())),
        _ => None,
    });
    told.await.unwrap()
}

/// Anna's phone subscribes for the box's key and sleeps. Ben writes. The phone is woken once and reads who wrote.
#[tokio::test]
async fn a_phone_is_woken_by_a_service_of_its_own() {
    let (office, service) =
        (Office::new(Kind::InProcess).await.unwrap(), WebPushStandin::start().await.unwrap());
    assert_eq!(office.sign_in("anna", "phone").await.unwrap().vapid_key(), None);
    let answer = switch_on(&office, &service, &["localhost"]).await;

    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let key = anna.vapid_key().unwrap().to_owned();
    assert_eq!(answer["public_key"], key.as_str());
    let subscription = service.subscribe(Some(&key)).unwrap();
    anna.perform(registration(subscription)).await.unwrap();
    assert_eq!(tested(&mut anna).await, (true, String::new()));
    anna.perform(mcx::Command::SetApplicationState { state: "background".into() }).await.unwrap();

    let ben = &mut office.sign_in("ben", "phone").await.unwrap();
    ben.invite(&uri("anna").unwrap(), "m-1", "Lunch at one, by bike?").await.unwrap();
    let shown = service.wait_for_shown(2).await.unwrap();
    let text: Value = serde_json::from_str(&shown[1].text).unwrap();
    assert_eq!((&text["title"], &text["body"]), (&json!("ben"), &json!("New message")));
    assert!(office.apns.received().is_empty());
}

/// The packages on PyPI with which services and browsers are tested read what the box sends, and verify who sent it.
#[tokio::test]
async fn what_is_sent_is_read_and_verified_by_programs_of_others() {
    let (office, service) =
        (Office::new(Kind::InProcess).await.unwrap(), WebPushStandin::start().await.unwrap());
    switch_on(&office, &service, &["localhost"]).await;
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let subscription = service.subscribe(anna.vapid_key()).unwrap();
    let (private_key, auth) = (subscription.private_key.clone(), subscription.auth.clone());
    let origin = subscription.endpoint.split("/push").next().unwrap().to_owned();
    anna.perform(registration(subscription)).await.unwrap();
    assert_eq!(tested(&mut anna).await, (true, String::new()));

    let received = &service.received()[0];
    let read = read_by_others(&json!({
        "body": URL_SAFE_NO_PAD.encode(&received.body),
        "authorization": received.headers["authorization"].to_str().unwrap(),
        "private_key": private_key,
        "auth": auth,
    }));
    assert_eq!(read["text"], service.shown()[0].text);
    assert_eq!(read["claims"]["aud"], origin);
    assert_eq!(read["claims"]["sub"], "mailto:admin@office.example");
}

fn read_by_others(received: &Value) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/web_push/read.py");
    let mut reader =
        Command::new(python()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    reader.stdin.take().unwrap().write_all(received.to_string().as_bytes()).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_service_at_a_private_address_is_told_nothing_unless_an_administrator_named_it() {
    let (office, service) =
        (Office::new(Kind::InProcess).await.unwrap(), WebPushStandin::start().await.unwrap());
    let before = switch_on(&office, &service, &[]).await;
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let subscription = service.subscribe(anna.vapid_key()).unwrap();
    anna.perform(registration(subscription)).await.unwrap();

    let (accepted, reason) = tested(&mut anna).await;
    assert!(!accepted && reason.contains("no address in the world"), "{reason}");
    assert!(service.received().is_empty());

    assert_eq!(switch_on(&office, &service, &["localhost"]).await, before);
    assert_eq!(tested(&mut anna).await, (true, String::new()));
}

#[tokio::test]
async fn what_can_not_be_a_subscription_is_refused_with_a_reason() {
    let (office, service) =
        (Office::new(Kind::InProcess).await.unwrap(), WebPushStandin::start().await.unwrap());
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let good = service.subscribe(None).unwrap();
    for (wrong, reason) in [
        (Subscription { endpoint: good.endpoint.replace("https", "http"), ..good.clone() }, "https"),
        (Subscription { endpoint: good.endpoint.replace("localhost", "127.0.0.1"), ..good.clone() }, "name"),
        (Subscription { p256dh: good.p256dh[1..].to_owned(), ..good.clone() }, "p256dh"),
        (Subscription { auth: good.auth[1..].to_owned(), ..good.clone() }, "auth"),
    ] {
        let refused = anna.command(registration(wrong)).await.unwrap_err().to_string();
        assert!(refused.contains("invalidValue") || refused.contains("InvalidValue"), "{refused}");
        assert!(refused.contains(reason), "{refused}");
    }
    let gone = mcx::Command::RegisterPush { provider: "mpns".into(), token: "https://example.net/x".into() };
    let refused = anna.command(gone).await.unwrap_err().to_string();
    assert!(refused.contains("exists no more"), "{refused}");
}

#[tokio::test]
async fn a_contact_that_nobody_could_write_to_is_refused() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let settings = json!({ "contact": "mailto:admin@localhost" });
    let refused = office.admin().change(Method::PUT, "/api/v1/push/web", &settings).await.unwrap_err();
    assert!(refused.to_string().contains("no contact for push services"), "{refused}");
    let refused = office.admin().change(Method::DELETE, "/api/v1/push/web", &json!({})).await.unwrap_err();
    assert!(refused.to_string().contains("nobody is woken"), "{refused}");
}
