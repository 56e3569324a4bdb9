//! Who asks, by the ticket presented.

use fulmar_domain::{Account, DeviceId};
use fulmar_store::{StoreError, TicketDigest};
use thiserror::Error;

use crate::App;

/// Somebody with a valid ticket.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub account: Account,
    /// The device whose ticket it is, once a device has signed in with it.
    pub device: Option<DeviceId>,
    pub(crate) ticket: TicketDigest,
}

/// Why somebody is not let in.
#[derive(Debug, Error)]
pub enum NotAuthenticated {
    /// There is no ticket, or none that was issued here.
    #[error("no valid security token")]
    NoTicket,
    /// The ticket has ended.
    #[error("the security token has expired")]
    Expired,
    /// The person may not sign in any more.
    #[error("the person is disabled")]
    Disabled,
    /// The store failed.
    #[error("can not check a ticket")]
    Store(#[from] StoreError),
}

impl App {
    /// Who presents this ticket.
    ///
    /// # Errors
    /// [`NotAuthenticated`] says why nobody does.
    pub async fn authenticate(&self, ticket: Option<&str>) -> Result<Caller, NotAuthenticated> {
        let digest = TicketDigest::of(ticket.ok_or(NotAuthenticated::NoTicket)?.as_bytes());
        let ticket = self.store.ticket(digest).await?.ok_or(NotAuthenticated::NoTicket)?;
        if ticket.account.disabled {
            return Err(NotAuthenticated::Disabled);
        }
        if ticket.expires_at <= self.now() {
            return Err(NotAuthenticated::Expired);
        }
        Ok(Caller { account: ticket.account, device: ticket.device, ticket: digest })
    }
}
