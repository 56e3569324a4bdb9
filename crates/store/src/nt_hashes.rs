//! NT hashes, for offices that let clients sign in by NTLM. To whoever has one it is as good as the password: it is
//! sealed, and kept only while `UseWindowsAuth` asks for it.

use std::fmt::{self, Write};

use fulmar_domain::{
    Account, SipUri,
    configuration::{WebServiceConfiguration, WindowsAuth},
};
use rusqlite::{Connection, params};

use crate::{
    Credentials, Store, StoreError, accounts, configuration,
    rows::{found, parsed},
    writer::Tx,
};

/// What the seal is bound to.
const HASH: &str = "an NT hash";

/// The NT hash of a password ([MS-NLMP] §3.3.1). A secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NtHash(pub [u8; 16]);

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash(…)")
    }
}

impl Store {
    /// The credentials of the person of that address and the NT hash of their password. `None` where there is
    /// nobody or no hash, or NTLM is not in force for them.
    ///
    /// # Errors
    /// When the store can not be read, or its key file is not the one the hash was sealed with.
    pub async fn nt_hash(&self, person: &SipUri) -> Result<Option<(Credentials, NtHash)>, StoreError> {
        let person = person.clone();
        let found = self
            .read("look an NT hash up", move |sql| {
                if !is_wanted(sql, &person)? {
                    return Ok(None);
                }
                let select = "SELECT a.id, a.uri, a.display_name, a.disabled, a.homed_at, a.password_hash,
                            h.sealed
                     FROM nt_hash h JOIN account a ON a.id = h.account WHERE a.uri = ?1";
                found(sql.prepare_cached(select)?.query_row([person.to_string()], |row| {
                    let (account, password_hash) = (accounts::account(row)?, row.get(5)?);
                    let credentials = Credentials { account, password_hash, lacks_nt_hash: false };
                    Ok((credentials, row.get::<_, Vec<u8>>(6)?))
                }))
            })
            .await?;
        let Some((credentials, sealed)) = found else { return Ok(None) };
        let text = self.seal.unseal(HASH, &sealed)?;
        let hash = read(&text, &credentials.account.uri).ok_or(StoreError::Unseal { what: HASH })?;
        Ok(Some((credentials, hash)))
    }

    /// Keeps the NT hash of the password whose other hash is `password_hash`, if that is still the person's
    /// password and NTLM is in force for them.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn keep_nt_hash(
        &self,
        person: SipUri,
        password_hash: String,
        hash: NtHash,
    ) -> Result<(), StoreError> {
        let sealed = self.seal.seal(HASH, &text(&person, hash))?;
        self.change("keep an NT hash", move |tx| {
            if is_wanted(tx.sql, &person)? {
                let insert = "INSERT OR REPLACE INTO nt_hash (account, sealed)
                     SELECT id, ?3 FROM account WHERE uri = ?1 AND password_hash = ?2";
                tx.sql.execute(insert, params![person.to_string(), password_hash, sealed])?;
            }
            Ok(())
        })
        .await
    }
}

/// Whether NTLM is in force for a person and their hash is not there.
pub(crate) fn is_missing(sql: &Connection, account: &Account) -> rusqlite::Result<bool> {
    let there = "SELECT EXISTS (SELECT 1 FROM nt_hash WHERE account = ?1)";
    let is_there: bool = sql.prepare_cached(there)?.query_row([account.id.0], |row| row.get(0))?;
    Ok(!is_there && is_wanted(sql, &account.uri)?)
}

/// Forgets the hash of a password that was replaced.
pub(crate) fn forget(tx: &Tx<'_>, account: i64) -> rusqlite::Result<()> {
    tx.sql.execute("DELETE FROM nt_hash WHERE account = ?1", [account]).map(drop)
}

/// Forgets the hashes of everybody for whom NTLM is not in force any more.
pub(crate) fn drop_unwanted(tx: &Tx<'_>) -> rusqlite::Result<()> {
    let people: Vec<(i64, SipUri)> = tx
        .sql
        .prepare("SELECT a.id, a.uri FROM nt_hash h JOIN account a ON a.id = h.account")?
        .query_map([], |row| Ok((row.get(0)?, parsed(row, 1)?)))?
        .collect::<Result<_, _>>()?;
    for (account, person) in people {
        if !is_wanted(tx.sql, &person)? {
            forget(tx, account)?;
        }
    }
    Ok(())
}

fn is_wanted(sql: &Connection, person: &SipUri) -> rusqlite::Result<bool> {
    let service: WebServiceConfiguration = configuration::in_force(sql, person.domain().as_str())?;
    Ok(service.use_windows_auth == WindowsAuth::Ntlm)
}

/// What is sealed: the address is part of it, so that hashes can not change places.
fn text(person: &SipUri, NtHash(hash): NtHash) -> String {
    let mut text = format!("{person} ");
    for byte in hash {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn read(text: &str, person: &SipUri) -> Option<NtHash> {
    let digits = text.strip_prefix(&person.to_string())?.strip_prefix(' ')?;
    let hash = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(NtHash(hash.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_one_person_only() {
        let (anna, ben) = ("anna@office.test".parse().unwrap(), "ben@office.test".parse().unwrap());
        let hash = NtHash(*b"0123456789abcdef");
        let text = text(&anna, hash);
        assert_eq!(read(&text, &anna), Some(hash));
        assert_eq!(read(&text, &ben), None);
        assert_eq!(read(&text[..text.len() - 1], &anna), None);
        assert_eq!(format!("{hash:?}"), "NtHash(…)");
    }
}
