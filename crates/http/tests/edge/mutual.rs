//! The service for those who show a certificate, on the port of the phones.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    http::{Request, StatusCode},
    routing::get,
};
use bytes::Bytes;
use fulmar_http::PeerKey;
use http_body_util::BodyExt;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::ring,
    pki_types::{PrivateKeyDer, ServerName},
    sign::CertifiedKey,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::encrypted::{BOTH, Encrypted, client, leaf};

pub(crate) const PROTOCOL: &[u8] = b"test-box";

/// Says whose key was shown.
pub(crate) fn router() -> Router {
    let key = async |Extension(PeerKey(key)): Extension<PeerKey>| key.to_vec();
    Router::new().route("/key", get(key))
}

/// A client with a certificate, and whether it was asked for it.
#[derive(Clone, Debug)]
struct Shower {
    key: Arc<CertifiedKey>,
    asked: Arc<AtomicBool>,
}

impl Shower {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        let key = CertifiedKey::from_der(chain, der, &ring::default_provider()).unwrap();
        Self { key: Arc::new(key), asked: Arc::default() }
    }

    fn was_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }

    async fn connect(&self, box_: &Encrypted, offered: &[&[u8]]) -> io::Result<TlsStream<TcpStream>> {
        let mut config = client(&[box_.authority.certificate_pem()], BOTH);
        config.client_auth_cert_resolver = Arc::new(self.clone());
        config.alpn_protocols = offered.iter().map(|protocol| protocol.to_vec()).collect();
        let stream = TcpStream::connect(box_.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("one.test").unwrap(), stream).await
    }

    async fn http2(&self, box_: &Encrypted) -> SendRequest<Body> {
        let stream = TokioIo::new(self.connect(box_, &[PROTOCOL]).await.unwrap());
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

impl ResolvesClientCert for Shower {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        Some(Arc::clone(&self.key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

async fn asked(sender: &mut SendRequest<Body>, path: &str) -> (StatusCode, Bytes) {
    let request = Request::get(format!("https://one.test{path}")).body(Body::empty()).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    (head.status, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn who_shows_a_certificate_is_known_by_its_key() {
    let served = Encrypted::new(Duration::ZERO).await;
    let (one, other) = (Shower::new(), Shower::new());
    let (status, key) = asked(&mut one.http2(&served).await, "/key").await;
    assert_eq!((status, key.len()), (StatusCode::OK, 32));
    assert_eq!(asked(&mut one.http2(&served).await, "/key").await, (status, key.clone()));
    assert_ne!(asked(&mut other.http2(&served).await, "/key").await.1, key);
    let (status, _) = asked(&mut one.http2(&served).await, "/slow").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "what phones are served is not there");
}

#[tokio::test]
async fn nobody_else_is_asked_for_a_certificate() {
    let served = Encrypted::new(Duration::ZERO).await;
    let shower = Shower::new();
    let protocols: [&[&[u8]]; 5] =
        [&[], &[b"h2"], &[b"h2", b"http/1.1"], &[b"h2", PROTOCOL], &[PROTOCOL, b"http/1.1"]];
    for offered in protocols {
        let stream = shower.connect(&served, offered).await.unwrap();
        assert_ne!(stream.get_ref().1.alpn_protocol(), Some(PROTOCOL));
        assert!(!shower.was_asked(), "{offered:?}");
    }
    shower.connect(&served, &[PROTOCOL]).await.unwrap();
    assert!(shower.was_asked());
}

#[tokio::test]
async fn without_a_certificate_nobody_comes_in() {
    let served = Encrypted::new(Duration::ZERO).await;
    // With TLS 1.3 a client learns of it with the first answer.
    if let Ok(stream) = served.connect("one.test", PROTOCOL).await {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("https://one.test/key").body(Body::empty()).unwrap();
        assert!(sender.send_request(request).await.is_err());
    }
}

#[tokio::test]
async fn another_leaf_of_the_same_authority_ends_nothing() {
    let served = Encrypted::new(Duration::ZERO).await;
    let shower = Shower::new();
    let mut open = shower.http2(&served).await;
    let before = asked(&mut open, "/key").await;
    let shown = |stream: TlsStream<TcpStream>| stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let old = shown(shower.connect(&served, &[PROTOCOL]).await.unwrap());
    // It is for the name of before, too: this client looks at names.
    let names = ["one.test".to_owned(), "two.test".to_owned()].into();
    let own = served.authority.current_or_issue(&names, std::time::SystemTime::now()).unwrap();
    let front = tempfile::tempdir().unwrap();
    let other = fulmar_http::authority::Authority::open_or_create(front.path(), std::time::SystemTime::now());
    served.live.show(&own, Some(&leaf(&other.unwrap(), "one.test"))).unwrap();
    assert_eq!(asked(&mut open, "/key").await, before);
    assert_ne!(shown(shower.connect(&served, &[PROTOCOL]).await.unwrap()), old);
    assert_eq!(
        asked(&mut shower.http2(&served).await, "/key").await,
        before,
        "the one in front is for phones"
    );
}

#[tokio::test]
async fn where_there_is_no_place_those_with_a_certificate_are_told_too() {
    let served = Encrypted::with_places(Duration::ZERO, 1).await;
    let _phone = served.connect("one.test", b"h2").await.unwrap();
    let (status, _) = asked(&mut Shower::new().http2(&served).await, "/key").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}
