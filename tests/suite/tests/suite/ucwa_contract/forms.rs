//! "Representations", "Versioning", "Errors": the forms of requests and answers, whatever they are about.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

const NAMESPACE: &str = "http://schemas.microsoft.com/rtc/2012/03/ucwa";

/// A resource in XML, of this type.
async fn xml(anna: &Application, place: &str, accept: &str, wanted: &str) -> String {
    let answer = anna.ask(Method::GET, place, &[("accept", accept)], "").await.unwrap();
    assert_eq!(answer.reply.header("content-type"), Some(wanted), "{place}");
    String::from_utf8(answer.reply.body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_resource_is_given_in_xml() {
    let (_office, anna) = anna().await;
    for accept in ["application/xml", "application/vnd.microsoft.com.ucwa+xml"] {
        let text = xml(&anna, anna.href(), accept, &format!("{accept}; charset=utf-8")).await;
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!((root.tag_name().name(), root.tag_name().namespace()), ("resource", Some(NAMESPACE)));
        assert_eq!((root.attribute("rel"), root.attribute("href")), (Some("application"), Some(anna.href())));
        let child = |name: &str, attribute: &str, value: &str| {
            let found = root
                .children()
                .find(|node| node.tag_name().name() == name && node.attribute(attribute) == Some(value));
            found.unwrap_or_else(|| panic!("no {name} {value}: {text}"))
        };
        child("link", "rel", "events");
        assert_eq!(child("property", "name", "culture").text(), Some("en-US"));
        child("resource", "rel", "me");
    }
}

#[tokio::test]
async fn events_are_given_in_xml() {
    let (_office, anna) = anna().await;
    anna.make_available("Online").await.unwrap();
    let text = xml(&anna, anna.next(), "application/xml", "application/xml; charset=utf-8").await;
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("href")), ("events", Some(anna.next())));
    assert!(root.children().any(|node| node.attribute("rel") == Some("next")), "{text}");
    let senders: Vec<_> = root.children().filter(|node| node.tag_name().name() == "sender").collect();
    assert_eq!(senders.len(), 2, "{text}");
    let kinds: Vec<_> = senders[0].children().map(|event| event.tag_name().name()).collect();
    assert_eq!(kinds, ["updated", "added", "added", "added"], "{text}");
}

#[tokio::test]
async fn an_error_is_given_in_xml() {
    let (_office, anna) = anna().await;
    let text = xml(&anna, &at(&anna, "nothing"), "application/xml", "application/xml; charset=utf-8").await;
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.tag_name().namespace()), ("reason", Some(NAMESPACE)));
    let code = root.children().find(|node| node.tag_name().name() == "code").unwrap();
    assert_eq!(code.text(), Some("NotFound"));
}

