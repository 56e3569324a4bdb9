//! Takes connections and answers pushes.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, request::Parts};
use http_body_util::{BodyExt, Collected, Either, Limited};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{pki_types::pem, server::VerifierBuilderError};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Answer, Behaviour, Config, Credential, NotReached, Received, Refusal, Shown,
    answer::{self, Answered, BrokenOff},
    log::Log,
    provider_token::TokenCheck,
    request,
    tls::Tls,
};
use crate::authority::CertificateError;

/// As many as Apple's servers offered when this was written; they document no number.
const MAX_STREAMS: u32 = 1000;

/// A running stand-in. It ends when this is dropped.
pub struct ApnsStandin {
    address: SocketAddr,
    tls: Tls,
    desk: Arc<Desk>,
    _stop: DropGuard,
}

/// The stand-in could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its certificate could not be issued.
    #[error("can not issue a certificate for the stand-in")]
    Issue(#[from] CertificateError),
    /// A certificate or key is not PEM.
    #[error("can not read the stand-in's certificates")]
    Pem(#[from] pem::Error),
    /// The authority for clients is of no use.
    #[error("can not check clients against the authority given")]
    ClientAuthority(#[from] VerifierBuilderError),
    /// The TLS engine refuses the certificates.
    #[error("can not set up TLS")]
    Tls(#[from] rustls::Error),
    /// The address is taken or not ours.
    #[error("can not listen on `{address}`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl ApnsStandin {
    /// Listens, and serves until the handle is dropped.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Config { listen, authority, topic, credential, limits_token_updates } = config;
        let tls = Tls::new(authority, &credential)?;
        let failed = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let desk = Arc::new(Desk::new(topic, credential, limits_token_updates));
        let stop = CancellationToken::new();
        let accepting = accept(listener, tls.subscribe(), Arc::clone(&desk));
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self { address, tls, desk, _stop: stop.drop_guard() })
    }

    /// Where it is reached.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The authority that vouches for it.
    pub fn ca_pem(&self) -> &str {
        self.tls.ca_pem()
    }

    /// Says what to do with the next pushes, in the order of their arrival; those after them are judged.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.desk.orders().script.extend(behaviours);
    }

    /// Says what to do with every push for a device that no script covers.
    pub fn always(&self, device: &str, behaviour: Behaviour) {
        self.desk.orders().devices.insert(device.to_owned(), behaviour);
    }

    /// Says what to do with each push that no script covers.
    pub fn decide(&self, decide: impl FnMut(&str) -> Behaviour + Send + 'static) {
        self.desk.orders().decide = Some(Box::new(decide));
    }

    /// Shows another certificate of the same authority from now on, and cuts all connections.
    pub fn swap_certificate(&self) -> Result<(), StartError> {
        self.tls.swap()
    }

    /// Lets the stand-in's clock run ahead, for the age of provider tokens.
    pub fn advance_clock(&self, by: Duration) {
        self.desk.orders().clock_ahead += by;
    }

    /// How many pushes have come, and how many notifications the phones show now.
    pub fn counts(&self) -> (usize, usize) {
        self.desk.log.counts()
    }

    /// Every request so far, refused ones too.
    pub fn received(&self) -> Vec<Received> {
        self.desk.log.received()
    }

    /// What the phones show now.
    pub fn shown(&self) -> Vec<Shown> {
        self.desk.log.shown()
    }

    /// The request at this position, counted from 0, as soon as it is there. Waits without a bound; nothing
    /// when the stand-in has ended.
    pub async fn next_received(&self, position: usize) -> Option<Received> {
        self.desk.log.next_received(position).await
    }

    /// Waits, at most ten seconds, until this many requests have come.
    pub async fn wait_for_received(&self, count: usize) -> Result<Vec<Received>, NotReached> {
        self.desk.log.wait_for_received(count).await
    }

    /// Waits, at most ten seconds, until the phones show this many notifications.
    pub async fn wait_for_shown(&self, count: usize) -> Result<Vec<Shown>, NotReached> {
        self.desk.log.wait_for_shown(count).await
    }
}

/// Serves connections until it is dropped, and drops them with it.
async fn accept(listener: TcpListener, tls: watch::Receiver<TlsAcceptor>, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    for number in 1.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        // Answers are small and wait for nothing.
        let _ = stream.set_nodelay(true);
        connections.spawn(serve(stream, tls.clone(), Arc::clone(&desk), number));
        while connections.try_join_next().is_some() {}
    }
}

/// What a request can ask of its connection.
enum Order {
    GoAway,
    Close,
}

