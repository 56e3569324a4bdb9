//! Who is let in, and what those who are not are told.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use fulmar_suite::{Kind, Office, PASSWORD, uri};
use fulmar_wire::{
    Secret,
    challenge::{TICKET_HEADER, TICKET_URL_HEADER},
    mcx::{CONTENT_TYPE, McxError},
    ws_trust::{Fault, FaultCode, TokenRequest, TokenResponse, TokenType, UsernameToken},
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
        let offered: Vec<_> =
            reply.headers.get_all("www-authenticate").iter().map(|v| v.to_str().unwrap()).collect();
        let [bearer, password] = offered.as_slice() else { panic!("{offered:?}") };
        assert!(bearer.starts_with("Bearer trusted_issuers=\"\", client_id="), "{bearer}");
        assert!(password.starts_with("MsRtcOAuth href=\"https://web.office.test"), "{password}");
        let names: Vec<_> = reply.headers.keys().map(http::HeaderName::as_str).collect();
        let at = |name| names.iter().position(|known| *known == name).unwrap();
        assert!(at("www-authenticate") < at(TICKET_URL_HEADER), "{names:?}");
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
    assert!(refused.to_string().contains("or the person is kept out"), "{refused}");
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
            token_type: TokenType::Compact,
            claim: None,
            username_token: Some(UsernameToken { username: username.into(), password: password.into() }),
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
            let code = FaultCode::FailedAuthentication;
            assert_eq!(body, Fault { code, reason }.to_xml(), "the same for an unknown user");
        }
    }
}

/// Asks the ticket service by HTTP, with this value of `Authorization`.
async fn ask(office: &Office, url: &str, authorization: Option<&str>, request: &TokenRequest) -> Reply {
    let content = ("content-type", "text/xml; charset=utf-8");
    let headers: Vec<_> = [content].into_iter().chain(authorization.map(|a| ("authorization", a))).collect();
    office.network().unwrap().request(Method::POST, url, &headers, request.to_xml(url)).await.unwrap()
}

fn request_for(claim: Option<&str>, token_type: TokenType) -> TokenRequest {
    let claim = claim.map(str::to_owned);
    TokenRequest { context: Some("c-1".into()), token_type, claim, username_token: None }
}

async fn origin(office: &Office) -> String {
    let network = office.network().unwrap();
    let found = discover(&network, &uri("anna").unwrap(), office.https().port()).await.unwrap();
    found.user_url.split_once("/Auto").unwrap().0.to_owned()
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{username}:{password}")))
}

