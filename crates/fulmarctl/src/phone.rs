//! A phone that knows only an address and a password.
//!
//! It asks one DNS server, trusts one authority, and does everything else over HTTPS, as the documents lead it.

mod network;
mod session;
mod sign_in;

pub use network::{Network, Reply};
pub use session::{Phone, Received, Refused};
pub use sign_in::{Discovered, SignedIn, discover, open, sign_in, ticket};
