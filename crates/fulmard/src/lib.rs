//! The daemon: reads its configuration, binds its sockets, wires the crates, and watches over them.
//!
//! Everything is one process. Each service is a task that is started again when it panics; the others go on.
//! The store is the exception: when it can not write any more, the process ends and is started anew.

mod appliance;
mod certificate;
mod config;
mod files;
mod journal;
pub mod logging;
mod sockets;
mod supervise;
mod systemd;

pub use appliance::{Addresses, Appliance, Exit};
pub use config::Config;
