//! A push service that takes everything, as fast as it can: Apple's and those of the Web. It counts what comes.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    io::{ErrorKind, Write},
    net::Ipv4Addr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::process::{OTHERS, Program};

/// Where it listens unless a peer looks for it at the port of https.
pub(crate) const PORT: u16 = 24_430;
/// How long somebody else may listen there.
const PATIENCE: Duration = Duration::from_secs(5);
/// As many as Apple offers.
const STREAMS: u32 = 1000;

/// The service in a process of its own.
pub(crate) struct Service {
    program: Program,
    pub(crate) port: u16,
}

/// What has come.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) pushes: u64,
    /// Pairs of a device and what makes two notifications one.
    pub(crate) alerts: u64,
}

impl Service {
    pub(crate) async fn start(dir: &Path, port: u16, delay: u64) -> Result<Self> {
        let numbers = [port.to_string().into(), delay.to_string().into()];
        let arguments = [&["part".into(), "service".into(), dir.into()], &numbers[..]].concat();
        let mut program = Program::start(OTHERS, &arguments)?;
        program.line().await.with_context(|| format!("nobody may listen at 127.0.0.1:{port}"))?;
        Ok(Self { program, port })
    }

    pub(crate) async fn count(&mut self) -> Result<Count> {
        self.program.say("count").await?;
        let line = self.program.line().await?;
        let (pushes, alerts) = line.split_once(' ').context("the service does not count")?;
        Ok(Count { pushes: pushes.parse()?, alerts: alerts.parse()? })
    }
}

#[derive(Default)]
struct Desk {
    delay: Duration,
    hasher: RandomState,
    seen: Mutex<(u64, HashSet<u64>)>,
}

/// Serves, and says what has come whenever it is asked.
pub(super) async fn serve(dir: &Path, port: u16, delay: u64) -> Result<()> {
    let chain = CertificateDer::pem_file_iter(dir.join("leaf.crt"))?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(dir.join("leaf.key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tls = TlsAcceptor::from(Arc::new(tls));
    let listener = listen(port).await?;
    let desk = Arc::new(Desk { delay: Duration::from_millis(delay), ..Desk::default() });
    say("ready")?;
    let counting = Arc::clone(&desk);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, tls.clone(), Arc::clone(&desk)));
        }
    });
    // The connections are served by other threads.
    for asked in std::io::stdin().lines() {
        asked?;
        let seen = counting.seen.lock().unwrap_or_else(PoisonError::into_inner);
        say(&format!("{} {}", seen.0, seen.1.len()))?;
    }
    Ok(())
}

/// The service of the turn before may be about to end.
async fn listen(port: u16) -> std::io::Result<TcpListener> {
    let begun = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            bound => return bound,
        }
    }
}

pub(super) fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// How a connection ends concerns its client only. Not every client says in the handshake what it speaks.
async fn talk(stream: TcpStream, tls: TlsAcceptor, desk: Arc<Desk>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { desk.answer(request).await }
    });
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http2().max_concurrent_streams(STREAMS);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        body.collect().await?;
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let collapses = head.headers.get("apns-collapse-id").or_else(|| head.headers.get("topic"));
        let alert = self.hasher.hash_one((head.uri.path(), collapses.map(http::HeaderValue::as_bytes)));
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.0 += 1;
            seen.1.insert(alert);
        }
        let mut response = Response::new(Full::default());
        if head.uri.path().starts_with("/3/device/") {
            let id = head.headers.get("apns-id").cloned();
            let made_up = http::HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
            response.headers_mut().insert("apns-id", id.unwrap_or(made_up));
        } else {
            *response.status_mut() = StatusCode::CREATED;
            let location = http::HeaderValue::from_static("https://localhost/message/1");
            response.headers_mut().insert("location", location);
        }
        Ok(response)
    }
}
