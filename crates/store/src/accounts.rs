//! The people of the office.

use fulmar_domain::{Account, AccountId, DisplayName, HttpsUrl, SipUri, Timestamp, presence::Changed};
use rusqlite::{Connection, Row, params};

use crate::{
    Store, StoreError, devices, nt_hashes, office, presence,
    rows::{found, parsed, parsed_or_null},
    writer::Tx,
};

/// What came of adding a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewAccount {
    /// The person can sign in.
    Created(Account),
    /// Somebody has that address.
    AddressTaken,
    /// The office does not have that SIP domain.
    UnknownDomain,
}

/// What came of moving a person to another pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Homing {
    /// It is committed.
    Done,
    /// There is nobody of that address.
    NoSuchPerson,
    /// The host is one of this box; nothing was changed.
    OwnHost,
}

/// What a password is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Whose.
    pub account: Account,
    /// The hash, in the form the caller gave it.
    pub password_hash: String,
    /// NTLM is in force for the person, and there is no NT hash of the password.
    pub lacks_nt_hash: bool,
}

impl Store {
    /// Adds a person.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn create_account(
        &self,
        uri: SipUri,
        display_name: DisplayName,
        password_hash: String,
        now: Timestamp,
    ) -> Result<NewAccount, StoreError> {
        self.change("add a person", move |tx| create(tx, &uri, &display_name, &password_hash, now)).await
    }

    /// All people, by address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        self.read("list the people", |sql| {
            sql.prepare_cached("SELECT id, uri, display_name, disabled, homed_at FROM account ORDER BY uri")?
                .query_map([], account)?
                .collect()
        })
        .await
    }

    /// The person of that address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn account(&self, uri: &SipUri) -> Result<Option<Account>, StoreError> {
        let uri = uri.to_string();
        self.read("look a person up", move |sql| {
            let select = "SELECT id, uri, display_name, disabled, homed_at FROM account WHERE uri = ?1";
            found(sql.prepare_cached(select)?.query_row([uri], account))
        })
        .await
    }

    /// What the password of the person of that address is checked against.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn credentials(&self, uri: &SipUri) -> Result<Option<Credentials>, StoreError> {
        let uri = uri.to_string();
        self.read("look a password up", move |sql| {
            let select =
                "SELECT id, uri, display_name, disabled, homed_at, password_hash FROM account WHERE uri = ?1";
            let row = |row: &Row<'_>| Ok((account(row)?, row.get(5)?));
            let Some((account, password_hash)) = found(sql.prepare_cached(select)?.query_row([uri], row))?
            else {
                return Ok(None);
            };
            let lacks_nt_hash = nt_hashes::is_missing(sql, &account)?;
            Ok(Some(Credentials { account, password_hash, lacks_nt_hash }))
        })
        .await
    }

    /// Replaces the password of a person and ends their sessions and tickets. `false` when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_password(
        &self,
        uri: SipUri,
        password_hash: String,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change("change a password", move |tx| {
            let update = "UPDATE account SET password_hash = ?2 WHERE uri = ?1 RETURNING id";
            let id =
                found(tx.sql.query_row(update, params![uri.to_string(), password_hash], |row| row.get(0)))?;
            let Some(id) = id else { return Ok(false) };
            nt_hashes::forget(tx, id)?;
            sign_out(tx, id, now)?;
            forget_tickets(tx, id)?;
            Ok(true)
        })
        .await
    }

    /// Ends the sessions and tickets of a person and wakes their devices no more. `false` when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn sign_out(&self, uri: SipUri, now: Timestamp) -> Result<bool, StoreError> {
        self.change("sign a person out", move |tx| {
            let select = "SELECT id FROM account WHERE uri = ?1";
            let id = found(tx.sql.query_row(select, [uri.to_string()], |row| row.get(0)))?;
            let Some(id) = id else { return Ok(false) };
            sign_out(tx, id, now)?;
            forget_tickets(tx, id)?;
            Ok(true)
        })
        .await
    }

    /// Lets a person in again, or keeps them out: their sessions end, their tickets stay known and are refused.
    /// Who is let in again needs a new ticket. `false` when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_disabled(
        &self,
        uri: SipUri,
        disabled: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change("disable or enable a person", move |tx| {
            let select = "SELECT id, disabled FROM account WHERE uri = ?1";
            let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?));
            let Some((id, was_disabled)) = found(tx.sql.query_row(select, [uri.to_string()], row))? else {
                return Ok(false);
            };
            tx.sql.execute("UPDATE account SET disabled = ?2 WHERE id = ?1", params![id, disabled])?;
            if disabled {
                sign_out(tx, id, now)?;
            } else if was_disabled {
                forget_tickets(tx, id)?;
            }
            Ok(true)
        })
        .await
    }

    /// Moves a person to another pool, whose Autodiscover root this is, or with `None` home to this box. Who moves away
    /// is signed out; their tickets stay, and lead to that pool.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_home(
        &self,
        uri: SipUri,
        home: Option<HttpsUrl>,
        now: Timestamp,
    ) -> Result<Homing, StoreError> {
        self.change("move a person", move |tx| {
            if let Some(home) = &home
                && office::read(tx.sql)?
                    .is_some_and(|(office, _)| office.certificate_names().contains(home.host()))
            {
                return Ok(Homing::OwnHost);
            }
            let update = "UPDATE account SET homed_at = ?2 WHERE uri = ?1 RETURNING id";
            let values = params![uri.to_string(), home.as_ref().map(ToString::to_string)];
            let Some(id) = found(tx.sql.query_row(update, values, |row| row.get(0)))? else {
                return Ok(Homing::NoSuchPerson);
            };
            if home.is_some() {
                sign_out(tx, id, now)?;
            }
            Ok(Homing::Done)
        })
        .await
    }
}

