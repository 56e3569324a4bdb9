//! What the office wants.

use std::{collections::BTreeSet, net::IpAddr};

use fulmar_domain::{
    DnsName, Office,
    office::{InvalidOffice, Ports},
    zone::Generation,
};
use fulmar_store::{OfficeChange, StoreError};
use thiserror::Error;

use crate::App;

/// An office as an administrator asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeIntent {
    /// SIP domains, the primary one first.
    pub domains: Vec<DnsName>,
    /// Addresses of the box in the office network.
    pub inside: BTreeSet<IpAddr>,
    /// Addresses at which it is reached from everywhere else.
    pub outside: BTreeSet<IpAddr>,
    /// The ports that phones and desks reach.
    pub ports: Ports,
}

/// Why the office stays as it is.
#[derive(Debug, Error)]
pub enum ChangeOfficeError {
    /// It can not be as asked for.
    #[error(transparent)]
    Invalid(#[from] InvalidOffice),
    /// People have addresses in a domain that would vanish.
    #[error("people have addresses in `{0}`: move or remove them first")]
    PeopleInDomain(DnsName),
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
        let office = Office::new(intent.domains, intent.inside, intent.outside, intent.ports, set_up_at)?;
        match self.store.set_office(office).await? {
            OfficeChange::Done(generation) => Ok(generation),
            OfficeChange::PeopleInDomain(domain) => Err(ChangeOfficeError::PeopleInDomain(domain)),
        }
    }
}
