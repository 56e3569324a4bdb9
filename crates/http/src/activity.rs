//! What a connection is doing, and for how long it may.
//!
//! The time-out of hyper for headers runs from the end of the request before, and so would end a connection that
//! is merely kept; here it runs from their first byte.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

/// How long the headers of a request may take from their first byte, and those of the first from the beginning.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be idle between requests: longer than the minute that clients keep one.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// What one connection is doing. Clones share it.
#[derive(Clone)]
pub(crate) struct Activity(Arc<watch::Sender<Phase>>);

#[derive(Clone, Copy)]
struct Phase {
    /// How many requests are being answered.
    requests: usize,
    /// Whether headers have begun and are not complete.
    headers: bool,
}

/// Which limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Headers took too long.
    Headers,
    /// There was no request for too long.
    Idle,
}

impl Activity {
    /// A connection whose first headers are to come.
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Phase { requests: 0, headers: true })))
    }

    /// Bytes came: between requests they begin the headers of the next.
    pub(crate) fn read(&self) {
        self.0.send_if_modified(|phase| {
            let begins = phase.requests == 0 && !phase.headers;
            phase.headers |= begins;
            begins
        });
    }

    /// A request is complete but for its body, and is being answered until the guard is dropped.
    pub(crate) fn answering(&self) -> Answering {
        self.0.send_modify(|phase| *phase = Phase { requests: phase.requests + 1, headers: false });
        Answering(self.clone())
    }

    /// Resolves when a limit is passed. Answering takes as long as it takes.
    pub(crate) async fn overdue(&self) -> Overdue {
        let mut phases = self.0.subscribe();
        loop {
            let phase = *phases.borrow_and_update();
            let (limit, overdue) = match phase {
                Phase { requests: 0, headers: true } => (HEADER_TIMEOUT, Overdue::Headers),
                Phase { requests: 0, headers: false } => (IDLE_TIMEOUT, Overdue::Idle),
                Phase { .. } => {
                    // Its sender is part of this.
                    let _ = phases.changed().await;
                    continue;
                }
            };
            if timeout(limit, phases.changed()).await.is_err() {
                return overdue;
            }
        }
    }
}

/// A request that is being answered.
pub(crate) struct Answering(Activity);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.send_modify(|phase| phase.requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn overdue(activity: &Activity) -> (Overdue, Duration) {
        let begun = Instant::now();
        (activity.overdue().await, begun.elapsed())
    }

    fn is_about(took: Duration, limit: Duration) -> bool {
        took >= limit && took < limit + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn headers_are_timed_from_the_beginning_and_then_from_their_first_byte() {
        let activity = Activity::new();
        assert!(
            matches!(overdue(&activity).await, (Overdue::Headers, took) if is_about(took, HEADER_TIMEOUT))
        );
        drop(activity.answering());
        activity.read();
        assert!(
            matches!(overdue(&activity).await, (Overdue::Headers, took) if is_about(took, HEADER_TIMEOUT))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_in_small_pieces_do_not_begin_the_time_anew() {
        let activity = Activity::new();
        drop(activity.answering());
        let drip = async {
            loop {
                activity.read();
                tokio::time::sleep(HEADER_TIMEOUT / 4).await;
            }
        };
        tokio::select! {
            () = drip => {}
            (over, took) = overdue(&activity) => assert!(over == Overdue::Headers && is_about(took, HEADER_TIMEOUT)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_time_without_a_request_is_idle() {
        let activity = Activity::new();
        let answering = activity.answering();
        let finish = async {
            tokio::time::sleep(IDLE_TIMEOUT * 3).await;
            // Bytes of a body.
            activity.read();
            drop(answering);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = finish => {}
            (over, took) = overdue(&activity) => {
                assert!(over == Overdue::Idle && is_about(took, IDLE_TIMEOUT * 4), "{over:?} {took:?}");
            }
        }
    }
}
