//! Takes due notifications from the outbox to their services.
//!
//! The worker keeps nothing of its own. A notification is claimed for longer than one attempt can take; what
//! the attempt came to is written down with what follows from it. After a crash the next worker offers it once
//! more: its collapse id makes both one alert on the phone. Claiming waits for no answer, only for one of
//! [`MAX_IN_FLIGHT`] places.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fulmar_domain::{
    Timestamp,
    push::{self, Next, Notification, Outcome},
};
use fulmar_store::{Store, StoreError};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time,
};
use tokio_util::sync::CancellationToken;

use crate::providers::Providers;

/// Attempts that run at the same time.
const MAX_IN_FLIGHT: usize = 256;
/// For how long a notification is claimed: an attempt takes half a minute at most, its outcome is written at once.
const LEASE: Duration = Duration::from_secs(60);
/// How long a stop waits for answers that are still to come.
const GRACE: Duration = Duration::from_secs(3);
/// The longest sleep: a clock that was set matters no longer than this.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// How long the worker rests when the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Serves the outbox until `shutdown`, then takes no more notifications and gives those in flight three seconds.
///
/// A store that fails is asked again after a pause. Returns early only when the store is closed.
pub async fn run(store: Store, shutdown: CancellationToken) {
    let mut worker = Worker {
        outbox: store.outbox(),
        settings: store.push_settings_generation(),
        in_flight: JoinSet::new(),
        providers: None,
        store,
    };
    shutdown.run_until_cancelled(worker.serve()).await;
    worker.drain().await;
}

struct Worker {
    store: Store,
    outbox: watch::Receiver<u64>,
    settings: watch::Receiver<u64>,
    in_flight: JoinSet<()>,
    /// Read before the first notification is claimed, and again when somebody changed the settings.
    providers: Option<Arc<Providers>>,
}

/// The store was closed.
struct Closed;

impl Worker {
    async fn serve(&mut self) {
        // A worker before this one, which may have died, can not finish what it claimed.
        if let Err(error) = self.store.release_claims(now()).await {
            let error = &error as &dyn Error;
            tracing::warn!(error, "Claimed pushes could not be released; they wait for their leases.");
        }
        loop {
            let sleep = match self.claim().await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(error = &error as &dyn Error, "The push outbox can not be read.");
                    STORE_PAUSE
                }
            };
            if let Err(Closed) = self.wait(sleep).await {
                return;
            }
        }
    }

    /// Starts an attempt for every due notification that has a place; tells when the next may be due.
    async fn claim(&mut self) -> Result<Duration, StoreError> {
        // Both numbers are read before what they stand for, so that no change falls in between.
        self.outbox.mark_unchanged();
        let generation = *self.settings.borrow_and_update();
        let providers = match &self.providers {
            Some(providers) if providers.generation == generation => Arc::clone(providers),
            _ => Arc::new(Providers::load(&self.store, generation).await?),
        };
        self.providers = Some(Arc::clone(&providers));
        while self.has_place() {
            let free = u32::try_from(MAX_IN_FLIGHT - self.in_flight.len()).unwrap_or(u32::MAX);
            let due = self.store.claim_notifications(now(), LEASE, free).await?;
            if due.is_empty() {
                let next = self.store.next_notification_due(now()).await?;
                return Ok(next.map_or(MAX_SLEEP, |at| at.since(now()).min(MAX_SLEEP)));
            }
            for notification in due {
                self.in_flight.spawn(attempt(self.store.clone(), Arc::clone(&providers), notification));
            }
        }
        Ok(MAX_SLEEP)
    }

    fn has_place(&self) -> bool {
        self.in_flight.len() < MAX_IN_FLIGHT
    }

    /// Waits for time to pass, for new rows or settings, or for an attempt to end.
    async fn wait(&mut self, sleep: Duration) -> Result<(), Closed> {
        tokio::select! {
            changed = self.outbox.changed() => changed.map_err(|_| Closed)?,
            changed = self.settings.changed() => changed.map_err(|_| Closed)?,
            Some(ended) = self.in_flight.join_next() => {
                note_end(ended);
                while let Some(ended) = self.in_flight.try_join_next() {
                    note_end(ended);
                }
            }
            () = time::sleep(sleep) => {}
        }
        Ok(())
    }

    async fn drain(mut self) {
        let rest = async {
            while let Some(ended) = self.in_flight.join_next().await {
                note_end(ended);
            }
        };
        if time::timeout(GRACE, rest).await.is_err() {
            tracing::warn!("Pushes were still without an answer when the box stopped; they are sent again.");
        }
    }
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended.map_err(|error| error.to_string()) {
        tracing::error!(error, "An attempt to push ended unexpectedly; it is made again.");
    }
}

async fn attempt(store: Store, providers: Arc<Providers>, notification: Notification) {
    let begun = now();
    let outcome = match providers.send(&notification, begun).await {
        // A registration that was made while it was under way is another.
        Outcome::Gone { reason, since } => Outcome::Gone { reason, since: Some(since.unwrap_or(begun)) },
        outcome => outcome,
    };
    note_outcome(&notification, &outcome);
    let attempts = notification.attempts + 1;
    let next = match &outcome {
        // Somebody mended the settings meanwhile.
        Outcome::OursToFix { .. } if *store.push_settings_generation().borrow() != providers.generation => {
            Next::DueAt(now())
        }
        outcome => push::next(outcome, attempts, notification.expires_at, now(), jitter()),
    };
    if let Err(error) = store.record_push_outcome(notification.id, &outcome, next, now()).await {
        let error = &error as &dyn Error;
        tracing::error!(
            notification = notification.id.0,
            error,
            "The outcome of a push could not be recorded."
        );
    }
}

fn note_outcome(notification: &Notification, outcome: &Outcome) {
    let (name, reason) = match outcome {
        Outcome::Accepted => ("accepted", ""),
        Outcome::Gone { reason, .. } => ("gone", reason.as_str()),
        Outcome::OursToFix { reason } => ("ours_to_fix", reason.as_str()),
        Outcome::Retry { reason, .. } => ("retry", reason.as_str()),
    };
    let provider = notification.registration.provider().as_str();
    metrics::counter!("fulmar_push_requests_total", "provider" => provider, "outcome" => name).increment(1);
    let id = notification.id.0;
    match outcome {
        Outcome::Accepted | Outcome::Gone { .. } => {
            tracing::info!(notification = id, provider, outcome = name, reason, "A push was answered.");
        }
        Outcome::OursToFix { .. } | Outcome::Retry { .. } => {
            tracing::warn!(
                notification = id,
                provider,
                outcome = name,
                reason,
                "A push did not get through."
            );
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A number in 0..=1, so that those who failed together do not come back together.
fn jitter() -> f64 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}
