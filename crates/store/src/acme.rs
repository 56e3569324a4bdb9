//! What the box has agreed with a public authority, and the order that is being carried out. The key of the
//! account and that of the certificate to come are sealed.

use std::collections::BTreeSet;

use fulmar_domain::{
    DnsName, Timestamp,
    certificate::{AcmeSettings, Challenge, Failures, Order, Source},
    zone::Generation,
};
use rusqlite::{Connection, Row, params};

use crate::{
    Store, StoreError,
    certificates::{choose, source},
    rows::{found, parsed, parsed_or_null},
    writer::Tx,
};

/// What the seals are bound to.
const ACCOUNT: &str = "the account with a public authority";
const KEY: &str = "the key of an order";

/// The settings, and how it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// Which authority, and how.
    pub settings: AcmeSettings,
    /// Whether an administrator wants a new certificate at once.
    pub asked: bool,
    /// What went wrong since the last certificate.
    pub failures: Failures,
}

impl Store {
    /// The public authority, or `None` when nobody has chosen one.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn acme(&self) -> Result<Option<Acme>, StoreError> {
        self.read("read the settings for a public authority", |sql| {
            let select =
                "SELECT directory, contact, trust_anchors, challenge, asked, failures, failed_at, problem
                 FROM acme_settings";
            found(sql.query_row(select, [], stored))
        })
        .await
    }

    /// Chooses a public authority. The account is kept while directory and contact stay; an order is begun anew.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_acme(&self, settings: AcmeSettings) -> Result<(), StoreError> {
        self.change("choose a public authority", move |tx| {
            withdraw(tx)?;
            tx.sql.execute("DELETE FROM acme_order", [])?;
            tx.sql.execute(
                "INSERT INTO acme_settings (id, directory, contact, trust_anchors, challenge)
                 VALUES (1, ?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET
                     sealed_account = CASE WHEN directory = excluded.directory AND contact = excluded.contact
                                      THEN sealed_account END,
                     directory = excluded.directory, contact = excluded.contact,
                     trust_anchors = excluded.trust_anchors, challenge = excluded.challenge,
                     failures = 0, failed_at = NULL, problem = NULL",
                params![
                    settings.directory,
                    settings.contact,
                    settings.trust_anchors_pem,
                    settings.challenge.map(Challenge::as_str)
                ],
            )?;
            choose(tx, Source::Acme)
        })
        .await
    }

    /// Forgets the public authority, the account with it and its certificate. What was shown because of it is
    /// not shown any more. `false` when there was none.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn forget_acme(&self) -> Result<bool, StoreError> {
        self.change("forget the public authority", |tx| {
            withdraw(tx)?;
            let there = tx.sql.execute("DELETE FROM acme_settings", [])? > 0;
            tx.sql.execute("DELETE FROM certificate WHERE source = 'acme'", [])?;
            if source(tx.sql)? == Source::Acme {
                choose(tx, Source::Own)?;
            }
            tx.touched.certificate = true;
            Ok(there)
        })
        .await
    }

    /// Wants a new certificate at once, whatever is left of the old one and whatever went wrong before. `false`
    /// when there is no public authority.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn ask_for_certificate(&self) -> Result<bool, StoreError> {
        self.change("ask for a new certificate", |tx| {
            let update = "UPDATE acme_settings SET asked = 1, failures = 0, failed_at = NULL, problem = NULL";
            tx.touched.certificate = true;
            Ok(tx.sql.execute(update, [])? > 0)
        })
        .await
    }

    /// The account with the authority, in the form its client gave it.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the account was sealed with.
    pub async fn acme_account(&self) -> Result<Option<String>, StoreError> {
        let sealed: Option<Option<Vec<u8>>> = self
            .read("read the account with a public authority", |sql| {
                found(sql.query_row("SELECT sealed_account FROM acme_settings", [], |row| row.get(0)))
            })
            .await?;
        sealed.flatten().map(|sealed| self.seal.unseal(ACCOUNT, &sealed)).transpose()
    }

    /// Keeps the account that was made for these settings; it is dropped if they are others by now.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_acme_account(&self, settings: AcmeSettings, account: &str) -> Result<(), StoreError> {
        let sealed = self.seal.seal(ACCOUNT, account)?;
        self.change("keep the account with a public authority", move |tx| {
            let update = "UPDATE acme_settings SET sealed_account = ?1 WHERE directory = ?2 AND contact = ?3";
            tx.sql.execute(update, params![sealed, settings.directory, settings.contact]).map(drop)
        })
        .await
    }

    /// The order that is being carried out.
    ///
    /// # Errors
    /// As [`Self::acme_account`].
    pub async fn acme_order(&self) -> Result<Option<Order>, StoreError> {
        let row = self
            .read("read the order of a certificate", |sql| {
                let select = "SELECT url, names, challenge, sealed_key FROM acme_order";
                found(sql.query_row(select, [], |row| Ok((order(row)?, row.get::<_, Vec<u8>>(3)?))))
            })
            .await?;
        let Some((order, sealed)) = row else { return Ok(None) };
        Ok(Some(Order { key_pem: self.seal.unseal(KEY, &sealed)?, ..order }))
    }

    /// Keeps an order before it is carried out, in place of the one before.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_acme_order(&self, order: Order) -> Result<(), StoreError> {
        let sealed = self.seal.seal(KEY, &order.key_pem)?;
        self.change("keep the order of a certificate", move |tx| {
            let names: Vec<&str> = order.names.iter().map(DnsName::as_str).collect();
            tx.sql.execute(
                "INSERT OR REPLACE INTO acme_order (id, url, names, challenge, sealed_key)
                 SELECT 1, ?1, ?2, ?3, ?4 FROM acme_settings",
                params![order.url, names.join(" "), order.challenge.as_str(), sealed],
            )?;
            Ok(())
        })
        .await
    }

    /// Ends the order with a failure; `why` is what administrators read.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn fail_acme_order(&self, why: String, now: Timestamp) -> Result<(), StoreError> {
        self.change("note that no certificate came", move |tx| {
            tx.sql.execute("DELETE FROM acme_order", [])?;
            tx.sql.execute(
                "UPDATE acme_settings SET asked = 0, failures = failures + 1, failed_at = ?1, problem = ?2",
                params![now.as_millis(), why],
            )?;
            Ok(())
        })
        .await
    }

    /// The TXT records with which names are proved, by their owners.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn dns_proofs(&self) -> Result<Vec<(DnsName, String)>, StoreError> {
        self.read("read the proofs of names", proofs).await
    }

    /// Puts these records into the zones in place of those before; the generation says when they are served.
    /// `None` before the office is set up.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_dns_proofs(
        &self,
        proofs: Vec<(DnsName, String)>,
    ) -> Result<Option<Generation>, StoreError> {
        self.change("change the proofs of names", move |tx| {
            let withdrawn = withdraw(tx)?;
            for (name, value) in &proofs {
                let insert =
                    "INSERT INTO acme_challenge (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
                tx.sql.execute(insert, params![name.as_str(), value])?;
            }
            if !withdrawn && !proofs.is_empty() {
                raise(tx)?;
            }
            crate::office::generation(tx.sql).map(|generation| generation.map(Generation))
        })
        .await
    }
}

