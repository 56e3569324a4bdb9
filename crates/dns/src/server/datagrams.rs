//! Datagrams in batches, each with the address that was asked.
//!
//! A socket that is bound to all addresses must answer from the one that was asked: a client takes no answer from
//! another. The standard library does not tell the address; `quinn-udp` does, without `unsafe` on our side.

use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::{io::Interest, net::UdpSocket};

/// Datagrams that are taken from the system at once.
const BATCH: usize = 8;
/// The system joins datagrams of one sender when they come quickly: up to the longest of all.
const BUFFER: usize = 1 << 16;

/// A socket whose datagrams know where they were sent to.
pub(super) struct Datagrams {
    socket: Arc<UdpSocket>,
    state: UdpSocketState,
}

/// Both ends of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    /// Our address, where the system tells it.
    pub(super) own: Option<IpAddr>,
}

/// What was received last.
pub(super) struct Batch {
    buffers: [Box<[u8]>; BATCH],
    meta: [RecvMeta; BATCH],
    received: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        let buffers = std::array::from_fn(|_| vec![0; BUFFER].into_boxed_slice());
        Self { buffers, meta: [RecvMeta::default(); BATCH], received: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Ends, &[u8])> {
        self.buffers.iter().zip(&self.meta).take(self.received).flat_map(|(buffer, meta)| {
            let ends = Ends { peer: meta.addr, own: meta.dst_ip.filter(|own| !own.is_multicast()) };
            // An empty datagram has no length by which joined ones could be told apart.
            buffer[..meta.len].chunks(meta.stride.max(1)).map(move |datagram| (ends, datagram))
        })
    }
}

impl Datagrams {
    pub(super) fn new(socket: &Arc<UdpSocket>) -> io::Result<Self> {
        Ok(Self { socket: Arc::clone(socket), state: UdpSocketState::new((&**socket).into())? })
    }

    /// Waits for datagrams.
    pub(super) async fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.received = 0;
        let Batch { buffers, meta, received } = batch;
        *received = self
            .socket
            .async_io(Interest::READABLE, || {
                let mut slices = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
                self.state.recv((&*self.socket).into(), &mut slices, meta)
            })
            .await?;
        Ok(())
    }

    pub(super) async fn send(&self, ends: Ends, contents: &[u8]) -> io::Result<()> {
        let transmit =
            Transmit { destination: ends.peer, ecn: None, contents, segment_size: None, src_ip: ends.own };
        let send = || self.state.try_send((&*self.socket).into(), &transmit);
        self.socket.async_io(Interest::WRITABLE, send).await
    }
}
