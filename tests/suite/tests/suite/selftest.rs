//! `fulmarctl selftest`, against a box that works and one that does not.

use std::{fs, process::Command};

use fulmar_standins::apns::{Behaviour, Refusal};
use fulmar_suite::{Kind, Office, PASSWORD, program};
use serde_json::Value;

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
    let (own, other) = (office.dir().join("own"), office.dir().join("other"));
    fs::write(&own, format!("{password}\n")).unwrap();
    fs::write(&other, PASSWORD).unwrap();
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.args(["selftest", test, "--json", "--as", "anna@office.test"]);
    command.args(["--dns", &office.dns().to_string(), "--port", &office.https().port().to_string()]);
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
