//! The Autodiscover service as clients of every kind ask it, by the sections of the page on discovery.

use fulmar_suite::{Kind, Office};
use fulmar_wire::{autodiscover::Document, challenge::TICKET_HEADER, mcx::McxError};
use fulmarctl::phone::{Phone, Reply};
use http::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const XML: &str = "application/vnd.microsoft.rtc.autodiscover+xml; v=1";
const JSON: &str = "application/vnd.microsoft.rtc.autodiscover+json; v=1";

async fn ask(office: &Office, path: &str, headers: &[(&str, &str)]) -> Reply {
    let url = format!("https://lyncdiscoverinternal.office.test:{}{path}", office.https().port());
    office.network().unwrap().request(Method::GET, &url, headers, Vec::new()).await.unwrap()
}

async fn user(office: &Office, phone: &Phone) -> Document {
    let ticket = format!("cwt={}", phone.signed_in().ticket.reveal());
    let headers = [("accept", XML), (TICKET_HEADER, ticket.as_str())];
    let reply = ask(office, "/Autodiscover/AutodiscoverService.svc/root/user", &headers).await;
    assert_eq!(reply.status, 200);
    Document::parse(reply.header("content-type").unwrap(), &reply.body).unwrap()
}

async fn set(office: &Office, object: &str, parameters: serde_json::Value) {
    let path = format!("/api/v1/policies/{object}/global");
    office.admin().change(Method::PUT, &path, &parameters).await.unwrap();
}

/// §2.1: neither the case of a path nor what stands in `sipuri` changes the answer, so nobody learns who works here.
#[tokio::test]
async fn every_spelling_and_every_address_gets_the_same_root() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let wanted = ask(&office, "/", &[("accept", XML)]).await.body;
    for path in [
        "/?sipuri=anna@office.test",
        "/?sipuri=sip:anna@office.test",
        "/?sipuri=sip%3Aanna%40office.test",
        "/?sipuri=nobody@office.test",
        "/?sipuri=&originalDomain=office.test",
        "/Autodiscover/AutodiscoverService.svc/root",
        "/autodiscover/autodiscoverservice.svc/Root",
        "/AUTODISCOVER/AUTODISCOVERSERVICE.SVC/ROOT?SIPURI=x",
    ] {
        let reply = ask(&office, path, &[("accept", XML)]).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (200, &wanted), "{path}");
    }
    assert_eq!(ask(&office, "/Autodiscover/AutodiscoverService.svc/other", &[]).await.status, 404);
}

/// §2.2: what is asked for is what comes, and is never kept by a cache.
#[tokio::test]
async fn every_media_type_of_the_table_gets_its_form() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    for (accept, content_type, begins) in [
        ("application/vnd.microsoft.rtc.autodiscover+xml;v=1", XML, "<?xml"),
        ("application/vnd.microsoft.rtc.autodiscover+xml", XML, "<?xml"),
        ("application/vnd.microsoft.rtc.autodiscover+json;v=1", JSON, "{\"AccessLocation\""),
        ("application/vnd.microsoft.rtc.autodiscover+json;v=2;x=y", JSON, "{\"AccessLocation\""),
        ("application/json", "application/json", "{\"_links\""),
        ("application/vnd.microsoft.com.ucwa+json", "application/json", "{\"_links\""),
        ("application/xml", "application/xml", "<?xml"),
        ("application/vnd.microsoft.com.ucwa+xml", "application/vnd.microsoft.com.ucwa+xml", "<?xml"),
        ("*/*", JSON, "{\"AccessLocation\""),
        ("text/html", JSON, "{\"AccessLocation\""),
    ] {
        let reply = ask(&office, "/", &[("accept", accept)]).await;
        assert_eq!(reply.header("content-type"), Some(content_type), "{accept}");
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(body.starts_with(begins), "{accept}: {body}");
        for (name, value) in [
            ("cache-control", "no-cache"),
            ("pragma", "no-cache"),
            ("expires", "-1"),
            ("vary", "Accept"),
            ("x-content-type-options", "nosniff"),
            ("x-ms-server-fqdn", "web.office.test"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{accept}: {name}");
        }
    }
    // Who does not say what it reads finds the links of either kind of client.
    let reply = ask(&office, "/", &[]).await;
    assert_eq!(reply.header("content-type"), Some(JSON));
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let user = body["_links"]["user"]["href"].as_str().unwrap();
    assert!(user.ends_with("/root/oauth/user"), "{body}");
    assert!(Document::parse(JSON, &reply.body).unwrap().link("User").is_some());
}

