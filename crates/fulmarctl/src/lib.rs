//! What `fulmarctl` is made of. The phone of the self-test is public, because tests are phones too.

pub mod admin;
pub mod phone;
pub mod selftest;
