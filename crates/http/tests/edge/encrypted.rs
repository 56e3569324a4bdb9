//! TLS: the certificate, its exchange, both protocols, and how it ends.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use axum::{
    body::Body,
    http::{Request, Response},
};
use bytes::Bytes;
use fulmar_http::{
    Mutual,
    authority::{Authority, Leaf},
    serve::{self, Places},
    tls::LiveCertificate,
};
use http_body_util::BodyExt;
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2::SendRequest,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::{LONG, mutual, read_all, request, router, stop};

pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

pub(crate) struct Encrypted {
    pub(crate) address: SocketAddr,
    pub(crate) live: LiveCertificate,
    pub(crate) authority: Authority,
    signal: CancellationToken,
    served: JoinHandle<()>,
    pub(crate) begun: Arc<Notify>,
    _dir: TempDir,
}

impl Encrypted {
    /// Shows a certificate for `one.test`.
    pub(crate) async fn new(drain: Duration) -> Self {
        Self::with_places(drain, 16).await
    }

    pub(crate) async fn with_places(drain: Duration, connections: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(dir.path(), SystemTime::now()).unwrap();
        let live = LiveCertificate::new(&leaf(&authority, "one.test")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop, begun) = (listener.local_addr().unwrap(), stop(drain), Arc::default());
        let signal = stop.signal.clone();
        let (config, router) = (live.server_config().unwrap(), router(Arc::clone(&begun)));
        let mutual = Mutual::new(mutual::PROTOCOL, &live, mutual::router()).unwrap();
        let serve = serve::tls(listener, config, router, Some(mutual), stop, Places::new(connections));
        Self { address, live, authority, signal, served: tokio::spawn(serve), begun, _dir: dir }
    }

    pub(crate) async fn connect(&self, name: &'static str, alpn: &[u8]) -> io::Result<TlsStream<TcpStream>> {
        self.connect_with(name, alpn, BOTH).await
    }

    async fn connect_with(
        &self,
        name: &'static str,
        alpn: &[u8],
        versions: &[&'static SupportedProtocolVersion],
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut config = client(&[self.authority.certificate_pem()], versions);
        config.alpn_protocols = vec![alpn.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
    }

    pub(crate) async fn http2(&self) -> SendRequest<Body> {
        let stream = TokioIo::new(self.connect("one.test", b"h2").await.unwrap());
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// A phone that trusts these authorities.
pub(crate) fn client(authorities: &[&str], versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub(crate) fn leaf(authority: &Authority, name: &str) -> Leaf {
    authority.current_or_issue(&BTreeSet::from([name.to_owned()]), SystemTime::now()).unwrap()
}

/// A body of which nothing comes.
struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(format!("https://one.test{path}")).body(Body::empty()).unwrap()
}

async fn text(answer: Response<Incoming>) -> Bytes {
    answer.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn the_certificate_is_good_for_its_names_and_no_other() {
    let server = Encrypted::new(LONG).await;
    assert!(server.connect("one.test", b"http/1.1").await.is_ok());
    assert!(server.connect("two.test", b"http/1.1").await.is_err());
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken() {
    let server = Encrypted::new(LONG).await;
    for version in BOTH {
        let mut stream = server.connect_with("one.test", b"http/1.1", &[version]).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        stream.write_all(&request("GET", "/", "")).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(
            !answer.contains("strict-transport-security"),
            "whether, is not for the edge to say: {answer}"
        );
        assert!(answer.ends_with("hello"), "{answer}");
    }
}

/// Some desk clients send this to port 443 when discovery fails, and wait for ever on an open connection.
#[tokio::test]
async fn a_request_of_sip_ends_the_connection_and_is_not_answered_as_http() {
    let server = Encrypted::new(LONG).await;
    for (sent, answered) in [
        ("REGISTER sip:office.test SIP/2.0\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n", ""),
        ("\r\n\r\nOPTIONS sip:sip.office.test;transport=tls SIP/2.0\r\n\r\n", ""),
        ("REGISTER sip:office.test SIP/3.0\r\n\r\n", "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nVia: SIP/2.0\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"),
    ] {
        let mut stream = server.connect("one.test", b"http/1.1").await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let answer = timeout(LONG, read_all(&mut stream)).await.unwrap();
        assert_eq!(answer.get(..12).unwrap_or_default(), answered, "{sent}");
    }
}

#[tokio::test]
async fn http2_is_spoken_with_those_who_ask_for_it() {
    let server = Encrypted::new(LONG).await;
    let answer = server.http2().await.send_request(get("/")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(text(answer).await, "hello");
}

#[tokio::test]
async fn the_host_is_known_over_both_protocols() {
    let server = Encrypted::new(LONG).await;
    let answer = server.http2().await.send_request(get("/host")).await.unwrap();
    assert_eq!(text(answer).await, "one.test");
    for target in ["/host", "https://x/host"] {
        let mut stream = server.connect("one.test", b"http/1.1").await.unwrap();
        stream.write_all(&request("GET", target, "")).await.unwrap();
        assert!(read_all(&mut stream).await.ends_with("\r\nx"), "{target}");
    }
}

#[tokio::test]
async fn headers_of_64_kilobytes_are_431_over_http2_too() {
    let server = Encrypted::new(LONG).await;
    let mut sender = server.http2().await;
    for (length, status) in [(8 * 1024, 200), (64 * 1024, 431)] {
        let mut request = get("/");
        request.headers_mut().insert("x-much", "x".repeat(length).parse().unwrap());
        assert_eq!(sender.send_request(request).await.unwrap().status(), status, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_408_over_http2_too() {
    let server = Encrypted::new(LONG).await;
    let request = Request::post("https://one.test/echo").body(Body::new(Never)).unwrap();
    assert_eq!(server.http2().await.send_request(request).await.unwrap().status(), 408);
}

#[tokio::test(start_paused = true)]
async fn a_held_request_is_answered_after_three_minutes_and_the_idle_connection_then_closed() {
    let server = Encrypted::new(LONG).await;
    let mut sender = server.http2().await;
    let answer = sender.send_request(get("/held")).await.unwrap();
    assert_eq!(text(answer).await, "held");
    let begun = Instant::now();
    while sender.ready().await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let kept = begun.elapsed();
    assert!(kept > Duration::from_secs(60) && kept < Duration::from_secs(120), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_cut_off_in_the_handshake_and_after_it() {
    let server = Encrypted::new(LONG).await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let begun = Instant::now();
    assert_eq!(read_all(&mut silent).await, "");
    for alpn in ["http/1.1", "h2"] {
        read_all(&mut server.connect("one.test", alpn.as_bytes()).await.unwrap()).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(33), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_stream_that_was_begun_is_answered_before_the_server_stops() {
    let server = Encrypted::new(LONG).await;
    let mut sender = server.http2().await;
    let answer = tokio::spawn(sender.send_request(get("/slow")));
    server.begun.notified().await;
    server.signal.cancel();
    server.served.await.unwrap();
    assert_eq!(text(answer.await.unwrap().unwrap()).await, "slept");
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_the_end() {
    let server = Encrypted::new(Duration::from_secs(60)).await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    // Connections are accepted in their order: the silent one is in its handshake now.
    server.connect("one.test", b"http/1.1").await.unwrap();
    server.signal.cancel();
    timeout(LONG, server.served).await.unwrap().unwrap();
}
