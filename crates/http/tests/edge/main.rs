//! The edge over real sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

mod encrypted;
mod exchange;
mod full;
mod mutual;
mod plain;
mod trust;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    http::{HeaderMap, header},
    routing::{get, post},
};
use bytes::Bytes;
use fulmar_http::{BoundedBody, PeerAddr, PeerUser, Surface, edge, serve::Stop};
use tokio::{io::AsyncReadExt, sync::Notify};
use tokio_util::sync::CancellationToken;

/// Time for everything that these tests begin.
const LONG: Duration = Duration::from_secs(5);
/// How long phones hold a poll.
const POLL: Duration = Duration::from_secs(180);

/// Tells `begun` when the slow request is being answered.
fn router(begun: Arc<Notify>) -> Router {
    let slow = move || async move {
        begun.notify_one();
        tokio::time::sleep(Duration::from_millis(300)).await;
        "slept"
    };
    let held = async || {
        tokio::time::sleep(POLL).await;
        "held"
    };
    let routes = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/kept", get(|| async { ([(header::CACHE_CONTROL, "max-age=60")], "kept") }))
        .route("/slow", get(slow))
        .route("/held", get(held))
        .route("/panic", get(|| async { panic!("on purpose") as &'static str }))
        .route("/host", get(|headers: HeaderMap| async move { headers[header::HOST].as_bytes().to_vec() }))
        .route("/from", get(|Extension(PeerAddr(peer)): Extension<PeerAddr>| async move { peer.to_string() }))
        .route("/who", get(|Extension(PeerUser(uid)): Extension<PeerUser>| async move { uid.to_string() }))
        .route("/bytes", post(|body: Bytes| async move { body }))
        .route("/echo", post(|BoundedBody(body): BoundedBody| async move { body }));
    edge(routes, Surface::Phones)
}

fn stop(drain: Duration) -> Stop {
    Stop { signal: CancellationToken::new(), drain }
}

fn request(method: &str, path: &str, more: &str) -> Vec<u8> {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n").into_bytes()
}

/// What comes until the server closes.
async fn read_all(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is as good as an end.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// What comes until it ends with `end`.
async fn read_until(stream: &mut (impl AsyncReadExt + Unpin), end: &str) {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        answer.push(stream.read_u8().await.unwrap());
    }
}
