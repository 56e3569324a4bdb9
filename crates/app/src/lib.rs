//! The use cases of the box, one file each: the only place where rules and storage meet.
//!
//! Transports call [`App`] with typed values and map its errors to their own answers, one arm for each. Nothing
//! here knows a foreign format, but for what people give to be shown to others (`html`, `photo`). Everything that was
//! answered with success is on the disk.

mod administrators;
mod authenticate;
mod clock;
mod command;
mod configuration;
mod custom_zones;
mod dnssec;
mod expensive;
mod html;
mod office;
mod password;
mod people;
mod photo;
mod poll;
mod push_house;
mod push_test;
mod random;
mod secondaries;
mod session;
mod sign_in;
mod throttle;
mod ucwa;
mod web_push;

use fulmar_store::Store;
pub use fulmar_store::{DeviceSummary, Inbox, Made, Outcome, Said, SessionSummary, StoreError, Values};

pub use administrators::{CONSOLE_SESSION_LIFETIME, ChangeAdministratorError};
pub use authenticate::{Caller, NotAuthenticated};
pub use clock::Clock;
pub use command::{Command, CommandError};
pub use configuration::{ConfigureError, Deciding};
pub use custom_zones::{ChangeZonesError, CheckCustomZone};
pub use dnssec::ChangeDnssecError;
pub use expensive::Busy;
pub use html::said;
pub use office::ChangeOfficeError;
pub use people::{AddPersonError, ChangePersonError};
pub use photo::InvalidPicture;
pub use poll::{HeldPoll, Looked, Poll, PollEnd, PollError, Polled};
pub use push_house::InviteBoxError;
pub use push_test::TestDeviceError;
pub use secondaries::AddSecondaryError;
pub use session::{DeviceDescription, InitiateSessionError};
pub use sign_in::{IssuedTicket, Proven, SignInError, TICKET_LIFETIME};
pub use throttle::{Lockout, Subject};
pub use ucwa::MadeApplication;
pub use web_push::ChangeWebPushError;

use crate::{
    expensive::Turns,
    password::Passwords,
    photo::Photos,
    poll::{Alarm, HeldPolls},
    throttle::Throttle,
};

/// The use cases. Clones share everything.
#[derive(Clone)]
pub struct App {
    store: Store,
    clock: Clock,
    passwords: Passwords,
    turns: Turns,
    throttle: Throttle,
    photos: Photos,
    held_polls: HeldPolls,
    alarm: Alarm,
}

impl App {
    /// The use cases on this store, by this clock.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            passwords: Passwords::new(),
            turns: Turns::new(),
            throttle: Throttle::default(),
            photos: Photos::new(),
            held_polls: HeldPolls::default(),
            alarm: Alarm::new(),
        }
    }

    /// What only reads and needs no rule: lists for administrators, the state of the store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The present time.
    pub fn now(&self) -> fulmar_domain::Timestamp {
        self.clock.now()
    }
}
