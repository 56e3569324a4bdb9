//! The mobility service's own grammar; `crates/mobility/MCX.md` is its specification.
//!
//! A client posts [`Requests`] and is answered with [`Responses`] at once; what came of them, and what others
//! did, it fetches as [`Events`] with a [`Poll`].

mod command;
mod error;
mod event;
mod events;
mod meetings;
mod people;
mod photo;
mod poll;
mod requests;
mod responses;

pub use command::{About, Command, Format, Instant};
pub use error::McxError;
pub use event::{Event, Invitation, Participant};
pub use events::{Events, Numbered};
pub use meetings::{MeetingCommand, MeetingEvent, MeetingPlan};
pub use people::{Base64, Contact, Details, Group, PeopleCommand, PeopleEvent, Presence};
pub use photo::{InvalidPhotoQuery, PhotoQuery};
pub use poll::{InvalidPoll, Poll};
pub use requests::{Rejection, RejectionCode, Request, Requests};
pub use responses::{Response, Responses};

/// The namespace of every element.
pub const NAMESPACE: &str = "urn:fulmar:mcx:1";
/// The `Content-Type` of every body.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
/// The most commands in one body.
pub const MAX_COMMANDS: usize = 16;
/// The longest text of a message, in bytes of UTF-8.
pub const MAX_TEXT: usize = 8 * 1024;
