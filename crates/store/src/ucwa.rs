//! Applications of UCWA: sessions whose clients said more of themselves.

mod channels;

use fulmar_domain::{
    DeviceId, Timestamp,
    application::{Application, ClientDescription, ClientText},
    presence::Arrival,
    session::Session,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    Actor, Executed, NewSession, StartedSession, Store, StoreError, TicketDigest,
    events::{self, Entry},
    presence,
    rows::parsed,
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
    /// It is new, or this instance of its client is.
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

    /// The application of a device as an instance of its client sees it, while its session lasts. One that names no
    /// instance is always there.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn application(
        &self,
        device: DeviceId,
        instance: Option<&ClientText>,
        now: Timestamp,
    ) -> Result<Option<Application>, StoreError> {
        let instance = instance.cloned();
        self.read("look an application up", move |sql| find(sql, device.0, instance, now)).await
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
    let instance = new.client.instance_id.as_ref();
    if let Some(session) = known(tx, new, ticket, now)? {
        let is_new = channels::open(tx, &session, instance, now)?;
        let application = shown(tx.sql, session.device.0, instance, now)?;
        return Ok(if is_new {
            StartedApplication::Created(application)
        } else {
            StartedApplication::Known(application)
        });
    }
    let session = match sessions::start(tx, &new.session, ticket, now)? {
        StartedSession::Started(session) => session,
        StartedSession::ForeignTicket => return Ok(StartedApplication::ForeignTicket),
        StartedSession::TooMany => return Ok(StartedApplication::TooMany),
    };
    let ClientDescription { endpoint_id, culture, user_agent, kind, .. } = &new.client;
    tx.sql.execute(
        "INSERT INTO ucwa_application (device, endpoint_id, culture, user_agent, kind)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            session.device.0,
            endpoint_id.as_str(),
            culture.as_str(),
            user_agent.as_str(),
            kind.as_str(),
        ],
    )?;
    channels::open(tx, &session, instance, now)?;
    Ok(StartedApplication::Created(shown(tx.sql, session.device.0, instance, now)?))
}

/// An application that is there.
fn shown(
    sql: &Connection,
    device: i64,
    instance: Option<&ClientText>,
    now: Timestamp,
) -> rusqlite::Result<Application> {
    find(sql, device, instance.cloned(), now)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// The session of the application that this client has already; the ticket becomes its device's, if it was nobody's.
fn known(
    tx: &mut Tx<'_>,
    new: &NewApplication,
    ticket: TicketDigest,
    now: Timestamp,
) -> rusqlite::Result<Option<Session>> {
    let select = "SELECT d.id FROM device d JOIN ucwa_application u ON u.device = d.id
         JOIN ticket t ON t.account = d.account AND (t.device IS NULL OR t.device = d.id)
         WHERE d.account = ?1 AND d.endpoint = ?2 AND t.digest = ?3";
    let values = params![new.session.account.0, new.session.endpoint.as_str(), ticket.as_bytes()];
    let device: Option<i64> = tx.sql.query_row(select, values, |row| row.get(0)).optional()?;
    let Some(device) = device else { return Ok(None) };
    let Some(session) = sessions::of_device(tx.sql, device, now)? else { return Ok(None) };
    tx.sql.execute("UPDATE ticket SET device = ?2 WHERE digest = ?1", params![ticket.as_bytes(), device])?;
    sessions::touch(tx, &session, now)?;
    Ok(Some(session))
}

fn find(
    sql: &Connection,
    device: i64,
    instance: Option<ClientText>,
    now: Timestamp,
) -> rusqlite::Result<Option<Application>> {
    let Some(session) = sessions::of_device(sql, device, now)? else { return Ok(None) };
    let select =
        "SELECT u.endpoint_id, u.culture, u.user_agent, u.kind, u.available, u.formats, c.acknowledged
         FROM ucwa_application u LEFT JOIN ucwa_channel c ON c.device = u.device AND c.instance = ?2
         WHERE u.device = ?1 AND (?2 = '' OR c.id IS NOT NULL)";
    let named = channels::name(instance.as_ref()).to_owned();
    let row = |row: &Row<'_>| {
        let formats: String = row.get(5)?;
        let acknowledged: Option<u64> = row.get(6)?;
        Ok(Application {
            acknowledged: acknowledged.unwrap_or_default().max(session.acknowledged),
            session,
            client: ClientDescription {
                endpoint_id: parsed(row, 0)?,
                culture: parsed(row, 1)?,
                user_agent: parsed(row, 2)?,
                kind: parsed(row, 3)?,
                instance_id: instance,
            },
            available: row.get(4)?,
            formats: formats.split(' ').map(str::to_owned).collect(),
        })
    };
    sql.prepare_cached(select)?.query_row(params![device, named], row).optional()
}
