//! Serving a router on a socket until told to stop.
//!
//! What a client may do before it has said anything sensible is bounded in time and memory: the handshake, the
//! headers, idle connections, the number of connections. What it does after that (a poll is held for minutes)
//! is for the handlers to bound.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener},
    sync::{Notify, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the headers of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be idle between requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// The most bytes of headers.
const MAX_HEADERS: u32 = 16 * 1024;
/// The most connections of one listener: more wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// The most requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// From where a request came; an extension of every request over TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// The user id of the process at the other end; an extension of every request over a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerUser(pub u32);

/// How a listener stops.
#[derive(Clone, Debug)]
pub struct Stop {
    /// No new connections and requests from here on.
    pub signal: CancellationToken,
    /// How long requests that were begun may take to end.
    pub drain: Duration,
}

/// Serves HTTP/1.1 without TLS.
pub async fn plain(listener: TcpListener, router: Router, stop: Stop) {
    let server = Server::new(router, stop);
    while let Some((stream, peer)) = server.accept(|| listener.accept()).await {
        server.spawn(|server| async move { server.connection(stream, PeerAddr(peer), false).await });
    }
    server.drain().await;
}

/// Serves HTTP/2 and HTTP/1.1 over TLS, whichever the client prefers.
pub async fn tls(listener: TcpListener, config: Arc<ServerConfig>, router: Router, stop: Stop) {
    let server = Server::new(router, stop);
    let acceptor = TlsAcceptor::from(config);
    while let Some((stream, peer)) = server.accept(|| listener.accept()).await {
        let acceptor = acceptor.clone();
        server.spawn(|server| async move { server.encrypted(stream, peer, acceptor).await });
    }
    server.drain().await;
}

/// Serves HTTP/1.1 on a Unix socket.
pub async fn unix(listener: UnixListener, router: Router, stop: Stop) {
    let server = Server::new(router, stop);
    while let Some((stream, _)) = server.accept(|| listener.accept()).await {
        let Ok(peer) = stream.peer_cred() else { continue };
        server.spawn(|server| async move { server.connection(stream, PeerUser(peer.uid()), false).await });
    }
    server.drain().await;
}

#[derive(Clone)]
struct Server {
    router: Router,
    stop: Stop,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    /// Cuts what has not ended when the drain is over.
    cut: CancellationToken,
}

impl Server {
    fn new(router: Router, stop: Stop) -> Self {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { router, stop, places, connections: TaskTracker::new(), cut: CancellationToken::new() }
    }

    /// The next connection; `None` when it is time to stop.
    async fn accept<T, F>(&self, accept: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = io::Result<T>>,
    {
        let next = async {
            loop {
                // A place is only waited for here; each connection takes its own.
                drop(self.places.acquire().await);
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

    fn spawn<F: Future<Output = ()> + Send + 'static>(&self, connection: impl FnOnce(Self) -> F) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (cut, connection) = (self.cut.clone(), connection(self.clone()));
        self.connections.spawn(async move {
            let _place = place;
            cut.run_until_cancelled(connection).await;
        });
    }

    async fn drain(self) {
        self.connections.close();
        if timeout(self.stop.drain, self.connections.wait()).await.is_err() {
            self.cut.cancel();
            self.connections.wait().await;
        }
    }

    async fn encrypted(self, stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor) {
        // A client that gives up its handshake, or has another idea of TLS, is no event of ours.
        let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await else {
            metrics::counter!("fulmar_tls_handshakes_failed_total").increment(1);
            return;
        };
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.connection(stream, PeerAddr(peer), http2).await;
    }

    async fn connection<S, P>(self, stream: S, peer: P, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        P: Clone + Send + Sync + 'static,
    {
        let busy = Arc::new(Busy::default());
        let (router, counter) = (self.router, Arc::clone(&busy));
        let service = service_fn(move |request: Request<Incoming>| {
            let guard = BusyGuard::new(&counter);
            let (router, peer) = (router.clone(), peer.clone());
            async move {
                let _guard = guard;
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                let answer: Result<Response, Infallible> = router.oneshot(request).await;
                answer
            }
        });
        let builder = builder(http2);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            // A client that vanishes or breaks the protocol is answered by hyper, where there is an answer.
            _ = connection.as_mut() => return,
            () = self.stop.signal.cancelled() => {}
            () = busy.idle_for(IDLE_TIMEOUT) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.stop.drain.max(IDLE_TIMEOUT), connection).await;
    }
}

fn builder(http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADERS as usize)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADERS)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15));
    // The client has said which: looking for it in the first bytes would wait for them without end.
    if http2 { builder.http2_only() } else { builder.http1_only() }
}

/// How many requests of a connection are being answered.
#[derive(Default)]
struct Busy {
    requests: AtomicUsize,
    ended: Notify,
}

impl Busy {
    /// Resolves when there has been no request for `time`.
    async fn idle_for(&self, time: Duration) {
        loop {
            let ended = self.ended.notified();
            if self.requests.load(Ordering::Acquire) > 0 {
                ended.await;
            } else if timeout(time, ended).await.is_err() && self.requests.load(Ordering::Acquire) == 0 {
                return;
            }
        }
    }
}

struct BusyGuard(Arc<Busy>);

impl BusyGuard {
    fn new(busy: &Arc<Busy>) -> Self {
        busy.requests.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(busy))
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_waiters();
    }
}
