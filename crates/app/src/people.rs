//! Who can sign in.

use fulmar_domain::{Account, DisplayName, SipUri};
use fulmar_store::{NewAccount, StoreError};
use thiserror::Error;

use crate::{App, password::HashError};

/// The fewest characters of a password.
pub const MIN_PASSWORD: usize = 8;
/// The most bytes of a password: what is longer only costs time.
const MAX_PASSWORD: usize = 1024;

/// Why a person could not be added.
#[derive(Debug, Error)]
pub enum AddPersonError {
    /// Somebody has that address.
    #[error("`{}` is taken", .0.address())]
    AddressTaken(SipUri),
    /// The office does not have that SIP domain.
    #[error("the office does not have the SIP domain `{}`", .0.domain())]
    UnknownDomain(SipUri),
    /// The password is too easy to guess, or too long.
    #[error("a password has 8 characters or more, and at most 1024 bytes")]
    Password,
    /// The hash could not be made.
    #[error("can not hash a password")]
    Hash(#[from] HashError),
    /// The store failed.
    #[error("can not add a person")]
    Store(#[from] StoreError),
}

/// Why a person could not be changed.
#[derive(Debug, Error)]
pub enum ChangePersonError {
    /// There is nobody of that address.
    #[error("nobody here has the address `{}`", .0.address())]
    NoSuchPerson(SipUri),
    /// The password is too easy to guess, or too long.
    #[error("a password has 8 characters or more, and at most 1024 bytes")]
    Password,
    /// The hash could not be made.
    #[error("can not hash a password")]
    Hash(#[from] HashError),
    /// The store failed.
    #[error("can not change a person")]
    Store(#[from] StoreError),
}

impl App {
    /// Adds a person.
    ///
    /// # Errors
    /// [`AddPersonError`]
    pub async fn add_person(
        &self,
        uri: SipUri,
        name: DisplayName,
        password: String,
    ) -> Result<Account, AddPersonError> {
        if !is_acceptable(&password) {
            return Err(AddPersonError::Password);
        }
        let hash = self.passwords.hash(password).await?;
        match self.store.create_account(uri.clone(), name, hash, self.now()).await? {
            NewAccount::Created(account) => Ok(account),
            NewAccount::AddressTaken => Err(AddPersonError::AddressTaken(uri)),
            NewAccount::UnknownDomain => Err(AddPersonError::UnknownDomain(uri)),
        }
    }

    /// Gives a person a new password; they are signed out everywhere.
    ///
    /// # Errors
    /// [`ChangePersonError`]
    pub async fn change_password(&self, uri: SipUri, password: String) -> Result<(), ChangePersonError> {
        if !is_acceptable(&password) {
            return Err(ChangePersonError::Password);
        }
        let hash = self.passwords.hash(password).await?;
        let found = self.store.set_password(uri.clone(), hash).await?;
        if found { Ok(()) } else { Err(ChangePersonError::NoSuchPerson(uri)) }
    }

    /// Keeps a person out, at once and on every device, or lets them in again.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn set_disabled(&self, uri: SipUri, disabled: bool) -> Result<(), ChangePersonError> {
        let found = self.store.set_disabled(uri.clone(), disabled).await?;
        if found { Ok(()) } else { Err(ChangePersonError::NoSuchPerson(uri)) }
    }
}

fn is_acceptable(password: &str) -> bool {
    password.chars().count() >= MIN_PASSWORD && password.len() <= MAX_PASSWORD
}