#[tokio::test]
async fn links_and_the_registrar_outside_are_as_an_administrator_says() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    let parameters = json!({
        "WebLinks": ["External/Portal=https://portal.office.test/start"],
        "ExternalSipClientAccessFqdn": "edge.office.test",
        "ExternalSipClientAccessPort": 443,
    });
    set(&office, "AutodiscoverConfiguration", parameters).await;
    let document = user(&office, &anna).await;
    assert_eq!(document.link("External/Portal"), Some("https://portal.office.test/start"));
    let reply = ask(&office, "/Autodiscover/AutodiscoverService.svc/root/domain", &[("accept", XML)]).await;
    let domain = Document::parse(XML, &reply.body).unwrap();
    assert_eq!(domain.link("External/Portal"), Some("https://portal.office.test/start"));
    let written = document.write(fulmar_wire::autodiscover::Format::Xml);
    assert!(
        written.contains(r#"<SipClientExternalAccess fqdn="edge.office.test" port="443"/>"#),
        "{written}"
    );
    assert!(
        written.contains(r#"<SipClientInternalAccess fqdn="sip.office.test" port="5061"/>"#),
        "{written}"
    );
}

#[tokio::test]
async fn who_may_not_use_the_mobility_service_is_not_led_there() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    let port = office.https().port();
    set(&office, "McxConfiguration", json!({ "ExposedWebURL": "Internal" })).await;
    let inside = format!("https://lyncdiscoverinternal.office.test:{port}/Mcx/McxService.svc");
    let document = user(&office, &anna).await;
    for token in ["Internal/Mcx", "External/Mcx"] {
        assert_eq!(document.link(token), Some(inside.as_str()));
    }
    let inside = format!("https://lyncdiscoverinternal.office.test:{port}/ucwa/v1/applications");
    for token in ["Ucwa", "Internal/Ucwa", "External/Ucwa"] {
        assert_eq!(document.link(token), Some(inside.as_str()));
    }
    // The host of those links exists inside only, so somebody outside is given none.
    let intent = json!({
        "domains": ["office.test"], "inside": ["127.0.0.1"], "outside": ["127.0.0.1"], "mode": "delegated",
        "inside_networks": ["10.0.0.0/8"], "https_port": port,
    });
    office.admin().change(Method::PUT, "/api/v1/office", &intent).await.unwrap();
    let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
    let url = format!("https://web.office.test:{port}/Autodiscover/AutodiscoverService.svc/root/user");
    let headers = [("accept", XML), (TICKET_HEADER, ticket.as_str())];
    let network = office.network().unwrap();
    let outside = || async {
        let reply = network.request(Method::GET, &url, &headers, Vec::new()).await.unwrap();
        Document::parse(XML, &reply.body).unwrap()
    };
    let tokens = |document: &Document| ["External/Mcx", "Ucwa"].map(|token| document.link(token).is_some());
    assert_eq!(tokens(&outside().await), [false, false]);
    set(&office, "McxConfiguration", json!({ "ExposedWebURL": "External" })).await;
    assert_eq!(tokens(&outside().await), [true, true]);
    set(&office, "MobilityPolicy", json!({ "EnableMobility": false })).await;
    assert_eq!(tokens(&outside().await), [false, false]);
}

const USER: &str = "/Autodiscover/AutodiscoverService.svc/root/user";

async fn set_home(office: &Office, person: &str, home: &str) -> Result<(), String> {
    let path = format!("/api/v1/people/{person}@office.test/home");
    let set = office.admin().change(Method::PUT, &path, &json!({ "home": home })).await;
    set.map(drop).map_err(|error| error.to_string())
}

/// §2.3, §2.6: the person alone learns it, and nothing else.
#[tokio::test]
async fn who_is_at_home_elsewhere_is_sent_there_and_has_no_mobility_here() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    let home = "https://pool2.office.test/Autodiscover/AutodiscoverService.svc/root";
    let unknown = ask(&office, USER, &[]).await;
    set_home(&office, "anna", home).await.unwrap();
    let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
    let shown = |accept| [("accept", accept), (TICKET_HEADER, ticket.as_str())];
    let only = format!(r#"<User><Link token="Redirect" href="{home}"/></User></AutodiscoverResponse>"#);
    let xml = ask(&office, USER, &shown(XML)).await;
    let body = String::from_utf8(xml.body.to_vec()).unwrap();
    assert!(xml.status == 200 && body.ends_with(&only), "{body}");
    let oauth = "/Autodiscover/AutodiscoverService.svc/root/oauth/user";
    let body = ask(&office, oauth, &shown("application/json")).await.body;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({ "rel": "user", "_links": { "redirect": { "href": home } } }));

    let mcx = format!("/Mcx/McxService.svc?sid={}&ackId=0", anna.sid());
    let refused = ask(&office, &mcx, &shown(XML)).await;
    let code = McxError::parse(&refused.body).unwrap().code;
    assert_eq!((refused.status.as_u16(), code.as_str()), (403, "homedElsewhere"));
    let refused = office.sign_in("anna", "phone").await.err().unwrap().to_string();
    assert!(refused.contains(&format!("at home at `{home}`")), "{refused}");
    let without = ask(&office, &format!("{USER}?sipuri=anna@office.test"), &[]).await;
    assert_eq!((without.status, without.body), (unknown.status, unknown.body), "nobody else learns it");

    set_home(&office, "anna", "here").await.unwrap();
    assert!(user(&office, &anna).await.link("External/Mcx").is_some());
}

