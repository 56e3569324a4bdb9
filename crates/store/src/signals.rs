//! Who waits for a commit, and what is raised for them after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

/// What a transaction has touched that somebody may wait for.
#[derive(Default)]
pub(crate) struct Touched {
    pub(crate) office: bool,
    pub(crate) outbox: bool,
    pub(crate) push_settings: bool,
    pub(crate) certificate: bool,
    pub(crate) deadlines: bool,
    /// Sessions with new events, and those that ended, by their devices.
    pub(crate) sessions: BTreeSet<i64>,
}

impl Touched {
    pub(crate) fn add(&mut self, other: Self) {
        self.office |= other.office;
        self.outbox |= other.outbox;
        self.push_settings |= other.push_settings;
        self.certificate |= other.certificate;
        self.deadlines |= other.deadlines;
        self.sessions.extend(other.sessions);
    }
}

pub(crate) struct Signals {
    pub(crate) office: watch::Sender<u64>,
    pub(crate) outbox: watch::Sender<u64>,
    pub(crate) push_settings: watch::Sender<u64>,
    pub(crate) certificate: watch::Sender<u64>,
    pub(crate) deadlines: watch::Sender<u64>,
    sessions: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    /// By device and a number of their own.
    waiting: BTreeMap<(i64, u64), Arc<Notify>>,
    last: u64,
}

/// Somebody waits for the events of a session, until this is dropped.
pub struct Waiting {
    signals: Arc<Signals>,
    key: (i64, u64),
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.signals.waiters().waiting.remove(&self.key);
    }
}

impl Signals {
    /// `generation` is the one of the office as it was found.
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            office: watch::Sender::new(generation),
            outbox: watch::Sender::new(0),
            push_settings: watch::Sender::new(0),
            certificate: watch::Sender::new(0),
            deadlines: watch::Sender::new(0),
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn wait(self: Arc<Self>, device: i64, waker: Arc<Notify>) -> Waiting {
        let mut waiters = self.waiters();
        waiters.last += 1;
        let key = (device, waiters.last);
        waiters.waiting.insert(key, waker);
        drop(waiters);
        Waiting { signals: self, key }
    }

    pub(crate) fn raise(&self, touched: &Touched) {
        let raised = [
            (touched.office, &self.office),
            (touched.outbox, &self.outbox),
            (touched.push_settings, &self.push_settings),
            (touched.certificate, &self.certificate),
            (touched.deadlines, &self.deadlines),
        ];
        for (_, sender) in raised.into_iter().filter(|(touched, _)| *touched) {
            sender.send_modify(|n| *n += 1);
        }
        if touched.sessions.is_empty() {
            return;
        }
        let waiters = self.waiters();
        for device in &touched.sessions {
            for waker in waiters.waiting.range((*device, 0)..=(*device, u64::MAX)).map(|(_, waker)| waker) {
                waker.notify_one();
            }
        }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_woken(waker: &Notify) -> bool {
        timeout(Duration::ZERO, waker.notified()).await.is_ok()
    }

    #[tokio::test]
    async fn all_who_wait_for_a_session_are_woken_and_nobody_else() {
        let signals = Arc::new(Signals::new(0));
        let wakers: [Arc<Notify>; 3] = Default::default();
        let _waiting = [7, 7, 8]
            .into_iter()
            .zip(&wakers)
            .map(|(device, waker)| Arc::clone(&signals).wait(device, Arc::clone(waker)))
            .collect::<Vec<_>>();
        signals.raise(&Touched { sessions: BTreeSet::from([6, 7]), ..Touched::default() });
        let mut woken = Vec::new();
        for waker in &wakers {
            woken.push(is_woken(waker).await);
        }
        assert_eq!(woken, [true, true, false]);
    }

    #[test]
    fn who_waits_no_more_leaves_nothing() {
        let signals = Arc::new(Signals::new(0));
        let waiting: Vec<_> =
            (0..3).map(|device| Arc::clone(&signals).wait(device, Arc::default())).collect();
        assert_eq!(signals.waiters().waiting.len(), 3);
        drop(waiting);
        assert_eq!(signals.waiters().waiting.len(), 0);
    }
}
