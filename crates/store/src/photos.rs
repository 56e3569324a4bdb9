//! Photos of people.

use std::fmt::Write;

use fulmar_domain::{
    RequestId, SipUri, Timestamp,
    event::Failure,
    photo::{Photo, PhotoSize, ShownPhoto},
};
use ring::digest::{SHA256, digest};
use rusqlite::{Row, params};

use crate::{
    Actor, Store, StoreError, accounts,
    rows::found,
    sessions::{Effect, Executed},
    writer::Tx,
};

impl Store {
    /// Gives a person a photo, or takes it away. `false` when there is nobody.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_photo(&self, uri: SipUri, photo: Option<Photo>) -> Result<bool, StoreError> {
        self.change("change a photo", move |tx| {
            let select = "SELECT id FROM account WHERE uri = ?1";
            let id = found(tx.sql.query_row(select, [uri.to_string()], |row| row.get(0)))?;
            let Some(id) = id else { return Ok(false) };
            write(tx, id, photo.as_ref())?;
            Ok(true)
        })
        .await
    }

    /// The same for the person of a session; nothing but the failure where there is no photo to be had from what they
    /// gave.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_own_photo(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        photo: Result<Option<Photo>, Failure>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("change one's photo", actor, request.into(), now, move |tx, session| match &photo {
            Ok(photo) => write(tx, session.account.0, photo.as_ref()).map(|()| Effect::done()),
            Err(failure) => Ok(Effect::failed(*failure)),
        })
        .await
    }

    /// The photo of a person; `None` when there is none, or nobody enabled has that address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn photo(&self, of: &SipUri, size: PhotoSize) -> Result<Option<ShownPhoto>, StoreError> {
        let uri = of.clone();
        self.read("read a photo", move |sql| {
            let Some(account) = accounts::enabled(sql, &uri)? else { return Ok(None) };
            let select = "SELECT jpeg, etag FROM photo WHERE account = ?1 AND size = ?2";
            let row = |row: &Row<'_>| Ok(ShownPhoto { jpeg: row.get(0)?, etag: row.get(1)? });
            found(sql.prepare_cached(select)?.query_row(params![account, size.pixels()], row))
        })
        .await
    }
}

fn write(tx: &Tx<'_>, account: i64, photo: Option<&Photo>) -> rusqlite::Result<()> {
    tx.sql.execute("DELETE FROM photo WHERE account = ?1", [account])?;
    for (size, jpeg) in photo.iter().flat_map(|photo| &photo.jpegs) {
        let insert = "INSERT INTO photo (account, size, jpeg, etag) VALUES (?1, ?2, ?3, ?4)";
        tx.sql.execute(insert, params![account, size.pixels(), jpeg, etag(jpeg)])?;
    }
    Ok(())
}

/// The first half of a SHA-256.
fn etag(jpeg: &[u8]) -> String {
    digest(&SHA256, jpeg).as_ref().iter().take(16).fold(String::new(), |mut text, byte| {
        // A `String` takes everything.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
