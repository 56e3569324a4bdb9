//! The commands that administer the box, each a request to the admin API.

pub mod administrator;
pub mod certificate;
mod client;
pub mod details;
pub mod device;
pub mod dns;
pub mod dnssec;
pub mod lockout;
pub mod office;
mod password;
pub mod policy;
pub mod push;
pub mod screen;
pub mod secondary;
pub mod status;
pub mod user;

pub use administrator::AdminCommand;
pub use certificate::CertificateCommand;
pub use client::Client;
pub use device::DeviceCommand;
pub use dns::DnsCommand;
pub use dnssec::DnssecCommand;
pub use lockout::LockoutCommand;
pub use office::OfficeCommand;
pub use policy::PolicyCommand;
pub use push::PushCommand;
pub use screen::ScreenOptions;
pub use secondary::SecondaryCommand;
pub use user::UserCommand;
