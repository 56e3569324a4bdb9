//! Takes due notifications from the outbox, offers them to the services that wake phones, and records what
//! became of each.

pub mod apns;
mod worker;

pub use worker::run;
