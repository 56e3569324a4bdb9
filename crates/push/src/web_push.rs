//! Web Push (RFC 8030), as browsers and UnifiedPush have it: a service of the device's own choice, a message that only
//! the device can read (RFC 8291), and a signature that says who pushes (VAPID, RFC 8292).
//!
//! The endpoint comes from a phone. What it resolves to must be somebody's address in the world, unless an administrator
//! named its host; that is looked at with each connection, so no later change of the name leads elsewhere.
//! The cryptography is ring's: the crates that have this need OpenSSL, or bring a second set of primitives.

mod client;
mod encryption;
mod message;
mod settings;
mod table;
mod vapid;

pub use client::Client;
pub use settings::{Settings, SettingsError};
