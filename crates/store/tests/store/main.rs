//! The operations of the store against real files.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod administrators;
mod bounded_log;
mod certificates;
mod channels;
mod configuration;
mod contacts;
mod conversations;
mod custom_zones;
mod dnssec;
mod history;
mod invitations;
mod joining;
mod meetings;
mod model;
mod notifications;
mod opening;
mod outbox;
mod people;
mod presence;
mod push_house;
mod receipts;
mod roster;
mod secondaries;
mod subscriptions;
mod support;
mod typing;
mod ucwa;
mod waking;
