//! Waiting for events.
//!
//! A held poll is a future that sleeps. It has one [`Notify`], which everybody who has something for it rings: the
//! store after a commit, a newer poll of the device, the alarm when its time is over. Who is woken looks at all of
//! them.

mod alarm;
mod held;

use std::{sync::Arc, time::Duration};

use fulmar_domain::{
    event::Release,
    id::ChannelId,
    session::{POLL_WAIT, Session},
};
use fulmar_store::{Inbox, StoreError, Waiting};
use thiserror::Error;
use tokio::{sync::Notify, time::Instant};

use crate::App;
pub(crate) use alarm::Alarm;
use held::Held;
pub(crate) use held::HeldPolls;

/// What a client asks when it polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The highest event that it has dealt with.
    pub ack: u64,
    /// How long it is willing to wait.
    pub wait: Duration,
    /// How long events of less weight may wait for others to be told with; `None`: not at all.
    pub release: Option<Release>,
    /// A poll takes the place of one with the same `ack` unless that one's is higher.
    pub priority: u32,
    /// The place among the events that it asks for, where the session has several.
    pub channel: Option<ChannelId>,
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
    /// There is no such session or channel, or it has ended.
    #[error("the session has ended")]
    SessionEnded,
    /// The store failed.
    #[error("can not read events")]
    Store(#[from] StoreError),
}

/// What there is for a poll now.
pub enum Looked {
    /// Its answer.
    Answer(Polled),
    /// Nothing yet.
    Wait(HeldPoll),
}

/// A poll that is held: it has its place until this is dropped.
pub struct HeldPoll {
    session: Session,
    poll: Poll,
    deadline: Instant,
    waker: Arc<Notify>,
    held: Held,
    _events: Waiting,
    alarm: Option<alarm::Set>,
}

impl HeldPoll {
    /// Resolves when it is to be looked at again.
    pub async fn woken(&self) {
        self.waker.notified().await;
    }
}

impl App {
    /// Acknowledges what the client has dealt with, and waits until there is something newer that may wait no
    /// longer, the time is over, another poll of the same session takes its place, or `shutdown` resolves. An answer
    /// takes everything along that is queued.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn poll(
        &self,
        session: &Session,
        poll: Poll,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Polled, PollError> {
        let mut looked = self.hold(session, poll).await?;
        tokio::pin!(shutdown);
        let mut stopping = false;
        loop {
            let held = match looked {
                Looked::Answer(polled) => return Ok(polled),
                Looked::Wait(held) => held,
            };
            tokio::select! {
                () = held.woken() => {}
                () = &mut shutdown => stopping = true,
            }
            looked = self.look(held, session, stopping).await?;
        }
    }

    /// Acknowledges what the client has dealt with, and holds its poll where there is nothing for it.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn hold(&self, session: &Session, poll: Poll) -> Result<Looked, PollError> {
        let deadline = Instant::now() + poll.wait;
        let waker = Arc::new(Notify::new());
        let Some(held) = self.held_polls.hold(session.device, poll, Arc::clone(&waker)) else {
            return Ok(Looked::Answer(nothing(session, PollEnd::Replaced)));
        };
        let events = self.store.wait_for_events(session.device, Arc::clone(&waker));
        self.heard(session, poll).await?;
        let session = session.clone();
        let held = HeldPoll { session, poll, deadline, waker, held, _events: events, alarm: None };
        self.answer(held, false).await
    }

    /// Looks again at a poll of this session. While the box stops it is not held any longer.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn look(&self, held: HeldPoll, session: &Session, stopping: bool) -> Result<Looked, PollError> {
        if held.session.id != session.id {
            return Ok(Looked::Answer(nothing(session, PollEnd::Replaced)));
        }
        if held.poll.channel.is_some() {
            self.heard(session, held.poll).await?;
        }
        self.answer(held, stopping).await
    }

    async fn answer(&self, mut held: HeldPoll, stopping: bool) -> Result<Looked, PollError> {
        let HeldPoll { session, poll, .. } = &held;
        let inbox = self.store.inbox(&session.id, poll.ack, self.now()).await?;
        let inbox = inbox.ok_or(PollError::SessionEnded)?;
        if held.held.is_replaced() {
            return Ok(Looked::Answer(nothing(session, PollEnd::Replaced)));
        }
        let wait =
            if stopping { Duration::ZERO } else { held.deadline.saturating_duration_since(Instant::now()) };
        let wait = wait.min(self.release(&inbox, poll.release)).min(POLL_WAIT);
        if wait.is_zero() {
            let end = match inbox.events.is_empty() {
                false => PollEnd::Events,
                true if stopping => PollEnd::Stopping,
                true => PollEnd::TimedOut,
            };
            return Ok(Looked::Answer(Polled { inbox, end }));
        }
        held.alarm = Some(self.alarm.set(Instant::now() + wait, Arc::clone(&held.waker)));
        Ok(Looked::Wait(held))
    }

    /// Notes that somebody asks. A channel is noted again while its poll is held, which may be for half an hour, and may
    /// end before its session.
    async fn heard(&self, session: &Session, poll: Poll) -> Result<(), PollError> {
        let is_there = match poll.channel {
            Some(channel) => self.store.acknowledge_in(channel, &session.id, poll.ack, self.now()).await?,
            None => self.store.acknowledge(&session.id, poll.ack, self.now()).await?,
        };
        if is_there { Ok(()) } else { Err(PollError::SessionEnded) }
    }

    /// How long events may wait for others. More than fit into an answer do not, whatever is among them.
    fn release(&self, inbox: &Inbox, release: Option<Release>) -> Duration {
        let Some(last) = inbox.events.last() else { return Duration::MAX };
        let all = last.eid == inbox.session.last_event;
        let wait = release.filter(|_| all).and_then(|release| release.wait(&inbox.events, self.now()));
        wait.unwrap_or(Duration::ZERO)
    }
}

fn nothing(session: &Session, end: PollEnd) -> Polled {
    Polled { inbox: Inbox { session: session.clone(), events: Vec::new() }, end }
}
