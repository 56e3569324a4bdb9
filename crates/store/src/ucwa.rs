//! Applications of UCWA: sessions whose clients said more of themselves.

use fulmar_domain::{
    DeviceId, Timestamp,
    application::{Application, ClientDescription, ClientText},
    presence::Arrival,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    Actor, Executed, NewSession, StartedSession, Store, StoreError, TicketDigest,
    events::{self, Entry},
    presence,
    rows::{parsed, parsed_or_null},
    sessions::{self, Effect},
    writer::Tx,
};

/// An application that is to be made: its session, and what its client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApplication {
    /// The endpoint follows from how the client is called, so that the same client is the same device.
    pub session: NewSession,
    /// How the client is called.
    pub client: ClientDescription,
}

/// What came of making an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedApplication {
    /// It is new.
    Created(Application),
    /// The client had one, which goes on.
    Known(Application),
    /// The ticket is that of another device, or was revoked since it was looked at.
    ForeignTicket,
    /// The person has as many sessions as there may be.
    TooMany,
}

impl Store {
    /// Makes an application, or finds the one that the client has.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn start_application(
        &self,
        new: NewApplication,
        ticket: TicketDigest,
        now: Timestamp,
    ) -> Result<StartedApplication, StoreError> {
        self.change_at("make an application", now, move |tx| start(tx, &new, ticket, now)).await
    }

    /// The application of a device, while its session lasts.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn application(
        &self,
        device: DeviceId,
        now: Timestamp,
    ) -> Result<Option<Application>, StoreError> {
        self.read("look an application up", move |sql| find(sql, device.0, now)).await
    }

    /// Lets the person be seen on this application, which takes messages in these formats. Once is enough: what was
    /// said first stays.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn make_available(
        &self,
        actor: &Actor,
        arrival: Arrival,
        formats: Vec<String>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("make an application available", actor, None, now, move |tx, session| {
            let device = session.device.0;
            let update = "UPDATE ucwa_application SET available = 1, formats = ?2
                 WHERE device = ?1 AND available = 0";
            if tx.sql.execute(update, params![device, formats.join(" ")])? == 1 {
                events::append(tx, device, Entry::MadeAvailable)?;
                presence::arrive(tx, session.account.0, device, arrival, now)?;
            }
            Ok(Effect::done())
        })
        .await
    }
}

fn start(
    tx: &mut Tx<'_>,
    new: &NewApplication,
    ticket: TicketDigest,
    now: Timestamp,
) -> rusqlite::Result<StartedApplication> {
    if let Some(known) = known(tx, new, ticket, now)? {
        return Ok(StartedApplication::Known(known));
    }
    let session = match sessions::start(tx, &new.session, ticket, now)? {
        StartedSession::Started(session) => session,
        StartedSession::ForeignTicket => return Ok(StartedApplication::ForeignTicket),
        StartedSession::TooMany => return Ok(StartedApplication::TooMany),
    };
    let ClientDescription { endpoint_id, culture, user_agent, kind, instance_id } = &new.client;
    tx.sql.execute(
        "INSERT INTO ucwa_application (device, endpoint_id, culture, user_agent, kind, instance_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            session.device.0,
            endpoint_id.as_str(),
            culture.as_str(),
            user_agent.as_str(),
            kind.as_str(),
            instance_id.as_ref().map(ClientText::as_str)
        ],
    )?;
    let made = find(tx.sql, session.device.0, now)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Ok(StartedApplication::Created(made))
}

/// The application that this client has already; the ticket becomes its device's, if it was nobody's.
fn known(
    tx: &mut Tx<'_>,
    new: &NewApplication,
    ticket: TicketDigest,
    now: Timestamp,
) -> rusqlite::Result<Option<Application>> {
    let select = "SELECT d.id FROM device d JOIN ucwa_application u ON u.device = d.id
         JOIN ticket t ON t.account = d.account AND (t.device IS NULL OR t.device = d.id)
         WHERE d.account = ?1 AND d.endpoint = ?2 AND t.digest = ?3";
    let values = params![new.session.account.0, new.session.endpoint.as_str(), ticket.as_bytes()];
    let device: Option<i64> = tx.sql.query_row(select, values, |row| row.get(0)).optional()?;
    let Some(device) = device else { return Ok(None) };
    let Some(application) = find(tx.sql, device, now)? else { return Ok(None) };
    tx.sql.execute("UPDATE ticket SET device = ?2 WHERE digest = ?1", params![ticket.as_bytes(), device])?;
    sessions::touch(tx, &application.session, now)?;
    Ok(Some(application))
}

fn find(sql: &Connection, device: i64, now: Timestamp) -> rusqlite::Result<Option<Application>> {
    let Some(session) = sessions::of_device(sql, device, now)? else { return Ok(None) };
    let select = "SELECT endpoint_id, culture, user_agent, kind, instance_id, available, formats
         FROM ucwa_application WHERE device = ?1";
    let row = |row: &Row<'_>| {
        let formats: String = row.get(6)?;
        Ok(Application {
            session,
            client: ClientDescription {
                endpoint_id: parsed(row, 0)?,
                culture: parsed(row, 1)?,
                user_agent: parsed(row, 2)?,
                kind: parsed(row, 3)?,
                instance_id: parsed_or_null(row, 4)?,
            },
            available: row.get(5)?,
            formats: formats.split(' ').map(str::to_owned).collect(),
        })
    };
    sql.prepare_cached(select)?.query_row([device], row).optional()
}
