//! What is no good is refused in the form of whoever asked, without harm.

use std::{fs, sync::Arc, time::Duration};

use fulmar_suite::{Kind, Office, PASSWORD};
use fulmar_wire::{
    challenge::TICKET_HEADER,
    mcx::{CONTENT_TYPE, McxError, RejectionCode, Response, Responses},
    oauth::OAuthError,
};
use fulmarctl::phone::{Phone, Reply};
use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const LAUGHS: &str =
    r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><mcxRequests>&b;</mcxRequests>"#;

fn bodies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let command = r#"<mcxRequests sid="s" xmlns="urn:fulmar:mcx:1"><testPush rid="1"/></mcxRequests>"#;
    vec![
        ("oversized", vec![b'<'; 70_000], 413),
        ("truncated", command.as_bytes()[..60].to_vec(), 400),
        ("deeply nested", "<a>".repeat(20_000).into_bytes(), 400),
        (
            "nested and closed",
            [vec![b"<a>".to_vec(); 100], vec![b"</a>".to_vec(); 100]].concat().concat(),
            400,
        ),
        ("entities", LAUGHS.as_bytes().to_vec(), 400),
        ("no UTF-8", b"<mcxRequests xmlns=\"urn:fulmar:mcx:1\">\xff\xfe</mcxRequests>".to_vec(), 400),
        ("empty", Vec::new(), 400),
        ("JSON", br#"{"rid": 1}"#.to_vec(), 400),
        ("no commands", br#"<mcxRequests sid="s" xmlns="urn:fulmar:mcx:1"/>"#.to_vec(), 400),
    ]
}

async fn office() -> (Office, Phone) {
    let office = Office::new(Kind::Binary).await.unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    (office, anna)
}

async fn post(office: &Office, anna: &Phone, path: &str, content_type: &str, body: Vec<u8>) -> Reply {
    let origin = anna.signed_in().mcx_url.split_once("/Mcx").unwrap().0.to_owned();
    let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
    let headers = [("content-type", content_type), (TICKET_HEADER, ticket.as_str())];
    office.network().unwrap().request(Method::POST, &format!("{origin}{path}"), &headers, body).await.unwrap()
}

#[tokio::test]
async fn the_mobility_service_refuses_in_its_own_form_and_goes_on() {
    let (office, anna) = office().await;
    for (what, body, status) in bodies() {
        let reply = post(&office, &anna, "/mcx/mcxservice.svc", CONTENT_TYPE, body).await;
        assert_eq!(reply.status.as_u16(), status, "{what}");
        assert!(McxError::parse(&reply.body).is_ok(), "{what}: {reply:?}");
    }
    let reply = post(&office, &anna, "/Mcx/McxService.svc", "application/json", b"{}".to_vec()).await;
    assert_eq!(reply.status.as_u16(), 415);
    for query in ["sid=x", "ackId=1", "sid=x&ackId=soon", "sid=x&sid=y&ackId=1"] {
        let url = format!("{}?{query}", anna.signed_in().mcx_url);
        let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
        let reply =
            office.network().unwrap().request(Method::GET, &url, &[(TICKET_HEADER, &ticket)], "").await;
        assert_eq!(reply.unwrap().status.as_u16(), 400, "{query}");
    }
}

#[tokio::test]
async fn one_bad_command_is_rejected_alone() {
    let (office, anna) = office().await;
    let long = "x".repeat(9000);
    let body = format!(
        r#"<mcxRequests sid="{}" xmlns="urn:fulmar:mcx:1"><queryContactList rid="1"/><danceNow rid="2"/>
        <setApplicationState rid="3" state="asleep"/><registerPush rid="4" provider="apns" token="../../etc"/>
        <sendMessage rid="5" confId="c"><message messageId="m">{long}</message></sendMessage>
        <initiateImSession rid="6" to="nobody"/><publishSelfPresence rid="7" availability="1"/>
        <queryContactList rid="a b"/><queryContactList rid="9"/></mcxRequests>"#,
        anna.sid()
    );
    let reply = post(&office, &anna, "/Mcx/McxService.svc", CONTENT_TYPE, body.into_bytes()).await;
    let codes: Vec<_> = Responses::parse(&reply.body)
        .unwrap()
        .responses
        .into_iter()
        .map(|response| match response {
            Response::Rejected(rejection) => Some(rejection.code),
            _ => None,
        })
        .collect();
    let invalid = Some(RejectionCode::InvalidValue);
    let unknown = Some(RejectionCode::UnknownCommand);
    assert_eq!(codes, [None, unknown, invalid, invalid, invalid, invalid, invalid, invalid, None]);
}

#[tokio::test]
async fn the_ticket_service_refuses_in_its_own_forms() {
    let (office, anna) = office().await;
    for (what, body, status) in bodies() {
        let reply =
            post(&office, &anna, "/WebTicket/oauthtoken", "application/x-www-form-urlencoded", body.clone())
                .await;
        assert_eq!(reply.status.as_u16(), status, "{what}");
        assert_eq!(OAuthError::parse(&reply.body), Some(OAuthError::InvalidRequest), "{what}");
        assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("28020;"), "{what}");
        let reply = post(&office, &anna, "/WebTicket/WebTicketService.svc/Auth", "text/xml", body).await;
        let wanted = if status == 400 { 500 } else { status };
        assert_eq!(reply.status.as_u16(), wanted, "{what}");
        assert!(String::from_utf8_lossy(&reply.body).contains("wst:InvalidRequest"), "{what}");
    }
}

