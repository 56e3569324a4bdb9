//! Boxes that are invited to hand their notifications over to this one.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    push::{BoxName, PairingCode},
};
use fulmar_store::{StoreError, TicketDigest};
use thiserror::Error;

use crate::{
    App,
    random::{self, NoRandomness},
};

/// How long a code is good.
const CODE_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Why nobody was invited.
#[derive(Debug, Error)]
pub enum InviteBoxError {
    /// There is no code without random numbers.
    #[error("can not make a code")]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error("can not invite a box")]
    Store(#[from] StoreError),
}

impl App {
    /// Invites a box: the code is for it alone, good once and until then. `authority` is the SHA-256 of the certificate
    /// of the authority that issues what this box shows.
    ///
    /// # Errors
    /// [`InviteBoxError`]
    pub async fn invite_box(
        &self,
        name: BoxName,
        authority: &[u8; 32],
    ) -> Result<(PairingCode, Timestamp), InviteBoxError> {
        let expires_at = self.now() + CODE_LIFETIME;
        loop {
            let code = PairingCode::new(authority, random::bytes()?);
            let ticket = code.ticket();
            let digest = TicketDigest::of(ticket.reveal().as_bytes());
            // There are a million numbers.
            if self.store.invite_box(name.clone(), ticket.number().to_owned(), digest, expires_at).await? {
                return Ok((code, expires_at));
            }
        }
    }
}
