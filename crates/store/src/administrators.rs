//! Administrators and their sessions at the console.

use fulmar_domain::{AdministratorName, Timestamp};
use rusqlite::params;

use crate::{
    Store, StoreError, TicketDigest,
    rows::{found, parsed},
};

/// What the password of an administrator is checked against.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// Who.
    pub name: AdministratorName,
    /// The hash, in the form the caller gave it.
    pub password_hash: String,
}

impl Store {
    /// Adds an administrator. `false` when the name is taken.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn add_administrator(&self, new: Administrator) -> Result<bool, StoreError> {
        self.change("add an administrator", move |tx| {
            let insert =
                "INSERT INTO administrator (name, password_hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let added = tx.sql.execute(insert, params![new.name.as_str(), new.password_hash])?;
            Ok(added == 1)
        })
        .await
    }

    /// The administrators by name.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn administrators(&self) -> Result<Vec<AdministratorName>, StoreError> {
        self.read("list the administrators", |sql| {
            sql.prepare_cached("SELECT name FROM administrator ORDER BY name")?
                .query_map([], |row| parsed(row, 0))?
                .collect()
        })
        .await
    }

    /// What the password of the administrator of that name is checked against.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn administrator(&self, name: AdministratorName) -> Result<Option<Administrator>, StoreError> {
        self.read("look an administrator up", move |sql| {
            let select = "SELECT name, password_hash FROM administrator WHERE name = ?1";
            found(sql.prepare_cached(select)?.query_row([name.as_str()], |row| {
                Ok(Administrator { name: parsed(row, 0)?, password_hash: row.get(1)? })
            }))
        })
        .await
    }

    /// Replaces the password of an administrator and ends their sessions. `false` when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_administrator_password(&self, changed: Administrator) -> Result<bool, StoreError> {
        self.change("change the password of an administrator", move |tx| {
            let update = "UPDATE administrator SET password_hash = ?2 WHERE name = ?1 RETURNING id";
            let values = params![changed.name.as_str(), changed.password_hash];
            let Some(id) = found(tx.sql.query_row(update, values, |row| row.get::<_, i64>(0)))? else {
                return Ok(false);
            };
            tx.sql.execute("DELETE FROM console_session WHERE administrator = ?1", [id])?;
            Ok(true)
        })
        .await
    }

    /// Forgets an administrator, whose sessions end. `false` when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn remove_administrator(&self, name: AdministratorName) -> Result<bool, StoreError> {
        self.change("remove an administrator", move |tx| {
            let removed = tx.sql.execute("DELETE FROM administrator WHERE name = ?1", [name.as_str()])?;
            Ok(removed == 1)
        })
        .await
    }

    /// Begins a session of an administrator, if the password that was proved is still theirs; whether it is.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn begin_console_session(
        &self,
        proved: Administrator,
        digest: TicketDigest,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change("begin a session of the console", move |tx| {
            let insert = "INSERT INTO console_session (digest, administrator, expires_at)
                 SELECT ?3, id, ?4 FROM administrator WHERE name = ?1 AND password_hash = ?2";
            let name = proved.name.as_str();
            let values = params![name, proved.password_hash, digest.as_bytes(), expires_at.as_millis()];
            Ok(tx.sql.execute(insert, values)? == 1)
        })
        .await
    }

    /// Whose session that is, if it has not ended.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn console_session(
        &self,
        digest: TicketDigest,
        now: Timestamp,
    ) -> Result<Option<AdministratorName>, StoreError> {
        self.read("look a session of the console up", move |sql| {
            let select = "SELECT a.name FROM console_session s JOIN administrator a ON a.id = s.administrator
                 WHERE s.digest = ?1 AND s.expires_at > ?2";
            let values = params![digest.as_bytes(), now.as_millis()];
            found(sql.prepare_cached(select)?.query_row(values, |row| parsed(row, 0)))
        })
        .await
    }

    /// Ends a session of the console, if there is such a one.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn end_console_session(&self, digest: TicketDigest) -> Result<(), StoreError> {
        self.change("end a session of the console", move |tx| {
            tx.sql.execute("DELETE FROM console_session WHERE digest = ?1", [digest.as_bytes()]).map(drop)
        })
        .await
    }
}
