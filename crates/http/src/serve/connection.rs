//! One connection, from its handshake to its end.
//!
//! Most connections hold a poll and wait. What is large has a place of its own that lives no longer than it has to,
//! because a future is as large as its largest moment: the handshake, the stream, the engine of HTTP.

use std::{
    convert::Infallible, future::poll_fn, net::SocketAddr, pin::Pin, sync::Arc, task::Poll, time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{Extensions, HeaderValue, Version, header},
    response::Response,
};
use bytes::BytesMut;
use hyper::{
    body::Incoming,
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ServerConfig, server::Acceptor};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tokio_util::io::InspectReader;
use tower::ServiceExt;

use super::{
    Connection, Parking, PeerAddr, Server,
    parking::{Kept, Waking},
    tape::{Tape, Taped},
};
use crate::{
    activity::{Activity, IDLE_TIMEOUT, Overdue},
    challenges::ACME_TLS,
    drain::drained,
    mutual::{Mutual, key_of},
};

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of headers over HTTP/1.1: more are answered with 431.
const MAX_HEADERS: usize = 16 * 1024;
/// The same over HTTP/2, where each field counts for 32 bytes more (RFC 9113 §6.5.2). Beyond four times this, h2
/// ends the connection without an answer: so much that 64 KiB are still answered.
const MAX_HEADER_LIST: u32 = 20 * 1024;
/// The most requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// The same where each is a notification of another box.
const MAX_MUTUAL_STREAMS: u32 = 256;

impl Server {
    pub(super) async fn encrypted(self, stream: TcpStream, peer: SocketAddr, config: Arc<ServerConfig>) {
        let Some(mut stream) = Box::pin(self.shake_hands(stream, config)).await else { return };
        let http2 = match stream.get_ref().1.alpn_protocol() {
            // RFC 8737 §3: the handshake was the proof, and nothing follows it.
            Some(ACME_TLS) => return drop(stream.shutdown().await),
            protocol => match self.mutual.clone() {
                Some(mutual) if protocol == Some(mutual.protocol) => {
                    return self.mutually(stream, peer, mutual).await;
                }
                _ => protocol == Some(b"h2"),
            },
        };
        if !http2 {
            // What is looked at stays in the buffer of TLS.
            let first = timeout(HANDSHAKE_TIMEOUT, stream.fill_buf());
            match self.stop.signal.run_until_cancelled(first).await {
                Some(Ok(Ok(first))) if !is_sip(first) => {}
                Some(Ok(Ok(_))) => return self.refuse_sip(stream, peer).await,
                _ => return,
            }
        }
        if http2 {
            self.multiplexed(stream, about(PeerAddr(peer)), MAX_STREAMS).await;
        } else {
            self.one_by_one(stream, about(PeerAddr(peer))).await;
        }
    }

    /// Serves somebody who has shown a certificate.
    async fn mutually(self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr, mutual: Mutual) {
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let Some(key) = shown.and_then(key_of) else { return };
        let mut about = about(PeerAddr(peer));
        about.insert(key);
        Self { router: mutual.router, ..self }.multiplexed(stream, about, MAX_MUTUAL_STREAMS).await;
    }

    /// Serves HTTP/1.1 on a stream. Where a request is parked, only the stream stays.
    pub(super) async fn one_by_one<S>(self, mut stream: S, mut about: Extensions)
    where
        S: AsyncBufRead + AsyncWrite + Send + Unpin,
    {
        about.insert(Connection::default());
        let (mut request, mut parking) = (Vec::new(), Parking::default());
        loop {
            let parked = Box::pin(self.until_parked(&mut stream, &about, request, parking)).await;
            let Some((again, waking)) = parked else { return };
            if stream.flush().await.is_err() {
                return;
            }
            let Some(kept) = waken(&mut stream, waking).await else { return };
            (request, parking) = (again, Parking::with(kept));
        }
    }

