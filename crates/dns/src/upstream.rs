//! The resolvers of the office, and what they said.
//!
//! They are asked in their order; whoever was silent is asked last for a while. Answers are kept in memory as long
//! as they say, and several who want the same wait for one. None of it survives a change of the resolvers.

mod answer;
mod exchange;

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::{Expiry, future::Cache};
use tokio::{sync::Semaphore, time::Instant};

use crate::answer::CLASS_IN;

use exchange::Failure;

pub(crate) use answer::Answer;

/// How long a client is made to wait: many give up after five seconds.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long whoever was silent is asked last.
const SILENCE: Duration = Duration::from_secs(30);
/// The most queries that wait for resolvers; further ones fail at once.
const MAX_WAITING: usize = 500;
/// Bytes of answers that are kept.
const CAPACITY: u64 = 8 << 20;

/// What is asked of a resolver. Whoever wants the same is answered the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// In lower case.
    pub(crate) name: Box<[u8]>,
    pub(crate) record_type: u16,
    pub(crate) dnssec_ok: bool,
    pub(crate) checking_disabled: bool,
}

impl Wanted {
    /// As it stands in a message.
    fn question(&self) -> impl Iterator<Item = u8> {
        let [record_type, class] = [self.record_type, CLASS_IN].map(u16::to_be_bytes);
        self.name.iter().copied().chain(record_type).chain(class)
    }
}

/// The resolvers and their answers.
pub(crate) struct Upstream {
    resolvers: Vec<Resolver>,
    start: Instant,
    cache: Cache<Wanted, Arc<Answer>>,
    places: Semaphore,
}

struct Resolver {
    address: SocketAddr,
    /// In milliseconds since the start; 0 for who answers.
    last_until: AtomicU64,
}

impl fmt::Debug for Upstream {
    /// Nothing of what was asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.addresses()).finish()
    }
}

impl Upstream {
    /// `None` without resolvers.
    pub(crate) fn new(resolvers: &[SocketAddr]) -> Option<Self> {
        let resolver = |address: &SocketAddr| Resolver { address: *address, last_until: AtomicU64::new(0) };
        let weight = |wanted: &Wanted, answer: &Arc<Answer>| {
            u32::try_from(size_of::<Wanted>() + wanted.name.len() + answer.size()).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(CAPACITY).weigher(weight).expire_after(Life).build();
        (!resolvers.is_empty()).then(|| Self {
            resolvers: resolvers.iter().map(resolver).collect(),
            start: Instant::now(),
            cache,
            places: Semaphore::new(MAX_WAITING),
        })
    }

    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.resolvers.iter().map(|resolver| resolver.address)
    }

    pub(crate) fn asks_the_same_as(&self, other: &Self) -> bool {
        self.addresses().eq(other.addresses())
    }

    /// What was answered before and still holds.
    pub(crate) async fn known(&self, wanted: &Wanted) -> Option<Arc<Answer>> {
        self.cache.get(wanted).await
    }

    /// What is known, or what a resolver answers, or that nobody does.
    pub(crate) async fn ask(&self, wanted: &Wanted) -> Arc<Answer> {
        let Ok(_place) = self.places.try_acquire() else { return Arc::new(Answer::failure(None)) };
        let answer = async { Arc::new(self.ask_resolvers(wanted).await) };
        self.cache.entry_by_ref(wanted).or_insert_with(answer).await.into_value()
    }

    async fn ask_resolvers(&self, wanted: &Wanted) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        let mut turns = self.turns();
        let mut extended_error = None;
        while !turns.is_empty() && Instant::now() < deadline {
            let (resolver, asked) = (turns.remove(0), Instant::now());
            match exchange::ask(resolver.address, wanted, deadline).await {
                Ok(answer) => {
                    resolver.last_until.store(0, Ordering::Relaxed);
                    return answer;
                }
                Err(failure) => {
                    extended_error = failure.extended_error();
                    if matches!(failure, Failure::Silence) {
                        // One datagram may be lost.
                        turns.push(resolver);
                        if asked.elapsed() >= exchange::ATTEMPT {
                            self.put_last(resolver);
                        }
                    }
                    tracing::debug!(resolver = %resolver.address, error = %failure, "A resolver gave no answer.");
                }
            }
        }
        Answer::failure(extended_error)
    }

    /// The resolvers in the order in which they are asked now.
    fn turns(&self) -> Vec<&Resolver> {
        let now = self.milliseconds();
        let mut turns: Vec<&Resolver> = self.resolvers.iter().collect();
        turns.sort_by_key(|resolver| resolver.last_until.load(Ordering::Relaxed) > now);
        turns
    }

    fn put_last(&self, resolver: &Resolver) {
        let now = self.milliseconds();
        let until = now + SILENCE.as_millis() as u64;
        if resolver.last_until.swap(until, Ordering::Relaxed) < now {
            tracing::warn!(resolver = %resolver.address, "A resolver is silent.");
        }
    }

    fn milliseconds(&self) -> u64 {
        // One more, so that no time is 0.
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX / 2) + 1
    }
}

/// Every answer says how long it may be kept.
struct Life;

impl Expiry<Wanted, Arc<Answer>> for Life {
    fn expire_after_create(
        &self,
        _: &Wanted,
        answer: &Arc<Answer>,
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(answer.life())
    }

    /// In the place of one that is over.
    fn expire_after_update(
        &self,
        _: &Wanted,
        answer: &Arc<Answer>,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.life())
    }
}
