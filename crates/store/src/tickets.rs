//! Tickets, by their digests.

use fulmar_domain::{Account, DeviceId, Timestamp};
use ring::digest::{SHA256, digest};
use rusqlite::params;

use crate::{
    Credentials, Store, StoreError, accounts,
    rows::{found, timestamp},
};

/// The SHA-256 of a ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TicketDigest([u8; 32]);

/// What is known of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Whose; may be disabled or at home elsewhere by now.
    pub account: Account,
    /// The device that has used it, once one has.
    pub device: Option<DeviceId>,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl TicketDigest {
    /// The digest of the bytes of a ticket.
    pub fn of(ticket: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, ticket).as_ref());
        Self(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Store {
    /// Keeps a new ticket for whoever has shown to know the password of `proved`. `false` when that is not their
    /// password any more, or they are disabled: checking a password takes a while.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_ticket(
        &self,
        digest: TicketDigest,
        proved: Credentials,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change("keep a ticket", move |tx| {
            let Credentials { account, password_hash, .. } = &proved;
            let insert = "INSERT INTO ticket (digest, account, expires_at)
                 SELECT ?1, id, ?3 FROM account WHERE id = ?2 AND password_hash = ?4 AND disabled = 0";
            let values = params![digest.as_bytes(), account.id.0, expires_at.as_millis(), password_hash];
            tx.sql.execute(insert, values).map(|kept| kept == 1)
        })
        .await
    }

    /// What is known of a ticket; `None` for one that was never issued, was revoked, or ended long ago.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn ticket(&self, digest: TicketDigest) -> Result<Option<Ticket>, StoreError> {
        self.read("look a ticket up", move |sql| {
            let select = "SELECT a.id, a.uri, a.display_name, a.disabled, a.homed_at, t.device, t.expires_at
                 FROM ticket t JOIN account a ON a.id = t.account WHERE t.digest = ?1";
            found(sql.prepare_cached(select)?.query_row([digest.as_bytes()], |row| {
                Ok(Ticket {
                    account: accounts::account(row)?,
                    device: row.get::<_, Option<i64>>(5)?.map(DeviceId),
                    expires_at: timestamp(row, 6)?,
                })
            }))
        })
        .await
    }
}
