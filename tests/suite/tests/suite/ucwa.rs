//! A client that follows the published reference of UCWA, knowing nothing but an address and a password.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use fulmar_suite::{OUTSIDE, PASSWORD, PrivateOffice};
use http::Method;
use serde_json::{Value, json};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/ucwa/sign_on.py");
const ALICE: &str = "alice@office.test";
const ROOT: &str = "/Autodiscover/AutodiscoverService.svc/root";

/// One attempt of alice: what it asked, line by line, and what it ended with.
struct Attempt {
    asked: Vec<String>,
    user: Option<Value>,
    refused: String,
}

fn attempt(private: &PrivateOffice, password: &str) -> Attempt {
    let mut client = private.network.command("python3");
    client.arg(CLIENT).arg(private.authority()).arg(ALICE);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().expect("the network can be entered");
    client.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = client.wait_with_output().unwrap();
    let refused = String::from_utf8(stderr).unwrap();
    assert!(status.success() || refused.starts_with("refused: "), "{refused}");
    let mut lines: Vec<Value> =
        String::from_utf8(stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let user = status.success().then(|| lines.pop().unwrap());
    let asked = |line: &Value| {
        let outcome = line["status"].as_u64().map_or("failed".to_owned(), |status| status.to_string());
        format!("{} {outcome}", line["request"].as_str().unwrap())
    };
    Attempt { asked: lines.iter().map(asked).collect(), user, refused }
}

/// What is asked of the web host once the Root document is there.
fn from_the_user_link(origin: &str, last: &str) -> [String; 3] {
    [
        format!("GET {origin}{ROOT}/oauth/user 401"),
        format!("POST {origin}/WebTicket/oauthtoken 200"),
        format!("GET {origin}{ROOT}/oauth/user {last}"),
    ]
}

#[tokio::test]
async fn an_address_and_a_password_lead_from_either_side_to_the_user_document() {
    let private = PrivateOffice::new(443).await.unwrap();
    let inside = attempt(&private, PASSWORD);
    let web = from_the_user_link("https://web.office.test", "200");
    assert_eq!(inside.asked[0], "GET https://lyncdiscoverinternal.office.test/ 200");
    assert_eq!(inside.asked[1..], web);
    let this = format!("https://web.office.test{ROOT}/oauth/user");
    let applications = "https://web.office.test/ucwa/oauth/v1/applications";
    assert_eq!(
        inside.user,
        Some(json!({ "self": this, "applications": applications })),
        "{}",
        inside.refused
    );

    private.network.set_resolver(OUTSIDE).unwrap();
    let outside = attempt(&private, PASSWORD);
    let begin = ["https://lyncdiscoverinternal", "http://lyncdiscoverinternal", "https://lyncdiscover"];
    let failed = ["failed", "failed", "200"];
    for ((asked, name), outcome) in outside.asked.iter().zip(begin).zip(failed) {
        assert_eq!(asked, &format!("GET {name}.office.test/ {outcome}"));
    }
    assert_eq!(outside.asked[3..], web);
    assert_eq!(outside.user, inside.user);
}

#[tokio::test]
async fn where_only_port_80_answers_the_client_is_led_to_https() {
    let private = PrivateOffice::new(8443).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    let origin = "https://web.office.test:8443";
    let begin = [
        "GET https://lyncdiscoverinternal.office.test/ failed".to_owned(),
        "GET http://lyncdiscoverinternal.office.test/ 200".to_owned(),
        format!("GET {origin}{ROOT} 200"),
    ];
    assert_eq!(attempt.asked[..3], begin, "{}", attempt.refused);
    assert_eq!(attempt.asked[3..], from_the_user_link(origin, "200"));
}

#[tokio::test]
async fn a_wrong_password_is_no_grant_and_another_pool_is_gone_to() {
    let private = PrivateOffice::new(443).await.unwrap();
    let wrong = attempt(&private, "wrong-horse");
    assert_eq!(wrong.refused.trim_end(), "refused: no token: invalid_grant");
    assert!(wrong.asked.last().unwrap().ends_with("/WebTicket/oauthtoken 400"), "{:?}", wrong.asked);

    let path = format!("/api/v1/people/{ALICE}/home");
    for (home, ends) in [
        (format!("https://pool2.office.test{ROOT}"), "Name or service not known"),
        ("https://elsewhere.test/".to_owned(), "`https://elsewhere.test/` is outside the SIP domain"),
    ] {
        private.office.admin().change(Method::PUT, &path, &json!({ "home": home })).await.unwrap();
        let moved = attempt(&private, PASSWORD);
        assert_eq!(moved.asked[1..], from_the_user_link("https://web.office.test", "200"));
        assert!(moved.user.is_none() && moved.refused.contains(ends), "{}", moved.refused);
    }
}
