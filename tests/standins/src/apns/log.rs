//! What the stand-in was sent, and what the phones would show.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use thiserror::Error;
use tokio::{sync::watch, time::timeout};

use super::Refusal;

/// How long a test waits for something to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request, in the order of arrival.
#[derive(Clone, Debug)]
pub struct Received {
    /// The number of the connection it came over, from 1.
    pub connection: u64,
    /// The device token in the path; empty where the path has none.
    pub device: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; cut off where it was too long to read.
    pub payload: Bytes,
    /// When it was read.
    pub at: SystemTime,
    /// What became of it.
    pub answer: Answer,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken; the phone shows it.
    Accepted,
    /// Refused with this.
    Refused(Refusal),
    /// Left without a judgement, by command.
    Ignored,
}

/// A notification as a phone shows it. A later one of the same collapse id takes the place of an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The device token.
    pub device: String,
    /// What makes two notifications one.
    pub collapse_id: Option<String>,
    /// The payload.
    pub payload: Value,
}

/// The stand-in was not sent what the test waited for.
#[derive(Debug, Error)]
#[error("waited {PATIENCE:?} for {wanted}; {received} requests came and {shown} notifications are shown")]
pub struct NotReached {
    wanted: String,
    received: usize,
    shown: usize,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    screens: Screens,
}

/// What the phones show.
#[derive(Default)]
struct Screens {
    shown: Vec<Shown>,
    /// Where among them a device shows what has this collapse id.
    places: HashMap<(String, String), usize>,
}

/// The record of a stand-in; waiting is for a level, so nothing that came earlier is missed.
pub(super) struct Log(watch::Sender<State>);

impl Log {
    pub(super) fn new() -> Self {
        Self(watch::Sender::default())
    }

    /// Notes a request and, if it was taken, what its payload makes the phone show.
    pub(super) fn note(&self, request: Received, shows: Option<Shown>) {
        self.0.send_modify(|state| {
            state.received.push(request);
            if let Some(new) = shows {
                state.screens.show(new);
            }
        });
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.0.borrow().received.clone()
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        self.0.borrow().screens.shown.clone()
    }

    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.0.borrow();
        (state.received.len(), state.screens.shown.len())
    }

    /// The request at this position, as soon as it is there; nothing when the stand-in has ended.
    pub(super) async fn next_received(&self, position: usize) -> Option<Received> {
        let mut changes = self.0.subscribe();
        let state = changes.wait_for(|state| state.received.len() > position).await.ok()?;
        state.received.get(position).cloned()
    }

    pub(super) async fn wait_for_received(&self, count: usize) -> Result<Vec<Received>, NotReached> {
        self.wait(format!("{count} requests"), |state| state.received.len() >= count).await?;
        Ok(self.received())
    }

    pub(super) async fn wait_for_shown(&self, count: usize) -> Result<Vec<Shown>, NotReached> {
        self.wait(format!("{count} notifications"), |state| state.screens.shown.len() >= count).await?;
        Ok(self.shown())
    }

    async fn wait(&self, wanted: String, reached: impl FnMut(&State) -> bool) -> Result<(), NotReached> {
        let mut changes = self.0.subscribe();
        let in_time = timeout(PATIENCE, changes.wait_for(reached)).await.is_ok();
        let state = self.0.borrow();
        in_time.then_some(()).ok_or_else(|| NotReached {
            wanted,
            received: state.received.len(),
            shown: state.screens.shown.len(),
        })
    }
}

impl Screens {
    fn show(&mut self, new: Shown) {
        let end = self.shown.len();
        let place = match &new.collapse_id {
            Some(id) => *self.places.entry((new.device.clone(), id.clone())).or_insert(end),
            None => end,
        };
        match self.shown.get_mut(place) {
            Some(old) => *old = new,
            None => self.shown.push(new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(device: &str, collapse_id: Option<&str>, payload: u32) -> Shown {
        Shown {
            device: device.to_owned(),
            collapse_id: collapse_id.map(str::to_owned),
            payload: payload.into(),
        }
    }

    #[test]
    fn a_later_notification_replaces_the_one_of_its_device_and_collapse_id() {
        let mut screens = Screens::default();
        let sent =
            [("a", Some("1"), 1), ("b", Some("1"), 2), ("a", Some("1"), 3), ("a", None, 4), ("a", None, 5)];
        for (device, collapse_id, payload) in sent {
            screens.show(shown(device, collapse_id, payload));
        }
        let payloads: Vec<_> = screens.shown.iter().map(|one| one.payload.as_u64().unwrap()).collect();
        assert_eq!(payloads, [3, 2, 4, 5]);
    }
}
