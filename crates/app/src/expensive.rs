//! What costs much is done for few at a time: checking a password, beginning a session, ending one. The original had
//! the same limit ("at most 12 concurrent sign-ins, authentications, renewals and terminations", capacity planning for
//! mobility in Lync Server 2010).

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How many at a time.
const AT_A_TIME: usize = 12;
/// How long others wait for their turn before they are told to come again.
const PATIENCE: Duration = Duration::from_secs(3);

/// Too many others sign in or out; nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the box is busy with others who sign in: try again")]
pub struct Busy;

impl Busy {
    /// When to try again.
    pub const RETRY_AFTER: Duration = Duration::from_secs(5);
}

/// Clones share the turns.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }

    /// A turn, which ends when it is dropped. Who comes first is first.
    pub(crate) async fn begin(&self) -> Result<OwnedSemaphorePermit, Busy> {
        let turn = timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        turn.map_err(|_| Busy)?.map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_thirteenth_waits_a_little_and_is_told_to_come_again() {
        let turns = Turns::new();
        let mut taken = Vec::new();
        for _ in 0..12 {
            taken.push(turns.begin().await.unwrap());
        }
        let begun = Instant::now();
        assert_eq!(turns.begin().await.map(drop), Err(Busy));
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 2);
        let (turn, ()) = tokio::join!(turns.begin(), async { drop(taken.pop()) });
        assert!(turn.is_ok(), "a turn that ends is another's");
    }
}
