//! The nouns and rules of Fulmar: who is who, what an office is, when a phone sleeps, what deserves a push.
//!
//! Nothing here does I/O, waits, reads a clock or knows a foreign format. Time is an argument. Every other
//! crate may use this one; it uses none of ours.

pub mod account;
pub mod administrator;
pub mod application;
pub mod certificate;
pub mod channel;
pub mod configuration;
pub mod contacts;
pub mod conversation;
pub mod custom_zone;
pub mod details;
pub mod device;
pub mod dnssec;
pub mod event;
pub mod id;
pub mod invitation;
pub mod meeting;
pub mod name;
pub mod office;
pub mod photo;
pub mod presence;
pub mod push;
pub mod search;
pub mod secondary;
pub mod session;
pub mod sip_uri;
pub mod subscription;
pub mod time;
pub mod url;
pub mod zone;

pub use account::{Account, DisplayName, InvalidDisplayName};
pub use administrator::{AdministratorName, InvalidAdministratorName};
pub use id::{
    AccountId, ConversationId, DeviceId, InvalidId, InvitationId, MessageId, PushId, RequestId, SessionId,
};
pub use name::{DnsName, InvalidDnsName};
pub use office::Office;
pub use sip_uri::{InvalidSipUri, SipUri};
pub use time::Timestamp;
pub use url::{HttpsUrl, InvalidHttpsUrl};
