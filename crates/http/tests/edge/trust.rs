//! What a phone fetches before it trusts the box.

use std::{collections::BTreeSet, time::SystemTime};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
    routing::get,
};
use fulmar_http::{
    Surface,
    authority::Authority,
    edge,
    tls::LiveCertificate,
    trust::{self, Trust},
};
use http_body_util::BodyExt;
use tempfile::TempDir;
use tower::ServiceExt;

struct Office {
    trust: Trust,
    router: Router,
    authority: Authority,
    _dir: TempDir,
}

impl Office {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(dir.path(), SystemTime::now()).unwrap();
        let names = BTreeSet::from(["web.office.test".to_owned()]);
        let leaf = authority.current_or_issue(&names, SystemTime::now()).unwrap();
        let trust = Trust::new(authority.certificate_pem(), LiveCertificate::new(&leaf).unwrap()).unwrap();
        let phones = edge(Router::new().route("/", get(|| async { "phones" })), Surface::Phones);
        Self { router: trust::serve(trust.clone(), phones), trust, authority, _dir: dir }
    }

    async fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let kind = answer.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        (status, kind, answer.into_body().collect().await.unwrap().to_bytes().to_vec())
    }
}

#[tokio::test]
async fn the_authority_is_handed_out_in_the_form_that_each_phone_takes() {
    let office = Office::new();
    let (_, der) = x509_parser::pem::parse_x509_pem(office.authority.certificate_pem().as_bytes()).unwrap();
    let (status, kind, body) = office.get("/ca.crt").await;
    assert_eq!((status, kind.as_str()), (200, "application/x-x509-ca-cert"));
    assert_eq!(body, der.contents);
    let (status, _, body) = office.get("/ca.pem").await;
    assert_eq!((status, body.as_slice()), (200, office.authority.certificate_pem().as_bytes()));
    let (status, kind, body) = office.get("/ca.mobileconfig").await;
    assert_eq!((status, kind.as_str()), (200, "application/x-apple-aspen-config"));
    let text = String::from_utf8_lossy(&body);
    assert!(text.contains("<string>com.apple.security.root</string>"), "{text}");
    assert_eq!(body[0], 0x30, "it is signed, which is DER");
}

#[tokio::test]
async fn the_page_has_the_fingerprint_and_every_link_on_it_leads_somewhere() {
    let office = Office::new();
    let (status, kind, body) = office.get("/trust").await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    let page = String::from_utf8(body).unwrap();
    assert!(page.replace("<wbr>", "").contains(&office.trust.fingerprint()), "{page}");
    assert_eq!(office.get("/trust/").await.2, page.as_bytes());
    let links: Vec<&str> = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() >= 4, "{links:?}");
    for link in links {
        assert_eq!(office.get(link).await.0, 200, "{link}");
    }
}

#[tokio::test]
async fn a_proof_is_answered_by_its_exact_token_and_phones_get_the_rest() {
    let office = Office::new();
    let path = "/.well-known/acme-challenge/ToKen";
    assert_eq!(office.get(path).await.0, 404);
    office.trust.live().challenges().answer_over_http("ToKen".into(), "ToKen.thumb".into());
    assert_eq!(office.get(path).await.2, b"ToKen.thumb");
    assert_eq!(office.get("/.well-known/acme-challenge/token").await.0, 404);
    assert_eq!(office.get("/").await.2, b"phones");
    let (status, kind, _) = office.get("/nothing").await;
    assert_eq!((status, kind.as_str()), (404, "application/problem+json"));
}
