//! NTLM at the ticket service, asked by curl.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use fulmar_suite::{Kind, Office, PASSWORD};
use fulmar_wire::ws_trust::{TokenRequest, TokenResponse, TokenType};
use http::Method;
use serde_json::json;

const SERVICE: &str = "/WebTicket/WebTicketService.svc";

/// What is asked for.
fn request(url: &str) -> String {
    TokenRequest { context: None, token_type: TokenType::Compact, claim: None, username_token: None }
        .to_xml(url)
}

/// What curl is answered at the end, and the body.
fn curl(office: &Office, user: &str, password: &str) -> (String, Vec<u8>) {
    let port = office.https().port();
    let url = format!("https://web.office.test:{port}{SERVICE}");
    let mut curl = Command::new("curl")
        .args(["--silent", "--http1.1", "--ntlm", "--config", "-", "--write-out", "%{stderr}%{http_code}"])
        .args(["--header", "Content-Type: text/xml; charset=utf-8", "--data-raw", &request(&url)])
        .arg("--resolve")
        .arg(format!("web.office.test:{port}:127.0.0.1"))
        .arg("--cacert")
        .arg(office.dir().join("state/tls/ca.pem"))
        .arg(&url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let secret = format!("user = \"{}:{password}\"\n", user.replace('\\', "\\\\"));
    curl.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    let output = curl.wait_with_output().unwrap();
    (String::from_utf8(output.stderr).unwrap(), output.stdout)
}

/// Asks with these options: the status, the schemes that are offered, and what else curl said.
fn ask(office: &Office, options: &[&str]) -> (String, Vec<String>, String) {
    let port = office.https().port();
    let url = format!("https://web.office.test:{port}{SERVICE}");
    let output = Command::new("curl")
        .args(["--silent", "--verbose", "--output", "/dev/null", "--write-out", "%{http_code}"])
        .args(["--header", "Content-Type: text/xml; charset=utf-8", "--data-raw", &request(&url)])
        .args(options)
        .args(["--resolve", &format!("web.office.test:{port}:127.0.0.1"), "--cacert"])
        .arg(office.dir().join("state/tls/ca.pem"))
        .arg(&url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let offered = said.lines().filter_map(|line| line.strip_prefix("< www-authenticate: "));
    let offered = offered.map(|scheme| scheme.trim_end().to_owned()).collect();
    (String::from_utf8(output.stdout).unwrap(), offered, said)
}

async fn switch(office: &Office, windows_auth: &str) {
    let path = "/api/v1/policies/WebServiceConfiguration/global";
    office.admin().change(Method::PUT, path, &json!({ "UseWindowsAuth": windows_auth })).await.unwrap();
}

fn hashes(office: &Office) -> i64 {
    let database = rusqlite::Connection::open(office.database()).unwrap();
    database.query_row("SELECT count(*) FROM nt_hash", [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_nothing_but_ntlm_gets_a_ticket_where_the_office_allows_it() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    assert_eq!(curl(&office, "anna@office.test", PASSWORD).0, "401", "nobody switched it on");
    switch(&office, "NTLM").await;
    assert_eq!(curl(&office, "anna@office.test", PASSWORD).0, "401", "her password was not seen since");
    office.sign_in("anna", "p").await.unwrap();
    assert_eq!(hashes(&office), 1);
    for user in ["anna@office.test", "OFFICE\\anna", "Anna"] {
        let (status, body) = curl(&office, user, PASSWORD);
        assert_eq!(status, "200", "{user}");
        let ticket = TokenResponse::parse(&body).unwrap();
        assert_eq!(ticket.expires - ticket.created, 8 * 3600 * 1000);
    }
    assert_eq!(curl(&office, "anna@office.test", "wrong-horse").0, "401");
    assert_eq!(curl(&office, "nobody@office.test", PASSWORD).0, "401");

    let path = "/api/v1/people/anna@office.test/password";
    office.admin().change(Method::PUT, path, &json!({ "password": "another-horse" })).await.unwrap();
    assert_eq!(curl(&office, "anna@office.test", PASSWORD).0, "401", "the old password");
    assert_eq!(curl(&office, "anna@office.test", "another-horse").0, "200");

    switch(&office, "None").await;
    assert_eq!(hashes(&office), 0);
    assert_eq!(curl(&office, "anna@office.test", "another-horse").0, "401", "switched off");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_by_ntlm_are_counted_like_all_others() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    switch(&office, "NTLM").await;
    office.sign_in("ben", "p").await.unwrap();
    let refused =
        (0..50).map(|_| curl(&office, "anna@office.test", "wrong-horse").0).find(|status| status != "401");
    assert_eq!(refused.as_deref(), Some("500"), "nobody is slowed");
    let lockouts: serde_json::Value = office.admin().get("/api/v1/lockouts").await.unwrap();
    assert_eq!(lockouts[0]["subject"], "anna@office.test", "{lockouts}");
    assert_eq!(curl(&office, "ben@office.test", PASSWORD).0, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn ntlm_is_offered_over_http_1_and_basic_over_both() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let basic = r#"Basic realm="Fulmar", charset="UTF-8""#;
    assert_eq!(ask(&office, &["--http1.1"]).1, [basic]);
    switch(&office, "NTLM").await;
    assert_eq!(ask(&office, &["--http1.1"]).1, ["NTLM", basic]);
    assert_eq!(ask(&office, &["--http2"]).1, [basic], "requests at the same time share a connection there");
    let garbled = ["--http1.1", "--header", "Authorization: NTLM TlRMTVNTUAADAAAA"];
    assert_eq!(ask(&office, &garbled).1, ["NTLM", basic]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_worth_nothing_on_another_connection() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    switch(&office, "NTLM").await;
    office.sign_in("anna", "p").await.unwrap();
    let user = format!("anna@office.test:{PASSWORD}");
    let (status, _, said) = ask(&office, &["--http1.1", "--ntlm", "--user", &user]);
    assert_eq!(status, "200", "{said}");
    let answer = said.rsplit_once("> Authorization: NTLM TlRMTVNTUAAD").map(|(_, answer)| answer);
    let answer = answer.and_then(|answer| answer.lines().next()).unwrap().trim_end();
    let header = format!("Authorization: NTLM TlRMTVNTUAAD{answer}");
    assert_eq!(ask(&office, &["--http1.1", "--header", &header]).0, "401");
}
