//! Waiting for events.
//!
//! A held poll is a future that sleeps. It has one [`Notify`], which everybody who has something for it rings: the
//! store after a commit, a newer poll of the device, the alarm when its time is over. Who is woken looks at all of
//! them.

mod alarm;
mod held;

use std::{sync::Arc, time::Duration};

use fulmar_domain::session::{POLL_WAIT, Session};
use fulmar_store::{Inbox, StoreError};
use thiserror::Error;
use tokio::{sync::Notify, time::Instant};

use crate::App;
pub(crate) use alarm::Alarm;
pub(crate) use held::HeldPolls;

/// What a client asks when it polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The highest event that it has dealt with.
    pub ack: u64,
    /// How long it is willing to wait; at most [`POLL_WAIT`].
    pub wait: Duration,
    /// A poll takes the place of one with the same `ack` unless that one's is higher.
    pub priority: u32,
}

/// The answer to a poll.
#[derive(Clone, Debug)]
pub struct Polled {
    /// The session, and the events where there are any.
    pub inbox: Inbox,
    /// Why it is answered now.
    pub end: PollEnd,
}

/// Why a poll is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollEnd {
    /// There are events.
    Events,
    /// It waited as long as it was willing to.
    TimedOut,
    /// A newer poll of the device took its place, or an older one of higher priority keeps its own.
    Replaced,
    /// The box stops.
    Stopping,
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

impl App {
    /// Acknowledges what the client has dealt with, and waits until there is something newer, the time is over,
    /// another poll of the same session takes its place, or `shutdown` resolves. Only the first has events.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn poll(
        &self,
        session: &Session,
        poll: Poll,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Polled, PollError> {
        let deadline = Instant::now() + poll.wait.min(POLL_WAIT);
        let waker = Arc::new(Notify::new());
        let nothing = Inbox { session: session.clone(), events: Vec::new() };
        let Some(held) = self.held_polls.hold(session.device, poll, Arc::clone(&waker)) else {
            return Ok(Polled { inbox: nothing, end: PollEnd::Replaced });
        };
        let _events = self.store.wait_for_events(session.device, Arc::clone(&waker));
        if !self.store.acknowledge(&session.id, poll.ack, self.now()).await? {
            return Err(PollError::SessionEnded);
        }
        let (mut alarm, mut stopping) = (None, false);
        tokio::pin!(shutdown);
        loop {
            let inbox = self.store.inbox(&session.id, poll.ack, self.now()).await?;
            let inbox = inbox.ok_or(PollError::SessionEnded)?;
            let end = match () {
                () if held.is_replaced() => return Ok(Polled { inbox: nothing, end: PollEnd::Replaced }),
                () if !inbox.events.is_empty() => PollEnd::Events,
                () if stopping => PollEnd::Stopping,
                () if Instant::now() >= deadline => PollEnd::TimedOut,
                () => {
                    alarm.get_or_insert_with(|| self.alarm.set(deadline, Arc::clone(&waker)));
                    tokio::select! {
                        () = waker.notified() => {}
                        () = &mut shutdown => stopping = true,
                    }
                    continue;
                }
            };
            return Ok(Polled { inbox, end });
        }
    }
}
