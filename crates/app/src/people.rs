//! Who can sign in.

use fulmar_domain::{
    Account, DeviceId, DisplayName, DnsName, HttpsUrl, SipUri, contacts::Contact, details::Details,
};
use fulmar_store::{DeviceSummary, Homing, NewAccount, StoreError};
use thiserror::Error;

use crate::{
    App, InvalidPicture,
    password::{self, HashError, is_acceptable},
};

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
    /// The person has no such device, or it is signed out.
    #[error("`{}` has no device `{}` that is signed in", .0.address(), .1)]
    NoSuchDevice(SipUri, DeviceId),
    /// A client that is sent there would not go on: at a User document it does not ask for a ticket any more.
    #[error("`{0}` is not the root of an Autodiscover service: its path would be `/` or end with `/root`")]
    NotARoot(HttpsUrl),
    /// The box would send clients to itself, for ever.
    #[error("`{0}` is this box: say `here`")]
    OwnHost(DnsName),
    /// The password is too easy to guess, or too long.
    #[error("a password has 8 characters or more, and at most 1024 bytes")]
    Password,
    /// What was given is no photo to be had from.
    #[error(transparent)]
    Picture(#[from] InvalidPicture),
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
        let nt_hash = password::nt_hash(&password);
        let hash = self.passwords.hash(password).await?;
        match self.store.create_account(uri.clone(), name, hash.clone(), self.now()).await? {
            NewAccount::Created(account) => {
                self.store.keep_nt_hash(uri, hash, nt_hash).await?;
                Ok(account)
            }
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
        let nt_hash = password::nt_hash(&password);
        let hash = self.passwords.hash(password).await?;
        if !self.store.set_password(uri.clone(), hash.clone(), self.now()).await? {
            return Err(ChangePersonError::NoSuchPerson(uri));
        }
        Ok(self.store.keep_nt_hash(uri, hash, nt_hash).await?)
    }

    /// Says what is known of a person, instead of what was known before, and with `name` how they are called.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn set_details(
        &self,
        uri: SipUri,
        name: Option<DisplayName>,
        details: Details,
    ) -> Result<(), ChangePersonError> {
        let found = self.store.set_details(uri.clone(), name, details).await?;
        if found { Ok(()) } else { Err(ChangePersonError::NoSuchPerson(uri)) }
    }

    /// The name of a person and what is known of them.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn details(&self, uri: SipUri) -> Result<(Contact, Details), ChangePersonError> {
        self.store.details(&uri).await?.ok_or(ChangePersonError::NoSuchPerson(uri))
    }

    /// Keeps a person out, at once and on every device, or lets them in again.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn set_disabled(&self, uri: SipUri, disabled: bool) -> Result<(), ChangePersonError> {
        let found = self.store.set_disabled(uri.clone(), disabled, self.now()).await?;
        if found { Ok(()) } else { Err(ChangePersonError::NoSuchPerson(uri)) }
    }

    /// Says that a person is at home at another pool, whose Autodiscover root this is, or with `None` here. Who moves
    /// away is signed out, and their clients are sent there.
    ///
    /// # Errors
    /// [`ChangePersonError`]
    pub async fn set_home(&self, uri: SipUri, home: Option<HttpsUrl>) -> Result<(), ChangePersonError> {
        if let Some(home) = home.as_ref().filter(|home| !is_root(home)) {
            return Err(ChangePersonError::NotARoot(home.clone()));
        }
        match (self.store.set_home(uri.clone(), home.clone(), self.now()).await?, home) {
            (Homing::OwnHost, Some(home)) => Err(ChangePersonError::OwnHost(home.host().clone())),
            (Homing::Done | Homing::OwnHost, _) => Ok(()),
            (Homing::NoSuchPerson, _) => Err(ChangePersonError::NoSuchPerson(uri)),
        }
    }

    /// Signs a person out everywhere: their sessions and tickets end, their devices are not woken any more.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn sign_out(&self, uri: SipUri) -> Result<(), ChangePersonError> {
        let found = self.store.sign_out(uri.clone(), self.now()).await?;
        if found { Ok(()) } else { Err(ChangePersonError::NoSuchPerson(uri)) }
    }

    /// The devices of a person that are signed in or hold a ticket.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchPerson`] and failures of the store.
    pub async fn devices(&self, uri: SipUri) -> Result<Vec<DeviceSummary>, ChangePersonError> {
        self.store.devices(&uri, self.now()).await?.ok_or(ChangePersonError::NoSuchPerson(uri))
    }

    /// Ends the session, the registration for push and the tickets of one device, and the tickets of its person
    /// that no device has used yet.
    ///
    /// # Errors
    /// [`ChangePersonError::NoSuchDevice`] and failures of the store.
    pub async fn revoke_device(&self, uri: SipUri, device: DeviceId) -> Result<(), ChangePersonError> {
        let revoked = self.store.revoke_device(&uri, device, self.now()).await?;
        if revoked { Ok(()) } else { Err(ChangePersonError::NoSuchDevice(uri, device)) }
    }
}

fn is_root(url: &HttpsUrl) -> bool {
    let path = url.path().to_ascii_lowercase();
    path == "/" || path.ends_with("/root")
}