#[tokio::test]
async fn discovery_does_not_care_what_is_asked_about_whom() {
    let (office, anna) = office().await;
    let origin = anna.signed_in().mcx_url.split_once("/Mcx").unwrap().0.to_owned();
    for query in
        ["", "?sipuri=nobody%40office.test", "?sipuri=%ff%00", &format!("?sipuri={}", "x".repeat(4000))]
    {
        let url = format!("{origin}/autodiscover/AUTODISCOVERSERVICE.svc/root{query}");
        let reply = office.network().unwrap().request(Method::GET, &url, &[], "").await.unwrap();
        assert_eq!(reply.status.as_u16(), 200, "{query:.40}");
    }
    let url = format!("{origin}/Autodiscover/AutodiscoverService.svc/root/nothing");
    let reply = office.network().unwrap().request(Method::GET, &url, &[], "").await.unwrap();
    assert_eq!(reply.status.as_u16(), 404);
}

#[tokio::test]
async fn the_admin_api_refuses_with_problem_documents() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let admin = office.admin();
    let person = |address: &str, name: &str, password: &str| serde_json::json!({ "address": address, "name": name, "password": password });
    for (path, body, word) in [
        ("/api/v1/people", serde_json::json!([]), "the body is not what this path takes"),
        ("/api/v1/people", serde_json::json!({ "address": 1 }), "the body is not what this path takes"),
        ("/api/v1/people", person("no address", "X", PASSWORD), "is not an address"),
        ("/api/v1/people", person("x@office.test", "", PASSWORD), "a display name has"),
        ("/api/v1/people", person("x@office.test", "X", "short"), "a password has 8 characters"),
        ("/api/v1/nothing", serde_json::json!({}), "there is nothing at this path"),
    ] {
        let error = admin.change(Method::POST, path, &body).await.unwrap_err().to_string();
        assert!(error.contains(word), "{path}: {error}");
    }
    for (method, path) in [
        (Method::PUT, "/api/v1/office"),
        (Method::PUT, "/api/v1/people/anna@office.test/password"),
        (Method::PUT, "/api/v1/people/anna@office.test/disabled"),
        (Method::PUT, "/api/v1/people/anna@office.test/home"),
        (Method::PUT, "/api/v1/push/apns"),
    ] {
        for body in [
            serde_json::json!([]),
            serde_json::json!({}),
            serde_json::json!({ "password": 1, "disabled": 1 }),
        ] {
            let error = admin.change(method.clone(), path, &body).await.unwrap_err().to_string();
            assert!(error.contains("the body is not what this path takes"), "{path} {body}: {error}");
        }
    }
    for (path, word) in [
        ("/api/v1/zones?side=above", "side"),
        ("/api/v1/push/ledger?limit=many", "limit"),
        ("/api/v1/people/%ff/password", "UTF-8"),
    ] {
        let error = if path.ends_with("password") {
            admin.change(Method::PUT, path, &serde_json::json!({ "password": PASSWORD })).await.unwrap_err()
        } else {
            admin.get::<serde_json::Value>(path).await.unwrap_err()
        };
        assert!(error.to_string().contains(word), "{path}: {error}");
    }
    let bad = serde_json::json!({ "domains": ["a.test", "b.a.test"], "inside": ["127.0.0.1"] });
    let error = admin.change(Method::PUT, "/api/v1/office", &bad).await.unwrap_err().to_string();
    assert!(error.contains("`b.a.test` lies within `a.test`"), "{error}");
    let long = serde_json::json!({ "address": "x".repeat(70_000) });
    let error = admin.change(Method::POST, "/api/v1/people", &long).await.unwrap_err().to_string();
    assert!(error.contains("65536"), "{error}");
}

