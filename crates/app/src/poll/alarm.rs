//! Waking many who wait, with one timer.
//!
//! Nobody who waits for minutes minds a quarter of a second: times are rounded up to the next one, and a task, which
//! lives while there is somebody to wake, sleeps until the earliest.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// What times are rounded up to.
const GRAIN: Duration = Duration::from_millis(250);

/// Wakes those who set it. Clones share everything.
#[derive(Clone)]
pub(crate) struct Alarm(Arc<Shared>);

struct Shared {
    /// From when grains are counted.
    begin: Instant,
    times: Mutex<Times>,
    /// Rung when somebody is to be woken before everybody else.
    earlier: Notify,
}

#[derive(Default)]
struct Times {
    /// By the grain and a number of their own.
    wakers: BTreeMap<(u128, u64), Arc<Notify>>,
    last: u64,
    is_watched: bool,
}

/// Somebody is to be woken, until this is dropped.
pub(crate) struct Set {
    alarm: Alarm,
    key: (u128, u64),
}

impl Drop for Set {
    fn drop(&mut self) {
        self.alarm.times().wakers.remove(&self.key);
    }
}

impl Alarm {
    pub(crate) fn new() -> Self {
        let shared = Shared { begin: Instant::now(), times: Mutex::default(), earlier: Notify::new() };
        Self(Arc::new(shared))
    }

    /// Notifies `waker` at `at` or up to a quarter of a second later.
    pub(crate) fn set(&self, at: Instant, waker: Arc<Notify>) -> Set {
        let grain = (at - self.0.begin).as_nanos().div_ceil(GRAIN.as_nanos());
        let mut times = self.times();
        times.last += 1;
        let key = (grain, times.last);
        times.wakers.insert(key, waker);
        let is_first = times.wakers.first_key_value().is_some_and(|(first, _)| *first == key);
        if !mem::replace(&mut times.is_watched, true) {
            tokio::spawn(self.clone().watch());
        } else if is_first {
            self.0.earlier.notify_one();
        }
        drop(times);
        Set { alarm: self.clone(), key }
    }

    async fn watch(self) {
        while let Some(next) = self.wake() {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.0.earlier.notified() => {}
            }
        }
    }

    /// Wakes those whose time has come; when the next is due, if there is one.
    fn wake(&self) -> Option<Instant> {
        let grain = self.0.begin.elapsed().as_nanos() / GRAIN.as_nanos();
        let mut times = self.times();
        let later = times.wakers.split_off(&(grain + 1, 0));
        for waker in mem::replace(&mut times.wakers, later).into_values() {
            waker.notify_one();
        }
        let next = times.wakers.first_key_value().map(|((grain, _), _)| *grain);
        times.is_watched = next.is_some();
        let grains = u32::try_from(next?).unwrap_or(u32::MAX);
        Some(self.0.begin + GRAIN * grains)
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.0.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// How long it takes until `waker` is notified.
    async fn waited(waker: &Notify) -> Duration {
        let begin = Instant::now();
        waker.notified().await;
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_sets_it_is_woken_in_time_and_at_most_a_grain_late() {
        let (alarm, waker) = (Alarm::new(), Arc::new(Notify::new()));
        tokio::time::sleep(Duration::from_millis(90)).await;
        for wait in [SECOND, Duration::from_millis(1), SECOND * 180] {
            let _set = alarm.set(Instant::now() + wait, Arc::clone(&waker));
            let waited = waited(&waker).await;
            assert!(
                waited >= wait && waited <= wait + GRAIN + Duration::from_millis(1),
                "{wait:?}: {waited:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_later_may_be_woken_earlier() {
        let (alarm, late, early) = (Alarm::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let _late = alarm.set(Instant::now() + SECOND * 180, Arc::clone(&late));
        tokio::time::sleep(SECOND).await;
        let _early = alarm.set(Instant::now() + SECOND, Arc::clone(&early));
        assert!(waited(&early).await <= SECOND * 2);
        assert!(waited(&late).await > SECOND * 170);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_no_more_leaves_nothing_and_is_not_woken() {
        let (alarm, waker) = (Alarm::new(), Arc::new(Notify::new()));
        drop(alarm.set(Instant::now() + SECOND, Arc::clone(&waker)));
        assert!(alarm.times().wakers.is_empty());
        assert!(tokio::time::timeout(SECOND * 10, waker.notified()).await.is_err());
        assert!(!alarm.times().is_watched, "the task has ended");
    }
}
