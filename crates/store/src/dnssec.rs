//! Whether zones are signed, and their keys, which are sealed. A key stays when nothing is signed any more, since
//! the parent of its zone may know it.

use base64::{Engine, engine::general_purpose::STANDARD};
use fulmar_domain::{
    DnsName,
    dnssec::{Pkcs8, Signatures},
    zone::Generation,
};

use crate::{
    Store, StoreError,
    rows::{found, parsed, timestamp},
    secondaries::raise_generation,
};

/// What the seal is bound to.
const KEY: &str = "the key of a zone";

impl Store {
    /// The signatures of the zones; `None` when they are not signed.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn signatures(&self) -> Result<Option<Signatures>, StoreError> {
        self.read("read whether zones are signed", |sql| {
            let made_at = sql.query_row("SELECT made_at FROM dnssec", [], |row| timestamp(row, 0));
            Ok(found(made_at)?.map(|made_at| Signatures { made_at }))
        })
        .await
    }

    /// Has the zones signed. `None`: there is no office yet, and nothing was changed.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn sign_zones(&self, signatures: Signatures) -> Result<Option<Generation>, StoreError> {
        self.change("have zones signed", move |tx| {
            let generation = raise_generation(tx)?;
            if generation.is_some() {
                let insert = "INSERT OR REPLACE INTO dnssec (id, made_at) VALUES (1, ?1)";
                tx.sql.execute(insert, [signatures.made_at.as_millis()])?;
            }
            Ok(generation.map(Generation))
        })
        .await
    }

    /// Has the signatures made anew, under a new serial, unless zones are not signed any more.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn renew_signatures(&self, signatures: Signatures) -> Result<(), StoreError> {
        self.change("renew the signatures of zones", move |tx| {
            let update = "UPDATE dnssec SET made_at = ?1";
            if tx.sql.execute(update, [signatures.made_at.as_millis()])? > 0 {
                raise_generation(tx)?;
            }
            Ok(())
        })
        .await
    }

    /// Has zones signed no more. Their keys stay. `None`: there is no office yet.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn sign_no_zones(&self) -> Result<Option<Generation>, StoreError> {
        self.change("have zones signed no more", |tx| {
            tx.sql.execute("DELETE FROM dnssec", [])?;
            Ok(raise_generation(tx)?.map(Generation))
        })
        .await
    }

    /// The keys of zones, also of those that are not signed or not served any more.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the keys were sealed with.
    pub async fn zone_keys(&self) -> Result<Vec<(DnsName, Pkcs8)>, StoreError> {
        let rows: Vec<(DnsName, Vec<u8>)> = self
            .read("read the keys of zones", |sql| {
                sql.prepare_cached("SELECT apex, sealed_key FROM zone_key")?
                    .query_map([], |row| Ok((parsed(row, 0)?, row.get(1)?)))?
                    .collect()
            })
            .await?;
        let unsealed = |(apex, sealed): (DnsName, Vec<u8>)| {
            let key = STANDARD.decode(self.seal.unseal(KEY, &sealed)?);
            Ok((apex, Pkcs8(key.map_err(|_| StoreError::Unseal { what: KEY })?)))
        };
        rows.into_iter().map(unsealed).collect()
    }

    /// Keeps the keys of zones that have none.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_zone_keys(&self, keys: Vec<(DnsName, Pkcs8)>) -> Result<(), StoreError> {
        let sealed =
            |(apex, Pkcs8(key)): (DnsName, Pkcs8)| Ok((apex, self.seal.seal(KEY, &STANDARD.encode(key))?));
        let sealed: Vec<(DnsName, Vec<u8>)> =
            keys.into_iter().map(sealed).collect::<Result<_, StoreError>>()?;
        self.change("keep the keys of zones", move |tx| {
            sealed.iter().try_for_each(|(apex, key)| {
                let insert = "INSERT INTO zone_key (apex, sealed_key) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                tx.sql.execute(insert, (apex.as_str(), key)).map(drop)
            })
        })
        .await
    }
}
