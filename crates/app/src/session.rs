//! Signing a device in.

use fulmar_domain::{
    id::EndpointId,
    presence::{Arrival, DeviceType},
    session::{MAX_SESSIONS, Session},
};
use fulmar_store::{NewSession, StartedSession, StoreError};
use thiserror::Error;

use crate::{
    App, Busy, Caller,
    random::{self, NoRandomness},
};

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDescription {
    /// Its own, lasting name.
    pub endpoint: EndpointId,
    /// What the person calls it, 1 to 100 characters.
    pub name: String,
    /// How its person begins to be seen on it.
    pub arrival: Arrival,
}

/// Why a device was not signed in.
#[derive(Debug, Error)]
pub enum InitiateSessionError {
    /// The ticket is that of another device, or was revoked meanwhile.
    #[error("the ticket belongs to another device or was revoked")]
    ForeignTicket,
    /// The person has as many sessions as there may be, and uses all of them.
    #[error("this person is signed in on {MAX_SESSIONS} other devices")]
    TooManySessions,
    /// Nothing was looked at.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// No name could be drawn for the session.
    #[error("can not draw the name of a session")]
    Random(#[from] NoRandomness),
    /// The store failed.
    #[error("can not start a session")]
    Store(#[from] StoreError),
}

impl App {
    /// Signs a device in; the session that it had ends, and what that one had not fetched waits in this one.
    ///
    /// # Errors
    /// [`InitiateSessionError`]
    pub async fn initiate_session(
        &self,
        caller: &Caller,
        device: DeviceDescription,
    ) -> Result<Session, InitiateSessionError> {
        let _turn = self.turns.begin().await?;
        let new = NewSession {
            id: random::identifier()?,
            account: caller.account.id,
            endpoint: device.endpoint,
            device_name: device.name,
            device_type: DeviceType::Mobile,
            arrival: Some(device.arrival),
        };
        match self.store.start_session(new, caller.ticket, self.now()).await? {
            StartedSession::Started(session) => Ok(session),
            StartedSession::ForeignTicket => Err(InitiateSessionError::ForeignTicket),
            StartedSession::TooMany => Err(InitiateSessionError::TooManySessions),
        }
    }
}
