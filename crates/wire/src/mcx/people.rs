//! The commands and events about contacts and presence.

mod command;
mod event;

pub use command::{Base64, PeopleCommand};
pub use event::{Contact, Details, Group, PeopleEvent, Presence};

pub(super) use command::{read_command, write_command};
pub(super) use event::{read_event, write_event};
