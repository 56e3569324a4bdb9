//! A password for a ticket.

use std::{net::IpAddr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{SipUri, Timestamp, office::Networks};
use fulmar_store::{Credentials, NtHash, StoreError, TicketDigest};
use thiserror::Error;

use crate::{
    App, Busy, password,
    random::{self, NoRandomness},
    throttle::{Key, Lockout, Origin, Subject},
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
    credentials: Credentials,
}

impl Proven {
    /// Who.
    pub fn person(&self) -> &SipUri {
        &self.credentials.account.uri
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
    /// The password was not looked at.
    #[error(transparent)]
    Busy(#[from] Busy),
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
        let _turn = self.turns.begin().await?;
        self.attempt(Key::person(address), from, self.check_password(address, password)).await
    }

    /// Whether somebody proves to have the NT hash of the password of `address`, as `proves` says. Without NTLM in
    /// force for them nobody does.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn prove_nt_hash(
        &self,
        address: &str,
        from: IpAddr,
        proves: impl FnOnce(&[u8; 16]) -> bool,
    ) -> Result<Proven, SignInError> {
        let _turn = self.turns.begin().await?;
        self.attempt(Key::person(address), from, self.check_nt_hash(address, proves)).await
    }

    /// Random bytes that nobody has seen, for whoever is to prove something.
    ///
    /// # Errors
    /// [`SignInError::Random`]
    pub fn nonce(&self) -> Result<[u8; 8], SignInError> {
        Ok(random::bytes()?)
    }

    /// Issues a ticket to somebody who has shown who they are.
    ///
    /// # Errors
    /// [`SignInError::Random`], [`SignInError::Store`], and [`SignInError::Refused`] for somebody whose password
    /// was changed, or who was disabled, since it was checked.
    pub async fn issue_ticket(&self, proven: &Proven) -> Result<IssuedTicket, SignInError> {
        let ticket = URL_SAFE_NO_PAD.encode(random::bytes::<32>()?);
        let created_at = self.now();
        let expires_at = created_at + TICKET_LIFETIME;
        let digest = TicketDigest::of(ticket.as_bytes());
        if !self.store.keep_ticket(digest, proven.credentials.clone(), expires_at).await? {
            return Err(SignInError::Refused);
        }
        Ok(IssuedTicket { ticket, created_at, expires_at })
    }

    /// Whose sign-ins are slowed because of wrong passwords in the last hour, the latest first.
    pub fn lockouts(&self) -> Vec<Lockout> {
        self.throttle.lockouts(self.now())
    }

    /// Forgets the wrong passwords of a person, an administrator or an address; whether there were any.
    pub fn clear_lockout(&self, subject: &Subject) -> bool {
        self.throttle.clear(subject)
    }

    /// Counts how a check ends, if it is made at all.
    pub(crate) async fn attempt<T>(
        &self,
        who: Key,
        from: IpAddr,
        check: impl Future<Output = Result<T, SignInError>>,
    ) -> Result<T, SignInError> {
        let origin = self.origin(from).await?;
        let attempt = self.throttle.attempt(who, origin, self.now());
        let attempt = attempt.map_err(|retry_after| SignInError::TooManyAttempts { retry_after })?;
        let result = check.await;
        match &result {
            Ok(_) => attempt.succeeded(),
            Err(SignInError::Refused) => drop(attempt),
            Err(_) => attempt.undecided(),
        }
        result
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
        let nt_hash = password::nt_hash(&password);
        if !self.passwords.verify(password, stored).await? {
            return Err(SignInError::Refused);
        }
        let found = credentials.filter(|found| !found.account.disabled).ok_or(SignInError::Refused)?;
        if found.lacks_nt_hash {
            let (person, hash) = (found.account.uri.clone(), found.password_hash.clone());
            self.store.keep_nt_hash(person, hash, nt_hash).await?;
        }
        Ok(Proven { credentials: found })
    }

    async fn check_nt_hash(
        &self,
        address: &str,
        proves: impl FnOnce(&[u8; 16]) -> bool,
    ) -> Result<Proven, SignInError> {
        let found = match address.parse::<SipUri>() {
            Ok(uri) => self.store.nt_hash(&uri).await?,
            Err(_) => None,
        };
        // The same work for everybody.
        let NtHash(hash) = found.as_ref().map_or(NtHash([0; 16]), |(_, hash)| *hash);
        let proves = proves(&hash);
        let credentials = found.map(|(credentials, _)| credentials);
        let credentials = credentials.filter(|found| proves && !found.account.disabled);
        credentials.map(|credentials| Proven { credentials }).ok_or(SignInError::Refused)
    }
}
