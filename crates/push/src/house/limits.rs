//! How much of its quota each box has left, and how many tickets may be tried.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fulmar_domain::{
    Timestamp,
    push::{Allowance, BoxName, Bucket, Quota},
};
use fulmar_store::{Store, StoreError};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many tickets may be tried a minute, by everybody together: people type them.
const TICKETS: NonZeroU32 = NonZeroU32::new(30).unwrap();

pub(super) struct Limits {
    boxes: Mutex<HashMap<BoxName, Allowance>>,
    tickets: Mutex<Bucket>,
}

impl Limits {
    pub(super) fn new(now: Timestamp) -> Self {
        let tickets = Bucket::new(TICKETS, Duration::from_secs(60), 0, now);
        Self { boxes: Mutex::default(), tickets: Mutex::new(tickets) }
    }

    /// One more ticket, or how long until it may be tried.
    pub(super) fn take_ticket(&self, now: Timestamp) -> Result<(), Duration> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner).take(now)
    }

    /// One more notification of a box, or how long until it may hand one over. After a start, and with another quota,
    /// what it has handed over is counted in the ledger.
    pub(super) async fn take(
        &self,
        store: &Store,
        name: &BoxName,
        quota: Quota,
        now: Timestamp,
    ) -> Result<Result<(), Duration>, StoreError> {
        if let Some(taken) = self.take_counted(name, quota, now) {
            return Ok(taken);
        }
        let sent = store.handed_over_since(name.clone(), now - DAY).await?;
        // Somebody may have counted meanwhile, and taken.
        if let Some(taken) = self.take_counted(name, quota, now) {
            return Ok(taken);
        }
        let mut allowance = Allowance::new(quota, sent, now);
        let taken = allowance.take(now);
        self.boxes().insert(name.clone(), allowance);
        Ok(taken)
    }

    fn take_counted(&self, name: &BoxName, quota: Quota, now: Timestamp) -> Option<Result<(), Duration>> {
        let mut boxes = self.boxes();
        let allowance = boxes.get_mut(name).filter(|allowance| allowance.quota() == quota)?;
        Some(allowance.take(now))
    }

    fn boxes(&self) -> MutexGuard<'_, HashMap<BoxName, Allowance>> {
        self.boxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
