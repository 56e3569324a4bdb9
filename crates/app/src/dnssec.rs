//! Whether the zones of the box are signed.

use fulmar_domain::{dnssec::Signatures, zone::Generation};
use fulmar_store::StoreError;
use thiserror::Error;

use crate::App;

/// Why signing stays as it is.
#[derive(Debug, Error)]
pub enum ChangeDnssecError {
    /// There are no zones yet.
    #[error("the office is not set up yet: there are no zones to sign")]
    NoOffice,
    /// Resolvers would take what is not signed for forged.
    #[error(
        "while a parent has the DS of a zone, resolvers that check signatures believe nothing of the zone that is \
         not signed: its names would be gone for them. Remove the DS where the domain above is kept, wait until it \
         is forgotten everywhere (its TTL, often a day), and then say that it is removed: `--ds-removed`"
    )]
    DsAtParent,
    /// The store failed.
    #[error("can not change whether zones are signed")]
    Store(#[from] StoreError),
}

impl App {
    /// Has all zones signed from now on; if they are, the signatures are made anew.
    ///
    /// # Errors
    /// [`ChangeDnssecError`]
    pub async fn sign_zones(&self) -> Result<Generation, ChangeDnssecError> {
        let signed = self.store.sign_zones(Signatures { made_at: self.now() }).await?;
        signed.ok_or(ChangeDnssecError::NoOffice)
    }

    /// Has zones signed no more. The keys stay, so that the DS is right when they are signed again.
    ///
    /// # Errors
    /// [`ChangeDnssecError`]
    pub async fn sign_no_zones(&self, ds_removed: bool) -> Result<Generation, ChangeDnssecError> {
        if !ds_removed && self.store.signatures().await?.is_some() {
            return Err(ChangeDnssecError::DsAtParent);
        }
        self.store.sign_no_zones().await?.ok_or(ChangeDnssecError::NoOffice)
    }
}
