//! What the stand-ins have in common that speak HTTP/1.1 and HTTP/2: the server, and the record of what came.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::authority::{Authority, Identity};

/// How long a test waits for something to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest body that is read.
const MAX_BODY: usize = 64 * 1024;

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It is judged by what the service documents, and answered.
    Judge,
    /// It is answered with this, whatever it is like.
    Answer {
        /// The status.
        status: StatusCode,
        /// Header fields.
        headers: Vec<(&'static str, String)>,
        /// What is said.
        body: String,
    },
    /// It is judged at once, and answered after a while.
    AnswerLate(Duration),
    /// It is judged and answered, and the connection takes no request after it.
    GoAway,
    /// It is judged, and the connection closed before the answer: the client can not know what became of it.
    Close,
    /// It is neither judged nor answered; the connection stays open.
    Silence,
}

impl Behaviour {
    /// An answer of this status and nothing else.
    pub fn answer(status: StatusCode) -> Self {
        Self::Answer { status, headers: vec![], body: String::new() }
    }
}

/// A request that was read to its end.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The status that was answered; none where there was no answer.
    pub answered: Option<StatusCode>,
}

/// Status, header fields and body.
pub(crate) struct Reply(pub(crate) StatusCode, pub(crate) Vec<(&'static str, String)>, pub(crate) String);

impl Reply {
    pub(crate) fn says(status: StatusCode, body: impl Into<String>) -> Self {
        Self(status, vec![], body.into())
    }
}

/// Judges requests as the service does.
pub(crate) trait Desk: Send + Sync + 'static {
    fn judge(&self, request: &Received) -> Reply;
}

/// A running server. It ends when this is dropped.
pub(crate) struct Server<D> {
    port: u16,
    authority: Authority,
    tls: watch::Sender<TlsAcceptor>,
    pub(crate) shared: Arc<Shared<D>>,
    _stop: DropGuard,
}

pub(crate) struct Shared<D> {
    pub(crate) desk: D,
    orders: Mutex<Orders>,
    received: watch::Sender<Vec<Received>>,
}

type Decide = Box<dyn FnMut(&str) -> Behaviour + Send>;

#[derive(Default)]
struct Orders {
    script: VecDeque<Behaviour>,
    decide: Option<Decide>,
}

impl<D: Desk> Server<D> {
    /// Listens on a port that the system chooses; `desk` is made when it is known.
    pub(crate) async fn start(desk: impl FnOnce(u16) -> D) -> Result<Self> {
        Self::start_as(Authority::make("Stand-in")?, (Ipv4Addr::LOCALHOST, 0).into(), desk).await
    }

    pub(crate) async fn start_as(
        authority: Authority,
        listen: SocketAddr,
        desk: impl FnOnce(u16) -> D,
    ) -> Result<Self> {
        let tls = watch::Sender::new(acceptor(&authority)?);
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("can not listen on `{listen}`"))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            desk: desk(port),
            orders: Mutex::default(),
            received: watch::Sender::default(),
        });
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(
            listener,
            tls.subscribe(),
            Arc::clone(&shared),
        )));
        Ok(Self { port, authority, tls, shared, _stop: stop.drop_guard() })
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(crate) fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    pub(crate) fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.orders().script.extend(behaviours);
    }

    /// Says what to do with each request that no script covers, by its path.
    pub(crate) fn decide(&self, decide: impl FnMut(&str) -> Behaviour + Send + 'static) {
        self.shared.orders().decide = Some(Box::new(decide));
    }

    /// Shows another certificate of the same authority from now on, and cuts all connections.
    pub(crate) fn swap_certificate(&self) -> Result<()> {
        self.tls.send_replace(acceptor(&self.authority)?);
        Ok(())
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.received.borrow().len()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// The request at this position, as soon as it is there; nothing when the stand-in has ended.
    pub(crate) async fn next(&self, position: usize) -> Option<Received> {
        let mut changes = self.shared.received.subscribe();
        let received = changes.wait_for(|received| received.len() > position).await.ok()?;
        received.get(position).cloned()
    }

    /// Waits until what was received reaches a level.
    pub(crate) async fn wait(&self, wanted: &str, reached: impl Fn(&[Received]) -> bool) -> Result<()> {
        let mut changes = self.shared.received.subscribe();
        let waited = timeout(PATIENCE, changes.wait_for(|received| reached(received))).await;
        let missing = || format!("waited {PATIENCE:?} for {wanted}; {:?} came", self.received());
        waited.with_context(missing)?.map(drop).with_context(missing)
    }
}

impl<D: Desk> Shared<D> {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self, path: &str) -> Behaviour {
        let mut orders = self.orders();
        let scripted = orders.script.pop_front();
        scripted.or_else(|| orders.decide.as_mut().map(|decide| decide(path))).unwrap_or(Behaviour::Judge)
    }

    /// The answer; an error closes the connection.
    async fn answer(
        &self,
        request: http::Request<Incoming>,
        leave: &Notify,
    ) -> Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body =
            Limited::new(body, MAX_BODY).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
        let mut request =
            Received { method: head.method, uri: head.uri, headers: head.headers, body, answered: None };
        let behaviour = self.behaviour(request.uri.path());
        let reply = match &behaviour {
            Behaviour::Silence => None,
            Behaviour::Answer { status, headers, body } => {
                Some(Reply(*status, headers.clone(), body.clone()))
            }
            _ => Some(self.desk.judge(&request)),
        };
        let close = behaviour == Behaviour::Close;
        request.answered = reply.as_ref().filter(|_| !close).map(|reply| reply.0);
        self.received.send_modify(|received| received.push(request));
        match behaviour {
            Behaviour::AnswerLate(by) => tokio::time::sleep(by).await,
            Behaviour::GoAway => leave.notify_one(),
            _ => {}
        }
        match reply {
            None => std::future::pending().await,
            Some(_) if close => anyhow::bail!("closed by command"),
            Some(Reply(status, headers, body)) => {
                let response = Response::builder().status(status);
                let response = headers.into_iter().fold(response, |r, (name, value)| r.header(name, value));
                Ok(response.body(Full::from(body))?)
            }
        }
    }
}

fn acceptor(authority: &Authority) -> Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Identity { certificate_pem, key_pem } = authority.issue_server()?;
    let chain = vec![CertificateDer::from_pem_slice(certificate_pem.as_bytes())?];
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

/// Serves connections until it is dropped, and drops them with it.
async fn accept<D: Desk>(listener: TcpListener, tls: watch::Receiver<TlsAcceptor>, shared: Arc<Shared<D>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, tls.clone(), Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// How a connection ends concerns its client only.
async fn serve<D: Desk>(stream: TcpStream, mut tls: watch::Receiver<TlsAcceptor>, shared: Arc<Shared<D>>) {
    let acceptor = tls.borrow_and_update().clone();
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let leave = Arc::new(Notify::new());
    let left = Arc::clone(&leave);
    let service = service_fn(move |request| {
        let (shared, leave) = (Arc::clone(&shared), Arc::clone(&leave));
        async move { shared.answer(request, &leave).await }
    });
    let stream = TokioIo::new(stream);
    let connection = async {
        let _ = match is_http2 {
            true => {
                let mut connection =
                    pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service));
                tokio::select! {
                    ended = connection.as_mut() => return drop(ended),
                    () = left.notified() => connection.as_mut().graceful_shutdown(),
                }
                connection.await
            }
            false => http1::Builder::new().serve_connection(stream, service).await,
        };
    };
    tokio::select! {
        () = connection => {}
        _ = tls.changed() => {}
    }
}
