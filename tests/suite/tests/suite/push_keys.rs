//! Keys of push services come in and never go out again.

use fulmar_standins::{
    fcm::FcmStandin,
    wns::{PACKAGE_SID, SECRET},
};
use fulmar_suite::{Kind, Office};
use fulmarctl::admin::{
    PushCommand,
    push::{self, KeysCommand, Service},
};
use http::Method;
use serde_json::{Value, json};

async fn told(office: &Office, command: KeysCommand) -> anyhow::Result<String> {
    let mut out = Vec::new();
    push::run(&office.admin(), PushCommand::Keys(command), &mut out).await?;
    Ok(String::from_utf8(out)?)
}

/// Enters a key for each service; what is secret of them.
async fn enter(office: &Office, firebase: &FcmStandin) -> Vec<String> {
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let account: Value = serde_json::from_str(&firebase.service_account()).unwrap();
    let (team, key) = ("TEAM000001", "KEY0000001");
    let apns = json!({ "endpoint": office.apns.endpoint(), "topic": "test.office", "team_id": team, "key_id": key,
        "key_pem": pem, "trust_anchors_pem": office.apns.ca_pem() });
    let web = json!({ "contact": "mailto:admin@office.example", "private_hosts": ["push.lan"] });
    let fcm = json!({ "endpoint": firebase.endpoint(), "service_account": account.to_string(),
        "trust_anchors_pem": firebase.ca_pem() });
    let wns = json!({ "package_sid": PACKAGE_SID, "secret": SECRET });
    for (service, body) in [("apns", apns), ("web", web), ("fcm", fcm), ("wns", wns)] {
        let path = format!("/api/v1/push/{service}");
        office.admin().change(Method::PUT, &path, &body).await.unwrap();
    }
    let private_key = account["private_key"].as_str().unwrap().to_owned();
    let lines = [pem, private_key].into_iter().map(|pem| pem.lines().nth(1).unwrap().to_owned());
    lines.chain([SECRET.to_owned()]).collect()
}

#[tokio::test]
async fn what_is_set_is_shown_and_what_is_secret_never() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let firebase = FcmStandin::start().await.unwrap();
    let secrets = enter(&office, &firebase).await;
    let said = told(&office, KeysCommand::Show).await.unwrap();
    for part in [
        "topic test.office, team TEAM000001, key KEY0000001",
        "mailto:admin@office.example",
        "push.lan",
        PACKAGE_SID,
    ] {
        assert!(said.contains(part), "{said}");
    }
    let mut answers = said;
    for path in
        ["push/keys", "push/ledger", "status", "policies", "policies/PushNotificationConfiguration/global"]
    {
        let answer: Value = office.admin().get(&format!("/api/v1/{path}")).await.unwrap();
        answers.push_str(&answer.to_string());
    }
    assert!(answers.contains("project"), "{answers}");
    for secret in secrets {
        assert!(secret.len() > 8 && !answers.contains(&secret), "{answers}");
    }
}

#[tokio::test]
async fn a_key_that_is_forgotten_is_gone() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let firebase = FcmStandin::start().await.unwrap();
    enter(&office, &firebase).await;
    let all = [Service::Apns, Service::Web, Service::Fcm, Service::Wns];
    for (service, title) in all.into_iter().zip(["Apple", "Web Push", "Firebase", "WNS"]) {
        let said = told(&office, KeysCommand::Forget { service }).await.unwrap();
        assert_eq!(said, format!("Nobody is woken by {title} any more.\n"));
        let refused = told(&office, KeysCommand::Forget { service }).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("nobody is woken by {title}")), "{refused}");
    }
    let said = told(&office, KeysCommand::Show).await.unwrap();
    assert_eq!(said.matches("no key").count(), 4, "{said}");
}