#[tokio::test]
async fn the_description_leads_to_a_ticket_by_basic_that_opens_the_user_document() {
    let office = office().await;
    let (network, origin) = (office.network().unwrap(), origin(&office).await);
    let service = format!("{origin}/WebTicket/WebTicketService.svc");
    let wsdl = network.request(Method::GET, &format!("{service}/mex"), &[], "").await.unwrap();
    assert_eq!((wsdl.status.as_u16(), wsdl.header("content-type")), (200, Some("text/xml; charset=utf-8")));
    let wsdl = std::str::from_utf8(&wsdl.body).unwrap();
    assert!(wsdl.contains(&format!(r#"<soap:address location="{service}"/>"#)), "{wsdl}");
    let user = format!("{origin}/Autodiscover/AutodiscoverService.svc/root/user");
    for token_type in [TokenType::Saml, TokenType::Compact] {
        let request = request_for(Some("sip:Anna@office.test"), token_type);
        let authorization = basic("anna@office.test", PASSWORD);
        let reply = ask(&office, &service, Some(&authorization), &request).await;
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        let body = std::str::from_utf8(&reply.body).unwrap();
        let response = TokenResponse::parse(&reply.body).unwrap();
        assert_eq!((response.context.as_deref(), response.token_type), (Some("c-1"), token_type));
        assert_eq!(response.expires - response.created, 8 * 3600 * 1000);
        let shown = match token_type {
            TokenType::Saml => {
                let (begin, end) = (body.find("<saml:Assertion").unwrap(), "</saml:Assertion>");
                let assertion = &body[begin..body.find(end).unwrap() + end.len()];
                format!("opaque={}", BASE64.encode(assertion))
            }
            TokenType::Compact => format!("cwt={}", response.ticket.reveal()),
        };
        let opened = network.request(Method::GET, &user, &[(TICKET_HEADER, &shown)], "").await.unwrap();
        assert_eq!(opened.status, 200, "{token_type:?}");
        let bearer = format!("Bearer cwt={}", response.ticket.reveal());
        let opened = network.request(Method::GET, &user, &[("authorization", &bearer)], "").await.unwrap();
        assert_eq!(opened.status, 200, "{token_type:?}");
    }
}

#[tokio::test]
async fn who_is_not_known_by_http_is_told_how_and_why() {
    let office = office().await;
    let service = format!("{}/WebTicket/WebTicketService.svc", origin(&office).await);
    let request = request_for(None, TokenType::Saml);
    for (authorization, id) in [
        (None, "28020;"),
        (Some(basic("anna@office.test", "wrong-horse")), "28020;"),
        (Some(basic("nobody@office.test", PASSWORD)), "28020;"),
        (Some("Basic %".to_owned()), "28020;"),
        (Some("NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAA".to_owned()), "28029;"),
        (Some("Negotiate YQ==".to_owned()), "28029;"),
    ] {
        let reply = ask(&office, &service, authorization.as_deref(), &request).await;
        assert_eq!(reply.status, 401, "{authorization:?}");
        let offered: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(offered, [r#"Basic realm="Fulmar", charset="UTF-8""#], "nothing stronger is promised");
        assert!(reply.header("x-ms-diagnostics").unwrap().starts_with(id), "{authorization:?}");
        assert_ne!(reply.header("connection"), Some("close"));
    }
    for path in ["/Anon", "/cert"] {
        assert_eq!(ask(&office, &format!("{service}{path}"), None, &request).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn nobody_is_given_a_ticket_in_the_name_of_somebody_else() {
    let office = office().await;
    let service = format!("{}/WebTicket/WebTicketService.svc", origin(&office).await);
    let authorization = basic("anna@office.test", PASSWORD);
    for claim in ["sip:ben@office.test", "ben", ""] {
        let request = request_for(Some(claim), TokenType::Saml);
        let reply = ask(&office, &service, Some(&authorization), &request).await;
        assert_eq!(reply.status, 500, "{claim}");
        assert_eq!(Fault::parse(&reply.body).unwrap().code, FaultCode::FailedAuthentication);
        let token = UsernameToken { username: "anna@office.test".into(), password: PASSWORD.into() };
        let request = TokenRequest { username_token: Some(token), ..request };
        let reply = ask(&office, &format!("{service}/Auth"), None, &request).await;
        assert_eq!(Fault::parse(&reply.body).unwrap().code, FaultCode::FailedAuthentication, "{claim}");
    }
    let database = rusqlite::Connection::open(office.database()).unwrap();
    let tickets: i64 = database.query_row("SELECT count(*) FROM ticket", [], |row| row.get(0)).unwrap();
    assert_eq!(tickets, 0);
}

#[tokio::test]
async fn wrong_passwords_by_basic_are_counted_like_all_others() {
    let office = office().await;
    let service = format!("{}/WebTicket/WebTicketService.svc", origin(&office).await);
    let (wrong, request) = (basic("anna@office.test", "wrong-horse"), request_for(None, TokenType::Saml));
    let slowed = loop {
        let reply = ask(&office, &service, Some(&wrong), &request).await;
        if reply.status != 401 {
            break reply;
        }
        let lockouts: serde_json::Value = office.admin().get("/api/v1/lockouts").await.unwrap();
        assert!(lockouts[0]["failures"].as_u64().is_none_or(|failures| failures < 50), "nobody is slowed");
    };
    assert_eq!(Fault::parse(&slowed.body).unwrap().reason, "too many attempts failed");
    assert!(slowed.header("retry-after").is_some());
    let lockouts: serde_json::Value = office.admin().get("/api/v1/lockouts").await.unwrap();
    assert_eq!(lockouts[0]["subject"], "anna@office.test", "{lockouts}");
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
        if !refused.starts_with("the address or the password is wrong") {
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
