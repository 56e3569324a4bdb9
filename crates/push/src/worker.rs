//! Takes due notifications from the outbox to their services.
//!
//! What became of attempts and what is to be tried next goes to the store in one turn. While that is written to the disk
//! other attempts end, so the more there is to do the more goes into one write. After a crash the next worker offers
//! once more what was under way: its collapse id makes both one alert on the phone.

use std::{
    collections::HashMap,
    error::Error,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use fulmar_domain::{
    Timestamp,
    push::{self, Next, Notification, Outcome},
};
use fulmar_store::{Attempted, Room, Store, StoreError};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    sync::watch,
    task::{self, JoinError, JoinSet},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Clients,
    lanes::{Lanes, Place, Turn},
    left_alone::ServicesLeftAlone,
    providers::Providers,
};

/// How long a stop waits for answers that are still to come.
const GRACE: Duration = Duration::from_secs(3);
/// The longest sleep: a clock that was set matters no longer than this.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// How long it is waited for others to end, once one has.
const GATHERING: Duration = Duration::from_millis(2);
/// How long the worker rests when the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// Serves the outbox until `shutdown`, then takes no more notifications and gives those in flight three seconds.
///
/// `left_alone` says at any time which services are. A store that fails is asked again after a pause. Returns early only
/// when the store is closed.
pub async fn run(clients: Clients, left_alone: ServicesLeftAlone, shutdown: CancellationToken) {
    let store = clients.store().clone();
    let mut worker = Worker {
        outbox: store.outbox(),
        settings: store.push_settings_generation(),
        under_way: JoinSet::new(),
        what: HashMap::new(),
        ended: Vec::new(),
        lanes: Lanes::default(),
        left_alone,
        generation: None,
        clients,
        store,
    };
    shutdown.run_until_cancelled(worker.serve()).await;
    worker.drain().await;
}

struct Worker {
    store: Store,
    outbox: watch::Receiver<u64>,
    settings: watch::Receiver<u64>,
    under_way: JoinSet<Outcome>,
    /// What each attempt is about.
    what: HashMap<task::Id, Attempt>,
    /// Attempts whose outcome is not in the store yet.
    ended: Vec<Attempted>,
    lanes: Lanes,
    left_alone: ServicesLeftAlone,
    clients: Clients,
    /// Of the settings that the lanes are for.
    generation: Option<u64>,
}

struct Attempt {
    notification: Arc<Notification>,
    service: String,
    /// The generation of the settings with which it was made.
    generation: u64,
    _place: Place,
}

/// The store was closed.
struct Closed;

impl Worker {
    async fn serve(&mut self) {
        // A worker before this one, which may have died, can not finish what it claimed.
        while let Err(error) = self.store.release_claims(now()).await {
            note_failure(&error);
            time::sleep(STORE_PAUSE).await;
        }
        loop {
            let sleep = match self.turn().await {
                Ok(sleep) => sleep,
                Err(error) => {
                    note_failure(&error);
                    STORE_PAUSE
                }
            };
            if let Err(Closed) = self.wait(sleep).await {
                return;
            }
        }
    }

    /// Records what has ended and starts an attempt for every due notification that has a place; tells when the next may
    /// be due.
    async fn turn(&mut self) -> Result<Duration, StoreError> {
        // Both numbers are read before what they stand for, so that no change falls in between.
        self.outbox.mark_unchanged();
        self.settings.mark_unchanged();
        let providers = self.clients.current().await?;
        if self.generation.replace(providers.generation) != Some(providers.generation) {
            self.lanes = Lanes::default();
            self.left_alone.clear();
        }
        for service in self.lanes.forget(Instant::now()) {
            self.left_alone.remove(&service);
        }
        let room = self.lanes.room(Instant::now());
        let claimed = self.store.outbox_turn(self.ended.clone(), room, now()).await?;
        self.ended.clear();
        for notification in claimed.notifications {
            self.begin(notification, &providers);
        }
        let next_due = claimed.next_due.map(|at| at.since(now()));
        let asked = Instant::now();
        let next_question = self.lanes.next_question(asked).map(|at| at.duration_since(asked));
        Ok([next_due, next_question].into_iter().flatten().fold(MAX_SLEEP, Duration::min))
    }

    fn begin(&mut self, notification: Notification, providers: &Arc<Providers>) {
        let service = notification.registration.service();
        let notification = Arc::new(notification);
        let task = self.under_way.spawn(offer(Arc::clone(providers), Arc::clone(&notification)));
        let place = self.lanes.enter(&service);
        let attempt = Attempt { notification, service, generation: providers.generation, _place: place };
        self.what.insert(task.id(), attempt);
    }

