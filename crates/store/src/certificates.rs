//! Certificates that stand in front of the box's own. Their keys are sealed.

use fulmar_domain::{
    Timestamp,
    certificate::{Kept, Source},
};
use rusqlite::{Connection, params};

use crate::{
    Store, StoreError,
    rows::{found, parsed, timestamp},
    writer::Tx,
};

/// What the seal is bound to.
const KEY: &str = "the key of a certificate";

impl Store {
    /// Where the certificate in front comes from.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn certificate_source(&self) -> Result<Source, StoreError> {
        self.read("read the source of the certificate", source).await
    }

    /// Changes it. `false` when no certificate was uploaded that could be used; nothing was changed then.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn use_certificate(&self, source: Source) -> Result<bool, StoreError> {
        self.change("change the source of the certificate", move |tx| {
            let table = match source {
                Source::Own => return choose(tx, source).map(|()| true),
                Source::Uploaded => "SELECT EXISTS (SELECT 1 FROM certificate WHERE source = 'uploaded')",
                Source::Acme => "SELECT EXISTS (SELECT 1 FROM acme_settings)",
            };
            let usable = tx.sql.query_row(table, [], |row| row.get(0))?;
            if usable {
                choose(tx, source)?;
            }
            Ok(usable)
        })
        .await
    }

    /// The certificate that came from there.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the key was sealed with.
    pub async fn certificate(&self, source: Source) -> Result<Option<Kept>, StoreError> {
        let row = self
            .read("read a certificate", move |sql| {
                let select = "SELECT chain_pem, sealed_key, kept_at FROM certificate WHERE source = ?1";
                found(sql.query_row(select, [source.as_str()], |row| {
                    Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, timestamp(row, 2)?))
                }))
            })
            .await?;
        let Some((chain_pem, sealed, at)) = row else { return Ok(None) };
        Ok(Some(Kept { chain_pem, key_pem: self.seal.unseal(KEY, &sealed)?, at }))
    }

    /// Keeps a certificate that an administrator uploaded, in place of the one before, and shows it.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_uploaded_certificate(&self, kept: Kept) -> Result<(), StoreError> {
        let sealed = self.seal.seal(KEY, &kept.key_pem)?;
        self.change("keep an uploaded certificate", move |tx| {
            keep(tx, Source::Uploaded, &kept.chain_pem, &sealed, kept.at)?;
            choose(tx, Source::Uploaded)
        })
        .await
    }

    /// Keeps the certificate that was ordered. The order is over, with its proofs and what went wrong before.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_ordered_certificate(&self, kept: Kept) -> Result<(), StoreError> {
        let sealed = self.seal.seal(KEY, &kept.key_pem)?;
        self.change("keep an ordered certificate", move |tx| {
            // Somebody may have chosen another authority, or none, while this one was at work.
            if tx.sql.execute("DELETE FROM acme_order", [])? == 0 {
                return Ok(());
            }
            keep(tx, Source::Acme, &kept.chain_pem, &sealed, kept.at)?;
            tx.sql.execute(
                "UPDATE acme_settings SET asked = 0, failures = 0, failed_at = NULL, problem = NULL",
                [],
            )?;
            Ok(())
        })
        .await
    }
}

pub(crate) fn choose(tx: &mut Tx<'_>, source: Source) -> rusqlite::Result<()> {
    tx.sql.execute(
        "INSERT OR REPLACE INTO certificate_choice (id, source) VALUES (1, ?1)",
        [source.as_str()],
    )?;
    tx.touched.certificate = true;
    Ok(())
}

pub(crate) fn source(sql: &Connection) -> rusqlite::Result<Source> {
    let chosen = found(sql.query_row("SELECT source FROM certificate_choice", [], |row| parsed(row, 0)))?;
    Ok(chosen.unwrap_or(Source::Own))
}

fn keep(
    tx: &mut Tx<'_>,
    source: Source,
    chain_pem: &str,
    sealed_key: &[u8],
    at: Timestamp,
) -> rusqlite::Result<()> {
    tx.sql.execute(
        "INSERT OR REPLACE INTO certificate (source, chain_pem, sealed_key, kept_at) VALUES (?1, ?2, ?3, ?4)",
        params![source.as_str(), chain_pem, sealed_key, at.as_millis()],
    )?;
    tx.touched.certificate = true;
    Ok(())
}
