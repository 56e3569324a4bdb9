//! Foreign formats as bytes and as types, in both directions.
//!
//! The box writes what a client reads and reads what it writes; the client's side is here too, because the
//! self-test is a client. Nothing here does I/O or knows anything of ours. Every parser is bounded: what
//! the box reads has at most [`MAX_BODY`] bytes, what a client reads at most [`MAX_ANSWER`]; XML has at most 32
//! levels, no document type and so no entities.

mod accept;
pub mod autodiscover;
pub mod challenge;
pub mod date;
pub mod mcx;
pub mod ntlm;
pub mod oauth;
mod secret;
pub mod ucwa;
pub mod ws_trust;
mod xml;

pub use secret::Secret;
pub use xml::XmlError;

/// The longest body that the box looks at, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// The longest user name or password that is looked at, in bytes: what is longer only costs time.
pub const MAX_CREDENTIAL: usize = 1024;
/// The longest answer that a client looks at, in bytes: more than 100 messages of the longest text, each
/// character of it escaped.
pub const MAX_ANSWER: usize = 8 * 1024 * 1024;