/// Takes the records out of the zones. The generation grows with it, so that secondaries see it.
fn withdraw(tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
    let there = tx.sql.execute("DELETE FROM acme_challenge", [])? > 0;
    if there {
        raise(tx)?;
    }
    Ok(there)
}

fn raise(tx: &mut Tx<'_>) -> rusqlite::Result<()> {
    tx.sql.execute("UPDATE office SET generation = generation + 1", [])?;
    tx.touched.office = true;
    Ok(())
}

fn proofs(sql: &Connection) -> rusqlite::Result<Vec<(DnsName, String)>> {
    sql.prepare_cached("SELECT name, value FROM acme_challenge ORDER BY name, value")?
        .query_map([], |row| Ok((parsed(row, 0)?, row.get(1)?)))?
        .collect()
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Acme> {
    let settings = AcmeSettings {
        directory: row.get(0)?,
        contact: row.get(1)?,
        trust_anchors_pem: row.get(2)?,
        challenge: parsed_or_null(row, 3)?,
    };
    let last = match (row.get::<_, Option<i64>>(6)?, row.get(7)?) {
        (Some(at), Some(problem)) => Some((Timestamp::from_millis(at), problem)),
        _ => None,
    };
    Ok(Acme { settings, asked: row.get(4)?, failures: Failures { count: row.get(5)?, last } })
}

/// The order without its key.
fn order(row: &Row<'_>) -> rusqlite::Result<Order> {
    let names: String = row.get(1)?;
    let names = names.split(' ').map(str::parse).collect::<Result<BTreeSet<DnsName>, _>>();
    let names = names.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Order { url: row.get(0)?, names, challenge: parsed(row, 2)?, key_pem: String::new() })
}
