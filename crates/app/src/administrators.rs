//! Who signs in at the console, and what their cookie is worth.

use std::{net::IpAddr, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::AdministratorName;
use fulmar_store::{Administrator, StoreError, TicketDigest};
use thiserror::Error;

use crate::{
    App, SignInError,
    password::{HashError, is_acceptable},
    random,
    throttle::Key,
};

/// How long somebody stays signed in at the console: a long working day.
pub const CONSOLE_SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Why administrators could not be changed.
#[derive(Debug, Error)]
pub enum ChangeAdministratorError {
    /// There is one of that name.
    #[error("there is an administrator `{0}` already")]
    NameTaken(AdministratorName),
    /// There is none of that name.
    #[error("there is no administrator `{0}`")]
    NoSuchAdministrator(AdministratorName),
    /// The password is too easy to guess, or too long.
    #[error("a password has 8 characters or more, and at most 1024 bytes")]
    Password,
    /// The hash could not be made.
    #[error("can not hash a password")]
    Hash(#[from] HashError),
    /// The store failed.
    #[error("can not change the administrators")]
    Store(#[from] StoreError),
}

impl App {
    /// Adds an administrator.
    ///
    /// # Errors
    /// [`ChangeAdministratorError`]
    pub async fn add_administrator(
        &self,
        name: AdministratorName,
        password: String,
    ) -> Result<(), ChangeAdministratorError> {
        let new = self.with_hash(name, password).await?;
        let name = new.name.clone();
        let added = self.store.add_administrator(new).await?;
        if added { Ok(()) } else { Err(ChangeAdministratorError::NameTaken(name)) }
    }

    /// Gives an administrator a new password, which ends their sessions.
    ///
    /// # Errors
    /// [`ChangeAdministratorError`]
    pub async fn change_administrator_password(
        &self,
        name: AdministratorName,
        password: String,
    ) -> Result<(), ChangeAdministratorError> {
        let changed = self.with_hash(name, password).await?;
        let name = changed.name.clone();
        let found = self.store.set_administrator_password(changed).await?;
        if found { Ok(()) } else { Err(ChangeAdministratorError::NoSuchAdministrator(name)) }
    }

    /// Forgets an administrator, whose sessions end.
    ///
    /// # Errors
    /// [`ChangeAdministratorError::NoSuchAdministrator`] and failures of the store.
    pub async fn remove_administrator(
        &self,
        name: AdministratorName,
    ) -> Result<(), ChangeAdministratorError> {
        let found = self.store.remove_administrator(name.clone()).await?;
        if found { Ok(()) } else { Err(ChangeAdministratorError::NoSuchAdministrator(name)) }
    }

    /// Begins a session at the console for whoever knows the password of that administrator; returns the secret of
    /// its cookie.
    ///
    /// # Errors
    /// [`SignInError::Refused`] takes as long for an unknown name as for a wrong password.
    pub async fn sign_in_administrator(
        &self,
        name: &str,
        password: String,
        from: IpAddr,
    ) -> Result<String, SignInError> {
        let found = match name.parse::<AdministratorName>() {
            Ok(name) => self.store.administrator(name).await?,
            Err(_) => None,
        };
        // What is nobody's name may be a password in the wrong field: it is counted and not shown.
        let who =
            found.as_ref().map_or_else(|| Key::person(name), |found| Key::Administrator(found.name.clone()));
        let check = async {
            let stored = found.as_ref().map(|found| found.password_hash.clone());
            let verified = self.passwords.verify(password, stored).await?;
            found.filter(|_| verified).ok_or(SignInError::Refused)
        };
        let proved = self.attempt(who, from, check).await?;
        let secret = URL_SAFE_NO_PAD.encode(random::bytes::<32>()?);
        let digest = TicketDigest::of(secret.as_bytes());
        let expires_at = self.now() + CONSOLE_SESSION_LIFETIME;
        let begun = self.store.begin_console_session(proved, digest, expires_at).await?;
        if begun { Ok(secret) } else { Err(SignInError::Refused) }
    }

    /// Whose cookie that is, while their session lasts.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn administrator_of(&self, secret: &str) -> Result<Option<AdministratorName>, StoreError> {
        self.store.console_session(TicketDigest::of(secret.as_bytes()), self.now()).await
    }

    /// Ends the session of a cookie.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn sign_out_administrator(&self, secret: &str) -> Result<(), StoreError> {
        self.store.end_console_session(TicketDigest::of(secret.as_bytes())).await
    }

    async fn with_hash(
        &self,
        name: AdministratorName,
        password: String,
    ) -> Result<Administrator, ChangeAdministratorError> {
        if !is_acceptable(&password) {
            return Err(ChangeAdministratorError::Password);
        }
        let password_hash = self.passwords.hash(password).await?;
        Ok(Administrator { name, password_hash })
    }
}
