//! Who is let in, and what those who are not are told.

use std::time::Duration;

use fulmar_suite::{Kind, Office, PASSWORD, uri};
use fulmar_wire::{
    Secret,
    challenge::{TICKET_HEADER, TICKET_URL_HEADER},
    mcx::{CONTENT_TYPE, McxError},
    ws_trust::{Fault, TokenRequest, TokenResponse},
};
use fulmarctl::phone::{Phone, Reply, discover, sign_in};
use http::Method;

const QUERY: &str =
    r#"<mcxRequests sid="x" xmlns="urn:fulmar:mcx:1"><queryContactList rid="1"/></mcxRequests>"#;

async fn office() -> Office {
    Office::new(Kind::InProcess).await.unwrap()
}

async fn post(office: &Office, url: &str, ticket: &str) -> Reply {
    let headers = [("content-type", CONTENT_TYPE), (TICKET_HEADER, ticket)];
    office.network().unwrap().request(Method::POST, url, &headers, QUERY).await.unwrap()
}

fn code(reply: &Reply) -> String {
    McxError::parse(&reply.body).unwrap().code
}

async fn disable(office: &Office, name: &str) {
    let path = format!("/api/v1/people/{name}@office.test/disabled");
    let body = serde_json::json!({ "disabled": true });
    office.admin().change(Method::PUT, &path, &body).await.unwrap();
}

#[tokio::test]
async fn a_garbled_ticket_is_challenged() {
    let office = office().await;
    let anna = office.sign_in("anna", "p").await.unwrap();
    let url = anna.signed_in().mcx_url.clone();
    for garbled in ["cwt=AAAA", "cwt=", "rubbish", "cwt=\u{e4}"] {
        let reply = post(&office, &url, garbled).await;
        assert_eq!((reply.status.as_u16(), code(&reply).as_str()), (401, "noTicket"), "{garbled}");
        assert!(
            reply
                .header("www-authenticate")
                .unwrap()
                .starts_with("MsRtcOAuth href=\"https://web.office.test")
        );
        assert!(reply.header(TICKET_URL_HEADER).unwrap().ends_with("/WebTicket/WebTicketService.svc"));
        assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("28020;"));
    }
}

#[tokio::test]
async fn a_disabled_person_is_shut_out_at_once() {
    let office = office().await;
    let mut anna = office.sign_in("anna", "p").await.unwrap();
    let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
    let url = anna.signed_in().mcx_url.clone();
    disable(&office, "anna").await;
    let reply = post(&office, &url, &ticket).await;
    assert_eq!((reply.status.as_u16(), code(&reply).as_str()), (403, "disabled"));
    assert!(anna.fetch(Duration::ZERO).await.unwrap_err().to_string().contains("disabled"));
    let refused = office.sign_in("anna", "p").await.err().unwrap();
    assert_eq!(refused.to_string(), "the address or the password is wrong");
}

#[tokio::test]
async fn an_expired_ticket_is_challenged() {
    let office = office().await;
    let anna = office.sign_in("anna", "p").await.unwrap();
    let database = rusqlite::Connection::open(office.database()).unwrap();
    assert_eq!(database.execute("UPDATE ticket SET expires_at = 1", []).unwrap(), 1);
    let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
    let reply = post(&office, &anna.signed_in().mcx_url, &ticket).await;
    assert_eq!((reply.status.as_u16(), code(&reply).as_str()), (401, "noTicket"));
    assert!(reply.header("x-ms-diagnostics").unwrap().contains("expired"));
}

#[tokio::test]
async fn a_ticket_of_another_device_or_person_opens_no_session() {
    let office = office().await;
    let network = office.network().unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    let refused = Phone::begin(&network, anna.signed_in().clone(), "tablet").await.err().unwrap();
    assert!(refused.to_string().starts_with("notAllowed"), "{refused}");
    let ben = office.sign_in("ben", "phone").await.unwrap();
    let ticket = format!("cwt={}", ben.signed_in().ticket.reveal());
    let url = format!("{}?sid={}&ackId=0", anna.signed_in().mcx_url, anna.sid());
    let reply = network.request(Method::GET, &url, &[(TICKET_HEADER, &ticket)], "").await.unwrap();
    assert_eq!((reply.status.as_u16(), code(&reply).as_str()), (403, "foreignTicket"));
}

#[tokio::test]
async fn username_token_gives_a_ticket_or_a_fault() {
    let office = office().await;
    let network = office.network().unwrap();
    let found = discover(&network, &uri("anna").unwrap(), office.https().port()).await.unwrap();
    let origin = found.user_url.split_once("/Auto").unwrap().0.to_owned();
    let url = format!("{origin}/WebTicket/WebTicketService.svc/Auth");
    for (username, password, status) in [
        ("anna@office.test", PASSWORD, 200),
        ("anna@office.test", "wrong-horse", 500),
        ("nobody@office.test", PASSWORD, 500),
    ] {
        let request = TokenRequest {
            context: Some("c-1".into()),
            username: username.into(),
            password: Secret::from(password),
        };
        let headers = [("content-type", "text/xml")];
        let reply = network.request(Method::POST, &url, &headers, request.to_xml(&url)).await.unwrap();
        assert_eq!(reply.status.as_u16(), status, "{username}");
        let body = std::str::from_utf8(&reply.body).unwrap();
        if status == 200 {
            let response = TokenResponse::parse(&reply.body).unwrap();
            assert_eq!(response.context.as_deref(), Some("c-1"));
            assert_eq!(response.expires - response.created, 8 * 3600 * 1000);
        } else {
            let reason = "the address or the password is wrong".to_owned();
            let code = fulmar_wire::ws_trust::FaultCode::FailedAuthentication;
            assert_eq!(body, Fault { code, reason }.to_xml(), "the same for an unknown user");
        }
    }
}

#[tokio::test]
async fn who_guesses_has_to_wait_and_administrators_see_who_and_from_where() {
    let office = office().await;
    let network = office.network().unwrap();
    let (anna, port) = (uri("anna").unwrap(), office.https().port());
    let wrong = Secret::from("wrong-horse");
    let mut failures = 0;
    let refused = loop {
        let refused = sign_in(&network, &anna, &wrong, port).await.unwrap_err().to_string();
        if refused != "the address or the password is wrong" {
            break refused;
        }
        failures += 1;
        assert!(failures < 100, "nobody ends this");
    };
    assert!(refused.starts_with("too many attempts failed; try again in "), "{refused}");
    assert!(failures >= 10, "{failures} wrong passwords were looked at");
    office.sign_in("ben", "p").await.unwrap();
    let lockouts: serde_json::Value = office.admin().get("/api/v1/lockouts").await.unwrap();
    assert_eq!(lockouts[0]["subject"], "anna@office.test", "{lockouts}");
    assert_eq!((&lockouts[0]["side"], &lockouts[0]["seen_with"][0]), (&"inside".into(), &"127.0.0.1".into()));
    let path = "/api/v1/lockouts/anna@office.test";
    office.admin().change(Method::DELETE, path, &()).await.unwrap();
    office.sign_in("anna", "p").await.unwrap();
    assert!(office.admin().change(Method::DELETE, "/api/v1/lockouts/192.0.2.1", &()).await.is_err());
}
