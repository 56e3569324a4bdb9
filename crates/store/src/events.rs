//! The log of events that a session has not acknowledged.

use fulmar_domain::{
    MessageId, RequestId, SessionId, Timestamp,
    conversation::Participation,
    event::{Event, Failure, Numbered},
    push::TestOutcome,
    session::Session,
};
use rusqlite::{Connection, Row, params, types::Type};

use crate::{
    Store, StoreError, accounts, conversations, history, notifications, presence,
    rows::{parsed, parsed_or_null},
    sessions,
    writer::Tx,
};

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
                forget(tx, &session, ack, now)?;
            }
            Ok(true)
        })
        .await
    }
}

/// An event as it is written.
#[derive(Clone, Copy)]
pub(crate) enum Entry<'a> {
    RequestSucceeded {
        request: &'a RequestId,
        conversation: Option<i64>,
    },
    RequestFailed {
        request: &'a RequestId,
        failure: Failure,
    },
    ContactList,
    PresenceChanged {
        of: i64,
    },
    Invited {
        conversation: i64,
        by: i64,
    },
    Inviting {
        conversation: i64,
        whom: i64,
    },
    ParticipantChanged {
        conversation: i64,
        who: i64,
        participation: Participation,
    },
    MessageReceived {
        message: i64,
    },
    MessageSent {
        message: i64,
    },
    MessageDelivered {
        message: i64,
        to: i64,
    },
    Composing {
        conversation: i64,
        who: i64,
    },
    MadeAvailable,
    /// No reason: the provider took it.
    PushTested {
        request: &'a str,
        reason: Option<&'a str>,
    },
}

/// An event as the columns of its row.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) kind: &'static str,
    request: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) conversation: Option<i64>,
    pub(crate) person: Option<i64>,
    pub(crate) message: Option<i64>,
}

impl<'a> Entry<'a> {
    pub(crate) fn columns(self) -> Columns<'a> {
        let new = |kind| Columns { kind, ..Columns::default() };
        match self {
            Self::RequestSucceeded { request, conversation } => {
                Columns { request: Some(request.as_str()), conversation, ..new(REQUEST_SUCCEEDED) }
            }
            Self::RequestFailed { request, failure } => Columns {
                request: Some(request.as_str()),
                detail: Some(failure.as_str()),
                ..new(REQUEST_FAILED)
            },
            Self::ContactList => new(CONTACT_LIST),
            Self::PresenceChanged { of } => Columns { person: Some(of), ..new(PRESENCE_CHANGED) },
            Self::Invited { conversation, by } => {
                Columns { conversation: Some(conversation), person: Some(by), ..new(INVITED) }
            }
            Self::Inviting { conversation, whom } => {
                Columns { conversation: Some(conversation), person: Some(whom), ..new(INVITING) }
            }
            Self::ParticipantChanged { conversation, who, participation } => Columns {
                conversation: Some(conversation),
                person: Some(who),
                detail: Some(participation.as_str()),
                ..new(PARTICIPANT_CHANGED)
            },
            Self::MessageReceived { message } => Columns { message: Some(message), ..new(MESSAGE_RECEIVED) },
            Self::MessageSent { message } => Columns { message: Some(message), ..new(MESSAGE_SENT) },
            Self::MessageDelivered { message, to } => {
                Columns { message: Some(message), person: Some(to), ..new(MESSAGE_DELIVERED) }
            }
            Self::Composing { conversation, who } => {
                Columns { conversation: Some(conversation), person: Some(who), ..new(COMPOSING) }
            }
            Self::MadeAvailable => new(MADE_AVAILABLE),
            Self::PushTested { request, reason } => {
                Columns { request: Some(request), detail: reason, ..new(PUSH_TESTED) }
            }
        }
    }
}

const REQUEST_SUCCEEDED: &str = "requestSucceeded";
const REQUEST_FAILED: &str = "requestFailed";
const CONTACT_LIST: &str = "contactList";
const PRESENCE_CHANGED: &str = "presenceChanged";
const INVITED: &str = "invited";
const INVITING: &str = "inviting";
const PARTICIPANT_CHANGED: &str = "participantChanged";
const MESSAGE_RECEIVED: &str = "messageReceived";
const MESSAGE_SENT: &str = "messageSent";
const MESSAGE_DELIVERED: &str = "messageDelivered";
const COMPOSING: &str = "composing";
const MADE_AVAILABLE: &str = "madeAvailable";
const PUSH_TESTED: &str = "pushTested";

/// Appends an event to the log of the session of `device`.
pub(crate) fn append(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>) -> rusqlite::Result<()> {
    insert(tx, device, entry, None)
}

/// Appends an event that repeats a line of the history of the person.
pub(crate) fn repeat(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>, line: i64) -> rusqlite::Result<()> {
    insert(tx, device, entry, Some(line))
}

