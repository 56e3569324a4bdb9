//! The snapshot that is served, and how the next one takes its place.

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use fulmar_store::{Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{InvalidZone, Secondaries, Snapshot};

/// How long after a failure of the store it is asked again.
const RETRY: Duration = Duration::from_secs(2);

/// Holds the snapshot that is served. Clones share it.
#[derive(Clone)]
pub struct Publisher {
    snapshot: Arc<ArcSwap<Snapshot>>,
    published: watch::Sender<u64>,
    secondaries: Arc<Secondaries>,
}

impl Default for Publisher {
    fn default() -> Self {
        Self { snapshot: Arc::default(), published: watch::Sender::new(0), secondaries: Arc::default() }
    }
}

impl Publisher {
    /// Serves this from now on; queries that have begun see the one before.
    pub fn publish(&self, snapshot: Snapshot, generation: u64) {
        self.snapshot.store(Arc::new(snapshot));
        self.published.send_replace(generation);
    }

    /// The snapshot that is served now.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// What happened with the secondaries.
    pub fn secondaries(&self) -> &Arc<Secondaries> {
        &self.secondaries
    }

    /// The generation of the office that is served; 0 before the first.
    pub fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }
}

/// Publishes the zones of the office now and whenever it changes, until `shutdown`. While the store fails, what
/// was published last is served.
pub async fn run(store: Store, publisher: Publisher, shutdown: CancellationToken) {
    let follow = follow(store.zone_generation(), || publish(&store, &publisher));
    shutdown.run_until_cancelled(follow).await;
}

async fn follow<F>(mut generation: watch::Receiver<u64>, publish: impl Fn() -> F)
where
    F: Future<Output = Result<(), PublishError>>,
{
    loop {
        generation.mark_unchanged();
        match publish().await {
            Ok(()) => {
                if generation.changed().await.is_err() {
                    return;
                }
            }
            Err(error) => {
                log(&error);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("can not read the office")]
    Store(#[from] StoreError),
    #[error("can not make the zones of the office")]
    Zone(#[from] InvalidZone),
}

async fn publish(store: &Store, publisher: &Publisher) -> Result<(), PublishError> {
    let Some((office, generation)) = store.office().await? else { return Ok(()) };
    let proofs = store.dns_proofs().await?;
    let custom = store.custom_zones().await?;
    let snapshot = Snapshot::of_office(&office, generation, &proofs, &custom)?;
    publisher.publish(snapshot.with_secondaries(store.secondaries().await?), generation.0);
    tracing::info!(generation = generation.0, zones = office.domains().len(), "The zones were published.");
    Ok(())
}

fn log(error: &PublishError) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "The zones could not be published; the last ones are served on.");
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_of_the_store_leaves_the_last_snapshot_and_is_tried_again() {
        let (publisher, generation) = (Publisher::default(), watch::Sender::new(1));
        let attempts = Cell::new(0);
        let attempt = || {
            attempts.set(attempts.get() + 1);
            let fails = (2..4).contains(&attempts.get());
            let result = if fails {
                Err(StoreError::Stopped { operation: "read the office" }.into())
            } else {
                publisher.publish(Snapshot::default(), *generation.borrow());
                Ok(())
            };
            std::future::ready(result)
        };
        let mut published = publisher.published();
        let check = async {
            published.wait_for(|generation| *generation == 1).await.unwrap();
            let first = publisher.snapshot().clone();
            generation.send_replace(2);
            tokio::time::sleep(RETRY / 2).await;
            assert!(Arc::ptr_eq(&publisher.snapshot(), &first));
            published.wait_for(|generation| *generation == 2).await.unwrap();
        };
        tokio::select! {
            () = follow(generation.subscribe(), attempt) => panic!("the publisher ended"),
            () = check => {}
        }
        assert_eq!(attempts.get(), 4);
    }
}
