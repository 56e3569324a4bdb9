//! Queries in datagrams.

use std::{io, sync::Arc, time::Duration};

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::{
    Asked, Server,
    counters::Counters,
    datagrams::{Batch, Datagrams, Ends},
};
use crate::{Disposition, Transport, answer::Now};

/// Answers datagrams until `shutdown`.
pub async fn serve_udp(socket: &Arc<UdpSocket>, server: Server, shutdown: CancellationToken) {
    let datagrams = match Datagrams::new(socket) {
        Ok(datagrams) => Arc::new(datagrams),
        Err(error) => {
            tracing::error!(%error, "DNS queries can not be received.");
            return;
        }
    };
    let desk = Desk { server, datagrams, counters: Counters::new(Transport::Udp) };
    let mut batch = Batch::new();
    let mut response = Vec::with_capacity(BUFFER);
    let serve = async {
        loop {
            if let Err(error) = desk.datagrams.receive(&mut batch).await {
                pause_after(&error).await;
                continue;
            }
            let now = Now::read();
            for (ends, query) in batch.iter() {
                desk.answer(ends, now, query, &mut response).await;
            }
        }
    };
    shutdown.run_until_cancelled(serve).await;
}

/// Room for a response, so that it seldom has to be made.
const BUFFER: usize = 4096;

struct Desk {
    server: Server,
    datagrams: Arc<Datagrams>,
    counters: Counters,
}

impl Desk {
    async fn answer(&self, ends: Ends, now: Now, query: &[u8], response: &mut Vec<u8>) {
        let source = ends.peer.ip();
        let asked = Asked { source, transport: Transport::Udp, now };
        let disposition = self.server.answer(asked, query, response).disposition;
        self.counters.count(self.server.side_of(source), disposition);
        match disposition {
            Disposition::Answered(_) | Disposition::Limited { hint: true } => {
                // A response that can not be sent is as good as one that was lost.
                let _ = self.datagrams.send(ends, response).await;
            }
            Disposition::Ignored | Disposition::Limited { hint: false } => {}
        }
    }
}

/// Some systems report that an earlier response was not wanted: that is no reason to wait.
async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "A DNS query could not be received.");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
