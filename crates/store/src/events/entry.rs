//! Events as rows of the log, and back.

use fulmar_domain::{
    MessageId, RequestId, Timestamp,
    conversation::Participation,
    event::{Event, Failure},
    presence::Changed,
    push::TestOutcome,
    session::Session,
};
use rusqlite::{Connection, Row, types::Type};

use crate::{
    accounts, conversations, presence,
    rows::{parsed, parsed_or_null},
};

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
        changed: &'a str,
    },
    SelfPresenceChanged {
        changed: &'a str,
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
    pub(super) request: Option<&'a str>,
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
            Self::PresenceChanged { of, changed } => {
                Columns { person: Some(of), detail: Some(changed), ..new(PRESENCE_CHANGED) }
            }
            Self::SelfPresenceChanged { changed } => {
                Columns { detail: Some(changed), ..new(SELF_PRESENCE_CHANGED) }
            }
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
pub(super) const PRESENCE_CHANGED: &str = "presenceChanged";
pub(super) const SELF_PRESENCE_CHANGED: &str = "selfPresenceChanged";
const INVITED: &str = "invited";
const INVITING: &str = "inviting";
const PARTICIPANT_CHANGED: &str = "participantChanged";
pub(super) const MESSAGE_RECEIVED: &str = "messageReceived";
const MESSAGE_SENT: &str = "messageSent";
const MESSAGE_DELIVERED: &str = "messageDelivered";
const COMPOSING: &str = "composing";
const MADE_AVAILABLE: &str = "madeAvailable";
const PUSH_TESTED: &str = "pushTested";

/// What a row of the log says.
pub(super) fn read(
    sql: &Connection,
    session: &Session,
    row: &Row<'_>,
    now: Timestamp,
) -> rusqlite::Result<Event> {
    let kind: String = row.get(1)?;
    Ok(match kind.as_str() {
        REQUEST_SUCCEEDED => {
            Event::RequestSucceeded { request: parsed(row, 2)?, conversation: parsed_or_null(row, 4)? }
        }
        REQUEST_FAILED => Event::RequestFailed { request: parsed(row, 2)?, failure: parsed(row, 3)? },
        CONTACT_LIST => Event::ContactList(accounts::colleagues(sql, session.account.0)?),
        PRESENCE_CHANGED => Event::PresenceChanged {
            of: parsed(row, 5)?,
            changed: parts(row, 3)?,
            presence: presence::of(sql, row.get(6)?, now)?,
        },
        SELF_PRESENCE_CHANGED => Event::SelfPresenceChanged {
            changed: parts(row, 3)?,
            presence: presence::of(sql, session.account.0, now)?,
        },
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

/// An event of an earlier release does not say what changed.
pub(super) fn parts(row: &Row<'_>, column: usize) -> rusqlite::Result<Changed> {
    parsed_or_null(row, column).map(|parts| parts.unwrap_or(Changed::ALL))
}
