//! The log of events that a session has not acknowledged.

mod entry;
mod people;
mod room;

use fulmar_domain::{SessionId, Timestamp, event::Numbered, presence::Changed, session::Session};
use rusqlite::{Connection, params};

use crate::{
    Store, StoreError, conversations, history,
    notifications::{self, Cause},
    rows::timestamp,
    sessions,
    writer::Tx,
};
use entry::INVITED;
pub(crate) use entry::{Columns, Entry};
pub(crate) use entry::{MESSAGE_RECEIVED, MESSAGE_SENT};
pub(crate) use people::PeopleEntry;
use people::{PRESENCE_CHANGED, SELF_PRESENCE_CHANGED, parts};
pub(crate) use room::{lags, room};

/// The most events in one answer; the rest come with the next poll.
const BATCH: u32 = 100;

/// What waits for a session.
#[derive(Clone, Debug)]
pub struct Inbox {
    /// The session as it is.
    pub session: Session,
    /// The oldest events after the acknowledged one, at most 100.
    pub events: Vec<Numbered>,
}

impl Store {
    /// What waits for a session beyond the event `after`; `None` when the session has ended.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn inbox(
        &self,
        session: &SessionId,
        after: u64,
        now: Timestamp,
    ) -> Result<Option<Inbox>, StoreError> {
        let sid = session.clone();
        self.read("read the events of a session", move |sql| {
            let Some(session) = sessions::find(sql, &sid, now)? else { return Ok(None) };
            let events = since(sql, &session, after, now)?;
            Ok(Some(Inbox { session, events }))
        })
        .await
    }

    /// Notes that a session was heard of, and forgets its events up to `ack`. Their messages count as delivered:
    /// their senders are told, and notifications that have not left are withdrawn. An `ack` beyond the newest
    /// event acknowledges nothing. `false` when the session has ended. Where there is nothing to note and to
    /// forget, nothing is written.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn acknowledge(
        &self,
        session: &SessionId,
        ack: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sid = session.clone();
        let noted = self.read("look for events to acknowledge", move |sql| {
            let Some(session) = sessions::find(sql, &sid, now)? else { return Ok(Some(false)) };
            let changes = sessions::is_to_touch(&session, now) || holds(sql, &session, ack)?;
            Ok((!changes).then_some(true))
        });
        if let Some(noted) = noted.await? {
            return Ok(noted);
        }
        let sid = session.clone();
        self.change("acknowledge events", move |tx| {
            let Some(session) = sessions::find(tx.sql, &sid, now)? else { return Ok(false) };
            sessions::touch(tx, &session, now)?;
            if ack <= session.last_event {
                forget(tx, &session, ack, ack, now)?;
            }
            Ok(true)
        })
        .await
    }
}

/// Appends an event to the log of the session of `device`, or tells it to look again where there is no room.
pub(crate) fn append(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>) -> rusqlite::Result<()> {
    let now = now(tx);
    insert(tx, device, entry, None, now)
}

/// Appends an event that repeats a line of the history of the person.
pub(crate) fn repeat(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>, line: i64) -> rusqlite::Result<()> {
    if lags(tx.sql, device)? {
        return Ok(());
    }
    let now = now(tx);
    insert(tx, device, entry, Some(line), now)
}

/// When what this change queues began to wait.
fn now(tx: &Tx<'_>) -> i64 {
    tx.now.map_or(0, Timestamp::as_millis)
}

fn insert(
    tx: &mut Tx<'_>,
    device: i64,
    entry: Entry<'_>,
    history: Option<i64>,
    queued_at: i64,
) -> rusqlite::Result<()> {
    if room(tx.sql, device)? == 0 {
        let is_room = !room::ends_with_resync(tx.sql, device)? && room::make(tx, device)?;
        if history.is_none() {
            return Ok(());
        }
        if !is_room {
            let update = "UPDATE session SET lags = 1 WHERE device = ?1";
            return tx.sql.prepare_cached(update)?.execute([device]).map(drop);
        }
    }
    write(tx, device, entry, history, queued_at)
}

fn write(
    tx: &mut Tx<'_>,
    device: i64,
    entry: Entry<'_>,
    history: Option<i64>,
    queued_at: i64,
) -> rusqlite::Result<()> {
    let next = "UPDATE session SET last_event = last_event + 1 WHERE device = ?1 RETURNING last_event";
    let eid: i64 = tx.sql.prepare_cached(next)?.query_row([device], |row| row.get(0))?;
    let Columns { kind, request, detail, conversation, person, message, invitation } = entry.columns();
    tx.sql
        .prepare_cached(
            "INSERT INTO event
                 (device, eid, kind, request, detail, conversation, person, message, history, queued_at,
                  invitation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            device,
            eid,
            kind,
            request,
            detail,
            conversation,
            person,
            message,
            history,
            queued_at,
            invitation
        ])?;
    tx.touched.sessions.insert(device);
    Ok(())
}