/// A TLS connection without certificate checks: the other tests check certificates.
async fn connect(office: &Office) -> tokio_rustls::client::TlsStream<TcpStream> {
    let ca = fs::read(office.dir().join("state/tls/ca.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let ca =
        <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&ca);
    roots.add(ca.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("web.office.test").unwrap();
    let stream = TcpStream::connect(office.https()).await.unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn answer(stream: &mut tokio_rustls::client::TlsStream<TcpStream>) -> String {
    let mut bytes = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(40), stream.read_to_end(&mut bytes)).await.expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn headers_of_64_kilobytes_are_431() {
    let (office, _) = office().await;
    let mut stream = connect(&office).await;
    let request =
        format!("GET / HTTP/1.1\r\nHost: web.office.test\r\nX-Much: {}\r\n\r\n", "x".repeat(65_536));
    let _ = stream.write_all(request.as_bytes()).await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_body_that_never_comes_is_408_and_headers_that_never_end_are_cut_off() {
    let (office, anna) = office().await;
    let (mut slow_body, mut slow_headers) = (connect(&office).await, connect(&office).await);
    let ticket = anna.signed_in().ticket.reveal();
    let head = format!(
        "POST /Mcx/McxService.svc HTTP/1.1\r\nHost: web.office.test\r\nX-MS-WebTicket: cwt={ticket}\r\n\
         Content-Type: text/xml\r\nContent-Length: 100\r\nConnection: close\r\n\r\n<mcx"
    );
    slow_body.write_all(head.as_bytes()).await.unwrap();
    slow_headers.write_all(b"GET / HTTP/1.1\r\nHost: web.office.test\r\n").await.unwrap();
    let (body, headers) = tokio::join!(answer(&mut slow_body), answer(&mut slow_headers));
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("mcxError"), "{body}");
    assert!(!headers.contains("200 OK"), "{headers}");
}

#[tokio::test]
async fn memory_stays_bounded_and_nothing_secret_is_logged() {
    let (office, mut anna) = office().await;
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", office.machine.pid().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let text = "a text that is nobody's business";
    let token = "ab".repeat(32);
    let conversation = anna.invite(&fulmar_suite::uri("ben").unwrap(), "m", text).await.unwrap();
    anna.say(&conversation, "m2", text).await.unwrap();
    let registration =
        fulmar_wire::mcx::Command::RegisterPush { provider: "apns".into(), token: token.as_str().into() };
    anna.perform(registration).await.unwrap();
    for (_, body, _) in bodies() {
        post(&office, &anna, "/Mcx/McxService.svc", CONTENT_TYPE, body).await;
    }
    let before = resident();
    for _ in 0..20 {
        for (_, body, _) in bodies() {
            post(&office, &anna, "/Mcx/McxService.svc", CONTENT_TYPE, body).await;
        }
    }
    let after = resident();
    assert!(after < before + 32 * 1024, "{before} KiB became {after} KiB");
    let log = office.machine.log().unwrap();
    assert!(log.contains("A request was answered."), "the log is at its most talkative");
    for secret in [PASSWORD, text, &token, anna.signed_in().ticket.reveal(), anna.sid()] {
        assert!(!log.contains(secret), "`{secret}` is in the log");
    }
}