#[tokio::test]
async fn what_is_said_may_come_in_any_form_and_any_case() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let place = at(&anna, "me/note");
    let input = format!("<input xmlns=\"{NAMESPACE}\"><property name=\"message\">in XML</property></input>");
    for (content_type, body, wanted) in [
        ("application/xml", input.as_str(), "in XML"),
        ("application/vnd.microsoft.com.ucwa+xml", input.as_str(), "in XML"),
        ("application/json", r#"{"Message":"with a capital"}"#, "with a capital"),
        ("application/vnd.microsoft.com.ucwa+json", r#"{"message":"vendor"}"#, "vendor"),
        ("application/json; charset=utf-8", r#"{"message":"täglich"}"#, "täglich"),
        ("application/x-www-form-urlencoded", "message=in+a+form", "in a form"),
    ] {
        post(&anna, &place, &json!({})).await;
        let answer = anna.ask(Method::POST, &place, &[("content-type", content_type)], body).await.unwrap();
        assert_eq!(answer.status(), 204, "{content_type}: {answer:?}");
        assert_eq!(get(&anna, &place).await.body.text("message"), wanted, "{content_type}");
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_refused() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let place = at(&anna, "me/note");
    let send = async |content_type: &str, body: &str| {
        let answer = anna.ask(Method::POST, &place, &[("content-type", content_type)], body).await.unwrap();
        let (status, code, _) = refusal(&answer);
        (status, code)
    };
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(send("image/png", "x").await, refused(415, "UnsupportedMediaType"));
    assert_eq!(send("application/json", "{").await, refused(400, "BadRequest"));
    assert_eq!(send("application/xml", "<input").await, refused(400, "BadRequest"));
    assert_eq!(send("application/json", &" ".repeat(70_000)).await, refused(413, "EntityTooLarge"));
}

#[tokio::test]
async fn a_method_that_there_is_not_is_405() {
    let (_office, anna) = anna().await;
    for (method, place) in [
        (Method::PUT, anna.href().to_owned()),
        (Method::OPTIONS, APPLICATIONS.to_owned()),
        (Method::DELETE, at(&anna, "me")),
        (Method::GET, at(&anna, "me/makeMeAvailable")),
    ] {
        let answer = anna.ask(method, &place, &[], "").await.unwrap();
        let (status, code, _) = refusal(&answer);
        assert_eq!((status, code.as_str()), (405, "MethodNotAllowed"), "{place}");
    }
}

#[tokio::test]
async fn a_version_that_there_is_not_is_404() {
    let (_office, anna) = anna().await;
    let with = async |version: &str| {
        let header = [("x-ms-requiresminresourceversion", version)];
        anna.ask(Method::GET, anna.href(), &header, "").await.unwrap()
    };
    for served in ["1", "2", "2.0"] {
        let answer = with(served).await;
        assert_eq!(answer.status(), 200, "{served}");
        assert!(answer.reply.header("x-ms-ucwaversion").is_some());
    }
    assert_eq!(refusal(&with("4.0").await), as_refusal(404, "NotFound", "APIVersionNotSupported"));
}

#[tokio::test]
async fn paths_have_no_case() {
    let (_office, anna) = anna().await;
    for place in [anna.href().to_uppercase(), at(&anna, "ME"), at(&anna, "People/BEN@Office.Test")] {
        assert_eq!(get(&anna, &place).await.status(), 200, "{place}");
    }
}

#[tokio::test]
async fn who_has_no_ticket_is_told_where_there_are_some() {
    let (office, anna) = anna().await;
    let url = format!("https://web.office.test:{}{}", office.https().port(), anna.href());
    let reply = office.network().unwrap().request(Method::GET, &url, &[], "").await.unwrap();
    assert_eq!(reply.status, 401);
    let challenges = reply.headers.get_all("www-authenticate").iter();
    assert!(challenges.into_iter().any(|said| said.to_str().unwrap().starts_with("MsRtcOAuth href=\"")));
}

/// Clients write `//ucwa` after a root that ends with a slash. Some HTTP libraries take what follows two slashes for a
/// host, so this is asked byte by byte.
#[tokio::test]
async fn two_slashes_are_one_on_the_wire() {
    let (office, anna) = anna().await;
    let ticket = fresh_ticket(&office, "ben").await;
    let made = raw(
        &office,
        &format!("POST /{APPLICATIONS} HTTP/1.1"),
        &ticket,
        r#"{"UserAgent":"x","EndpointId":"x","Culture":"en-US"}"#,
    )
    .await;
    assert!(made.starts_with("HTTP/1.1 201 "), "{made}");
    let place = made.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    assert_ne!(place, anna.href());
    for place in [format!("/{place}"), format!("//{place}//me"), format!("/{place}/events?ack=900")] {
        let shown = raw(&office, &format!("GET {place} HTTP/1.1"), &ticket, "").await;
        assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains("_links"), "{place}: {shown}");
    }
}

/// An answer as it came, to a request as it stands.
async fn raw(office: &Office, request: &str, ticket: &Secret, body: &str) -> String {
    let pem = std::fs::read(office.dir().join("state/tls/ca.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(office.https()).await.unwrap();
    let name = ServerName::try_from("web.office.test").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let header = format!(
        "{request}\r\nHost: web.office.test\r\nConnection: close\r\nAuthorization: Bearer cwt={}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        ticket.reveal(),
        body.len()
    );
    stream.write_all(header.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}
