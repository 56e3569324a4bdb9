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
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Answer, Behaviour, Config, Credential, NotReached, Received, Refusal, Shown, log::Log,
    provider_token::TokenCheck, request,
};
use crate::authority::{CertificateError, Identity};

/// As many as Apple's servers offered when this was written; they document no number.
const MAX_STREAMS: u32 = 1000;

/// A running stand-in. It ends when this is dropped.
pub struct ApnsStandin {
    address: SocketAddr,
    ca_pem: String,
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
        let tls = TlsAcceptor::from(Arc::new(tls_config(&config)?));
        let failed = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let ca_pem = config.authority.pem().to_owned();
        let desk = Arc::new(Desk::new(config));
        let stop = CancellationToken::new();
        let accepting = accept(listener, tls, Arc::clone(&desk));
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self { address, ca_pem, desk, _stop: stop.drop_guard() })
    }

    /// Where it is reached.
    pub fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The authority that vouches for it.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Says what to do with the next pushes, in the order of their arrival; those after them are judged.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.desk.orders().script.extend(behaviours);
    }

    /// Says what to do with every push for a device that no script covers.
    pub fn always(&self, device: &str, behaviour: Behaviour) {
        self.desk.orders().devices.insert(device.to_owned(), behaviour);
    }

    /// Lets the stand-in's clock run ahead, for the age of provider tokens.
    pub fn advance_clock(&self, by: Duration) {
        self.desk.orders().clock_ahead += by;
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

/// Takes TLS 1.2 or 1.3 with HTTP/2 only. A client without a certificate is let in: its pushes are refused.
fn tls_config(config: &Config) -> Result<ServerConfig, StartError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &config.credential {
        Credential::Token(_) => builder.with_no_client_auth(),
        Credential::Certificate { client_ca_pem } => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(client_ca_pem.as_bytes())?)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let Identity { certificate_pem, key_pem } = config.authority.issue_server()?;
    let chain = vec![CertificateDer::from_pem_slice(certificate_pem.as_bytes())?];
    let mut tls = builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?)?;
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(tls)
}

/// Serves connections until it is dropped, and drops them with it.
async fn accept(listener: TcpListener, tls: TlsAcceptor, desk: Arc<Desk>) {
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

async fn serve(stream: TcpStream, tls: TlsAcceptor, desk: Arc<Desk>, number: u64) {
    let Ok(stream) = tls.accept(stream).await else { return };
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

#[derive(Default)]
struct Orders {
    script: VecDeque<Behaviour>,
    devices: HashMap<String, Behaviour>,
    clock_ahead: Duration,
}

impl Desk {
    fn new(config: Config) -> Self {
        let tokens = match config.credential {
            Credential::Token(key) => Some(TokenCheck::new(key, config.limits_token_updates)),
            Credential::Certificate { .. } => None,
        };
        Self { topic: config.topic, tokens, orders: Mutex::default(), log: Log::new() }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, client: &Client, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let payload = Limited::new(body, request::MAX_PAYLOAD + 1).collect().await;
        // What could not be read to its end is judged as too long.
        let payload =
            payload.map_or_else(|_| vec![b' '; request::MAX_PAYLOAD + 1].into(), Collected::to_bytes);
        let behaviour = self.behaviour(request::device(head.uri.path()));
        let verdict = match &behaviour {
            Behaviour::Silence => None,
            Behaviour::Refuse(refusal) => Some(Err(refusal.clone())),
            _ => Some(self.judge(client, &head, &payload)),
        };
        let response = respond(&head, verdict.as_ref());
        self.note(client, head, payload, verdict);
        match behaviour {
            Behaviour::Judge | Behaviour::Refuse(_) => {}
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
        scripted.or_else(|| orders.devices.get(device).cloned()).unwrap_or(Behaviour::Judge)
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

/// The answer: the client's `apns-id` comes back; one that it did not give is made up.
fn respond(head: &Parts, verdict: Option<&Result<Shown, Refusal>>) -> Response<Full<Bytes>> {
    let mut response = match verdict {
        Some(Err(refusal)) => {
            let mut response = Response::new(Full::from(refusal.body()));
            *response.status_mut() = refusal.status;
            response
        }
        _ => Response::new(Full::default()),
    };
    let id = head.headers.get("apns-id").cloned();
    let made_up = http::HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    response.headers_mut().insert("apns-id", id.unwrap_or(made_up));
    response
}
