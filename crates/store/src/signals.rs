//! The numbers that are raised after a commit, for those who wait for it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// What a transaction has touched that somebody may wait for.
#[derive(Default)]
pub(crate) struct Touched {
    pub(crate) office: bool,
    pub(crate) outbox: bool,
    pub(crate) push_settings: bool,
    pub(crate) certificate: bool,
    /// Sessions with new events, and those that ended, by their devices.
    pub(crate) sessions: BTreeSet<i64>,
}

impl Touched {
    pub(crate) fn add(&mut self, other: Self) {
        self.office |= other.office;
        self.outbox |= other.outbox;
        self.push_settings |= other.push_settings;
        self.certificate |= other.certificate;
        self.sessions.extend(other.sessions);
    }
}

pub(crate) struct Signals {
    pub(crate) office: watch::Sender<u64>,
    pub(crate) outbox: watch::Sender<u64>,
    pub(crate) push_settings: watch::Sender<u64>,
    pub(crate) certificate: watch::Sender<u64>,
    sessions: Mutex<HashMap<i64, watch::Sender<u64>>>,
}

impl Signals {
    /// `generation` is the one of the office as it was found.
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            office: watch::Sender::new(generation),
            outbox: watch::Sender::new(0),
            push_settings: watch::Sender::new(0),
            certificate: watch::Sender::new(0),
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn session(&self, device: i64) -> watch::Receiver<u64> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whom nobody waits for are swept here, where the map would grow.
        sessions.retain(|_, sender| sender.receiver_count() > 0);
        sessions.entry(device).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    pub(crate) fn raise(&self, touched: &Touched) {
        let raised = [
            (touched.office, &self.office),
            (touched.outbox, &self.outbox),
            (touched.push_settings, &self.push_settings),
            (touched.certificate, &self.certificate),
        ];
        for (_, sender) in raised.into_iter().filter(|(touched, _)| *touched) {
            sender.send_modify(|n| *n += 1);
        }
        if touched.sessions.is_empty() {
            return;
        }
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in touched.sessions.iter().filter_map(|device| sessions.get(device)) {
            sender.send_modify(|n| *n += 1);
        }
    }
}
