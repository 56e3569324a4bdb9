//! Telling secondaries that a zone has a new serial: NOTIFY (RFC 1996), signed where the secondary has a key.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use fulmar_domain::{secondary::SecondaryName, zone::Serial};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{net::UdpSocket, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Publisher, clock,
    name::WireName,
    query::Header,
    secondaries::Known,
    tsig::{Chain, Tsig},
    zone::TYPE_SOA,
};

/// The pauses between attempts: a secondary that is away is told until it comes, and looks by itself after that.
const PAUSES: [u64; 8] = [1, 2, 4, 8, 16, 32, 60, 60];
/// NOTIFY, authoritative.
const FLAGS: [u8; 2] = [4 << 3 | 0x04, 0];

/// Tells the secondaries now, whenever zones are published, and when an administrator wants it, until `shutdown`.
pub async fn run(publisher: Publisher, shutdown: CancellationToken) {
    let mut published = publisher.published();
    let mut again = publisher.secondaries().asked_again();
    let follow = async {
        loop {
            published.mark_unchanged();
            again.mark_unchanged();
            let tell = tell_all(&publisher);
            tokio::select! {
                // What was being told is out of date.
                changed = published.changed() => if changed.is_err() { return },
                changed = again.changed() => if changed.is_err() { return },
                () = async { tell.await; std::future::pending().await } => {}
            }
        }
    };
    shutdown.run_until_cancelled(follow).await;
}

async fn tell_all(publisher: &Publisher) {
    let mut telling = JoinSet::new();
    {
        let snapshot = publisher.snapshot();
        let names: Vec<SecondaryName> =
            snapshot.secondaries().iter().map(|known| known.secondary.name.clone()).collect();
        publisher.secondaries().keep(&names);
        for known in snapshot.secondaries() {
            for zone in snapshot.seen_by(known.secondary.side).zones() {
                let Ok(apex) = WireName::read(zone.apex()) else { continue };
                let notice = Notice { known: known.clone(), apex, serial: zone.serial() };
                let publisher = publisher.clone();
                telling.spawn(async move { notice.tell(&publisher).await });
            }
        }
    }
    telling.join_all().await;
}

/// One zone, for one secondary.
struct Notice {
    known: Known,
    apex: WireName,
    serial: Serial,
}

#[derive(Debug, thiserror::Error)]
enum NotifyError {
    #[error("it can not be sent: {0}")]
    Io(#[from] io::Error),
    #[error("no answer came")]
    Silence,
    #[error("it was answered with the code {0}")]
    Refused(u8),
    #[error("the answer was not signed with the key")]
    Unsigned,
    #[error("the system gave no random numbers")]
    NoRandomness,
}

impl Notice {
    async fn tell(&self, publisher: &Publisher) {
        let (name, zone) = (&self.known.secondary.name, self.apex.text());
        for pause in PAUSES {
            let pause = Duration::from_secs(pause);
            let started = tokio::time::Instant::now();
            let result = timeout(pause, self.attempt()).await.unwrap_or(Err(NotifyError::Silence));
            let problem = result.as_ref().err().map(ToString::to_string);
            publisher.secondaries().notified((name, &zone), self.serial, clock::now(), problem);
            let Err(error) = result else { return };
            tracing::debug!(secondary = %name, zone, %error, "A secondary could not be told.");
            tokio::time::sleep_until(started + pause).await;
        }
        tracing::warn!(secondary = %name, zone, "A secondary does not take notice of a change.");
    }

    async fn attempt(&self) -> Result<(), NotifyError> {
        let address = self.known.secondary.address;
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(address).await?;
        let mut chain = self.known.key.clone().map(Chain::asking);
        let message = self.message(chain.as_mut())?;
        socket.send(&message).await?;
        let mut response = [0; 4096];
        loop {
            let length = socket.recv(&mut response).await?;
            let response = &response[..length];
            let Some(header) = Header::read(response) else { continue };
            if header.id == [message[0], message[1]] && header.response && header.opcode == 4 {
                return self.check(response, &header, chain.as_ref());
            }
        }
    }

    fn message(&self, chain: Option<&mut Chain>) -> Result<Vec<u8>, NotifyError> {
        let mut id = [0; 2];
        SystemRandom::new().fill(&mut id).map_err(|_| NotifyError::NoRandomness)?;
        let mut message = Vec::from([id[0], id[1], FLAGS[0], FLAGS[1], 0, 1, 0, 0, 0, 0, 0, 0]);
        message.extend_from_slice(self.apex.as_bytes());
        message.extend(TYPE_SOA.to_be_bytes());
        message.extend([0, 1]);
        if let Some(chain) = chain {
            chain.sign(&mut message, clock::now());
        }
        Ok(message)
    }

    fn check(&self, response: &[u8], header: &Header, chain: Option<&Chain>) -> Result<(), NotifyError> {
        let rcode = response[3] & 0x0f;
        if rcode != 0 {
            return Err(NotifyError::Refused(rcode));
        }
        let (Some(chain), Some(key)) = (chain, &self.known.key) else { return Ok(()) };
        let tsig = Tsig::find(response, header).ok().flatten().ok_or(NotifyError::Unsigned)?;
        if !key.is_named(&tsig) {
            return Err(NotifyError::Unsigned);
        }
        tsig.verify(response, key, Some(chain.last()), clock::now()).map_err(|_| NotifyError::Unsigned)
    }
}
