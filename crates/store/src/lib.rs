//! The only crate that speaks SQL.
//!
//! A [`Store`] offers named operations; no type of the database appears in its API. Every change is one
//! transaction and answers after it is on the disk (`synchronous=FULL`): what was answered with success
//! survives a power cut. Changes are made by one thread, which commits what waits for it together; reads go
//! to a pool of connections and never wait for a writer (WAL).
//!
//! Others learn of a commit by five counters ([`Store::zone_generation`], [`Store::outbox`],
//! [`Store::push_settings_generation`], [`Store::certificate_generation`], [`Store::deadlines`]), and of the events of a session by
//! [`Store::wait_for_events`]. Both come after the commit, so whoever wakes finds what it was woken for.
//!
//! Rules that have to hold within a transaction (what follows from a step in a conversation, what deserves a
//! push) are functions of `fulmar-domain` that the operations call. The time is an argument throughout.
//!
//! Secrets: of tickets and of the console's cookies only a SHA-256 is kept, of passwords the hash that the caller gives; the keys for push
//! providers, of certificates and of zones are sealed (AES-256-GCM) with a key that lies in its own file beside the
//! database.

mod accounts;
mod acme;
mod administrators;
mod certificates;
mod configuration;
mod contacts;
mod conversations;
mod custom_zones;
mod deadlines;
mod devices;
mod dnssec;
mod error;
mod events;
mod history;
mod meetings;
mod notifications;
mod nt_hashes;
mod office;
mod open;
mod people;
mod photos;
mod presence;
mod push_house;
mod push_settings;
mod readers;
mod rows;
mod seal;
mod secondaries;
mod sessions;
mod signals;
mod store;
mod subscriptions;
mod tickets;
mod ucwa;
mod upkeep;
mod writer;

pub use accounts::{Credentials, Homing, NewAccount};
pub use acme::Acme;
pub use administrators::Administrator;
pub use configuration::{ConfigurationChange, ConfigurationRemoval, Granting, Values};
pub use conversations::{Joining, Opening, Said};
pub use devices::DeviceSummary;
pub use error::StoreError;
pub use events::Inbox;
pub use meetings::NewNames;
pub use notifications::{Attempted, Claimed, DeviceTest, Room};
pub use nt_hashes::NtHash;
pub use office::OfficeChange;
pub use secondaries::NewSecondary;
pub use sessions::{Executed, Made, NewSession, Outcome, SessionSummary, StartedSession};
pub use signals::Waiting;
pub use store::{Actor, Store};
pub use tickets::{Ticket, TicketDigest};
pub use ucwa::{NewApplication, StartedApplication};
