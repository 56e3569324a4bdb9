//! UCWA's representations: what a client sends, and what the service answers in JSON and in XML.
//!
//! The source is the public UCWA reference, whose pages are named where a form is taken from one. A page of the
//! reference and a capture of the original differ in places; the captures (the reference's task pages) are followed.

pub mod batch;
pub mod data_uri;
mod events;
mod format;
mod input;
mod json;
mod link;
mod reason;
mod resource;
mod value;

pub use events::{Event, EventsDocument, Status};
pub use format::Format;
pub use input::{Input, InputError, InvalidField};
pub use link::Link;
pub use reason::{Code, Reason, Subcode};
pub use resource::{Resource, etag_matches};
pub use value::Value;

/// The namespace of every element.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/rtc/2012/03/ucwa";

/// The type of a content without its parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