    /// Serves requests until one of them is parked: its bytes, and what wakes it. `request` is read before the stream.
    pub(super) async fn until_parked<S: AsyncRead + AsyncWrite + Send + Unpin>(
        &self,
        stream: &mut S,
        about: &Extensions,
        request: Vec<u8>,
        parking: Parking,
    ) -> Option<(Vec<u8>, Waking)> {
        let is_again = !request.is_empty();
        let (activity, tape) = (Activity::new(), Tape::after(request));
        let service = self.service(about.clone(), activity.clone(), Some((parking.clone(), tape.clone())));
        let stream = Taped { stream, tape: tape.clone(), activity: activity.clone() };
        let mut connection = Box::pin(speaks_http1().serve_connection(TokioIo::new(stream), service));
        // What was parked is being answered before anything else, such as the end of the box, is looked at.
        if is_again && poll_fn(|cx| Poll::Ready(connection.as_mut().poll(cx).is_ready())).await {
            return None;
        }
        tokio::select! {
            waking = parking.parked() => Some((tape.take(), waking)),
            () = self.until_its_end(connection, activity) => None,
        }
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
        config: Arc<ServerConfig>,
    ) -> Option<Box<TlsStream<TcpStream>>> {
        let handshake = timeout(HANDSHAKE_TIMEOUT, async {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let mutual = self.mutual.as_ref().filter(|mutual| mutual.is_meant_by(&hello.client_hello()));
            hello.into_stream(mutual.map_or(config, |mutual| Arc::clone(&mutual.config))).await
        });
        // A client that gives up its handshake, or has another idea of TLS, is no event of ours.
        match self.stop.signal.run_until_cancelled(handshake).await? {
            Ok(Ok(stream)) => Some(Box::new(stream)),
            Ok(Err(_)) | Err(_) => {
                metrics::counter!("fulmar_tls_handshakes_failed_total").increment(1);
                None
            }
        }
    }

    /// Some desk clients come here for a registrar when discovery has failed, and wait for ever on a connection that
    /// stays open.
    async fn refuse_sip(self, mut stream: impl AsyncWrite + Unpin, peer: SocketAddr) {
        metrics::counter!("fulmar_tls_sip_refused_total").increment(1);
        tracing::info!(%peer, "A client that speaks SIP was sent away: its discovery has failed.");
        // A client that has gone already is sent away, too.
        let _ = stream.shutdown().await;
    }

    /// Serves one connection with HTTP/1.1; `about` becomes the extensions of its requests.
    pub(super) async fn connection<S>(self, stream: S, mut about: Extensions)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        about.insert(Connection::default());
        let activity = Activity::new();
        let service = self.service(about, activity.clone(), None);
        let stream = InspectReader::new(stream, {
            let activity = activity.clone();
            move |_: &[u8]| activity.read()
        });
        let connection = speaks_http1().serve_connection(TokioIo::new(stream), service);
        self.until_its_end(Box::pin(connection), activity).await;
    }

    /// The same with HTTP/2, for a client that has said so: looking for it in the first bytes would wait for them without
    /// end, and keep room for both.
    pub(super) async fn multiplexed<S>(self, stream: S, about: Extensions, streams: u32)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // What is read tells nothing: between the requests there are frames that begin none.
        let activity = Activity::new();
        let service = self.service(about, activity.clone(), None);
        let connection = speaks_http2(streams).serve_connection(TokioIo::new(stream), service);
        self.until_its_end(Box::pin(connection), activity).await;
    }

    fn service(
        &self,
        about: Extensions,
        activity: Activity,
        parking: Option<(Parking, Tape)>,
    ) -> impl HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send + 'static> + use<> {
        let router = self.router.clone();
        service_fn(move |request: Request<Incoming>| {
            let (answering, router) = (activity.answering(), router.clone());
            let multiplexed = request.version() == Version::HTTP_2;
            let request = request.map(Body::new);
            let mut request = if multiplexed { request.map(drained) } else { detached(request) };
            request.extensions_mut().extend(about.clone());
            name_host(&mut request);
            if let Some((parking, tape)) = &parking
                && tape.begin(request.body().size_hint().exact())
            {
                request.extensions_mut().insert(parking.clone());
            }
            let parking = parking.clone();
            async move {
                let _answering = answering;
                let answer: Result<Response, Infallible> = router.oneshot(request).await;
                if let Some((parking, tape)) = parking {
                    parking.clear();
                    tape.end();
                }
                answer
            }
        })
    }

    async fn until_its_end(&self, mut connection: Pin<Box<impl Graceful>>, activity: Activity) {
        tokio::select! {
            // A client that vanishes or breaks the protocol is answered by hyper, where there is an answer.
            _ = connection.as_mut() => return,
            () = self.stop.signal.cancelled() => {}
            overdue = activity.overdue() => if overdue == Overdue::Headers { return },
        }
        connection.as_mut().end();
        let _ = timeout(self.stop.drain.max(IDLE_TIMEOUT), connection).await;
    }
}

