//! What happens to those for whom there is no place.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use fulmar_http::serve::{self, Places};

use crate::{
    LONG,
    encrypted::{Encrypted, get},
    read_all, request, router, stop,
};

async fn ask(server: &Encrypted, path: &str) -> String {
    let mut stream = server.connect("one.test", b"http/1.1").await.unwrap();
    stream.write_all(&request("GET", path, "")).await.unwrap();
    timeout(LONG, read_all(&mut stream)).await.unwrap()
}

#[tokio::test]
async fn who_finds_no_place_is_told_when_to_come_again_over_both_protocols() {
    let server = Encrypted::with_places(LONG, 1).await;
    let mut first = server.connect("one.test", b"http/1.1").await.unwrap();
    first.write_all(&request("GET", "/slow", "")).await.unwrap();
    server.begun.notified().await;

    let refused = ask(&server, "/").await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    for part in ["retry-after: 30\r\n", "connection: close\r\n", "the box is full"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let refused = server.http2().await.send_request(get("/")).await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"30".parse().unwrap()));

    assert!(timeout(LONG, read_all(&mut first)).await.unwrap().ends_with("slept"), "the first is served");
    drop(first);
    let served = async {
        while !ask(&server, "/").await.ends_with("hello") {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, served).await.expect("the place is free again");
}

#[tokio::test]
async fn listeners_share_their_places_and_those_beyond_who_is_told_are_closed() {
    let (one, other) = (TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await);
    let (one, other, places) = (one.unwrap(), other.unwrap(), Places::new(1));
    let addresses = [one.local_addr().unwrap(), other.local_addr().unwrap()];
    for listener in [one, other] {
        tokio::spawn(serve::plain(listener, router(Default::default()), stop(LONG), places.clone()));
    }
    let mut kept = TcpStream::connect(addresses[0]).await.unwrap();
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_ne!(kept.read(&mut [0; 16]).await.unwrap(), 0, "it has the place");

    let mut told = Vec::new();
    for _ in 0..64 {
        told.push(TcpStream::connect(addresses[1]).await.unwrap());
    }
    let mut beyond = TcpStream::connect(addresses[1]).await.unwrap();
    let ended = timeout(Duration::from_secs(2), beyond.read(&mut [0; 1])).await.unwrap();
    assert!(ended.is_err() || ended.is_ok_and(|read| read == 0));
    told[0].write_all(&request("GET", "/", "")).await.unwrap();
    let answer = timeout(LONG, read_all(&mut told[0])).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}
