//! One question to one resolver.
//!
//! Each attempt has a socket of its own, whose port the system chooses, and a random id; whoever can not see the
//! question has to guess both (RFC 5452 §9).

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout_at},
};

use super::{
    Answer, Wanted,
    answer::{self, Reply},
};
use crate::response::{Opt, Rcode};

/// How long one resolver may take before the next one is asked.
pub(super) const ATTEMPT: Duration = Duration::from_millis(1200);
/// RFC 8914 §4.23 and §4.24.
const NO_REACHABLE_AUTHORITY: u16 = 22;
const NETWORK_ERROR: u16 = 23;

/// Why a resolver gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("it is silent")]
    Silence,
    #[error("it can not be reached: {0}")]
    Network(#[from] io::Error),
    /// With the reason that it gave.
    #[error("it does not answer the question")]
    Refusal(Option<u16>),
}

impl Failure {
    /// What the client is told.
    pub(super) fn extended_error(&self) -> Option<u16> {
        match self {
            Self::Silence => Some(NO_REACHABLE_AUTHORITY),
            Self::Network(_) => Some(NETWORK_ERROR),
            Self::Refusal(reason) => *reason,
        }
    }
}

/// Asks by UDP, and by TCP for what does not fit.
pub(super) async fn ask(resolver: SocketAddr, wanted: &Wanted, deadline: Instant) -> Result<Answer, Failure> {
    let end = || deadline.min(Instant::now() + ATTEMPT);
    let silence = |_| Failure::Silence;
    let mut reply = timeout_at(end(), by_udp(resolver, wanted)).await.map_err(silence)??;
    if matches!(reply, Reply::Truncated) {
        reply = timeout_at(end(), by_tcp(resolver, wanted)).await.map_err(silence)??;
    }
    match reply {
        Reply::Answer(answer) => Ok(answer),
        Reply::Refusal(reason) => Err(Failure::Refusal(reason)),
        Reply::Truncated => Err(Failure::Refusal(None)),
    }
}

async fn by_udp(resolver: SocketAddr, wanted: &Wanted) -> io::Result<Reply> {
    let any = match resolver {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(resolver).await?;
    let id = random_id()?;
    socket.send(&query(id, wanted)).await?;
    // What is longer than was asked for is taken up to this.
    let mut message = vec![0; 4096];
    loop {
        let length = socket.recv(&mut message).await?;
        if let Some(reply) = answer::read(&message[..length], id, wanted) {
            return Ok(reply);
        }
    }
}

async fn by_tcp(resolver: SocketAddr, wanted: &Wanted) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(resolver).await?;
    let id = random_id()?;
    let query = query(id, wanted);
    // Never 300 bytes.
    stream.write_all(&[&(query.len() as u16).to_be_bytes(), &*query].concat()).await?;
    loop {
        let mut message = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut message).await?;
        if let Some(reply) = answer::read(&message, id, wanted) {
            return Ok(reply);
        }
    }
}

fn random_id() -> io::Result<[u8; 2]> {
    let mut id = [0; 2];
    SystemRandom::new().fill(&mut id).map_err(|_| io::Error::other("the system gave no random numbers"))?;
    Ok(id)
}

fn query([high, low]: [u8; 2], wanted: &Wanted) -> Vec<u8> {
    const RECURSION_DESIRED: u8 = 0x01;
    let checking_disabled = u8::from(wanted.checking_disabled) << 4;
    let mut query = Vec::from([high, low, RECURSION_DESIRED, checking_disabled, 0, 1, 0, 0, 0, 0, 0, 1]);
    query.extend(wanted.question());
    Opt { dnssec_ok: wanted.dnssec_ok, ..Opt::default() }.write(Rcode::NoError, &mut query);
    query
}
