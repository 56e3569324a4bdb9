//! What the office wants.

use fulmar_domain::{
    DnsName, Office,
    office::{InvalidOffice, OfficeIntent},
    zone::Generation,
};
use fulmar_store::{OfficeChange, StoreError};
use thiserror::Error;

use crate::App;

/// Why the office stays as it is.
#[derive(Debug, Error)]
pub enum ChangeOfficeError {
    /// It can not be as asked for.
    #[error(transparent)]
    Invalid(#[from] InvalidOffice),
    /// People have addresses in a domain that would vanish.
    #[error("people have addresses in `{0}`: it has to stay one of the SIP domains")]
    PeopleInDomain(DnsName),
    /// Clients of people at home elsewhere would be sent to this box, for ever.
    #[error("people are at home at `{0}`, which would be this box: move them first")]
    PeopleHomedAt(DnsName),
    /// The store failed.
    #[error("can not change the office")]
    Store(#[from] StoreError),
}

impl App {
    /// Changes the office. Zones, the certificate and the documents follow; the generation says when.
    ///
    /// # Errors
    /// [`ChangeOfficeError`]
    pub async fn change_office(&self, intent: OfficeIntent) -> Result<Generation, ChangeOfficeError> {
        let set_up_at = match self.store.office().await? {
            Some((office, _)) => office.set_up_at(),
            None => self.now(),
        };
        let office = Office::new(intent, set_up_at)?;
        match self.store.set_office(office).await? {
            OfficeChange::Done(generation) => Ok(generation),
            OfficeChange::PeopleInDomain(domain) => Err(ChangeOfficeError::PeopleInDomain(domain)),
            OfficeChange::PeopleHomedAt(host) => Err(ChangeOfficeError::PeopleHomedAt(host)),
        }
    }
}
