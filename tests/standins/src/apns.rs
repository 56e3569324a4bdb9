//! Apple Push Notification service: HTTP/2 over TLS, one POST a notification.
//!
//! What is checked and answered is what Apple documents in "Sending notification requests to APNs",
//! "Establishing a token-based connection to APNs" and "Handling notification responses from APNs". Where
//! those leave a case open, the stand-in refuses: a client that passes here has no reason to fail there.

mod answer;
mod behaviour;
mod config;
mod directory;
mod log;
mod provider_token;
mod request;
mod server;
mod tls;

pub use behaviour::{Behaviour, Refusal};
pub use config::{Config, Credential, ProviderKey};
pub use directory::{Directory, DirectoryError, Ids};
pub use log::{Answer, NotReached, Received, Shown};
pub use server::{ApnsStandin, StartError};
