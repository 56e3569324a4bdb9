//! Tasks that are started again.

use std::time::Duration;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The first pause before a task is started again; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs services until told to stop, and each of them again when it ends before.
#[derive(Clone)]
pub(crate) struct Supervisor {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Supervisor {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { stop, tasks: TaskTracker::new() }
    }

    /// Runs what `service` makes, with a token that says when to stop.
    pub(crate) fn run<F>(
        &self,
        name: &'static str,
        mut service: impl FnMut(CancellationToken) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let ended = tokio::spawn(service(stop.clone())).await;
                if stop.is_cancelled() {
                    return;
                }
                let reason = ended.err().map_or("it returned".to_owned(), |error| error.to_string());
                metrics::counter!("fulmar_service_restarts_total", "service" => name).increment(1);
                tracing::error!(service = name, reason, "A service ended and is started again.");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// Resolves when every service has ended after the signal to stop.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn a_service_that_panics_is_started_again_and_stops_when_told() {
        let stop = CancellationToken::new();
        let supervisor = Supervisor::new(stop.clone());
        let starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&starts);
        let ready = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&ready);
        supervisor.run("test", move |stop| {
            let start = counted.fetch_add(1, Ordering::Relaxed);
            let told = Arc::clone(&told);
            async move {
                assert!(start > 0, "the first start fails on purpose");
                told.notify_one();
                stop.cancelled().await;
            }
        });
        ready.notified().await;
        stop.cancel();
        supervisor.ended().await;
        assert_eq!(starts.load(Ordering::Relaxed), 2);
    }
}
