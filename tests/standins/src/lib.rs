//! Services that a test can not reach, played on this machine with their real protocol.
//!
//! A stand-in checks what the real service documents, answers what it documents, misbehaves on command, and
//! remembers what it was sent. It listens on the loopback interface with certificates made at its start.
//! Tests start one with port 0; `cargo xtask run` starts the binaries of [`apns`] and [`web_push`] beside
//! the appliance. A module for each
//! service. Nothing that ships uses this crate.

mod access;
pub mod apns;
pub mod authority;
pub mod fcm;
mod files;
mod https;
mod jwt;
pub mod web_push;
pub mod wns;
