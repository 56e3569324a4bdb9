//! Name servers elsewhere that keep copies of the zones.

use std::net::SocketAddr;

use fulmar_domain::{
    office::Side,
    secondary::{Secondary, SecondaryName, TsigAlgorithm, TsigKey, TsigSecret},
};
use fulmar_store::{NewSecondary, StoreError};
use thiserror::Error;

use crate::{
    App,
    random::{self, NoRandomness},
};

/// Why there is no such secondary.
#[derive(Debug, Error)]
pub enum AddSecondaryError {
    /// Another has this name.
    #[error("there is a secondary `{0}` already: remove it first, or choose another name")]
    NameTaken(SecondaryName),
    /// There are no zones yet.
    #[error("the office is not set up yet: there are no zones for a secondary to take")]
    NoOffice,
    /// Nobody listens there.
    #[error("`{0}` is no address of a name server: it needs a host and a port, such as 192.0.2.53:53")]
    Address(SocketAddr),
    /// There is no secret without random numbers.
    #[error("can not make a key")]
    NoRandomness(#[from] NoRandomness),
    /// The store failed.
    #[error("can not add a secondary")]
    Store(#[from] StoreError),
}

impl App {
    /// Adds a secondary, with a new key of `algorithm`, or known by its address alone. The number is the
    /// generation of the office that DNS serves it from.
    ///
    /// # Errors
    /// [`AddSecondaryError`]
    pub async fn add_secondary(
        &self,
        name: SecondaryName,
        address: SocketAddr,
        side: Side,
        algorithm: Option<TsigAlgorithm>,
    ) -> Result<(Secondary, u64), AddSecondaryError> {
        if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            return Err(AddSecondaryError::Address(address));
        }
        let key = algorithm.map(|algorithm| key(&name, algorithm)).transpose()?;
        let secondary = Secondary { name, address, side, key };
        match self.store.add_secondary(secondary.clone()).await? {
            NewSecondary::Added(generation) => Ok((secondary, generation)),
            NewSecondary::NameTaken => Err(AddSecondaryError::NameTaken(secondary.name)),
            NewSecondary::NoOffice => Err(AddSecondaryError::NoOffice),
        }
    }
}

#[expect(clippy::expect_used, reason = "a prefix and 40 letters, digits and `-` are a label")]
fn key(name: &SecondaryName, algorithm: TsigAlgorithm) -> Result<TsigKey, NoRandomness> {
    let mut secret = random::bytes::<64>()?.to_vec();
    secret.truncate(algorithm.digest_len());
    let name = format!("fulmar-{name}").parse().expect("a prefix and a name of a secondary are a label");
    Ok(TsigKey { name, algorithm, secret: TsigSecret(secret) })
}
