//! `fulmarctl selftest`, against a box that works and one that does not.

use std::{fs, process::Command};

use fulmar_standins::{
    apns::{Behaviour, Refusal},
    fcm::{self, FcmStandin},
    web_push::{Subscription, WebPushStandin},
};
use fulmar_suite::{Kind, Office, PASSWORD, program};
use serde_json::{Value, json};

use super::web_push::switch_on;

struct Outcome {
    passed: bool,
    steps: Vec<Value>,
}

impl Outcome {
    fn failed_step(&self) -> Option<(&str, &str)> {
        let failed = self.steps.iter().find(|step| step["passed"] == false)?;
        Some((failed["step"].as_str().unwrap(), failed["diagnosis"].as_str().unwrap()))
    }
}

/// Runs a self-test as anna with this password, where it needs somebody else with ben.
async fn selftest(office: &Office, test: &'static str, password: &str) -> Outcome {
    selftest_with(office, test, password, &[]).await
}

async fn selftest_with(office: &Office, test: &'static str, password: &str, options: &[&str]) -> Outcome {
    let (own, other) = (office.dir().join("own"), office.dir().join("other"));
    fs::write(&own, format!("{password}\n")).unwrap();
    fs::write(&other, PASSWORD).unwrap();
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.args(["selftest", test, "--json", "--as", "anna@office.test"]);
    command.args(options).args([
        "--dns",
        &office.dns().to_string(),
        "--port",
        &office.https().port().to_string(),
    ]);
    command.arg("--ca").arg(office.dir().join("state/tls/ca.pem")).arg("--password-file").arg(own);
    if test == "p2p-im" {
        command.args(["--with", "ben@office.test", "--with-password-file"]).arg(other);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let steps = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Outcome { passed: output.status.success(), steps }
}

#[tokio::test]
async fn every_test_passes_on_a_box_that_works() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    for (test, steps) in [("discovery", 4), ("p2p-im", 6), ("push", 4)] {
        let outcome = selftest(&office, test, PASSWORD).await;
        assert!(outcome.passed, "{test}: {:?}", outcome.steps);
        assert_eq!(outcome.steps.len(), steps, "{test}: {:?}", outcome.steps);
        assert!(outcome.steps.iter().all(|step| step["latency_ms"].as_f64().unwrap() >= 0.0));
    }
}

#[tokio::test]
async fn a_wrong_password_is_diagnosed() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let outcome = selftest(&office, "discovery", "wrong-horse").await;
    assert!(!outcome.passed);
    assert_eq!(
        outcome.failed_step(),
        Some(("ticket", "the address or the password is wrong, or the person is kept out"))
    );
}

#[tokio::test]
async fn a_push_that_is_refused_is_diagnosed_and_the_phone_signs_out() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let refused = Refusal::new(http::StatusCode::FORBIDDEN, "InvalidProviderToken");
    office.apns.script([Behaviour::Refuse(refused)]);
    let outcome = selftest(&office, "push", PASSWORD).await;
    assert!(!outcome.passed);
    let (step, diagnosis) = outcome.failed_step().unwrap();
    assert!(step == "push" && diagnosis.contains("InvalidProviderToken"), "{diagnosis}");
    assert_eq!(outcome.steps.last().unwrap()["step"], "sign-out");
    assert!(office.admin().get::<Vec<Value>>("/api/v1/sessions").await.unwrap().is_empty());
}

/// A subscription as browsers write it.
fn subscription(office: &Office, service: &WebPushStandin) -> String {
    let Subscription { endpoint, p256dh, auth, .. } = service.subscribe(None).unwrap();
    let file = office.dir().join("subscription.json");
    let text =
        json!({ "endpoint": endpoint, "expirationTime": null, "keys": { "p256dh": p256dh, "auth": auth } });
    fs::write(&file, text.to_string()).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn a_phone_is_woken_through_the_service_that_is_asked_for() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (web, firebase) = (WebPushStandin::start().await.unwrap(), FcmStandin::start().await.unwrap());
    let subscription = subscription(&office, &web);
    let by_web = ["--subscription", subscription.as_str()];
    let outcome = selftest_with(&office, "push", PASSWORD, &by_web).await;
    assert_eq!(outcome.failed_step(), Some(("register", "the box wakes nobody by Web Push")));
    switch_on(&office, &web, &["localhost"]).await;
    let outcome = selftest_with(&office, "push", PASSWORD, &by_web).await;
    assert!(outcome.passed, "{:?}", outcome.steps);
    assert_eq!(web.shown().len(), 1);

    let settings = json!({
        "endpoint": firebase.endpoint(),
        "service_account": firebase.service_account(),
        "trust_anchors_pem": firebase.ca_pem(),
    });
    office.admin().change(http::Method::PUT, "/api/v1/push/fcm", &settings).await.unwrap();
    let unknown = fcm::refusal(http::StatusCode::NOT_FOUND, "UNREGISTERED");
    // After the one for the access token.
    firebase.script([fcm::Behaviour::Judge, unknown]);
    let outcome = selftest_with(&office, "push", PASSWORD, &["--through", "fcm"]).await;
    assert!(outcome.passed, "{:?}", outcome.steps);
    assert!(outcome.steps[2]["diagnosis"].as_str().unwrap().contains("UNREGISTERED"), "{:?}", outcome.steps);
}