/// Appends an event that makes an earlier one of its kind about the same thing worthless. It has waited as long as
/// that one.
pub(crate) fn replace(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>) -> rusqlite::Result<()> {
    let Columns { kind, conversation, person, .. } = entry.columns();
    let delete = "DELETE FROM event INDEXED BY event_about
         WHERE device = ?1 AND kind = ?2 AND conversation IS ?3 AND person IS ?4 AND history IS NULL
         RETURNING queued_at";
    let earlier: Vec<i64> = tx
        .sql
        .prepare_cached(delete)?
        .query_map(params![device, kind, conversation, person], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let since = earlier.into_iter().min().unwrap_or(now(tx));
    insert(tx, device, entry, None, since)
}

/// Tells the session of `device` to look again at the presence of somebody, or of its own person (`None`). What it has
/// not fetched of an earlier event is in this one, which has waited as long.
pub(crate) fn presence_changed(
    tx: &mut Tx<'_>,
    device: i64,
    of: Option<i64>,
    changed: Changed,
) -> rusqlite::Result<()> {
    let (mut unfetched, mut since) = (changed, now(tx));
    let delete = "DELETE FROM event INDEXED BY event_about
         WHERE device = ?1 AND kind = ?2 AND person IS ?3 AND history IS NULL RETURNING detail, queued_at";
    let kind = if of.is_some() { PRESENCE_CHANGED } else { SELF_PRESENCE_CHANGED };
    let mut delete = tx.sql.prepare_cached(delete)?;
    let earlier = delete.query_map(params![device, kind, of], |row| Ok((parts(row, 0)?, row.get(1)?)))?;
    for event in earlier {
        let (parts, queued_at) = event?;
        (unfetched, since) = (unfetched.and(parts), since.min(queued_at));
    }
    drop(delete);
    let changed = &unfetched.to_string();
    let entry = match of {
        Some(of) => PeopleEntry::PresenceChanged { of, changed },
        None => PeopleEntry::SelfPresenceChanged { changed },
    };
    insert(tx, device, Entry::People(entry), None, since)
}

/// Forgets the presence of others that a session has not fetched.
pub(crate) fn drop_presence(tx: &Tx<'_>, device: i64) -> rusqlite::Result<()> {
    let delete =
        "DELETE FROM event INDEXED BY event_about WHERE device = ?1 AND kind = ?2 AND history IS NULL";
    tx.sql.prepare_cached(delete)?.execute(params![device, PRESENCE_CHANGED]).map(drop)
}

/// Whether there are events that this acknowledgement makes forgotten.
fn holds(sql: &Connection, session: &Session, ack: u64) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM event WHERE device = ?1 AND eid <= ?2)";
    let held = sql.prepare_cached(select)?.query_row(params![session.device.0, ack], |row| row.get(0))?;
    Ok(ack <= session.last_event && held)
}

/// Notes that everything up to `ack` has arrived, and forgets everything up to `by_all`.
pub(crate) fn forget(
    tx: &mut Tx<'_>,
    session: &Session,
    ack: u64,
    by_all: u64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let device = session.device.0;
    let messages: Vec<i64> = tx
        .sql
        .prepare_cached(
            "SELECT message FROM event WHERE device = ?1 AND eid <= ?2 AND kind = ?3 ORDER BY eid",
        )?
        .query_map(params![device, ack, MESSAGE_RECEIVED], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for message in messages {
        conversations::delivered(tx, message, session, now)?;
        notifications::fetched(tx, Cause::Message(message), session, now)?;
    }
    let invitations: Vec<i64> = tx
        .sql
        .prepare_cached("SELECT invitation FROM event WHERE device = ?1 AND eid <= ?2 AND kind = ?3")?
        .query_map(params![device, ack, INVITED], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for invitation in invitations {
        notifications::fetched(tx, Cause::Invitation(invitation), session, now)?;
    }
    history::acknowledged(tx, device, by_all)?;
    let delete = "DELETE FROM event WHERE device = ?1 AND eid <= ?2";
    tx.sql.prepare_cached(delete)?.execute(params![device, by_all])?;
    let update = "UPDATE session SET acknowledged = max(acknowledged, ?2) WHERE device = ?1";
    tx.sql.prepare_cached(update)?.execute(params![device, by_all])?;
    if lags(tx.sql, device)? { history::fill(tx, device) } else { Ok(()) }
}

fn since(sql: &Connection, session: &Session, after: u64, now: Timestamp) -> rusqlite::Result<Vec<Numbered>> {
    let mut select = sql.prepare_cached(
        "SELECT e.eid, e.kind, e.request, e.detail, c.name, p.uri, p.id, e.message, m.client_id, mc.name,
             e.queued_at, e.invitation, e.conversation
         FROM event e
         LEFT JOIN conversation c ON c.id = e.conversation
         LEFT JOIN account p ON p.id = e.person
         LEFT JOIN message m ON m.id = e.message
         LEFT JOIN conversation mc ON mc.id = m.conversation
         WHERE e.device = ?1 AND e.eid > ?2 ORDER BY e.eid LIMIT ?3",
    )?;
    let rows = select.query_map(params![session.device.0, after, BATCH], |row| {
        let event = entry::read(sql, session, row, now)?;
        Ok(Numbered { eid: row.get(0)?, queued_at: timestamp(row, 10)?, event })
    })?;
    rows.collect()
}
