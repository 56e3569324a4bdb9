//! Name servers elsewhere that keep copies of the zones. The secrets of their keys are sealed.

use base64::{Engine, engine::general_purpose::STANDARD};
use fulmar_domain::{
    office::Side,
    secondary::{Secondary, SecondaryName, TsigKey, TsigSecret},
};
use rusqlite::{Row, params};

use crate::{
    Store, StoreError,
    rows::{parsed, parsed_or_null},
    writer::Tx,
};

/// What the seal is bound to.
const SECRET: &str = "the key of a secondary";

/// What came of adding a secondary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSecondary {
    /// It is committed; the publisher follows. The number is the generation of the office.
    Added(u64),
    /// Another has this name; nothing was changed.
    NameTaken,
    /// There is no office yet, so there are no zones to take.
    NoOffice,
}

impl Store {
    /// The secondaries by name, with their keys.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the secrets were sealed with.
    pub async fn secondaries(&self) -> Result<Vec<Secondary>, StoreError> {
        let rows = self
            .read("read the secondaries", |sql| {
                let select = "SELECT name, address, side, key_name, key_algorithm, sealed_secret
                     FROM secondary ORDER BY name";
                sql.prepare_cached(select)?.query_map([], stored)?.collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        rows.into_iter().map(|(secondary, sealed)| self.with_secret(secondary, &sealed)).collect()
    }

    fn with_secret(&self, mut secondary: Secondary, sealed: &[u8]) -> Result<Secondary, StoreError> {
        if let Some(key) = &mut secondary.key {
            let text = self.seal.unseal(SECRET, sealed)?;
            key.secret = TsigSecret(STANDARD.decode(text).map_err(|_| StoreError::Unseal { what: SECRET })?);
        }
        Ok(secondary)
    }

    /// Adds one. The generation of the office grows with it.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn add_secondary(&self, secondary: Secondary) -> Result<NewSecondary, StoreError> {
        let secret = secondary.key.as_ref().map(|key| STANDARD.encode(&key.secret.0));
        let sealed = secret.map(|secret| self.seal.seal(SECRET, &secret)).transpose()?;
        self.change("add a secondary", move |tx| {
            let key = secondary.key.as_ref();
            let added = tx.sql.execute(
                "INSERT INTO secondary (name, address, side, key_name, key_algorithm, sealed_secret)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                params![
                    secondary.name.as_str(),
                    secondary.address.to_string(),
                    secondary.side.as_str(),
                    key.map(|key| key.name.as_str()),
                    key.map(|key| key.algorithm.as_str()),
                    sealed
                ],
            )?;
            if added == 0 {
                return Ok(NewSecondary::NameTaken);
            }
            match raise_generation(tx)? {
                Some(generation) => Ok(NewSecondary::Added(generation)),
                None => {
                    tx.sql.execute("DELETE FROM secondary WHERE name = ?1", [secondary.name.as_str()])?;
                    Ok(NewSecondary::NoOffice)
                }
            }
        })
        .await
    }

    /// Forgets one; `None` when there is none of this name, else the generation of the office.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn remove_secondary(&self, name: SecondaryName) -> Result<Option<u64>, StoreError> {
        self.change("remove a secondary", move |tx| {
            let removed = tx.sql.execute("DELETE FROM secondary WHERE name = ?1", [name.as_str()])?;
            if removed == 0 { Ok(None) } else { raise_generation(tx) }
        })
        .await
    }
}

/// The next generation of the office, so that what is served is made anew; `None` before there is an office.
pub(crate) fn raise_generation(tx: &mut Tx<'_>) -> rusqlite::Result<Option<u64>> {
    let raise = "UPDATE office SET generation = generation + 1 RETURNING generation";
    let generation = crate::rows::found(tx.sql.query_row(raise, [], |row| row.get(0)))?;
    tx.touched.office |= generation.is_some();
    Ok(generation)
}

/// A row with an empty secret, and the sealed one.
fn stored(row: &Row<'_>) -> rusqlite::Result<(Secondary, Vec<u8>)> {
    let side = row.get_ref(2)?.as_str()?;
    let key = match (parsed_or_null(row, 3)?, parsed_or_null(row, 4)?) {
        (Some(name), Some(algorithm)) => Some(TsigKey { name, algorithm, secret: TsigSecret(Vec::new()) }),
        _ => None,
    };
    // The schema allows the two names only.
    let side = if side == Side::Inside.as_str() { Side::Inside } else { Side::Outside };
    let sealed: Option<Vec<u8>> = row.get(5)?;
    let secondary = Secondary { name: parsed(row, 0)?, address: parsed(row, 1)?, side, key };
    Ok((secondary, sealed.unwrap_or_default()))
}