pub(crate) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(row.get(0)?),
        uri: parsed(row, 1)?,
        display_name: parsed(row, 2)?,
        disabled: row.get(3)?,
        homed_at: parsed_or_null(row, 4)?,
    })
}

/// The number of an enabled person who is at home here.
pub(crate) fn enabled(sql: &Connection, uri: &SipUri) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT id FROM account WHERE uri = ?1 AND disabled = 0 AND homed_at IS NULL";
    found(sql.prepare_cached(select)?.query_row([uri.to_string()], |row| row.get(0)))
}

fn create(
    tx: &Tx<'_>,
    uri: &SipUri,
    display_name: &DisplayName,
    password_hash: &str,
    now: Timestamp,
) -> rusqlite::Result<NewAccount> {
    let domain = uri.domain().as_str();
    let known = "SELECT EXISTS (SELECT 1 FROM sip_domain WHERE name = ?1)";
    if !tx.sql.query_row(known, [domain], |row| row.get::<_, bool>(0))? {
        return Ok(NewAccount::UnknownDomain);
    }
    let insert = "INSERT INTO account (uri, domain, display_name, password_hash, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (uri) DO NOTHING
         RETURNING id, uri, display_name, disabled, homed_at";
    let values = params![uri.to_string(), domain, display_name.as_str(), password_hash, now.as_millis()];
    let created = found(tx.sql.query_row(insert, values, account))?;
    Ok(created.map_or(NewAccount::AddressTaken, NewAccount::Created))
}

fn sign_out(tx: &mut Tx<'_>, account: i64, now: Timestamp) -> rusqlite::Result<()> {
    let devices: Vec<i64> = tx
        .sql
        .prepare_cached("SELECT id FROM device WHERE account = ?1")?
        .query_map([account], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for device in devices {
        devices::sign_out(tx, device, now)?;
    }
    presence::changed(tx, account, Changed::AVAILABILITY)
}

fn forget_tickets(tx: &Tx<'_>, account: i64) -> rusqlite::Result<()> {
    tx.sql.execute("DELETE FROM ticket WHERE account = ?1", [account]).map(drop)
}
