//! Queries on connections.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fulmar_domain::secondary::SecondaryName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Asked, Server, counters::Counters};
use crate::{Disposition, Publisher, Transport, answer::Now, clock, secondaries::Reply, transfer::Transfer};

/// How long a connection may be idle, and a message on it may take (RFC 7766 §6.2.3).
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most connections; further ones are closed at once.
const MAX_CONNECTIONS: usize = 256;

/// Answers queries on connections until `shutdown`, in order on each.
pub async fn serve_tcp(listener: &TcpListener, server: Server, shutdown: CancellationToken) {
    let counters = Arc::new(Counters::new(Transport::Tcp));
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
            let (server, counters, shutdown) = (server.clone(), Arc::clone(&counters), shutdown.clone());
            tokio::spawn(async move {
                let _place = place;
                let connection = connection(stream, peer, &server, &counters);
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
    server: &Server,
    counters: &Counters,
) -> io::Result<()> {
    let mut query = Vec::new();
    let mut response = Vec::new();
    let source = peer.ip();
    loop {
        timeout(TIMEOUT, read_message(&mut stream, &mut query)).await??;
        let asked = Asked { source, transport: Transport::Tcp, now: Now::read() };
        let Reply { disposition, rest } = server.answer(asked, &query, &mut response);
        counters.count(server.side_of(source), disposition);
        match disposition {
            Disposition::Answered(_) | Disposition::Limited { hint: true } => {}
            Disposition::Ignored | Disposition::Limited { hint: false } => return Ok(()),
        }
        write_message(&mut stream, &mut response).await?;
        if let Some((secondary, transfer)) = rest {
            go_on(&mut stream, &mut response, &server.publisher, &secondary, transfer).await?;
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

async fn read_message(stream: &mut TcpStream, message: &mut Vec<u8>) -> io::Result<()> {
    let length = stream.read_u16().await?;
    message.resize(usize::from(length), 0);
    stream.read_exact(message).await.map(drop)
}

/// One write for length and message (RFC 7766 §8).
async fn write_message(stream: &mut TcpStream, message: &mut Vec<u8>) -> io::Result<()> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    message.splice(..0, length);
    timeout(TIMEOUT, stream.write_all(message)).await?
}
