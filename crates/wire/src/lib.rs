//! Foreign formats as bytes and as types, in both directions.
//!
//! The box writes what a client reads and reads what it writes; the client's side is here too, because the
//! self-test is a client. Nothing here does I/O or knows anything of ours. Every parser is bounded: at most
//! [`MAX_BODY`] bytes, at most 32 levels of XML, no document types and so no entities.

pub mod autodiscover;
pub mod challenge;
pub mod date;
pub mod mcx;
pub mod oauth;
mod secret;
pub mod ws_trust;
mod xml;

pub use secret::Secret;
pub use xml::XmlError;

/// The longest body that any parser here looks at, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
