//! Firebase Cloud Messaging, HTTP v1 ("FCM HTTP v1 API"), with the key of a service account ("Using OAuth 2.0 for Server
//! to Server Applications"). Google reads what it says.

mod client;
mod message;
mod settings;
mod table;

pub use client::Client;
pub use settings::{Settings, SettingsError};
