//! What is fuzzed: each target takes bytes and panics where something is wrong with how they are read.
//!
//! `cargo xtask fuzz` builds the program of this package with coverage and libFuzzer and runs it on every target;
//! `tests/replay.rs` feeds the seeds and all inputs that once broke something to the same functions, in every
//! ordinary test run.
//!
//! A target reads the bytes with each parser of one kind. What a parser takes it has to write so that it reads back
//! the same.

mod autodiscover;
mod headers;
mod mcx;
mod sign_in;
mod ucwa;

use std::hint::black_box;

/// Something that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also that of its folders below `seeds` and `crashes`.
    pub name: &'static str,
    /// Panics when something is wrong.
    pub feed: fn(&[u8]),
}

/// Everything of ours, and [`SELF_CHECK`].
pub const TARGETS: &[Target] = &[
    Target { name: "autodiscover", feed: autodiscover::documents },
    Target { name: "challenge", feed: headers::challenge },
    Target { name: "date", feed: headers::date },
    Target { name: "forms", feed: sign_in::forms },
    Target { name: "mcx-events", feed: mcx::events },
    Target { name: "mcx-requests", feed: mcx::requests },
    Target { name: "negotiation", feed: headers::negotiation },
    Target { name: "ntlm", feed: sign_in::ntlm },
    Target { name: "ucwa-batch", feed: ucwa::batch },
    Target { name: "ucwa-input", feed: ucwa::input },
    Target { name: "ucwa-message", feed: ucwa::message },
    Target { name: "ws-trust", feed: sign_in::ws_trust },
    SELF_CHECK,
];

/// Has a planted fault behind six bytes, which nobody finds who does not see how far an input gets. A fuzzer that
/// does not find it within a minute is built wrongly.
pub const SELF_CHECK: Target = Target { name: "self-check", feed: self_check };

/// The target of that name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

fn self_check(bytes: &[u8]) {
    // The compiler is not to make one comparison of them.
    let is = |at: usize, byte: u8| black_box(bytes.get(at)) == Some(&byte);
    let found = is(0, b'f') && is(1, b'u') && is(2, b'l') && is(3, b'm') && is(4, b'a') && is(5, b'r');
    assert!(!found, "the planted fault");
}
