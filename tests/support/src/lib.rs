//! Clients for tests.
//!
//! The phone that speaks MCX ships in `fulmarctl`, as self-test and chat; what only tests need is here, on top of its
//! network: a client of UCWA. Both know an address, a password, a DNS server and an authority to trust, and find the
//! rest as the documents lead them.

pub mod ucwa;

pub use fulmarctl::phone;
