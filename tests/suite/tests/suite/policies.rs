//! What administrators set is in force with the next request, and what is refused changes nothing.

use std::{fs, process::Command};

use fulmar_suite::{Kind, Office, program};
use fulmar_wire::{challenge::TICKET_HEADER, mcx::McxError};
use fulmarctl::admin::{PolicyCommand, policy};
use http::Method;
use serde_json::{Value, json};

const ANNA: &str = "/api/v1/policies/MobilityPolicy?person=anna@office.test";

async fn told(office: &Office, command: PolicyCommand) -> String {
    let mut out = Vec::new();
    policy::run(&office.admin(), command, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

fn set(object: &str, scope: &str, parameter: &str) -> PolicyCommand {
    let parameters = vec![parameter.to_owned()];
    PolicyCommand::Set { object: object.to_owned(), scope: scope.to_owned(), parameters }
}

#[tokio::test]
async fn a_person_without_mobility_is_refused_with_the_next_request() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    let ask = || async {
        let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
        let headers = [(TICKET_HEADER, ticket.as_str())];
        let url = format!("{}?sid=none&ackId=0", anna.signed_in().mcx_url);
        office.network().unwrap().request(Method::GET, &url, &headers, Vec::new()).await.unwrap()
    };
    assert_eq!(ask().await.status, 404, "a session that is not there");
    let out = told(&office, set("MobilityPolicy", "tag:desk", "EnableMobility=False")).await;
    assert!(out.contains("Undo: fulmarctl policy remove MobilityPolicy --scope tag:desk"), "{out}");
    let (person, policy) = ("anna@office.test".to_owned(), Some("desk".to_owned()));
    told(&office, PolicyCommand::Grant { person: person.clone(), policy }).await;
    let refused = ask().await;
    assert_eq!(refused.status, 403);
    assert_eq!(McxError::parse(&refused.body).unwrap().code, "mobilityOff");
    let in_force: Value = office.admin().get(ANNA).await.unwrap();
    assert_eq!(in_force["scope"], "tag:desk");
    let taken = office.admin().change(Method::DELETE, "/api/v1/policies/MobilityPolicy/tag:desk", &()).await;
    assert!(taken.unwrap_err().to_string().contains("grant them another first"));
    let out = told(&office, PolicyCommand::Grant { person, policy: None }).await;
    assert!(out.contains("Undo: fulmarctl policy grant anna@office.test desk"), "{out}");
    assert_eq!(ask().await.status, 404);
    office.sign_in("ben", "phone").await.unwrap();
}

#[tokio::test]
async fn what_is_refused_changes_nothing_and_says_what_would_be_taken() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let path = "/api/v1/policies/McxConfiguration/global";
    let before: Value = office.admin().get(path).await.unwrap();
    for (body, part) in [
        (json!({ "ExposedWebURL": "Internal", "Colour": "red" }), "has no parameter `Colour`"),
        (json!({ "ExposedWebURL": "Internal", "SessionExpirationInterval": 1 }), "120 to 4294967295"),
        (json!({ "SessionShortExpirationInterval": 259_200 }), "has to be smaller"),
        (json!({ "ExposedWebURL": { "a": 1 } }), "neither a word nor a list of words"),
        (json!(["ExposedWebURL"]), "not what this path takes"),
    ] {
        let error = office.admin().change(Method::PUT, path, &body).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    for (path, part) in [
        ("/api/v1/policies/McxConfiguration/site:other.test", "does not have the SIP domain `other.test`"),
        ("/api/v1/policies/McxConfiguration/tag:desk", "only a MobilityPolicy is granted"),
        ("/api/v1/policies/ArchivingConfiguration/site:office.test", "is for everybody"),
        ("/api/v1/policies/McxConfiguration/everybody", "is not a scope"),
        ("/api/v1/policies/Weather/global", "not a configuration object"),
    ] {
        let error = office.admin().change(Method::PUT, path, &json!({})).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(office.admin().get::<Value>(path).await.unwrap(), before);
}

#[tokio::test]
async fn an_undo_is_a_command_that_puts_back_what_was() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    told(&office, set("McxConfiguration", "global", "SessionExpirationInterval=7200")).await;
    let out = told(&office, set("McxConfiguration", "global", "sessionexpirationinterval=9000")).await;
    assert!(out.ends_with("--scope global SessionExpirationInterval=7200\n"), "{out}");
    let show = PolicyCommand::Show {
        object: "csmcxconfiguration".to_owned(),
        scope: "global".to_owned(),
        person: None,
    };
    let out = told(&office, show).await;
    assert!(out.contains("SessionExpirationInterval       9000  [default: 259200]"), "{out}");
}

/// What `fulmarctl push keys set apns` says.
async fn key_entered(office: &Office) -> String {
    let (key, ca) = (office.dir().join("key.p8"), office.dir().join("apple.pem"));
    fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    fs::write(&ca, office.apns.ca_pem()).unwrap();
    let mut command = Command::new(program("fulmarctl").unwrap());
    command.arg("--socket").arg(office.dir().join("admin.sock"));
    command.args(["push", "keys", "set", "apns", "--endpoint", &office.apns.endpoint()]);
    command.args(["--topic", "test.office"]);
    command.args(["--team-id", "TEAM000001", "--key-id", "KEY0000001", "--key"]).arg(key);
    command.arg("--ca").arg(ca);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn who_enters_a_key_for_apple_is_told_for_whom_push_stays_off() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let said = key_entered(&office).await;
    assert!(said.starts_with("Phones are woken through") && !said.contains("But not"), "{said}");
    let off = ("PushNotificationConfiguration", "site:office.test", "EnableApplePushNotificationService");
    let visitors = ("MobilityPolicy", "tag:visitors", "EnablePushNotifications");
    for (object, scope, parameter) in [off, visitors] {
        told(&office, set(object, scope, &format!("{parameter}=False"))).await;
    }
    let said = key_entered(&office).await;
    assert_eq!(said.matches("But not").count(), 2, "{said}");
    for (object, scope, parameter) in [off, visitors] {
        let who = format!("those for whom {object} at {scope} decides: {parameter} is False there.");
        let remedy = format!("fulmarctl policy set {object} --scope {scope} {parameter}=True\n");
        assert!(said.contains(&who) && said.contains(&remedy), "{said}");
        told(&office, set(object, scope, &format!("{parameter}=True"))).await;
    }
    assert!(!key_entered(&office).await.contains("But not"));
}
