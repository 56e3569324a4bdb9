//! The frame for web pages of other origins: whom it lets in, and what it does for them.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use fulmar_suite::{Kind, Office};
use fulmarctl::phone::Reply;
use http::Method;
use serde_json::{Value, json};

const PORTAL: &str = "https://portal.office.test";
const PAGE: &str = "/Autodiscover/XFrame/XFrame.html";
const UCWA: (&str, &str) = ("accept", "application/json");

async fn ask(office: &Office, path: &str, headers: &[(&str, &str)]) -> Reply {
    let url = format!("https://web.office.test:{}{path}", office.https().port());
    office.network().unwrap().request(Method::GET, &url, headers, Vec::new()).await.unwrap()
}

async fn allow(office: &Office, origins: &[&str]) {
    let parameters = json!({ "CrossDomainAuthorizationList": origins });
    let path = "/api/v1/policies/WebServiceConfiguration/global";
    office.admin().change(Method::PUT, path, &parameters).await.unwrap();
}

async fn links(office: &Office) -> Value {
    serde_json::from_slice::<Value>(&ask(office, "/", &[UCWA]).await.body).unwrap()["_links"].take()
}

#[tokio::test]
async fn without_a_list_there_is_no_frame_and_nobody_is_led_there() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    assert_eq!(ask(&office, PAGE, &[]).await.status, 404);
    assert_eq!(ask(&office, "/xframe", &[]).await.status, 404);
    assert_eq!(links(&office).await.get("xframe"), None);
    allow(&office, &[PORTAL]).await;
    let wanted = format!("https://web.office.test:{}{PAGE}", office.https().port());
    assert_eq!(links(&office).await["xframe"]["href"], wanted);
}

#[tokio::test]
async fn only_the_origins_on_the_list_may_frame_the_page() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    allow(&office, &[PORTAL, "https://other.test:8443"]).await;
    for path in [PAGE, "/autodiscover/xframe/xframe.html", "/xframe"] {
        let reply = ask(&office, path, &[]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        let policy = reply.header("content-security-policy").unwrap();
        let ancestors = "; frame-ancestors https://portal.office.test https://other.test:8443; ";
        assert!(policy.contains(ancestors), "{policy}");
        let page = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(
            page.contains(r#"data-origins="https://portal.office.test https://other.test:8443""#),
            "{page}"
        );
    }
    let other = ask(&office, "/Autodiscover/AutodiscoverService.svc/root", &[]).await;
    assert!(other.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn a_request_for_an_origin_that_is_not_on_the_list_is_refused() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let status = async |origin: &str| ask(&office, "/", &[UCWA, ("x-ms-origin", origin)]).await;
    assert_eq!(status(PORTAL).await.status, 403, "the list is empty");
    allow(&office, &[PORTAL]).await;
    assert_eq!(status(PORTAL).await.status, 200);
    for origin in
        ["https://portal.office.test.evil.test", "http://portal.office.test", "null", "https://evil.test"]
    {
        let refused = status(origin).await;
        assert_eq!((refused.status.as_u16(), refused.body.len()), (403, 0), "{origin}");
        let reason = refused.header("x-ms-diagnostics").unwrap();
        assert!(
            reason.starts_with("28070;source=\"web.office.test\";reason=\"Service does not allow"),
            "{reason}"
        );
    }
}

/// The script, in node, between a page and the box.
#[tokio::test]
async fn the_frame_asks_for_the_origins_on_the_list_and_answers_nobody_else() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    allow(&office, &[PORTAL]).await;
    let script = office.dir().join("xframe.js");
    fs::write(&script, ask(&office, "/Autodiscover/XFrame/XFrame.js", &[]).await.body).unwrap();
    let request = json!({
        "url": "/ucwa/x", "type": "post", "data": "{}", "contentType": "application/json", "messageId": "7",
        "headers": { "X-Ms-Origin": "https://trusted.test", "Authorization": "Bearer cwt=x" },
        "accepts": "application/json",
    });
    let elsewhere = json!({ "url": "https://elsewhere.test/", "messageId": "8" });
    let said = run(
        &script,
        &[
            json!({ "origin": "https://evil.test", "data": request.to_string() }),
            json!({ "origin": PORTAL, "data": request.to_string(), "foreign": true }),
            json!({ "origin": PORTAL, "data": "no JSON" }),
            json!({ "origin": PORTAL, "data": request.to_string() }),
            json!({ "origin": PORTAL, "data": elsewhere.to_string() }),
        ],
    );
    assert_eq!(said.len(), 3, "{said:#?}");
    assert_eq!(
        (&said[0]["url"], &said[0]["method"]),
        (&json!("https://web.office.test/ucwa/x"), &json!("POST"))
    );
    assert_eq!(said[0]["headers"]["x-ms-origin"], PORTAL);
    assert_eq!(said[0]["headers"]["authorization"], "Bearer cwt=x");
    assert_eq!((&said[1]["to"], &said[1]["data"]["messageId"]), (&json!(PORTAL), &json!("7")));
    assert_eq!(
        (&said[1]["data"]["status"], &said[1]["data"]["responseText"]),
        (&json!(200), &json!("found"))
    );
    let headers = said[1]["data"]["headers"].as_str().unwrap();
    for header in [
        "X-Thing: 1",
        "Content-Type: application/json",
        "ETag: \"7\"",
        r#"WWW-Authenticate: Bearer trusted_issuers="", MsRtcOAuth href="https://o/""#,
    ] {
        assert!(headers.contains(&format!("{header}\r\n")), "{headers}");
    }
    assert_eq!((&said[2]["data"]["status"], &said[2]["data"]["messageId"]), (&json!(0), &json!("8")));
}

/// What a stand-in for a browser says, given these messages.
fn run(script: &std::path::Path, messages: &[Value]) -> Vec<Value> {
    let browser = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/xframe/frame.mjs");
    let mut node = Command::new("node");
    node.arg(browser).arg(script).arg(PORTAL).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().expect("node starts");
    let mut input = node.stdin.take().unwrap();
    for message in messages {
        writeln!(input, "{message}").unwrap();
    }
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
