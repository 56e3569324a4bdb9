//! Names of others, asked of resolvers on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod alias;
mod answers;
mod failures;
mod office;
mod resolver;