async fn serve(stream: TcpStream, mut tls: watch::Receiver<TlsAcceptor>, desk: Arc<Desk>, number: u64) {
    let acceptor = tls.borrow_and_update().clone();
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(b"h2") {
        return;
    }
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let client =
        Client { connection: number, has_certificate: session.peer_certificates().is_some(), orders };
    let service = service_fn(move |request| {
        let (desk, client) = (Arc::clone(&desk), client.clone());
        async move { Ok::<_, Infallible>(desk.answer(&client, request).await) }
    });
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(MAX_STREAMS)
            .serve_connection(TokioIo::new(stream), service)
    );
    loop {
        tokio::select! {
            _ = &mut connection => return,
            _ = tls.changed() => return,
            Some(order) = ordered.recv() => match order {
                Order::GoAway => connection.as_mut().graceful_shutdown(),
                Order::Close => return,
            },
        }
    }
}

/// Who sends a request.
#[derive(Clone)]
struct Client {
    connection: u64,
    has_certificate: bool,
    orders: mpsc::UnboundedSender<Order>,
}

/// Where pushes are judged and noted.
struct Desk {
    topic: String,
    /// Nothing where clients show a certificate.
    tokens: Option<TokenCheck>,
    orders: Mutex<Orders>,
    log: Log,
}

type Decide = Box<dyn FnMut(&str) -> Behaviour + Send>;

#[derive(Default)]
struct Orders {
    script: VecDeque<Behaviour>,
    devices: HashMap<String, Behaviour>,
    decide: Option<Decide>,
    clock_ahead: Duration,
}

impl Desk {
    fn new(topic: String, credential: Credential, limits_token_updates: bool) -> Self {
        let tokens = match credential {
            Credential::Token(key) => Some(TokenCheck::new(key, limits_token_updates)),
            Credential::Certificate { .. } => None,
        };
        Self { topic, tokens, orders: Mutex::default(), log: Log::new() }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, client: &Client, request: Request<Incoming>) -> Answered {
        let (head, body) = request.into_parts();
        let payload = Limited::new(body, request::MAX_PAYLOAD + 1).collect().await;
        // What could not be read to its end is judged as too long.
        let payload =
            payload.map_or_else(|_| vec![b' '; request::MAX_PAYLOAD + 1].into(), Collected::to_bytes);
        let behaviour = self.behaviour(request::device(head.uri.path()));
        let verdict = match &behaviour {
            Behaviour::Silence | Behaviour::Garbage(_) => None,
            Behaviour::Refuse(refusal) => Some(Err(refusal.clone())),
            _ => Some(self.judge(client, &head, &payload)),
        };
        let mut response = match behaviour {
            Behaviour::Garbage(status) => answer::garbage(&head, status),
            _ => answer::answer(&head, verdict.as_ref()),
        };
        self.note(client, head, payload, verdict);
        match behaviour {
            Behaviour::Judge | Behaviour::Refuse(_) | Behaviour::Garbage(_) => {}
            Behaviour::BreakOff => *response.body_mut() = Either::Right(BrokenOff::default()),
            Behaviour::AnswerLate(by) => tokio::time::sleep(by).await,
            Behaviour::GoAway => client.order(Order::GoAway),
            Behaviour::Close => {
                client.order(Order::Close);
                std::future::pending::<()>().await;
            }
            Behaviour::Silence => std::future::pending::<()>().await,
        }
        response
    }

    fn behaviour(&self, device: &str) -> Behaviour {
        let mut orders = self.orders();
        let scripted = orders.script.pop_front();
        let decided = scripted.or_else(|| orders.decide.as_mut().map(|decide| decide(device)));
        decided.or_else(|| orders.devices.get(device).cloned()).unwrap_or(Behaviour::Judge)
    }

    fn judge(&self, client: &Client, head: &Parts, payload: &Bytes) -> Result<Shown, Refusal> {
        request::check_line(head)?;
        match &self.tokens {
            Some(tokens) => {
                let authorization = head.headers.get(http::header::AUTHORIZATION);
                tokens.check(authorization.and_then(|value| value.to_str().ok()), self.now())?;
            }
            None if client.has_certificate => {}
            None => return Err(Refusal::new(http::StatusCode::FORBIDDEN, "MissingProviderToken")),
        }
        request::check_content(head, payload, &self.topic, self.tokens.is_some())
    }

    /// Since the Unix epoch, by the stand-in's clock.
    fn now(&self) -> Duration {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since + self.orders().clock_ahead
    }

    fn note(&self, client: &Client, head: Parts, payload: Bytes, verdict: Option<Result<Shown, Refusal>>) {
        let (answer, shows) = match verdict {
            None => (Answer::Ignored, None),
            Some(Ok(shown)) => (Answer::Accepted, Some(shown)),
            Some(Err(refusal)) => (Answer::Refused(refusal), None),
        };
        let request = Received {
            connection: client.connection,
            device: request::device(head.uri.path()).to_owned(),
            headers: head.headers,
            payload,
            at: SystemTime::now(),
            answer,
        };
        self.log.note(request, shows);
    }
}

impl Client {
    /// A connection that is gone needs no orders.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
    }
}
