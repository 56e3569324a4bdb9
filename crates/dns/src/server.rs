//! Serving queries by UDP and TCP. The caller owns the sockets.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fulmar_domain::secondary::SecondaryName;
use metrics::{Counter, counter};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Disposition, Publisher, Transport, answer, clock,
    secondaries::{self, Reply},
    transfer::Transfer,
};

/// The longest query over UDP that is looked at; what is longer is cut off and malformed.
const MAX_QUERY: usize = 4096;
/// How long a TCP connection may be idle, and a message on it may take (RFC 7766 §6.2.3).
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
/// The most TCP connections; further ones are closed at once.
const MAX_CONNECTIONS: usize = 256;

/// Answers datagrams until `shutdown`.
pub async fn serve_udp(socket: &UdpSocket, publisher: Publisher, shutdown: CancellationToken) {
    let counters = Counters::new("udp");
    let mut query = vec![0; MAX_QUERY];
    let mut response = Vec::with_capacity(MAX_QUERY);
    let serve = async {
        loop {
            let (length, peer) = match socket.recv_from(&mut query).await {
                Ok(received) => received,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            };
            let disposition = answer_udp(&publisher, peer, &query[..length], &mut response);
            counters.count(disposition);
            if let Disposition::Answered(_) = disposition {
                // A response that can not be sent is as good as one that was lost.
                let _ = socket.send_to(&response, peer).await;
            }
        }
    };
    shutdown.run_until_cancelled(serve).await;
}

fn answer_udp(publisher: &Publisher, peer: SocketAddr, query: &[u8], response: &mut Vec<u8>) -> Disposition {
    let reply = secondaries::answer(publisher, peer.ip(), Transport::Udp, clock::now, query, response);
    reply.map_or_else(
        || answer(&publisher.snapshot(), peer.ip(), Transport::Udp, query, response),
        |reply| reply.disposition,
    )
}

/// Some systems report that an earlier response was not wanted: that is no reason to wait.
async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "A DNS query could not be received.");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Answers queries on TCP connections, in order on each, until `shutdown`.
pub async fn serve_tcp(listener: &TcpListener, publisher: Publisher, shutdown: CancellationToken) {
    let counters = Arc::new(Counters::new("tcp"));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let serve = async {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "A DNS connection could not be accepted.");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (publisher, counters, shutdown) =
                (publisher.clone(), Arc::clone(&counters), shutdown.clone());
            tokio::spawn(async move {
                let _place = place;
                let connection = connection(stream, peer, &publisher, &counters);
                // A client that goes away in the middle is no event of ours.
                let _ = shutdown.run_until_cancelled(connection).await;
            });
        }
    };
    shutdown.run_until_cancelled(serve).await;
}

async fn connection(
    mut stream: TcpStream,
    peer: SocketAddr,
    publisher: &Publisher,
    counters: &Counters,
) -> io::Result<()> {
    let mut query = Vec::new();
    let mut response = Vec::new();
    loop {
        timeout(TCP_TIMEOUT, read_message(&mut stream, &mut query)).await??;
        let reply =
            secondaries::answer(publisher, peer.ip(), Transport::Tcp, clock::now, &query, &mut response);
        let Reply { disposition, rest } = reply.unwrap_or_else(|| Reply {
            disposition: answer(&publisher.snapshot(), peer.ip(), Transport::Tcp, &query, &mut response),
            rest: None,
        });
        counters.count(disposition);
        let Disposition::Answered(_) = disposition else { return Ok(()) };
        write_message(&mut stream, &mut response).await?;
        if let Some((secondary, transfer)) = rest {
            go_on(&mut stream, &mut response, publisher, &secondary, transfer).await?;
        }
    }
}

/// The messages of a transfer behind the first.
async fn go_on(
    stream: &mut TcpStream,
    response: &mut Vec<u8>,
    publisher: &Publisher,
    secondary: &SecondaryName,
    mut transfer: Transfer,
) -> io::Result<()> {
    let send = async {
        while transfer.next(clock::now(), response).map_err(|_| io::Error::other("a record is too long"))? {
            write_message(stream, response).await?;
        }
        Ok(())
    };
    let sent: io::Result<()> = send.await;
    let problem = sent.as_ref().err().map(|error| format!("the transfer broke off: {error}"));
    let (zone, serial) = (transfer.zone(), transfer.serial());
    tracing::info!(%secondary, zone, %serial, problem, "A secondary took a zone.");
    publisher.secondaries().transferred((secondary, &zone), serial, clock::now(), problem);
    sent
}

/// One write for length and message (RFC 7766 §8).
async fn write_message(stream: &mut TcpStream, message: &mut Vec<u8>) -> io::Result<()> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    message.splice(..0, length);
    timeout(TCP_TIMEOUT, stream.write_all(message)).await?
}

async fn read_message(stream: &mut TcpStream, message: &mut Vec<u8>) -> io::Result<()> {
    let length = stream.read_u16().await?;
    message.resize(usize::from(length), 0);
    stream.read_exact(message).await.map(drop)
}

/// Counters by code, looked up once.
struct Counters {
    ignored: Counter,
    by_rcode: Vec<Counter>,
}

/// The codes that [`answer()`] gives, and their names in the metrics.
const RCODES: [(u16, &str); 9] = [
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (9, "NOTAUTH"),
    (16, "BADVERS"),
];

impl Counters {
    fn new(transport: &'static str) -> Self {
        let counter = |rcode: &'static str| counter!("fulmar_dns_queries_total", "transport" => transport, "rcode" => rcode);
        let by_rcode = RCODES.iter().map(|(_, name)| counter(name)).collect();
        Self { ignored: counter("none"), by_rcode }
    }

    fn count(&self, disposition: Disposition) {
        let counter = match disposition {
            Disposition::Ignored => Some(&self.ignored),
            Disposition::Answered(rcode) => {
                RCODES.iter().position(|(code, _)| *code == rcode).map(|at| &self.by_rcode[at])
            }
        };
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }
}
