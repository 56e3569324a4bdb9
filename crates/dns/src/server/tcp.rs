//! Queries on connections.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fulmar_domain::{office::Side, secondary::SecondaryName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{Asked, Server, counters::Counters};
use crate::{
    Disposition, Transport,
    answer::{Now, Outcome},
    clock,
    forward::Request,
    secondaries::Reply,
    transfer::Transfer,
};

/// How long a connection may be idle, and a message on it may take (RFC 7766 §6.2.3).
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most connections; further ones are closed at once.
const MAX_CONNECTIONS: usize = 256;
/// The most queries of one connection that wait for resolvers; further ones are not read before.
const MAX_WAITING: usize = 64;

/// Answers queries on connections until `shutdown`: those from the zones in order, the others as resolvers answer
/// (RFC 7766 §6.2.1.1). What comes before the first zones are published waits for them.
pub async fn serve_tcp(listener: &TcpListener, server: Server, shutdown: CancellationToken) {
    let counters = Arc::new(Counters::new(Transport::Tcp));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let serve = async {
        server.publisher.begun().await;
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
                let (reader, writer) = stream.into_split();
                let desk = Arc::new(Desk { peer, server, counters, writer: Mutex::new(Some(writer)) });
                // A client that goes away in the middle is no event of ours.
                let _ = shutdown.run_until_cancelled(connection(reader, &desk)).await;
            });
        }
    };
    shutdown.run_until_cancelled(serve).await;
}

async fn connection(mut reader: OwnedReadHalf, desk: &Arc<Desk>) -> io::Result<()> {
    // Whatever waits for a resolver ends with the service, and not with what the client has to say.
    let mut waiting = JoinSet::new();
    let ended = desk.converse(&mut reader, &mut waiting).await;
    while waiting.join_next().await.is_some() {}
    ended
}

/// The answering side of one connection.
struct Desk {
    peer: SocketAddr,
    server: Server,
    counters: Arc<Counters>,
    /// `None` when a message could not be written: nobody can read on behind half of one.
    writer: Mutex<Option<OwnedWriteHalf>>,
}

impl Desk {
    async fn converse(
        self: &Arc<Self>,
        reader: &mut OwnedReadHalf,
        waiting: &mut JoinSet<()>,
    ) -> io::Result<()> {
        let mut query = Vec::new();
        let mut response = Vec::new();
        let source = self.peer.ip();
        loop {
            timeout(TIMEOUT, read_message(reader, &mut query)).await??;
            let asked = Asked { source, transport: Transport::Tcp, now: Now::read() };
            let Reply { outcome, rest, .. } = self.server.answer(asked, &query, &mut response);
            let disposition = match outcome {
                Outcome::Here(disposition) => disposition,
                Outcome::Elsewhere(request) => match request.answer_at_once(&mut response).await {
                    Some((source, disposition)) => {
                        self.counters.count_forwarded(source);
                        disposition
                    }
                    None => {
                        while waiting.try_join_next().is_some() {}
                        if waiting.len() >= MAX_WAITING {
                            waiting.join_next().await;
                        }
                        waiting.spawn(Arc::clone(self).forward(request));
                        continue;
                    }
                },
            };
            self.counters.count(self.server.side_of(source), disposition);
            match disposition {
                Disposition::Answered(_) | Disposition::Limited { hint: true } => {}
                Disposition::Ignored | Disposition::Limited { hint: false } => return Ok(()),
            }
            self.write(&mut response).await?;
            if let Some((secondary, transfer)) = rest {
                self.go_on(&mut response, &secondary, transfer).await?;
            }
        }
    }

    async fn forward(self: Arc<Self>, request: Box<Request>) {
        let mut response = Vec::new();
        let (source, disposition) = request.answer(&mut response).await;
        self.counters.count_forwarded(source);
        self.counters.count(Side::Inside, disposition);
        // The reading side notices by itself.
        let _ = self.write(&mut response).await;
    }

    /// The messages of a transfer behind the first.
    async fn go_on(
        &self,
        response: &mut Vec<u8>,
        secondary: &SecondaryName,
        mut transfer: Transfer,
    ) -> io::Result<()> {
        let send = async {
            while transfer
                .next(clock::now(), response)
                .map_err(|_| io::Error::other("a record is too long"))?
            {
                self.write(response).await?;
            }
            Ok(())
        };
        let sent: io::Result<()> = send.await;
        let problem = sent.as_ref().err().map(|error| format!("the transfer broke off: {error}"));
        let (zone, serial) = (transfer.zone(), transfer.serial());
        tracing::info!(%secondary, zone, %serial, problem, "A secondary took a zone.");
        let secondaries = self.server.publisher.secondaries();
        secondaries.transferred((secondary, &zone), serial, clock::now(), problem);
        sent
    }

    /// One write for length and message (RFC 7766 §8).
    async fn write(&self, message: &mut Vec<u8>) -> io::Result<()> {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
        message.splice(..0, length);
        let mut place = self.writer.lock().await;
        let writer = place.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        let written = timeout(TIMEOUT, writer.write_all(message)).await.map_err(io::Error::from).flatten();
        if written.is_err() {
            *place = None;
        }
        written
    }
}

async fn read_message(reader: &mut OwnedReadHalf, message: &mut Vec<u8>) -> io::Result<()> {
    let length = reader.read_u16().await?;
    message.resize(usize::from(length), 0);
    reader.read_exact(message).await.map(drop)
}
