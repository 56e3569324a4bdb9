//! Apple Push Notification service.
//!
//! The payload and option types are a2's. The transport is our own: a2's has two endpoints and its own trust
//! anchors built in, loses reasons that it does not know, and brings a second TLS stack, which nothing here
//! opens a connection with.

mod client;
mod notification;
mod settings;
mod table;
mod tokens;

pub use client::Client;
pub use settings::{Settings, SettingsError};
