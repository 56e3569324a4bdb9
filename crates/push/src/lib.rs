//! Takes due notifications from the outbox, offers them to the services that wake phones, and records what
//! became of each. A module for each service; what lies between them and the worker is in `providers`. A box with keys
//! does so for boxes without, as their clearing house.

mod access;
mod answer;
pub mod apns;
mod clients;
mod error;
pub mod fcm;
pub mod house;
mod jwt;
mod lanes;
mod left_alone;
mod providers;
mod tls;
mod transport;
pub mod web_push;
pub mod wns;
mod words;
mod worker;

pub use clients::Clients;
pub use left_alone::ServicesLeftAlone;
pub use providers::check;
pub use worker::run;
