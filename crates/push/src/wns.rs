//! Windows Push Notification Services ("Push notification service request and response headers"). Microsoft reads what it
//! says.

mod client;
mod settings;
mod table;
mod toast;

pub use client::Client;
pub use settings::{Settings, SettingsError};
