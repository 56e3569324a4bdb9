//! Serving queries by UDP and TCP. The caller owns the sockets.

mod counters;
mod datagrams;
mod tcp;
mod udp;

use std::{net::IpAddr, sync::Arc};

use fulmar_domain::office::Side;
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    Disposition, NoRandomness, Publisher, Transport,
    answer::{Desk, Guard, Now, Outcome},
    clock,
    cookie::Cookies,
    limit::{Limiter, Verdict},
    secondaries::{self, Reply},
    siphash::Key,
};

pub use tcp::serve_tcp;
pub use udp::serve_udp;

/// What the sockets of one box share: the zones, the keys of the cookies, everybody's allowances. Clones are the
/// same server.
#[derive(Clone)]
pub struct Server {
    publisher: Publisher,
    guard: Arc<Guard>,
}

impl Server {
    /// A server of what `publisher` publishes.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn new(publisher: Publisher) -> Result<Self, NoRandomness> {
        let now = Now::read();
        let mut key = Key::default();
        SystemRandom::new().fill(&mut key).map_err(|_| NoRandomness)?;
        let guard = Guard { cookies: Cookies::new(now.seconds)?, limiter: Limiter::new(key, now.instant) };
        Ok(Self { publisher, guard: Arc::new(guard) })
    }

    fn side_of(&self, source: IpAddr) -> Side {
        self.publisher.snapshot().side_of(source)
    }

    fn answer(&self, asked: Asked, message: &[u8], out: &mut Vec<u8>) -> Reply {
        let Asked { source, transport, now } = asked;
        let snapshot = &self.publisher.snapshot();
        let desk = Desk { snapshot, source, transport, guard: Some((&self.guard, now)) };
        match secondaries::answer(&self.publisher, source, transport, clock::now, message, out) {
            Some(reply) if reply.is_refusal && desk.verdict(None) != Verdict::Answer => {
                Outcome::Here(Disposition::Limited { hint: false }).into()
            }
            Some(reply) => reply,
            None => desk.answer(message, out).into(),
        }
    }
}

/// Who asks, how and when.
#[derive(Clone, Copy)]
struct Asked {
    source: IpAddr,
    transport: Transport,
    now: Now,
}