    /// Waits for time to pass, for new rows or settings, or for an attempt to end.
    async fn wait(&mut self, sleep: Duration) -> Result<(), Closed> {
        tokio::select! {
            changed = self.outbox.changed() => changed.map_err(|_| Closed)?,
            changed = self.settings.changed() => changed.map_err(|_| Closed)?,
            Some(ended) = self.under_way.join_next_with_id() => {
                self.end(ended);
                self.gather().await;
            }
            () = time::sleep(sleep) => {}
        }
        while let Some(ended) = self.under_way.try_join_next_with_id() {
            self.end(ended);
        }
        Ok(())
    }

    /// Waits until half of what is under way has ended, but not for long: each turn is written to the disk, and while
    /// that is done the others shall be on their way.
    async fn gather(&mut self) {
        let gathering = async {
            while self.ended.len() < self.under_way.len() {
                let Some(ended) = self.under_way.join_next_with_id().await else { return };
                self.end(ended);
            }
        };
        // What was taken out of the set is in `ended` when this is cut short.
        let _ = time::timeout(GATHERING, gathering).await;
    }

    fn end(&mut self, ended: Result<(task::Id, Outcome), JoinError>) {
        let (id, outcome) = ended.unwrap_or_else(|error| {
            let reason = String::from("the attempt ended unexpectedly");
            (error.id(), Outcome::Retry { reason, after: None })
        });
        let Some(Attempt { notification, service, generation, _place }) = self.what.remove(&id) else {
            return;
        };
        note_outcome(&notification, &outcome);
        let next = match &outcome {
            // Somebody mended the settings meanwhile.
            Outcome::OursToFix { .. } if *self.settings.borrow() != generation => Next::DueAt(now()),
            outcome => {
                if let Some(turn) = self.lanes.ended(&service, outcome, Instant::now(), jitter()) {
                    self.note_turn(&service, turn, outcome);
                }
                push::next(outcome, notification.attempts + 1, notification.expires_at, now(), jitter())
            }
        };
        self.ended.push(Attempted { id: notification.id, outcome, next });
    }

    fn note_turn(&self, service: &str, turn: Turn, outcome: &Outcome) {
        match turn {
            Turn::LeftAlone(pause) => {
                let (reason, seconds) = (outcome.reason().unwrap_or_default(), pause.as_secs());
                tracing::warn!(service, reason, seconds, "A push service is left alone for a while.");
                self.left_alone.add(service, reason, now());
            }
            Turn::Back => {
                tracing::info!(service, "A push service answers again.");
                self.left_alone.remove(service);
            }
        }
    }

    async fn drain(mut self) {
        let rest = async {
            while let Some(ended) = self.under_way.join_next_with_id().await {
                self.end(ended);
            }
        };
        if time::timeout(GRACE, rest).await.is_err() {
            tracing::warn!("Pushes were still without an answer when the box stopped; they are sent again.");
        }
        if let Err(error) = self.store.outbox_turn(self.ended, Room::default(), now()).await {
            let error = &error as &dyn Error;
            tracing::error!(
                error,
                "What became of the last pushes could not be recorded; they are sent again."
            );
        }
    }
}

fn note_failure(error: &StoreError) {
    tracing::error!(error = error as &dyn Error, "The push outbox can not be read.");
}

async fn offer(providers: Arc<Providers>, notification: Arc<Notification>) -> Outcome {
    let begun = now();
    match providers.send(&notification, begun).await {
        // A registration that was made while it was under way is another.
        Outcome::Gone { reason, since } => Outcome::Gone { reason, since: Some(since.unwrap_or(begun)) },
        outcome => outcome,
    }
}

fn note_outcome(notification: &Notification, outcome: &Outcome) {
    let name = outcome.as_str();
    let provider = notification.registration.provider().as_str();
    metrics::counter!("fulmar_push_requests_total", "provider" => provider, "outcome" => name).increment(1);
    let (id, reason) = (notification.id.0, outcome.reason().unwrap_or_default());
    match outcome {
        Outcome::Accepted => tracing::debug!(notification = id, provider, "A push was accepted."),
        Outcome::Gone { .. } => {
            tracing::info!(
                notification = id,
                provider,
                reason,
                "A push was refused: nobody is there any more."
            );
        }
        Outcome::OursToFix { .. } | Outcome::Retry { .. } | Outcome::Unavailable { .. } => {
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

pub(crate) fn now() -> Timestamp {
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
