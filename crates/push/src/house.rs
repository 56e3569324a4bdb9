//! The clearing house, both sides of it.
//!
//! A box without keys hands its notifications to one that has them: one request each, over mutual TLS on the port of the
//! phones, and is answered with what the service said. Outbox, retries and ledger of the message stay with the box; the
//! house keeps a ledger of its own and a quota for each box. It sends with its own keys only, so that nothing goes round
//! in circles, and nothing for Web Push, which needs no key from anybody.
//!
//! Each side knows the other by one key: the box that of the house's own authority, which it got with the code, and the
//! house that of the box, which it noted when the code was used. Names and certificates may change.

mod client;
mod follow;
mod limits;
mod message;
mod pair;
mod server;
mod tls;

pub use client::Client;
pub use follow::follow;
pub use pair::{PairError, pair};
pub use server::router;
pub use tls::ConfigError;

/// What is spoken between boxes, as TLS names it (RFC 7301).
pub const PROTOCOL: &[u8] = b"fulmar-push";

const HOUSE: &str = "/push/v1/house";
const PAIRING: &str = "/push/v1/pairing";
const NOTIFICATIONS: &str = "/push/v1/notifications";