fn insert(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>, history: Option<i64>) -> rusqlite::Result<()> {
    let next = "UPDATE session SET last_event = last_event + 1 WHERE device = ?1 RETURNING last_event";
    let eid: i64 = tx.sql.prepare_cached(next)?.query_row([device], |row| row.get(0))?;
    let Columns { kind, request, detail, conversation, person, message } = entry.columns();
    tx.sql
        .prepare_cached(
            "INSERT INTO event (device, eid, kind, request, detail, conversation, person, message, history)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![device, eid, kind, request, detail, conversation, person, message, history])?;
    tx.touched.sessions.insert(device);
    Ok(())
}

/// Appends an event that makes an earlier one of its kind about the same thing worthless.
pub(crate) fn replace(tx: &mut Tx<'_>, device: i64, entry: Entry<'_>) -> rusqlite::Result<()> {
    let Columns { kind, conversation, person, .. } = entry.columns();
    tx.sql
        .prepare_cached(
            "DELETE FROM event WHERE device = ?1 AND kind = ?2 AND conversation IS ?3 AND person IS ?4",
        )?
        .execute(params![device, kind, conversation, person])?;
    append(tx, device, entry)
}

/// Forgets the presence of others that a session has not fetched.
pub(crate) fn drop_presence(tx: &Tx<'_>, device: i64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM event WHERE device = ?1 AND kind = ?2";
    tx.sql.prepare_cached(delete)?.execute(params![device, PRESENCE_CHANGED]).map(drop)
}

/// Whether there are events that this acknowledgement makes forgotten.
fn holds(sql: &Connection, session: &Session, ack: u64) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM event WHERE device = ?1 AND eid <= ?2)";
    let held = sql.prepare_cached(select)?.query_row(params![session.device.0, ack], |row| row.get(0))?;
    Ok(ack <= session.last_event && held)
}

fn forget(tx: &mut Tx<'_>, session: &Session, ack: u64, now: Timestamp) -> rusqlite::Result<()> {
    let device = session.device.0;
    let messages: Vec<i64> = tx
        .sql
        .prepare_cached(
            "SELECT message FROM event WHERE device = ?1 AND eid <= ?2 AND kind = ?3 ORDER BY eid",
        )?
        .query_map(params![device, ack, MESSAGE_RECEIVED], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for message in messages {
        conversations::delivered(tx, message, session.account.0, now)?;
        notifications::fetched(tx, message, session, now)?;
    }
    history::acknowledged(tx, device, ack)?;
    let delete = "DELETE FROM event WHERE device = ?1 AND eid <= ?2";
    tx.sql.prepare_cached(delete)?.execute(params![device, ack]).map(drop)
}

fn since(sql: &Connection, session: &Session, after: u64, now: Timestamp) -> rusqlite::Result<Vec<Numbered>> {
    let mut select = sql.prepare_cached(
        "SELECT e.eid, e.kind, e.request, e.detail, c.name, p.uri, p.id, e.message, m.client_id, mc.name
         FROM event e
         LEFT JOIN conversation c ON c.id = e.conversation
         LEFT JOIN account p ON p.id = e.person
         LEFT JOIN message m ON m.id = e.message
         LEFT JOIN conversation mc ON mc.id = m.conversation
         WHERE e.device = ?1 AND e.eid > ?2 ORDER BY e.eid LIMIT ?3",
    )?;
    let rows = select.query_map(params![session.device.0, after, BATCH], |row| {
        Ok(Numbered { eid: row.get(0)?, event: event(sql, session, row, now)? })
    })?;
    rows.collect()
}

fn event(sql: &Connection, session: &Session, row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Event> {
    let kind: String = row.get(1)?;
    Ok(match kind.as_str() {
        REQUEST_SUCCEEDED => {
            Event::RequestSucceeded { request: parsed(row, 2)?, conversation: parsed_or_null(row, 4)? }
        }
        REQUEST_FAILED => Event::RequestFailed { request: parsed(row, 2)?, failure: parsed(row, 3)? },
        CONTACT_LIST => Event::ContactList(accounts::colleagues(sql, session.account.0)?),
        PRESENCE_CHANGED => {
            Event::PresenceChanged { of: parsed(row, 5)?, presence: presence::of(sql, row.get(6)?, now)? }
        }
        INVITED => Event::Invited { conversation: parsed(row, 4)?, from: parsed(row, 5)? },
        INVITING => Event::Inviting { conversation: parsed(row, 4)?, to: parsed(row, 5)? },
        PARTICIPANT_CHANGED => Event::ParticipantChanged {
            conversation: parsed(row, 4)?,
            who: parsed(row, 5)?,
            participation: parsed(row, 3)?,
        },
        MESSAGE_RECEIVED => Event::MessageReceived(conversations::message(sql, row.get(7)?)?),
        MESSAGE_SENT => Event::MessageSent(conversations::message(sql, row.get(7)?)?),
        MESSAGE_DELIVERED => Event::MessageDelivered {
            conversation: parsed(row, 9)?,
            message: MessageId(row.get(7)?),
            client_id: parsed(row, 8)?,
            to: parsed(row, 5)?,
        },
        COMPOSING => Event::Composing { conversation: parsed(row, 4)?, who: parsed(row, 5)? },
        MADE_AVAILABLE => Event::MadeAvailable,
        PUSH_TESTED => Event::PushTested {
            request: parsed(row, 2)?,
            outcome: match row.get::<_, Option<String>>(3)? {
                None => TestOutcome { accepted: true, reason: String::new() },
                Some(reason) => TestOutcome { accepted: false, reason },
            },
        },
        other => {
            let problem = format!("`{other}` is not a kind of event");
            return Err(rusqlite::Error::FromSqlConversionFailure(1, Type::Text, problem.into()));
        }
    })
}
