//! The clearing house that sends for this box where it has no settings of its own. The key is sealed.

use fulmar_domain::{Timestamp, device::Provider, push::PairedHouse};
use rusqlite::{Connection, Row, params};

use super::changed;
use crate::{
    Store, StoreError, configuration,
    rows::{found, parse, parsed},
};

/// What the seal is bound to.
const KEY: &str = "the key for the clearing house";

impl Store {
    /// The house that this box is paired with.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the key was sealed with.
    pub async fn push_house(&self) -> Result<Option<PairedHouse>, StoreError> {
        let row = self
            .read("read the clearing house", |sql| {
                let select = "SELECT address, authority_pem, name, services, certificate, sealed_key
                     FROM push_house";
                found(sql.query_row(select, [], stored))
            })
            .await?;
        let Some((house, sealed)) = row else { return Ok(None) };
        Ok(Some(PairedHouse { key_pem: self.seal.unseal(KEY, &sealed)?, ..house }))
    }

    /// Pairs with a house in place of the one before. The services that it sends to are switched on, as with a key of the
    /// box's own. What waits is due at once, and who slept for want of a key is woken.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_push_house(&self, house: PairedHouse, now: Timestamp) -> Result<(), StoreError> {
        let sealed = self.seal.seal(KEY, &house.key_pem)?;
        self.change("pair with a clearing house", move |tx| {
            let insert = "INSERT OR REPLACE INTO push_house
                     (id, address, authority_pem, name, services, certificate, sealed_key)
                 VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![
                house.address.to_string(),
                house.authority_pem,
                house.name.as_str(),
                words(&house.services),
                house.certificate_pem,
                sealed
            ];
            tx.sql.execute(insert, values)?;
            house.services.iter().try_for_each(|service| configuration::enable_push(tx, *service))?;
            changed(tx, now)
        })
        .await
    }

    /// Notes to which services the house sends now; those that are new are switched on. `false` where nothing is new, or
    /// there is no house.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_house_services(
        &self,
        services: Vec<Provider>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change("note what the clearing house sends to", move |tx| {
            let mut gained = services.clone();
            for known in services_of(tx.sql)? {
                gained.retain(|service| service.as_str() != known);
            }
            let update = "UPDATE push_house SET services = ?1 WHERE services <> ?1";
            if tx.sql.execute(update, [words(&services)])? == 0 {
                return Ok(false);
            }
            gained.into_iter().try_for_each(|service| configuration::enable_push(tx, service))?;
            changed(tx, now)?;
            Ok(true)
        })
        .await
    }

    /// Leaves the house; what waits and can not be sent otherwise is withdrawn. `false` when there was none.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn forget_push_house(&self, now: Timestamp) -> Result<bool, StoreError> {
        self.forget_settings("leave the clearing house", "DELETE FROM push_house", now).await
    }
}

/// Whether a house sends to this service for the box.
pub(super) fn sends_to(sql: &Connection, provider: Provider) -> rusqlite::Result<bool> {
    Ok(services_of(sql)?.iter().any(|service| service == provider.as_str()))
}

/// The services of the house, by name; none where there is no house.
fn services_of(sql: &Connection) -> rusqlite::Result<Vec<String>> {
    let select = "SELECT services FROM push_house";
    let services: Option<String> = found(sql.prepare_cached(select)?.query_row([], |row| row.get(0)))?;
    Ok(services.unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}

fn words(services: &[Provider]) -> String {
    let words: Vec<_> = services.iter().map(|service| service.as_str()).collect();
    words.join(" ")
}

/// The house with an empty key, and the sealed key.
fn stored(row: &Row<'_>) -> rusqlite::Result<(PairedHouse, Vec<u8>)> {
    let services = row.get_ref(3)?.as_str()?.split_whitespace().map(|service| parse(service, 3));
    let house = PairedHouse {
        address: parsed(row, 0)?,
        authority_pem: row.get(1)?,
        name: parsed(row, 2)?,
        services: services.collect::<Result<_, _>>()?,
        certificate_pem: row.get(4)?,
        key_pem: String::new(),
    };
    Ok((house, row.get(5)?))
}
