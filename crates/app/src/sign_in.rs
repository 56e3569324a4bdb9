//! A password for a ticket.

use std::{net::IpAddr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{Account, SipUri, Timestamp, office::Networks};
use fulmar_store::{StoreError, TicketDigest};
use thiserror::Error;

use crate::{
    App, password,
    random::{self, NoRandomness},
    throttle::{Lockout, Origin, Subject},
};

/// How long a ticket lives. The original's lived eight hours.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(8 * 3600);

/// A ticket that was just issued: 43 letters, digits, `-` and `_`. It is shown once and kept as a digest.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedTicket {
    /// The ticket. A secret.
    pub ticket: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Somebody who has shown, just now, that they are who they say.
pub struct Proven {
    account: Account,
}

impl Proven {
    /// Who.
    pub fn person(&self) -> &SipUri {
        &self.account.uri
    }
}

/// Why somebody got no ticket.
#[derive(Debug, Error)]
pub enum SignInError {
    /// Nobody of that address, the wrong password, or a disabled person: which, is not said.
    #[error("the address or the password is wrong")]
    Refused,
    /// The password was not looked at.
    #[error("too many attempts failed")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The password could not be checked.
    #[error("can not check a password")]
    Hash(#[from] password::HashError),
    /// No ticket could be drawn.
    #[error("can not draw a ticket")]
    Random(#[from] NoRandomness),
    /// The store failed.
    #[error("can not sign somebody in")]
    Store(#[from] StoreError),
}

impl App {
    /// Issues a ticket to whoever knows the password of `address`.
    ///
    /// # Errors
    /// [`SignInError::Refused`] takes as long for an unknown address as for a wrong password.
    pub async fn sign_in(
        &self,
        address: &str,
        password: String,
        from: IpAddr,
    ) -> Result<IssuedTicket, SignInError> {
        let proven = self.prove_password(address, password, from).await?;
        self.issue_ticket(&proven).await
    }

    /// Whether somebody knows the password of `address`.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn prove_password(
        &self,
        address: &str,
        password: String,
        from: IpAddr,
    ) -> Result<Proven, SignInError> {
        let origin = self.origin(from).await?;
        let attempt = self.throttle.attempt(address, origin, self.now());
        let attempt = attempt.map_err(|retry_after| SignInError::TooManyAttempts { retry_after })?;
        let result = self.check_password(address, password).await;
        match &result {
            Ok(_) => attempt.succeeded(),
            Err(SignInError::Refused) => drop(attempt),
            Err(_) => attempt.undecided(),
        }
        result
    }

    /// Issues a ticket to somebody who has shown who they are.
    ///
    /// # Errors
    /// [`SignInError::Random`] and [`SignInError::Store`].
    pub async fn issue_ticket(&self, proven: &Proven) -> Result<IssuedTicket, SignInError> {
        let ticket = URL_SAFE_NO_PAD.encode(random::bytes::<32>()?);
        let created_at = self.now();
        let expires_at = created_at + TICKET_LIFETIME;
        self.store.keep_ticket(TicketDigest::of(ticket.as_bytes()), proven.account.id, expires_at).await?;
        Ok(IssuedTicket { ticket, created_at, expires_at })
    }

    /// Whose sign-ins have to wait because of wrong passwords, the latest first.
    pub fn lockouts(&self) -> Vec<Lockout> {
        self.throttle.lockouts(self.now())
    }

    /// Forgets the wrong passwords of a person or an address; whether there were any.
    pub fn clear_lockout(&self, subject: &Subject) -> bool {
        self.throttle.clear(subject)
    }

    async fn origin(&self, address: IpAddr) -> Result<Origin, StoreError> {
        let side = match self.store.office().await? {
            Some((office, _)) => office.side_of(address),
            None => Networks::default().side_of(address),
        };
        Ok(Origin { address, side })
    }

    async fn check_password(&self, address: &str, password: String) -> Result<Proven, SignInError> {
        let credentials = match address.parse::<SipUri>() {
            Ok(uri) => self.store.credentials(&uri).await?,
            Err(_) => None,
        };
        let stored = credentials.as_ref().map(|found| found.password_hash.clone());
        let matches = self.passwords.verify(password, stored).await?;
        let account = credentials.map(|found| found.account).filter(|account| matches && !account.disabled);
        account.map(|account| Proven { account }).ok_or(SignInError::Refused)
    }
}
