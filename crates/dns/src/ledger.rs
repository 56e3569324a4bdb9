//! What happened last with each secondary, for administrators. It is kept in memory: after a start every
//! secondary is told anew.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use fulmar_domain::{
    Timestamp,
    secondary::{Happened, Refusal, SecondaryName, SecondaryReport, SecondaryState},
    zone::Serial,
};
use tokio::sync::watch;

use crate::tsig::Seconds;

/// By secondary and zone.
type States = BTreeMap<(SecondaryName, String), SecondaryState>;

/// The states of all secondaries.
#[derive(Debug)]
pub struct Secondaries {
    states: Mutex<States>,
    refusals: Mutex<BTreeMap<SecondaryName, Refusal>>,
    again: watch::Sender<u64>,
}

impl Default for Secondaries {
    fn default() -> Self {
        let (states, refusals) = (Mutex::default(), Mutex::default());
        Self { states, refusals, again: watch::Sender::new(0) }
    }
}

impl Secondaries {
    /// What is known of one of them.
    pub fn report(&self, name: &SecondaryName) -> SecondaryReport {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let own = states.iter().filter(|((of, _), _)| of == name);
        let zones = own.map(|((_, zone), state)| (zone.clone(), state.clone())).collect();
        let refused = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        SecondaryReport { zones, refused }
    }

    /// Tells every secondary its serials again.
    pub fn notify(&self) {
        self.again.send_modify(|n| *n += 1);
    }

    pub(crate) fn asked_again(&self) -> watch::Receiver<u64> {
        self.again.subscribe()
    }

    pub(crate) fn refused(&self, name: &SecondaryName, at: Seconds, problem: &'static str) {
        let refusal = Refusal { at: timestamp(at), problem };
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), refusal);
    }

    pub(crate) fn notified(
        &self,
        of: (&SecondaryName, &str),
        serial: Serial,
        at: Seconds,
        problem: Option<String>,
    ) {
        let happened = Happened { at: timestamp(at), serial, problem };
        self.change(of, |state| state.notified = Some(happened));
    }

    pub(crate) fn transferred(
        &self,
        of: (&SecondaryName, &str),
        serial: Serial,
        at: Seconds,
        problem: Option<String>,
    ) {
        let happened = Happened { at: timestamp(at), serial, problem };
        self.change(of, |state| state.transferred = Some(happened));
    }

    /// Forgets those that are not among `names` any more.
    pub(crate) fn keep(&self, names: &[SecondaryName]) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.retain(|(name, _), _| names.contains(name));
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.retain(|name, _| names.contains(name));
    }

    fn change(&self, (name, zone): (&SecondaryName, &str), change: impl FnOnce(&mut SecondaryState)) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        change(states.entry((name.clone(), zone.to_owned())).or_default());
    }
}

fn timestamp(seconds: Seconds) -> Timestamp {
    Timestamp::from_millis(i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX))
}
