//! The snapshot that is served, and how the next one takes its place.

use std::{sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use fulmar_domain::{
    Timestamp,
    dnssec::{Signatures, Standing},
};
use fulmar_store::{Store, StoreError};
use tokio::{sync::watch, task::JoinError};
use tokio_util::sync::CancellationToken;

use crate::{InvalidZone, Secondaries, SigningError, Snapshot, clock};

/// How long after a failure of the store it is asked again.
const RETRY: Duration = Duration::from_secs(2);
/// How often the clock is looked at where zones are signed.
const LOOK: Duration = Duration::from_secs(60);

/// Holds the snapshot that is served. Clones share it.
#[derive(Clone)]
pub struct Publisher {
    snapshot: Arc<ArcSwap<Snapshot>>,
    published: watch::Sender<u64>,
    /// Whether anything was published yet.
    begun: watch::Sender<bool>,
    secondaries: Arc<Secondaries>,
}

impl Default for Publisher {
    fn default() -> Self {
        Self {
            snapshot: Arc::default(),
            published: watch::Sender::new(0),
            begun: watch::Sender::new(false),
            secondaries: Arc::default(),
        }
    }
}

impl Publisher {
    /// Serves this from now on; queries that have begun see the one before.
    pub fn publish(&self, snapshot: Snapshot, generation: u64) {
        let snapshot = snapshot.going_on_from(&self.snapshot());
        self.snapshot.store(Arc::new(snapshot));
        self.published.send_replace(generation);
        self.begun.send_replace(true);
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

    /// Waits for the first publication. Until then nothing is known of any zone, and whoever were told so would
    /// remember it.
    pub(crate) async fn begun(&self) {
        // The sender lives as long as `self`.
        let _ = self.begun.subscribe().wait_for(|begun| *begun).await;
    }
}

/// Publishes the zones of the office now, whenever it changes and when signatures are due, until `shutdown`; before
/// the office is set up there are none. While the store fails, what was published last is served.
pub async fn run(store: Store, publisher: Publisher, shutdown: CancellationToken) {
    let follow = follow(store.zone_generation(), || publish(&store, &publisher));
    shutdown.run_until_cancelled(follow).await;
}

async fn follow<F>(mut generation: watch::Receiver<u64>, publish: impl Fn() -> F)
where
    F: Future<Output = Result<Published, PublishError>>,
{
    loop {
        generation.mark_unchanged();
        match publish().await {
            Ok(published) => tokio::select! {
                changed = generation.changed() => if changed.is_err() { return },
                () = published.outdated() => {}
            },
            Err(error) => {
                log(&error);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("can not read the office, or keep the keys of its zones")]
    Store(#[from] StoreError),
    #[error("can not make the zones of the office")]
    Zone(#[from] InvalidZone),
    #[error("can not sign the zones of the office")]
    Sign(#[from] SigningError),
    #[error("signing the zones of the office ended with a panic")]
    Panic(#[from] JoinError),
}

/// What is served depends on the clock where it is signed, or is to be.
struct Published(Option<(Signatures, Standing)>);

impl Published {
    /// Ends when the clock says otherwise. It may be set at any time.
    async fn outdated(&self) {
        let Some((signatures, standing)) = self.0 else { return std::future::pending().await };
        while signatures.standing(now()) == standing {
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn publish(store: &Store, publisher: &Publisher) -> Result<Published, PublishError> {
    let Some((office, generation)) = store.office().await? else {
        publisher.publish(Snapshot::default(), 0);
        return Ok(Published(None));
    };
    let proofs = store.dns_proofs().await?;
    let custom = store.custom_zones().await?;
    let mut snapshot = Snapshot::of_office(&office, generation, &proofs, &custom)?;
    let signatures = store.signatures().await?.map(|signatures| (signatures, signatures.standing(now())));
    match signatures {
        Some((_, Standing::Due)) => {
            // It raises the generation, with which this is called again.
            store.renew_signatures(Signatures { made_at: now() }).await?;
            return Ok(Published(None));
        }
        Some((_, Standing::WrongClock)) => {
            tracing::warn!("The clock is far behind: no zone is signed before it is right.");
        }
        Some((signatures, Standing::Good)) => snapshot = sign(store, snapshot, signatures).await?,
        None => {}
    }
    let signed = snapshot.signed_zones().len();
    publisher.publish(snapshot.with_secondaries(store.secondaries().await?), generation.0);
    tracing::info!(
        generation = generation.0,
        zones = office.domains().len(),
        signed,
        "The zones were published."
    );
    Ok(Published(signatures))
}

/// Signs all zones. The key of a new one is on the disk before anybody sees it.
async fn sign(store: &Store, snapshot: Snapshot, signatures: Signatures) -> Result<Snapshot, PublishError> {
    let mut keys = store.zone_keys().await?;
    let new = snapshot.new_keys(&keys).map_err(SigningError::from)?;
    if !new.is_empty() {
        store.keep_zone_keys(new).await?;
        keys = store.zone_keys().await?;
    }
    Ok(tokio::task::spawn_blocking(move || snapshot.signed(&keys, signatures)).await??)
}

fn now() -> Timestamp {
    Timestamp::from_millis(i64::try_from(clock::now()).unwrap_or(i64::MAX).saturating_mul(1000))
}

fn log(error: &PublishError) {
    let error = error as &dyn std::error::Error;
    tracing::error!(error, "The zones could not be published; the last ones, if any, are served on.");
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
                Ok(Published(None))
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
