//! What systemd is told: that we are ready, stopping, and alive.

use std::time::Duration;

use fulmar_store::Store;
use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// Without systemd there is nobody to tell, which is no error.
fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told how we are.");
    }
}

pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

pub(crate) fn stopping() {
    tell(NotifyState::Stopping);
}

/// Tells the watchdog that we are alive while the store commits: a box that can not is started anew.
pub(crate) async fn watchdog(store: Store, stop: CancellationToken) {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return stop.cancelled().await;
    };
    let alive = async {
        loop {
            let checked = tokio::time::timeout(limit / 2, store.check()).await;
            if matches!(checked, Ok(Ok(()))) {
                tell(NotifyState::Watchdog);
            }
            tokio::time::sleep(limit.min(Duration::from_secs(60)) / 3).await;
        }
    };
    stop.run_until_cancelled(alive).await;
}
