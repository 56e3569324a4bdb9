//! A client of an ACME authority that is not the box: its names are in a zone that the box serves for it, and it
//! proves a name and its wildcard by two texts at one owner (RFC 8555 §8.4).

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use fulmar_suite::{Kind, Office};
use http::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::TokioExecutor,
};
use instant_acme::{
    Account, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient, Identifier, NewAccount, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::acme::{Pebble, proofs};

const ZONE: &str = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\n";

struct Client(Pool<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>);

impl Client {
    fn trusting(pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Self(Pool::builder(TokioExecutor::new()).build(connector))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.0.request(request);
        Box::pin(async move { answer.await.map(BytesResponse::from).map_err(|e| Error::Other(Box::new(e))) })
    }
}

/// Orders a certificate for a name and its wildcard.
async fn order(pebble: &Pebble) -> Order {
    let client = Account::builder_with_http(Box::new(Client::trusting(pebble.authority.pem())));
    let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let (account, _) = client.create(&new, pebble.directory(), None).await.unwrap();
    let names = ["lab.example", "*.lab.example"].map(|name| Identifier::Dns(name.to_owned()));
    account.new_order(&NewOrder::new(&names)).await.unwrap()
}

/// What proves the names of an order, each by its text.
async fn texts(order: &mut Order) -> Vec<String> {
    let mut texts = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        let offered = authorization.challenge(ChallengeType::Dns01).unwrap();
        texts.push(offered.key_authorization().dns_value());
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_its_wildcard_are_proved_by_two_texts_at_one_name() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let pebble = Pebble::start(&office, 3600).await;
    let mut order = order(&pebble).await;
    let mut texts = texts(&mut order).await;
    let records: String = texts.iter().map(|text| format!("_acme-challenge TXT {text}\n")).collect();
    office.admin().put_text("/api/v1/zones/imported/lab.example", format!("{ZONE}{records}")).await.unwrap();

    let mut served = proofs(&office, "lab.example").await;
    texts.iter_mut().for_each(|text| *text = format!("\"{text}\""));
    texts.sort();
    served.sort();
    assert_eq!((served.len(), &served), (2, &texts));

    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        authorization.unwrap().challenge(ChallengeType::Dns01).unwrap().set_ready().await.unwrap();
    }
    assert_eq!(order.poll_ready(&RetryPolicy::default()).await.unwrap(), OrderStatus::Ready);
}
