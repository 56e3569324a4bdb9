//! The stand-in over the wire, seen by a plain HTTP/2 client that authenticates itself with a certificate.

#![expect(clippy::unwrap_used, reason = "what fails while a test is set up ends the test")]

use std::{error::Error, sync::Arc};

use bytes::Bytes;
use fulmar_standins::{
    apns::{Answer, ApnsStandin, Behaviour, Config, Credential, Refusal},
    authority::{Authority, Identity},
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::{Value, json};

const DEVICE: &str = "00fc13adff785122";

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;
type Outcome = Result<(StatusCode, String), legacy::Error>;

struct Setup {
    standin: ApnsStandin,
    developers: Authority,
}

impl Setup {
    async fn new() -> Self {
        let developers = Authority::make("Developers").unwrap();
        let credential = Credential::Certificate { client_ca_pem: developers.pem().to_owned() };
        let standin = ApnsStandin::start(Config::new(credential).unwrap()).await.unwrap();
        Self { standin, developers }
    }

    fn client(&self) -> HttpClient {
        let identity = self.developers.issue_client("org.example.fulmar").unwrap();
        client(&self.standin, Some(identity), true)
    }

    async fn push(&self, client: &HttpClient, collapse_id: &str) -> Outcome {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/3/device/{DEVICE}", self.standin.endpoint()))
            .header("apns-push-type", "alert")
            .header("apns-collapse-id", collapse_id)
            .body(Full::from(json!({ "aps": { "alert": "x" } }).to_string()))
            .unwrap();
        let response = client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Ok((status, String::from_utf8(body.to_vec()).unwrap()))
    }
}

fn client(standin: &ApnsStandin, identity: Option<Identity>, http2: bool) -> HttpClient {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(standin.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(roots);
    let tls = match identity {
        None => tls.with_no_client_auth(),
        Some(Identity { certificate_pem, key_pem }) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
            tls.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_only();
    let connector = if http2 { builder.enable_http2().build() } else { builder.enable_http1().build() };
    Client::builder(TokioExecutor::new()).http2_only(http2).build(connector)
}

fn refused(reason: &str, status: StatusCode) -> (StatusCode, String) {
    (status, json!({ "reason": reason }).to_string())
}

#[tokio::test]
async fn a_client_with_a_certificate_may_push_and_one_without_may_not() {
    let setup = Setup::new().await;
    assert_eq!(setup.push(&setup.client(), "m1").await.unwrap(), (StatusCode::OK, String::new()));
    let anonymous = client(&setup.standin, None, true);
    let refusal = refused("MissingProviderToken", StatusCode::FORBIDDEN);
    assert_eq!(setup.push(&anonymous, "m2").await.unwrap(), refusal);
    assert_eq!(setup.standin.shown().len(), 1);
}

#[tokio::test]
async fn a_client_of_another_authority_is_not_let_in() {
    let setup = Setup::new().await;
    let stranger = Authority::make("Strangers").unwrap().issue_client("org.example.fulmar").unwrap();
    assert!(setup.push(&client(&setup.standin, Some(stranger), true), "m1").await.is_err());
    assert!(setup.standin.received().is_empty());
}

#[tokio::test]
async fn http_1_is_not_spoken() {
    let setup = Setup::new().await;
    assert!(setup.push(&client(&setup.standin, None, false), "m1").await.is_err());
    assert!(setup.standin.received().is_empty());
}

#[tokio::test]
async fn a_script_covers_the_next_pushes_and_no_more() {
    let setup = Setup::new().await;
    let gone = Refusal { timestamp: Some(7), ..Refusal::new(StatusCode::GONE, "Unregistered") };
    setup.standin.script([Behaviour::Refuse(gone.clone())]);
    let client = setup.client();
    let (status, body) = setup.push(&client, "m1").await.unwrap();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body), (StatusCode::GONE, json!({ "reason": "Unregistered", "timestamp": 7 })));
    assert_eq!(setup.push(&client, "m1").await.unwrap().0, StatusCode::OK);
    let answers: Vec<_> = setup.standin.received().into_iter().map(|request| request.answer).collect();
    assert_eq!(answers, [Answer::Refused(gone), Answer::Accepted]);
}

#[tokio::test]
async fn a_push_repeated_after_a_lost_answer_is_shown_once() {
    let setup = Setup::new().await;
    let client = setup.client();
    setup.standin.script([Behaviour::Close]);
    let error = setup.push(&client, "m1").await.unwrap_err();
    assert!(error.source().is_some());
    assert_eq!(setup.push(&client, "m1").await.unwrap().0, StatusCode::OK);
    let connections: Vec<_> = setup.standin.received().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 2]);
    assert_eq!(setup.standin.shown().len(), 1);
}

#[tokio::test]
async fn an_order_for_a_device_stays() {
    let setup = Setup::new().await;
    let throttled = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests");
    setup.standin.always(DEVICE, Behaviour::Refuse(throttled));
    let client = setup.client();
    for _ in 0..2 {
        let refusal = refused("TooManyRequests", StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(setup.push(&client, "m1").await.unwrap(), refusal);
    }
}
