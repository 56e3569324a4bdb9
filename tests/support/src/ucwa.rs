//! A client of UCWA that follows links: it knows no path, and names resources and events by their rels.
//!
//! Whatever the box answers is kept as it came, so that a test can look at all of it.

mod client;
mod events;
mod resource;
mod talk;

pub use client::{Answer, Application, Refused};
pub use events::{Event, Led};
pub use resource::Resource;
pub use talk::Message;
