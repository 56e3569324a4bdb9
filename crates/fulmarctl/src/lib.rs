//! What `fulmarctl` is made of. The phone of the self-test is public, because tests are phones too.

mod account;
pub mod admin;
pub mod chat;
pub mod phone;
pub mod selftest;
