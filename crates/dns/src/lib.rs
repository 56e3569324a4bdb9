//! The box's DNS server: answers from memory, never from SQL, and asks resolvers for the names of others.
//!
//! A [`Snapshot`] holds every zone as it looks from inside and from outside the office, in the form in which it
//! goes on the wire. It never changes: the [`Publisher`] makes the next one when the office changes and swaps
//! the pointer. [`answer()`] is a function from bytes to bytes; what is served by UDP and TCP is that function.
//! When the store fails, the last snapshot goes on being served.
//!
//! Semantics: RFC 1034 §4.3.2 (lookup, referrals, aliases), RFC 2308 (negative answers), RFC 4592 (wildcards),
//! RFC 6672 (DNAME), RFC 6604 (the code of an answer with aliases), RFC 6891 (EDNS), RFC 8482 (ANY).
//! Signed zones, where an administrator wants them: RFC 4033 to 4035 with NSEC, one key of RFC 6605 for each zone, made
//! and kept in the store; signing is part of publishing.
//! Secondaries: RFC 5936 (AXFR), RFC 1995 §4 (IXFR, answered with the whole zone), RFC 1996 (NOTIFY, sent only),
//! RFC 8945 (TSIG).
//! What keeps the box from being used against others: RFC 7873 and RFC 9018 (cookies), an allowance of answers by
//! UDP for each network outside. How it talks to odd clients: RFC 8906, whose section 8 is a test file.
//! Names that no zone has are forwarded for those inside, if the office names resolvers: RFC 2308 and RFC 9520
//! (what is kept for how long), RFC 5452 (what is taken for an answer), RFC 8914 (why there is none).
//! Not here: walking down from the root and DNSSEC validation, which are left to the resolvers; updates, which are
//! refused; NSEC3: the names of an office are no secret to who knows one.

mod answer;
mod catalog;
mod clock;
mod cookie;
mod custom;
mod forward;
mod ledger;
mod limit;
mod lookup;
mod master_file;
mod name;
mod notify;
mod publisher;
mod query;
mod records;
mod response;
mod secondaries;
mod server;
mod siphash;
mod transfer;
mod tsig;
mod upstream;
mod zone;

pub use answer::{Disposition, Transport, answer};
pub use catalog::{Catalog, SigningError, Snapshot};
pub use cookie::NoRandomness;
pub use custom::check as check_custom_zone;
pub use ledger::Secondaries;
pub use master_file::{Fault, MasterFileError};
pub use notify::run as notify;
pub use publisher::{Publisher, run};
pub use server::{Server, serve_tcp, serve_udp};
pub use zone::{InvalidZone, Zone};
