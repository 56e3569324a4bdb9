//! A device as its client knows it.

use std::collections::{BTreeMap, BTreeSet};

use fulmar_domain::{
    RequestId,
    event::{Event, Failure, Numbered},
};
use fulmar_store::Actor;
use proptest::prelude::*;

use super::Checked;

#[derive(Default)]
pub(super) struct Client {
    pub(super) session: Option<Actor>,
    pub(super) ack: u64,
    /// Messages in the order in which they were shown first.
    pub(super) shown: Vec<String>,
    /// Messages of this person that have reached somebody, and whom.
    pub(super) delivered: BTreeSet<(String, String)>,
    /// What should come of the commands that had a name, of which this session has not been told yet.
    pub(super) given: BTreeMap<String, Result<(), Failure>>,
    /// The same, of which it may be told: it was told to look again since.
    unsure: BTreeMap<String, Result<(), Failure>>,
    /// How often it was told to look again.
    pub(super) resyncs: usize,
}

impl Client {
    pub(super) fn signed_in(&mut self, session: Actor) {
        self.session = Some(session);
        self.ack = 0;
        self.forget_given();
    }

    pub(super) fn signed_out(&mut self) {
        self.session = None;
        self.forget_given();
    }

    fn forget_given(&mut self) {
        self.given.clear();
        self.unsure.clear();
    }

    /// What should have come of a command of which it is told.
    fn told_of(&mut self, request: &RequestId) -> Option<Result<(), Failure>> {
        self.given.remove(request.as_str()).or_else(|| self.unsure.remove(request.as_str()))
    }

    /// Deals with an event that arrived.
    pub(super) fn take(&mut self, numbered: &Numbered) -> Checked {
        prop_assert!(numbered.eid > self.ack, "{numbered:?} after {}", self.ack);
        self.ack = numbered.eid;
        match &numbered.event {
            Event::MessageReceived(message) | Event::MessageSent(message) => {
                let id = message.client_id.to_string();
                prop_assert_eq!(message.text.reveal(), &id);
                if !self.shown.contains(&id) {
                    self.shown.push(id);
                }
            }
            Event::MessageDelivered { client_id, to, .. } => {
                self.delivered.insert((client_id.to_string(), to.user().to_owned()));
            }
            Event::RequestSucceeded { request, .. } => {
                prop_assert_eq!(self.told_of(request), Some(Ok(())), "{:?}", request);
            }
            Event::RequestFailed { request, failure } => {
                prop_assert_eq!(self.told_of(request), Some(Err(*failure)), "{:?}", request);
            }
            Event::Resync => {
                self.resyncs += 1;
                self.unsure.append(&mut self.given);
            }
            _ => {}
        }
        Ok(())
    }
}
