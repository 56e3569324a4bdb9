//! Waiting for events.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fulmar_domain::{
    DeviceId,
    session::{POLL_WAIT, PollStart, Session, start_poll},
};
use fulmar_store::{Inbox, StoreError};
use thiserror::Error;
use tokio::{sync::oneshot, time::Instant};

use crate::App;

/// What a client asks when it polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The highest event that it has dealt with.
    pub ack: u64,
    /// How long it is willing to wait; at most [`POLL_WAIT`].
    pub wait: Duration,
}

/// Why a poll has no answer.
#[derive(Debug, Error)]
pub enum PollError {
    /// There is no such session, or it has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The store failed.
    #[error("can not read events")]
    Store(#[from] StoreError),
}

/// The poll that each device holds. A newer one ends an older one.
#[derive(Default)]
pub(crate) struct HeldPolls {
    by_device: Mutex<HashMap<DeviceId, oneshot::Sender<()>>>,
}

impl HeldPolls {
    /// Resolves when a newer poll of the device takes its place.
    fn hold(&self, device: DeviceId) -> oneshot::Receiver<()> {
        let (sender, superseded) = oneshot::channel();
        let mut held = self.by_device.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, sender| !sender.is_closed());
        held.insert(device, sender);
        superseded
    }
}

impl App {
    /// Acknowledges what the client has dealt with, and waits until there is something newer, the time is over,
    /// a newer poll of the same session comes, or `shutdown` resolves: then there are no events.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn poll(
        &self,
        session: &Session,
        poll: Poll,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Inbox, PollError> {
        let mut superseded = self.held_polls.hold(session.device);
        let mut signal = self.store.session_signal(session.device);
        if !self.store.acknowledge(&session.id, poll.ack, self.now()).await? {
            return Err(PollError::SessionEnded);
        }
        let deadline = Instant::now() + poll.wait.min(POLL_WAIT);
        tokio::pin!(shutdown);
        loop {
            signal.mark_unchanged();
            let inbox =
                self.store.inbox(&session.id, poll.ack, self.now()).await?.ok_or(PollError::SessionEnded)?;
            if start_poll(poll.ack, inbox.session.last_event) == PollStart::Ready && !inbox.events.is_empty()
            {
                return Ok(inbox);
            }
            tokio::select! {
                _ = signal.changed() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(inbox),
                _ = &mut superseded => return Ok(inbox),
                () = &mut shutdown => return Ok(inbox),
            }
        }
    }
}
