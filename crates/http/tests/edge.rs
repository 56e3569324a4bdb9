//! The edge over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    http::Request,
    routing::{get, post},
};
use bytes::Bytes;
use fulmar_http::{
    BoundedBody, MAX_BODY, PeerUser, Surface,
    authority::{Authority, Leaf},
    edge,
    serve::{self, Stop},
    tls::LiveCertificate,
};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

fn router(begun: Arc<Notify>) -> Router {
    let slow = move || async move {
        begun.notify_one();
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slept"
    };
    let routes = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/panic", get(|| async { panic!("on purpose") as &'static str }))
        .route("/who", get(|Extension(PeerUser(uid)): Extension<PeerUser>| async move { uid.to_string() }))
        .route("/echo", post(|BoundedBody(body): BoundedBody| async move { body }));
    edge(routes, Surface::Phones)
}

struct Plain {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
    begun: Arc<Notify>,
}

async fn plain(drain: Duration) -> Plain {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop, begun) = (listener.local_addr().unwrap(), CancellationToken::new(), Arc::default());
    let serve = serve::plain(listener, router(Arc::clone(&begun)), Stop { signal: stop.clone(), drain });
    Plain { address, stop, served: tokio::spawn(serve), begun }
}

const LONG: Duration = Duration::from_secs(5);

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(method: &str, path: &str, more: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_browsers() {
    let server = plain(LONG).await;
    let answer = exchange(server.address, &request("GET", "/", "")).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    for header in ["cache-control: no-store", "x-content-type-options: nosniff", "frame-ancestors 'none'"] {
        assert!(answer.contains(header), "{answer}");
    }
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_panics_are_problem_documents() {
    let server = plain(LONG).await;
    for (method, path, status) in [("GET", "/nothing", 404), ("DELETE", "/", 405), ("GET", "/panic", 500)] {
        let answer = exchange(server.address, &request(method, path, "")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(!answer.contains("on purpose"), "{answer}");
    }
}

#[tokio::test]
async fn too_long_a_body_is_413_and_the_longest_is_taken() {
    let server = plain(LONG).await;
    for (length, status) in [(MAX_BODY, "200"), (MAX_BODY + 1, "413")] {
        let mut bytes = request("POST", "/echo", &format!("Content-Length: {length}\r\n"));
        bytes.extend(vec![b'x'; length]);
        let answer = exchange(server.address, &bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{length}: {answer:.100}");
    }
}

#[tokio::test]
async fn headers_of_64_kilobytes_are_431() {
    let server = plain(LONG).await;
    let bytes = request("GET", "/", &format!("X-Much: {}\r\n", "x".repeat(64 * 1024)));
    let answer = exchange(server.address, &bytes).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer:.100}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_408() {
    let server = plain(LONG).await;
    let answer = exchange(server.address, &request("POST", "/echo", "Content-Length: 10\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn headers_that_do_not_arrive_end_the_connection() {
    let server = plain(LONG).await;
    let answer = exchange(server.address, b"GET / HTTP/1.1\r\nHost: x\r\n").await;
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn a_request_that_was_begun_is_answered_before_the_server_stops() {
    let server = plain(LONG).await;
    let answer = tokio::spawn({
        let address = server.address;
        async move { exchange(address, &request("GET", "/slow", "")).await }
    });
    server.begun.notified().await;
    server.stop.cancel();
    server.served.await.unwrap();
    assert!(answer.await.unwrap().ends_with("slept"));
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_drain_is_cut() {
    let server = plain(Duration::ZERO).await;
    let answer = tokio::spawn({
        let address = server.address;
        async move { exchange(address, &request("GET", "/slow", "")).await }
    });
    server.begun.notified().await;
    server.stop.cancel();
    server.served.await.unwrap();
    assert_eq!(answer.await.unwrap(), "");
}

#[tokio::test]
async fn the_process_behind_a_unix_socket_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let stop = Stop { signal: CancellationToken::new(), drain: LONG };
    tokio::spawn(serve::unix(UnixListener::bind(&path).unwrap(), router(Arc::default()), stop));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(&request("GET", "/who", "")).await.unwrap();
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(dir.path()).unwrap());
    assert!(read_all(&mut stream).await.ends_with(&format!("\r\n{own}")));
}

struct Encrypted {
    address: SocketAddr,
    live: LiveCertificate,
    authority: Authority,
    _dir: TempDir,
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

impl Encrypted {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(dir.path(), std::time::SystemTime::now()).unwrap();
        let live = LiveCertificate::new(&Self::leaf(&authority, "one.test")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Stop { signal: CancellationToken::new(), drain: LONG };
        tokio::spawn(serve::tls(listener, live.server_config().unwrap(), router(Arc::default()), stop));
        Self { address, live, authority, _dir: dir }
    }

    fn leaf(authority: &Authority, name: &str) -> Leaf {
        authority.current_or_issue(&names(&[name]), std::time::SystemTime::now()).unwrap()
    }

    async fn connect(&self, name: &'static str, alpn: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.certificate_pem().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        let stream = TcpStream::connect(self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
    }
}

#[tokio::test]
async fn the_certificate_is_good_for_its_names_and_no_other() {
    let server = Encrypted::new().await;
    assert!(server.connect("one.test", b"http/1.1").await.is_ok());
    assert!(server.connect("two.test", b"http/1.1").await.is_err());
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_handshake_on() {
    let server = Encrypted::new().await;
    let mut open = server.connect("one.test", b"http/1.1").await.unwrap();
    server.live.replace(&Encrypted::leaf(&server.authority, "two.test")).unwrap();
    assert!(server.connect("two.test", b"http/1.1").await.is_ok());
    assert!(server.connect("one.test", b"http/1.1").await.is_err());
    open.write_all(&request("GET", "/", "")).await.unwrap();
    assert!(read_all(&mut open).await.ends_with("hello"));
}

#[tokio::test]
async fn http2_is_spoken_with_those_who_ask_for_it_and_bounds_their_headers() {
    let server = Encrypted::new().await;
    let stream = server.connect("one.test", b"h2").await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let get = |much: String| {
        Request::get("https://one.test/").header("x-much", much).body(Empty::<Bytes>::new()).unwrap()
    };
    let answer = sender.send_request(get(String::new())).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    let refused = sender.send_request(get("x".repeat(64 * 1024))).await;
    assert!(refused.map_or(true, |answer| answer.status() == 431));
}