/// A connection that can be told to end with the request that it is answering.
trait Graceful: Future {
    fn end(self: Pin<&mut Self>);
}

impl<I, S> Graceful for http1::Connection<I, S>
where
    I: Read + Write + Unpin,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Graceful for http2::Connection<I, S, TokioExecutor>
where
    I: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send + 'static>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Waits until a parked request is woken; `None` when its client goes before that.
async fn waken(stream: &mut (impl AsyncBufRead + Unpin), mut waking: Waking) -> Option<Kept> {
    tokio::select! {
        kept = &mut waking => return Some(kept),
        // What comes stays where it is until the answer.
        more = stream.fill_buf() => if more.ok()?.is_empty() { return None },
    }
    Some(waking.await)
}

/// Whether these are the first bytes of a request of SIP (RFC 3261 §7.1), before which there may be empty lines (§7.5).
/// A request line that comes in pieces is not recognised, and is a bad request of HTTP.
fn is_sip(first: &[u8]) -> bool {
    let line = first.trim_ascii_start().split(|byte| matches!(byte, b'\r' | b'\n')).next();
    line.is_some_and(|line| line.ends_with(b" SIP/2.0"))
}

/// A request whose headers are a copy. Else whoever keeps one of them keeps the whole buffer into which they were read,
/// for as long as a poll is held.
fn detached(mut request: Request) -> Request {
    let length = request.headers().values().map(HeaderValue::len).sum();
    let mut copy = BytesMut::with_capacity(length);
    for value in request.headers_mut().values_mut() {
        copy.extend_from_slice(value.as_bytes());
        // It was one before.
        if let Ok(copied) = HeaderValue::from_maybe_shared(copy.split().freeze()) {
            *value = copied;
        }
    }
    request
}

/// What HTTP/2 calls `:authority` is `Host` to the handlers (RFC 9113 §8.3.1), and so is the host of a whole URL in
/// the request line, which is the one that counts (RFC 9112 §3.2.2).
fn name_host(request: &mut Request) {
    let host = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
}

pub(super) fn about<P: Clone + Send + Sync + 'static>(peer: P) -> Extensions {
    let mut about = Extensions::new();
    about.insert(peer);
    about
}

fn speaks_http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(MAX_HEADERS).half_close(false);
    builder
}

fn speaks_http2(streams: u32) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_LIST)
        .max_concurrent_streams(streams)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15));
    builder
}

#[cfg(test)]
mod tests {
    use std::task::{Context, ready};

    use axum::{Router, routing::post};
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use hyper::{body::Frame, client::conn::http2};
    use tokio::sync::oneshot;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::serve::{Places, Stop};

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
        let server =
            Server::new(Router::new().route("/", post(|| async { "nobody read it" })), stop, Places::new(1));
        tokio::spawn(async move { server.multiplexed(far, Extensions::new(), MAX_STREAMS).await });

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
