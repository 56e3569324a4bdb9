//! Events as rows of the log, and back.

use fulmar_domain::{
    MessageId, RequestId, Timestamp,
    conversation::Participation,
    event::{Event, Failure},
    invitation::Invitation,
    push::TestOutcome,
    session::Session,
};
use rusqlite::{Connection, Row, types::Type};

use crate::{
    conversations,
    events::people::{self, PeopleEntry},
    meetings,
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
    People(PeopleEntry<'a>),
    Invited {
        conversation: i64,
        invitation: i64,
    },
    InvitationEnded {
        conversation: i64,
        invitation: i64,
    },
    Conversation {
        conversation: i64,
    },
    /// By its name: it may be gone when the event is read.
    Meeting {
        name: &'a str,
    },
    MissedConversations,
    Resync,
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
    MessageRead {
        message: i64,
        by: i64,
    },
    /// The message is forgotten, so it is not referred to.
    MessageFailed {
        conversation: i64,
        client_id: &'a str,
        to: i64,
    },
    Composing {
        conversation: i64,
        who: i64,
        writes: bool,
    },
    Muted {
        conversation: i64,
        muted: bool,
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
    pub(crate) request: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) conversation: Option<i64>,
    pub(crate) person: Option<i64>,
    pub(crate) message: Option<i64>,
    pub(crate) invitation: Option<i64>,
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
            Self::People(entry) => entry.columns(),
            Self::Invited { conversation, invitation } => {
                Columns { conversation: Some(conversation), invitation: Some(invitation), ..new(INVITED) }
            }
            Self::InvitationEnded { conversation, invitation } => Columns {
                conversation: Some(conversation),
                invitation: Some(invitation),
                ..new(INVITATION_ENDED)
            },
            Self::Conversation { conversation } => {
                Columns { conversation: Some(conversation), ..new(CONVERSATION) }
            }
            Self::Meeting { name } => Columns { detail: Some(name), ..new(MEETING) },
            Self::MissedConversations => new(MISSED_CONVERSATIONS),
            Self::Resync => new(RESYNC),
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
            Self::MessageRead { message, by } => {
                Columns { message: Some(message), person: Some(by), ..new(MESSAGE_READ) }
            }
            Self::MessageFailed { conversation, client_id, to } => Columns {
                conversation: Some(conversation),
                detail: Some(client_id),
                person: Some(to),
                ..new(MESSAGE_FAILED)
            },
            Self::Composing { conversation, who, writes } => Columns {
                conversation: Some(conversation),
                person: Some(who),
                detail: (!writes).then_some(STOPPED),
                ..new(COMPOSING)
            },
            Self::Muted { conversation, muted } => {
                Columns { conversation: Some(conversation), detail: muted.then_some(IS_MUTED), ..new(MUTED) }
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
pub(super) const INVITED: &str = "invited";
const INVITATION_ENDED: &str = "invitationEnded";
const CONVERSATION: &str = "conversation";
const MEETING: &str = "meeting";
const MISSED_CONVERSATIONS: &str = "missedConversations";
pub(super) const RESYNC: &str = "resync";
const PARTICIPANT_CHANGED: &str = "participantChanged";
pub(crate) const MESSAGE_RECEIVED: &str = "messageReceived";
pub(crate) const MESSAGE_SENT: &str = "messageSent";
const MESSAGE_DELIVERED: &str = "messageDelivered";
const MESSAGE_READ: &str = "messageRead";
const MESSAGE_FAILED: &str = "messageFailed";
const COMPOSING: &str = "composing";
const STOPPED: &str = "stopped";
const MUTED: &str = "conversationMuted";
const IS_MUTED: &str = "muted";
const MADE_AVAILABLE: &str = "madeAvailable";
const PUSH_TESTED: &str = "pushTested";

/// What a row of the log says.
pub(super) fn read(
    sql: &Connection,
    session: &Session,
    row: &Row<'_>,
    now: Timestamp,
) -> rusqlite::Result<Event> {
    let known = match of_message(sql, row)? {
        Some(event) => Some(event),
        None => match of_conversation(sql, session, row, now)? {
            Some(event) => Some(event),
            None => people::read(sql, session, row, now)?,
        },
    };
    known.map_or_else(|| of_session(row), Ok)
}

/// What came of a command, and what concerns the session alone.
fn of_session(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(match row.get_ref(1)?.as_str()? {
        REQUEST_SUCCEEDED => {
            Event::RequestSucceeded { request: parsed(row, 2)?, conversation: parsed_or_null(row, 4)? }
        }
        REQUEST_FAILED => Event::RequestFailed { request: parsed(row, 2)?, failure: parsed(row, 3)? },
        RESYNC => Event::Resync,
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

/// A word that was said, and what became of it; `None` when it is about something else.
fn of_message(sql: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<Event>> {
    Ok(Some(match row.get_ref(1)?.as_str()? {
        MESSAGE_RECEIVED => Event::MessageReceived(conversations::message(sql, row.get(7)?)?),
        MESSAGE_SENT => Event::MessageSent(conversations::message(sql, row.get(7)?)?),
        MESSAGE_DELIVERED => Event::MessageDelivered {
            conversation: parsed(row, 9)?,
            message: MessageId(row.get(7)?),
            client_id: parsed(row, 8)?,
            to: parsed(row, 5)?,
        },
        MESSAGE_READ => {
            Event::MessageRead { message: conversations::message(sql, row.get(7)?)?, by: parsed(row, 5)? }
        }
        MESSAGE_FAILED => Event::MessageFailed {
            conversation: parsed(row, 4)?,
            client_id: parsed(row, 3)?,
            to: parsed(row, 5)?,
        },
        _ => return Ok(None),
    }))
}

/// Who is asked, comes, writes and goes; `None` when it is about something else.
fn of_conversation(
    sql: &Connection,
    session: &Session,
    row: &Row<'_>,
    now: Timestamp,
) -> rusqlite::Result<Option<Event>> {
    Ok(Some(match row.get_ref(1)?.as_str()? {
        INVITED => Event::Invited(invitation(sql, session, row, now)?),
        INVITATION_ENDED => Event::InvitationEnded(invitation(sql, session, row, now)?),
        CONVERSATION => {
            let conversation = conversations::view(sql, row.get(12)?, session.account.0, now)?;
            Event::Conversation(Box::new(conversation))
        }
        MEETING => {
            let id = parsed(row, 3)?;
            let meeting = meetings::find(sql, &id, now)?.map(Box::new);
            Event::Meeting { id, meeting }
        }
        MISSED_CONVERSATIONS => {
            let missed = conversations::missed_conversations(sql, session.account.0, now)?;
            Event::MissedConversations(missed)
        }
        PARTICIPANT_CHANGED => Event::ParticipantChanged {
            conversation: parsed(row, 4)?,
            who: parsed(row, 5)?,
            participation: parsed(row, 3)?,
            state: conversations::state(sql, row.get(12)?, session.account.0, now)?,
        },
        COMPOSING => Event::Composing {
            conversation: parsed(row, 4)?,
            who: parsed(row, 5)?,
            writes: row.get::<_, Option<String>>(3)?.is_none(),
        },
        MUTED => {
            Event::Muted { conversation: parsed(row, 4)?, muted: row.get::<_, Option<String>>(3)?.is_some() }
        }
        _ => return Ok(None),
    }))
}

fn invitation(
    sql: &Connection,
    session: &Session,
    row: &Row<'_>,
    now: Timestamp,
) -> rusqlite::Result<Box<Invitation>> {
    conversations::invitation(sql, row.get(11)?, session, now).map(Box::new)
}