#[tokio::test]
async fn nobody_is_sent_where_clients_would_go_round_or_stop() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    for (home, why) in [
        (
            "https://web.office.test/Autodiscover/AutodiscoverService.svc/root",
            "`web.office.test` is this box",
        ),
        ("https://LyncDiscover.office.test:8443/", "`lyncdiscover.office.test` is this box"),
        ("https://pool2.office.test/Autodiscover/AutodiscoverService.svc/root/user", "is not the root of"),
        ("https://pool2.office.test", "is not a URL such as"),
        ("http://pool2.office.test/", "is not a URL such as"),
        ("there", "is not a URL such as"),
    ] {
        let refused = set_home(&office, "anna", home).await.unwrap_err();
        assert!(refused.contains(why), "{home}: {refused}");
    }
    let refused = set_home(&office, "nobody", "here").await.unwrap_err();
    assert!(refused.contains("nobody here has the address"), "{refused}");
    office.sign_in("anna", "phone").await.unwrap();
}

/// The answer of the listener without TLS to this request line, as a whole.
async fn in_clear(office: &Office, line: &str) -> String {
    let mut stream = TcpStream::connect(office.addresses().http.unwrap()).await.unwrap();
    let host = "lyncdiscover.office.test";
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nAccept: {XML}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// §1.3, §2.6: clients do not follow a redirect by status, and nothing but the way to TLS is said in the clear.
#[tokio::test]
async fn without_tls_there_is_the_redirect_document_and_nothing_else() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let root = "/Autodiscover/AutodiscoverService.svc/root";
    let document = format!(
        r#"<?xml version="1.0" encoding="utf-8"?><AutodiscoverResponse AccessLocation="Internal"><Root><Link token="Redirect" href="https://web.office.test:{}{root}"/></Root></AutodiscoverResponse>"#,
        office.https().port()
    );
    for line in [
        "GET /",
        "GET /?sipuri=anna@office.test",
        &format!("GET {root}"),
        "GET /AUTODISCOVER/autodiscoverservice.svc/ROOT",
    ] {
        let answer = in_clear(&office, line).await;
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&format!("\r\n\r\n{document}")),
            "{line}: {answer}"
        );
    }
    let head = in_clear(&office, "HEAD /").await;
    let length = format!("content-length: {}", document.len());
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains(&length) && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    for (method, path, status) in [
        ("POST", "/", 405),
        ("OPTIONS", root, 405),
        ("BREW", "/", 405),
        ("GET", USER, 404),
        ("HEAD", USER, 404),
        ("GET", "/xframe", 404),
        ("POST", "/WebTicket/oauthtoken", 404),
        ("POST", "/WebTicket/WebTicketService.svc", 404),
        ("POST", "/Mcx/McxService.svc", 404),
        ("BREW", "/Mcx/McxService.svc", 404),
    ] {
        let answer = in_clear(&office, &format!("{method} {path}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answer}");
        assert!(!answer.to_lowercase().contains("location:"), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn other_methods_than_get_are_refused_with_those_there_are() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let network = office.network().unwrap();
    let origin = format!("https://web.office.test:{}", office.https().port());
    let asked = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        network.request(method, &format!("{origin}{path}"), &[], "").await.unwrap()
    };
    let root = asked("HEAD", "/").await;
    assert_eq!((root.status.as_u16(), root.body.len()), (200, 0));
    assert_eq!(asked("HEAD", USER).await.status, 401);
    for (method, path) in [("POST", "/"), ("BREW", "/"), ("DELETE", USER), ("TRACE", USER)] {
        let refused = asked(method, path).await;
        assert_eq!(
            (refused.status.as_u16(), refused.header("allow")),
            (405, Some("GET,HEAD")),
            "{method} {path}"
        );
    }
}

/// §2.7: a client takes the next way at a 403; a body would only be in its way.
#[tokio::test]
async fn a_refused_user_document_has_no_body() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.sign_in("anna", "phone").await.unwrap();
    let path = "/api/v1/people/anna@office.test/disabled";
    office.admin().change(Method::PUT, path, &json!({ "disabled": true })).await.unwrap();
    let ticket = format!("cwt={}", anna.signed_in().ticket.reveal());
    for path in [USER, "/Autodiscover/AutodiscoverService.svc/root/oauth/user"] {
        let refused = ask(&office, path, &[("accept", XML), (TICKET_HEADER, &ticket)]).await;
        assert_eq!((refused.status.as_u16(), refused.body.len()), (403, 0), "{path}");
    }
}
