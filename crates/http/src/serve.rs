//! Serving a router on a socket until told to stop.
//!
//! What a client may do before it has said anything sensible is bounded in time and memory: the handshake, the
//! headers, idle connections, the number of connections. What it does after that (a poll is held for minutes)
//! is for the handlers to bound.

mod connection;
mod full;
mod parking;
mod tape;

use std::{
    any::Any,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::mutual::Mutual;
use connection::about;
use full::{Full, TELLING};
pub use parking::Parking;

/// From where a request came; an extension of every request over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// The user id of the process at the other end; an extension of every request over a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerUser(pub u32);

/// Something that is kept for as long as a connection lives; an extension of every request over HTTP/1.1, where the
/// requests of a connection are one client's and come one after another.
#[derive(Clone, Default)]
pub struct Connection(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl Connection {
    /// Keeps something in place of what was kept before.
    pub fn keep(&self, something: impl Any + Send) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(something));
    }

    /// Takes what was kept.
    pub fn take<T: Any>(&self) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.and_then(|kept| kept.downcast().ok()).map(|kept| *kept)
    }
}

/// How a listener stops.
#[derive(Clone, Debug)]
pub struct Stop {
    /// No new connections and requests from here on.
    pub signal: CancellationToken,
    /// How long requests that were begun may take to end.
    pub drain: Duration,
}

/// How many connections there may be at a time. Clones share the places, and the listeners that have them.
#[derive(Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    full: Full,
}

impl Places {
    /// So many.
    pub fn new(connections: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(connections)), full: Full::new() }
    }
}

/// Serves HTTP/1.1 without TLS.
pub async fn plain(listener: TcpListener, router: Router, stop: Stop, places: Places) {
    let server = Server::new(router, stop, places);
    while let Some((stream, peer)) = server.accept(|| accept_tcp(&listener)).await {
        server.spawn(|server| async move { server.connection(stream, about(PeerAddr(peer))).await });
    }
    server.drain().await;
}

/// Serves HTTP/2 and HTTP/1.1 over TLS, whichever the client prefers; and on the same port those whom `mutual` is for.
pub async fn tls(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    router: Router,
    mutual: Option<Mutual>,
    stop: Stop,
    places: Places,
) {
    let server = Server { mutual, ..Server::new(router, stop, places) };
    while let Some((stream, peer)) = server.accept(|| accept_tcp(&listener)).await {
        let config = Arc::clone(&config);
        server.spawn(|server| async move { server.encrypted(stream, peer, config).await });
    }
    server.drain().await;
}

/// Serves HTTP/1.1 on a Unix socket.
pub async fn unix(listener: UnixListener, router: Router, stop: Stop, places: Places) {
    let server = Server::new(router, stop, places);
    while let Some((stream, _)) = server.accept(|| listener.accept()).await {
        let Ok(peer) = stream.peer_cred() else { continue };
        let about = about(PeerUser(peer.uid()));
        server.spawn(|server| async move { server.connection(stream, about).await });
    }
    server.drain().await;
}

async fn accept_tcp(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept().await?;
    // An answer in two pieces would wait for the client to acknowledge the first.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer))
}

#[derive(Clone)]
struct Server {
    router: Router,
    mutual: Option<Mutual>,
    stop: Stop,
    places: Places,
    connections: TaskTracker,
    /// Cuts what has not ended when the drain is over.
    cut: CancellationToken,
}

impl Server {
    fn new(router: Router, stop: Stop, places: Places) -> Self {
        let (connections, cut) = (TaskTracker::new(), CancellationToken::new());
        Self { router, mutual: None, stop, places, connections, cut }
    }

    /// The next connection; `None` when it is time to stop.
    async fn accept<T, F>(&self, accept: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = io::Result<T>>,
    {
        let next = async {
            loop {
                match accept().await {
                    Ok(accepted) => return accepted,
                    Err(error) => {
                        // Out of file descriptors, or the client has gone: neither ends the listener.
                        tracing::warn!(%error, "A connection could not be accepted.");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        self.stop.signal.run_until_cancelled(next).await
    }

    /// Serves a connection, or refuses its requests where there is no place for it.
    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, connection: impl FnOnce(Self) -> F) {
        let cut = self.cut.clone();
        if let Ok(place) = Arc::clone(&self.places.free).try_acquire_owned() {
            let connection = connection(self.clone());
            self.connections.spawn(async move {
                let _place = place;
                cut.run_until_cancelled(connection).await;
            });
        } else if let Some(telling) = self.places.full.turn_away() {
            let mutual = self.mutual.clone().map(|mutual| Mutual { router: full::router(), ..mutual });
            let connection = connection(Self { router: full::router(), mutual, ..self.clone() });
            self.connections.spawn(async move {
                let _telling = telling;
                cut.run_until_cancelled(timeout(TELLING, connection)).await;
            });
        }
    }

    async fn drain(self) {
        self.connections.close();
        if timeout(self.stop.drain, self.connections.wait()).await.is_err() {
            self.cut.cancel();
            self.connections.wait().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_that_can_not_be_accepted_do_not_end_the_listener() {
        let tries = AtomicUsize::new(0);
        let accept = || async {
            if tries.fetch_add(1, Ordering::Relaxed) < 3 {
                Err(ErrorKind::Other.into())
            } else {
                Ok("stream")
            }
        };
        let stop = Stop { signal: CancellationToken::new(), drain: Duration::ZERO };
        assert_eq!(Server::new(Router::new(), stop, Places::new(1)).accept(accept).await, Some("stream"));
    }
}
