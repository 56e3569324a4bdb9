//! Serving a router on a socket until told to stop.
//!
//! What a client may do before it has said anything sensible is bounded in time and memory: the handshake, the
//! headers, idle connections, the number of connections. What it does after that (a poll is held for minutes)
//! is for the handlers to bound.

use std::{
    any::Any,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Extensions, HeaderValue, Version, header},
    response::Response,
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, UnixListener},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{io::InspectReader, sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    activity::{Activity, IDLE_TIMEOUT, Overdue},
    challenges::ACME_TLS,
    drain::drained,
};

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of headers over HTTP/1.1: more are answered with 431.
const MAX_HEADERS: usize = 16 * 1024;
/// The same over HTTP/2, where each field counts for 32 bytes more (RFC 9113 §6.5.2). Beyond four times this, h2
/// ends the connection without an answer: so much that 64 KiB are still answered.
const MAX_HEADER_LIST: u32 = 20 * 1024;
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

/// Serves HTTP/1.1 without TLS.
pub async fn plain(listener: TcpListener, router: Router, stop: Stop) {
    let server = Server::new(router, stop);
    while let Some((stream, peer)) = server.accept(|| accept_tcp(&listener)).await {
        server.spawn(|server| async move { server.connection(stream, about(PeerAddr(peer)), false).await });
    }
    server.drain().await;
}

/// Serves HTTP/2 and HTTP/1.1 over TLS, whichever the client prefers.
pub async fn tls(listener: TcpListener, config: Arc<ServerConfig>, router: Router, stop: Stop) {
    let server = Server::new(router, stop);
    let acceptor = TlsAcceptor::from(config);
    while let Some((stream, peer)) = server.accept(|| accept_tcp(&listener)).await {
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
        let about = about(PeerUser(peer.uid()));
        server.spawn(|server| async move { server.connection(stream, about, false).await });
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
        let handshake = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
        // A client that gives up its handshake, or has another idea of TLS, is no event of ours.
        let mut stream = match self.stop.signal.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => stream,
            Some(_) => return metrics::counter!("fulmar_tls_handshakes_failed_total").increment(1),
            None => return,
        };
        let http2 = match stream.get_ref().1.alpn_protocol() {
            // RFC 8737 §3: the handshake was the proof, and nothing follows it.
            Some(ACME_TLS) => return drop(stream.shutdown().await),
            protocol => protocol == Some(b"h2"),
        };
        let mut stream = BufReader::new(stream);
        if !http2 {
            let first = timeout(HANDSHAKE_TIMEOUT, stream.fill_buf());
            match self.stop.signal.run_until_cancelled(first).await {
                Some(Ok(Ok(first))) if !is_sip(first) => {}
                Some(Ok(Ok(_))) => return self.refuse_sip(stream, peer).await,
                _ => return,
            }
        }
        self.connection(stream, about(PeerAddr(peer)), http2).await;
    }

    /// Some desk clients come here for a registrar when discovery has failed, and wait for ever on a connection that
    /// stays open.
    async fn refuse_sip(self, mut stream: impl AsyncWrite + Unpin, peer: SocketAddr) {
        metrics::counter!("fulmar_tls_sip_refused_total").increment(1);
        tracing::info!(%peer, "A client that speaks SIP was sent away: its discovery has failed.");
        // A client that has gone already is sent away, too.
        let _ = stream.shutdown().await;
    }

    /// Serves one connection; `about` becomes the extensions of its requests.
    async fn connection<S>(self, stream: S, mut about: Extensions, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if !http2 {
            about.insert(Connection::default());
        }
        let (activity, router) = (Activity::new(), self.router);
        let service = service_fn({
            let activity = activity.clone();
            move |request: Request<Incoming>| {
                let (answering, router) = (activity.answering(), router.clone());
                let multiplexed = request.version() == Version::HTTP_2;
                let request = request.map(Body::new);
                let mut request = if multiplexed { request.map(drained) } else { request };
                request.extensions_mut().extend(about.clone());
                name_host(&mut request);
                async move {
                    let _answering = answering;
                    let answer: Result<Response, Infallible> = router.oneshot(request).await;
                    answer
                }
            }
        });
        let stream = InspectReader::new(stream, {
            let activity = activity.clone();
            // Between the requests of HTTP/2 there are frames that begin none.
            move |_: &[u8]| {
                if !http2 {
                    activity.read();
                }
            }
        });
        let builder = builder(http2);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            // A client that vanishes or breaks the protocol is answered by hyper, where there is an answer.
            _ = connection.as_mut() => return,
            () = self.stop.signal.cancelled() => {}
            overdue = activity.overdue() => if overdue == Overdue::Headers { return },
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(self.stop.drain.max(IDLE_TIMEOUT), connection).await;
    }
}

