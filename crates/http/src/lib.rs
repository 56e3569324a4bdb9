//! What the web surfaces share: the box's own certificates, TLS with live exchange of the certificate,
//! listeners with limits, the request log, and problem documents.
//!
//! Knows nothing of offices, people or stores. The caller owns the sockets and the signal to stop.

mod activity;
pub mod authority;
mod body;
mod challenges;
mod cms;
mod details;
mod drain;
mod edge;
mod examine;
mod mutual;
mod problem;
mod profile;
pub mod serve;
pub mod tls;
pub mod trust;

pub use body::{BodyError, BoundedBody, MAX_BODY};
pub use challenges::Challenges;
pub use details::{Details, KeyKind, NotACertificate, stands_for};
pub use edge::{Surface, edge};
pub use examine::{Examination, Finding, Severity, examine};
pub use mutual::{Mutual, PeerKey};
pub use problem::Problem;
pub use serve::{Connection, Parking, PeerAddr, PeerUser};
