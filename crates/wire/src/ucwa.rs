//! UCWA's representations: what the service answers, in JSON and in XML.
//!
//! The source is the public UCWA reference, whose pages are named where a form is taken from one. A page of the
//! reference and a capture of the original differ in places; the captures (the reference's task pages) are followed.

mod events;
mod format;
mod json;
mod reason;
mod resource;

pub use events::{Event, EventsDocument, Status};
pub use format::Format;
pub use reason::{Code, Reason, Subcode};
pub use resource::{Link, Resource, Value, etag_matches};

/// The namespace of every element.
pub const NAMESPACE: &str = "http://schemas.microsoft.com/rtc/2012/03/ucwa";