/// Whether these are the first bytes of a request of SIP (RFC 3261 §7.1), before which there may be empty lines (§7.5).
/// A request line that comes in pieces is not recognised, and is a bad request of HTTP.
fn is_sip(first: &[u8]) -> bool {
    let line = first.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next();
    line.is_some_and(|line| line.ends_with(b" SIP/2.0"))
}

/// What HTTP/2 calls `:authority` is `Host` to the handlers (RFC 9113 §8.3.1), and so is the host of a whole URL in
/// the request line, which is the one that counts (RFC 9112 §3.2.2).
fn name_host(request: &mut Request) {
    let host = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
}

fn about<P: Clone + Send + Sync + 'static>(peer: P) -> Extensions {
    let mut about = Extensions::new();
    about.insert(peer);
    about
}

fn builder(http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().header_read_timeout(None).max_buf_size(MAX_HEADERS).half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_LIST)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15));
    // The client has said which: looking for it in the first bytes would wait for them without end.
    if http2 { builder.http2_only() } else { builder.http1_only() }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        pin::Pin,
        sync::atomic::{AtomicUsize, Ordering},
        task::{Context, Poll, ready},
    };

    use axum::{body::HttpBody, routing::post};
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::{body::Frame, client::conn::http2};
    use tokio::sync::oneshot;

    use super::*;

    fn server(places: usize) -> Server {
        let stop = Stop { signal: CancellationToken::new(), drain: Duration::ZERO };
        Server { places: Arc::new(Semaphore::new(places)), ..Server::new(Router::new(), stop) }
    }

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
        assert_eq!(server(1).accept(accept).await, Some("stream"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_too_many_waits_until_another_ends() {
        let server = server(1);
        let end = CancellationToken::new();
        server.spawn(|_| end.clone().cancelled_owned());
        let accept = || server.accept(async || Ok("stream"));
        assert!(timeout(Duration::from_secs(3600), accept()).await.is_err());
        end.cancel();
        assert_eq!(accept().await, Some("stream"));
    }

    /// A body that is sent when its sender is told to, and tells when it was taken whole.
    struct Late {
        go: oneshot::Receiver<()>,
        taken: Option<oneshot::Sender<()>>,
        sent: bool,
    }

    impl HttpBody for Late {
        type Data = Bytes;
        type Error = oneshot::error::RecvError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if !self.sent {
                ready!(Pin::new(&mut self.go).poll(cx))?;
                self.sent = true;
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"late")))));
            }
            let _ = self.taken.take().map(|taken| taken.send(()));
            Poll::Ready(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_after_its_answer_is_taken() {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let stop = Stop { signal: CancellationToken::new(), drain: Duration::ZERO };
        let server = Server::new(Router::new().route("/", post(|| async { "nobody read it" })), stop);
        tokio::spawn(async move { server.connection(far, Extensions::new(), true).await });

        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(near)).await.unwrap();
        tokio::spawn(connection);
        let ((go, when), (taken, whole)) = (oneshot::channel(), oneshot::channel());
        let body = Late { go: when, taken: Some(taken), sent: false };
        let answer = sender.send_request(Request::post("http://box/").body(body).unwrap()).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "nobody read it");
        // A reset would have come by now: the clock goes on when there is nothing else to do.
        tokio::time::sleep(Duration::from_secs(1)).await;
        go.send(()).unwrap();
        whole.await.expect("the body was taken");
    }
}
