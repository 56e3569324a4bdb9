//! Queries in datagrams.

use std::{io, sync::Arc, time::Duration};

use fulmar_domain::office::Side;
use tokio::{net::UdpSocket, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Asked, Server,
    counters::Counters,
    datagrams::{Batch, Datagrams, Ends},
};
use crate::{
    Disposition, Transport,
    answer::{Now, Outcome},
    forward::Request,
};

/// Answers datagrams until `shutdown`. What comes before the first zones are published waits for
/// them.
pub async fn serve_udp(socket: &Arc<UdpSocket>, server: Server, shutdown: CancellationToken) {
    let datagrams = match Datagrams::new(socket) {
        Ok(datagrams) => datagrams,
        Err(error) => {
            tracing::error!(%error, "DNS queries can not be received.");
            return;
        }
    };
    let desk = Arc::new(Desk { server, datagrams, counters: Counters::new(Transport::Udp) });
    let mut batch = Batch::new();
    let mut response = Vec::with_capacity(BUFFER);
    let serve = async {
        desk.server.publisher.begun().await;
        // Whatever waits for a resolver ends with this.
        let mut waiting = JoinSet::new();
        loop {
            if let Err(error) = desk.datagrams.receive(&mut batch).await {
                pause_after(&error).await;
                continue;
            }
            while waiting.try_join_next().is_some() {}
            let now = Now::read();
            for (ends, query) in batch.iter() {
                if let Some(request) = desk.answer(ends, now, query, &mut response).await {
                    waiting.spawn(Arc::clone(&desk).forward(ends, request));
                }
            }
        }
    };
    shutdown.run_until_cancelled(serve).await;
}

/// Room for a response, so that it seldom has to be made.
const BUFFER: usize = 4096;

struct Desk {
    server: Server,
    datagrams: Datagrams,
    counters: Counters,
}

impl Desk {
    /// Answers what can be answered at once; what can not comes back.
    async fn answer(
        &self,
        ends: Ends,
        now: Now,
        query: &[u8],
        response: &mut Vec<u8>,
    ) -> Option<Box<Request>> {
        let source = ends.peer.ip();
        let asked = Asked { source, transport: Transport::Udp, now };
        let disposition = match self.server.answer(asked, query, response).outcome {
            Outcome::Here(disposition) => disposition,
            Outcome::Elsewhere(request) => match request.answer_at_once(response).await {
                None => return Some(request),
                Some((source, disposition)) => {
                    self.counters.count_forwarded(source);
                    disposition
                }
            },
        };
        self.counters.count(self.server.side_of(source), disposition);
        match disposition {
            Disposition::Answered(_) | Disposition::Limited { hint: true } => self.send(ends, response).await,
            Disposition::Ignored | Disposition::Limited { hint: false } => {}
        }
        None
    }

    async fn forward(self: Arc<Self>, ends: Ends, request: Box<Request>) {
        let mut response = Vec::new();
        let (source, disposition) = request.answer(&mut response).await;
        self.counters.count_forwarded(source);
        self.counters.count(Side::Inside, disposition);
        self.send(ends, &response).await;
    }

    async fn send(&self, ends: Ends, response: &[u8]) {
        // A response that can not be sent is as good as one that was lost.
        let _ = self.datagrams.send(ends, response).await;
    }
}

/// Some systems report that an earlier response was not wanted: that is no reason to wait.
async fn pause_after(error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset) {
        tracing::warn!(%error, "A DNS query could not be received.");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
