//! HTTP/1.1 without TLS, and the Unix socket.

use std::{net::SocketAddr, os::unix::fs::MetadataExt, sync::Arc, time::Duration};

use fulmar_http::{
    MAX_BODY,
    serve::{self, Places},
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Notify,
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{LONG, read_all, read_until, request, router, stop};

struct Plain {
    address: SocketAddr,
    signal: CancellationToken,
    served: JoinHandle<()>,
    begun: Arc<Notify>,
}

async fn plain(drain: Duration) -> Plain {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop, begun) = (listener.local_addr().unwrap(), stop(drain), Arc::default());
    let signal = stop.signal.clone();
    let serve = serve::plain(listener, router(Arc::clone(&begun)), stop, Places::new(2));
    Plain { address, signal, served: tokio::spawn(serve), begun }
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    read_all(&mut stream).await
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_browsers() {
    let server = plain(LONG).await;
    let answer = exchange(server.address, &request("GET", "/", "")).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    for header in ["cache-control: no-store", "x-content-type-options: nosniff", "frame-ancestors 'none'"] {
        assert!(answer.contains(header), "{answer}");
    }
    assert!(!answer.contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn a_header_that_a_handler_has_set_stays() {
    let server = plain(LONG).await;
    let answer = exchange(server.address, &request("GET", "/kept", "")).await.to_lowercase();
    assert!(answer.contains("cache-control: max-age=60") && !answer.contains("no-store"), "{answer}");
}

#[tokio::test]
async fn unknown_paths_wrong_methods_and_panics_are_problem_documents() {
    let server = plain(LONG).await;
    for (method, path, status) in [("GET", "/nothing", 404), ("DELETE", "/", 405), ("GET", "/panic", 500)] {
        let answer = exchange(server.address, &request(method, path, "")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(!answer.contains("on purpose"), "{answer}");
        assert_eq!(answer.to_lowercase().contains("allow: get"), status == 405, "{answer}");
    }
}

#[tokio::test]
async fn too_long_a_body_is_413_and_the_longest_is_taken() {
    let server = plain(LONG).await;
    for path in ["/echo", "/bytes"] {
        for (length, status) in [(MAX_BODY, "200"), (MAX_BODY + 1, "413")] {
            let mut bytes = request("POST", path, &format!("Content-Length: {length}\r\n"));
            bytes.extend(vec![b'x'; length]);
            let answer = exchange(server.address, &bytes).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path} {length}: {answer:.100}");
        }
    }
}

#[tokio::test]
async fn headers_of_64_kilobytes_are_431_and_those_of_8_are_taken() {
    let server = plain(LONG).await;
    for (length, status) in [(8 * 1024, "200"), (64 * 1024, "431")] {
        let bytes = request("GET", "/", &format!("X-Much: {}\r\n", "x".repeat(length)));
        let answer = exchange(server.address, &bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{length}: {answer:.100}");
    }
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
    for before in ["", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        if !before.is_empty() {
            stream.write_all(before.as_bytes()).await.unwrap();
            read_until(&mut stream, "hello").await;
        }
        let begun = Instant::now();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        assert_eq!(read_all(&mut stream).await, "");
        assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_a_minute_without_requests_and_not_for_two() {
    let server = plain(LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        read_until(&mut stream, "hello").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let begun = Instant::now();
    assert_eq!(read_all(&mut stream).await, "");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_held_request_is_answered_after_three_minutes() {
    let server = plain(LONG).await;
    let answer = exchange(server.address, &request("GET", "/held", "")).await;
    assert!(answer.ends_with("held"), "{answer}");
}

#[tokio::test]
async fn a_request_that_was_begun_is_answered_before_the_server_stops() {
    let server = plain(LONG).await;
    let answer = tokio::spawn({
        let address = server.address;
        async move { exchange(address, &request("GET", "/slow", "")).await }
    });
    server.begun.notified().await;
    server.signal.cancel();
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
    server.signal.cancel();
    server.served.await.unwrap();
    assert_eq!(answer.await.unwrap(), "");
}

#[tokio::test]
async fn the_address_of_a_client_is_known() {
    let server = plain(LONG).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&request("GET", "/from", "")).await.unwrap();
    let own = stream.local_addr().unwrap();
    assert!(read_all(&mut stream).await.ends_with(&format!("\r\n{own}")));
}

#[tokio::test]
async fn the_process_behind_a_unix_socket_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    tokio::spawn(serve::unix(
        UnixListener::bind(&path).unwrap(),
        router(Arc::default()),
        stop(LONG),
        Places::new(1),
    ));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(&request("GET", "/who", "")).await.unwrap();
    let own = std::fs::metadata(dir.path()).unwrap().uid();
    assert!(read_all(&mut stream).await.ends_with(&format!("\r\n{own}")));
}
