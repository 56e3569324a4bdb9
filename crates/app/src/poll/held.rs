//! The poll that each device holds, or each of its channels.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fulmar_domain::{DeviceId, id::ChannelId};
use tokio::sync::Notify;

use crate::Poll;

/// One poll a device and channel. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct HeldPolls(Arc<Mutex<Polls>>);

#[derive(Default)]
struct Polls {
    by_place: HashMap<Place, Entry>,
    last: u64,
}

type Place = (DeviceId, Option<ChannelId>);

struct Entry {
    number: u64,
    ack: u64,
    priority: u32,
    waker: Arc<Notify>,
}

/// A poll has its place, until this is dropped or another takes it.
pub(crate) struct Held {
    polls: HeldPolls,
    place: Place,
    number: u64,
}

impl HeldPolls {
    /// Takes the place of the poll that the device holds, and wakes that one. `None` where that one keeps it: it has
    /// the same acknowledgement and a higher priority.
    pub(crate) fn hold(&self, device: DeviceId, poll: Poll, waker: Arc<Notify>) -> Option<Held> {
        let Poll { ack, priority, channel, .. } = poll;
        let place = (device, channel);
        let mut polls = self.polls();
        let before = polls.by_place.get(&place);
        if before.is_some_and(|before| before.ack == ack && before.priority > priority) {
            return None;
        }
        polls.last += 1;
        let number = polls.last;
        if let Some(before) = polls.by_place.insert(place, Entry { number, ack, priority, waker }) {
            before.waker.notify_one();
        }
        drop(polls);
        Some(Held { polls: self.clone(), place, number })
    }

    fn polls(&self) -> MutexGuard<'_, Polls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Whether another poll has taken its place.
    pub(crate) fn is_replaced(&self) -> bool {
        self.polls.polls().by_place.get(&self.place).is_none_or(|entry| entry.number != self.number)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut polls = self.polls.polls();
        if polls.by_place.get(&self.place).is_some_and(|entry| entry.number == self.number) {
            polls.by_place.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn poll(ack: u64, priority: u32) -> Poll {
        Poll { ack, priority, wait: Duration::ZERO, release: None, channel: None }
    }

    #[tokio::test]
    async fn a_newer_poll_wakes_the_one_whose_place_it_takes() {
        let polls = HeldPolls::default();
        let waker = Arc::new(Notify::new());
        let first = polls.hold(DeviceId(1), poll(0, 0), Arc::clone(&waker)).unwrap();
        let _other = polls.hold(DeviceId(2), poll(0, 0), Arc::default()).unwrap();
        assert!(!first.is_replaced());
        assert!(timeout(Duration::ZERO, waker.notified()).await.is_err());
        let second = polls.hold(DeviceId(1), poll(0, 0), Arc::default()).unwrap();
        assert!(first.is_replaced() && !second.is_replaced());
        waker.notified().await;
        drop(first);
        assert!(!second.is_replaced(), "the one before takes nothing with it");
    }

    #[test]
    fn a_lower_priority_counts_only_with_the_same_acknowledgement() {
        let polls = HeldPolls::default();
        let high = polls.hold(DeviceId(1), poll(4, 1), Arc::default()).unwrap();
        assert!(polls.hold(DeviceId(1), poll(4, 0), Arc::default()).is_none());
        assert!(!high.is_replaced());
        let newer = polls.hold(DeviceId(1), poll(5, 0), Arc::default()).unwrap();
        assert!(high.is_replaced() && !newer.is_replaced());
    }

    #[test]
    fn polls_of_several_channels_leave_each_other_alone() {
        let polls = HeldPolls::default();
        let of = |number| Poll { channel: Some(ChannelId(number)), ..poll(0, 0) };
        let first = polls.hold(DeviceId(1), of(1), Arc::default()).unwrap();
        let second = polls.hold(DeviceId(1), of(2), Arc::default()).unwrap();
        assert!(!first.is_replaced() && !second.is_replaced());
        polls.hold(DeviceId(1), of(1), Arc::default()).unwrap();
        assert!(first.is_replaced() && !second.is_replaced());
    }

    #[test]
    fn a_poll_that_ends_leaves_nothing() {
        let polls = HeldPolls::default();
        let held: Vec<_> =
            (0..3).filter_map(|device| polls.hold(DeviceId(device), poll(0, 0), Arc::default())).collect();
        assert_eq!(held.len(), 3);
        drop(held);
        assert!(polls.polls().by_place.is_empty());
    }
}
