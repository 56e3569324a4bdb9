//! Who is there, and who is told.

use fulmar_domain::{
    RequestId, SipUri, Timestamp,
    configuration::McxConfiguration,
    presence::{Availability, Note, Presence},
    session::Expiry,
};
use rusqlite::{Connection, Row, params, types::Type};

use crate::{
    Actor, Store, StoreError, accounts, configuration,
    events::{self, Entry},
    rows::parsed,
    sessions::{Effect, Executed},
    writer::Tx,
};
use fulmar_domain::event::Failure;

/// The most people that one session follows.
const MAX_SUBSCRIPTIONS: i64 = 500;

impl Store {
    /// Publishes what this session says of its person; `None` leaves the note as it is.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn publish_presence(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        availability: Availability,
        note: Option<Note>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("publish presence", actor, request.into(), now, move |tx, session| {
            let update = "UPDATE session SET availability = ?2 WHERE device = ?1";
            tx.sql.prepare_cached(update)?.execute(params![session.device.0, availability.number()])?;
            if let Some(note) = &note {
                let update = "UPDATE account SET note = ?2 WHERE id = ?1";
                tx.sql.prepare_cached(update)?.execute(params![session.account.0, note.as_str()])?;
            }
            changed(tx, session.account.0)?;
            Ok(Effect::done())
        })
        .await
    }

    /// What others see of the person of that address; `None` when there is nobody.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn presence(&self, person: &SipUri, now: Timestamp) -> Result<Option<Presence>, StoreError> {
        let uri = person.clone();
        self.read("look a presence up", move |sql| {
            let Some(account) = accounts::enabled(sql, &uri)? else { return Ok(None) };
            of(sql, account, now).map(Some)
        })
        .await
    }

    /// Tells this session the presence of these people now and whenever it changes, until it goes to the
    /// background. People it followed before stay followed.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn subscribe_presence(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        people: Vec<SipUri>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("subscribe to presence", actor, request.into(), now, move |tx, session| {
            let device = session.device.0;
            for uri in &people {
                let Some(person) = accounts::enabled(tx.sql, uri)? else {
                    return Ok(Effect::failed(Failure::NoSuchPerson));
                };
                let insert = "INSERT OR IGNORE INTO subscription (device, account) VALUES (?1, ?2)";
                tx.sql.prepare_cached(insert)?.execute([device, person])?;
                events::replace(tx, device, Entry::PresenceChanged { of: person })?;
            }
            let count = "SELECT count(*) FROM subscription WHERE device = ?1";
            let followed: i64 = tx.sql.prepare_cached(count)?.query_row([device], |row| row.get(0))?;
            let full = followed > MAX_SUBSCRIPTIONS;
            Ok(if full { Effect::failed(Failure::LimitExceeded) } else { Effect::done() })
        })
        .await
    }
}

/// Tells those who follow `account` to look again.
pub(crate) fn changed(tx: &mut Tx<'_>, account: i64) -> rusqlite::Result<()> {
    let followers: Vec<i64> = tx
        .sql
        .prepare_cached("SELECT device FROM subscription WHERE account = ?1")?
        .query_map([account], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for device in followers {
        events::replace(tx, device, Entry::PresenceChanged { of: account })?;
    }
    Ok(())
}

/// What others see of `account` now.
pub(crate) fn of(sql: &Connection, account: i64, now: Timestamp) -> rusqlite::Result<Presence> {
    let (note, domain): (Note, String) = sql
        .prepare_cached("SELECT note, domain FROM account WHERE id = ?1")?
        .query_row([account], |row| Ok((parsed(row, 0)?, row.get(1)?)))?;
    let Expiry { with_push, without_push } =
        configuration::in_force::<McxConfiguration>(sql, &domain)?.expiry;
    let mut select = sql.prepare_cached(
        "SELECT s.availability FROM session s JOIN device d ON d.id = s.device
         WHERE s.account = ?1 AND s.last_seen > iif(d.push_token IS NULL, ?2, ?3)",
    )?;
    let silent = |lifetime| (now - lifetime).as_millis();
    let cutoffs = params![account, silent(without_push), silent(with_push)];
    let published: Vec<Availability> =
        select.query_map(cutoffs, |row| availability(row, 0))?.collect::<Result<_, _>>()?;
    Ok(Presence { availability: Availability::aggregate(published), note })
}

pub(crate) fn availability(row: &Row<'_>, column: usize) -> rusqlite::Result<Availability> {
    let number: u16 = row.get(column)?;
    number.to_string().parse().map_err(|error: fulmar_domain::presence::InvalidAvailability| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error))
    })
}
