//! Wrong passwords from outside: whom they slow down, whom they do not, and who sees it.

use std::process::Command;

use fulmar_suite::{Kind, Office, PASSWORD};
use http::Method;
use serde_json::{Value, json};

/// Where somebody outside sits; 127.0.0.1 is inside.
pub(crate) const OUTSIDE: &str = "127.0.0.2";

/// An office whose network is one address, so that the rest of the loopback network is outside.
pub(crate) async fn office() -> Office {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let port = office.https().port();
    let intent = json!({
        "domains": ["office.test"],
        "inside": ["127.0.0.1"],
        "inside_networks": ["127.0.0.1/32"],
        "https_port": port,
    });
    office.admin().change(Method::PUT, "/api/v1/office", &intent).await.unwrap();
    office
}

/// Asks for a ticket with curl, and returns the status.
async fn sign_in(office: &Office, from: &str, name: &str, password: &str) -> u16 {
    let port = office.https().port();
    let arguments = [
        "--silent".to_owned(),
        "--output".to_owned(),
        "/dev/null".to_owned(),
        "--write-out".to_owned(),
        "%{http_code}".to_owned(),
        "--interface".to_owned(),
        from.to_owned(),
        "--cacert".to_owned(),
        office.dir().join("state/tls/ca.pem").display().to_string(),
        "--resolve".to_owned(),
        format!("web.office.test:{port}:127.0.0.1"),
        "--data".to_owned(),
        format!("grant_type=password&username={name}@office.test&password={password}"),
        format!("https://web.office.test:{port}/WebTicket/oauthtoken"),
    ];
    let run = move || Command::new("curl").args(arguments).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap().expect("curl starts");
    String::from_utf8(output.stdout).unwrap().parse().expect("curl prints a status")
}

#[tokio::test]
async fn twenty_wrong_passwords_from_outside_slow_that_address_and_person_and_nobody_inside() {
    let office = office().await;
    let mut looked_at = 0;
    // Attempts that come too soon are not looked at, and count for the address all the same.
    for _ in 0..30 {
        match sign_in(&office, OUTSIDE, "anna", "wrong-horse").await {
            400 => looked_at += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!((5..20).contains(&looked_at), "{looked_at} of 30 were looked at");
    assert_eq!(sign_in(&office, OUTSIDE, "ben", PASSWORD).await, 429, "the address, for anybody");
    assert_eq!(sign_in(&office, "127.0.0.3", "ben", PASSWORD).await, 200, "somebody else, from elsewhere");
    let mut person = Vec::new();
    while person.last() != Some(&429) {
        // An attempt that comes when the wait is just over is looked at; the next one is not.
        person.push(sign_in(&office, &format!("127.0.0.{}", 10 + person.len()), "anna", "wrong-horse").await);
        assert!(person.len() < 10, "the person, from elsewhere: {person:?}");
    }
    assert_eq!(sign_in(&office, "127.0.0.1", "anna", PASSWORD).await, 200, "the person, from inside");

    let lockouts: Vec<Value> = office.admin().get("/api/v1/lockouts").await.unwrap();
    let of = |subject: &str| lockouts.iter().find(|lockout| lockout["subject"] == subject);
    let (person, address) = (of("anna@office.test").unwrap(), of(OUTSIDE).unwrap());
    assert_eq!((&person["side"], &address["side"]), (&"outside".into(), &"outside".into()));
    assert!(person["seen_with"].as_array().unwrap().contains(&OUTSIDE.into()), "{person}");
    assert!(address["seen_with"].as_array().unwrap().contains(&"anna@office.test".into()), "{address}");
}
