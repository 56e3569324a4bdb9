//! Coming into a meeting by oneself.

use fulmar_domain::{
    ConversationId, InvitationId, RequestId, Timestamp,
    event::Failure,
    id::MeetingId,
    invitation::{About, Subject},
    meeting::{AccessLevel, MAX_MEETINGS, Meeting, MeetingUri},
    session::Session,
};
use rusqlite::Connection;

use super::{ad_hoc, address, find, insert, set_conversation};
use crate::{
    Actor, Store, StoreError,
    conversations::{self, Entering},
    sessions::{Concern, Effect, Executed},
    writer::Tx,
};

/// The names that things are to have that a command may make: random, made by the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNames {
    /// A conversation.
    pub conversation: ConversationId,
    /// What is told of the coming.
    pub invitation: InvitationId,
}

impl Store {
    /// Comes into a meeting, for the first time or again; the others who are there are told. Whoever comes first begins
    /// its conversation.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn join_meeting(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        (uri, about): (MeetingUri, About),
        names: NewNames,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("join a meeting", actor, request.into(), now, move |tx, session| {
            let meeting = find(tx.sql, &uri.id, now)?.filter(|meeting| meeting.organizer == uri.organizer);
            match meeting {
                Some(meeting) => join(tx, session, &meeting, (about, &names), now),
                None => Ok(Effect::failed(Failure::NoSuchMeeting)),
            }
        })
        .await
    }

    /// Begins a meeting at once and comes into it.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn start_meeting(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        about: About,
        names: NewNames,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("begin a meeting", actor, request.into(), now, move |tx, session| {
            let me = session.account.0;
            let count = "SELECT count(*) FROM meeting m
                 JOIN participant p ON p.conversation = m.conversation AND p.account = m.organizer
                 WHERE m.organizer = ?1 AND m.ad_hoc = 1 AND p.participation = 'connected'";
            let open: u32 = tx.sql.prepare_cached(count)?.query_row([me], |row| row.get(0))?;
            if open >= MAX_MEETINGS {
                return Ok(Effect::failed(Failure::LimitExceeded));
            }
            if !conversations::may_begin(tx.sql, me, now)? {
                return Ok(Effect::failed(Failure::TooManyConversations));
            }
            let plan = ad_hoc(about.subject.to_string(), AccessLevel::SameEnterprise, now);
            let meeting = insert(tx, me, names.conversation.as_str(), &plan, true)?;
            let conversation = begin(tx, me, meeting, (&about, &names.conversation), now)?;
            enter(tx, session, (meeting, conversation), (&about, &names), now)
        })
        .await
    }
}

fn join(
    tx: &mut Tx<'_>,
    session: &Session,
    meeting: &Meeting,
    (about, names): (About, &NewNames),
    now: Timestamp,
) -> rusqlite::Result<Effect> {
    let me = session.account.0;
    let (row, conversation) = place(tx.sql, &meeting.id)?;
    let was_there = match conversation {
        Some(conversation) => conversations::was_there(tx.sql, conversation, me)?,
        None => false,
    };
    if !meeting.admits(&address(tx.sql, me)?, was_there) {
        return Ok(Effect::failed(Failure::NotAdmitted));
    }
    let about = About { subject: subject(meeting), ..about };
    let conversation = match conversation {
        Some(conversation) => conversation,
        None if !conversations::may_begin(tx.sql, me, now)? => {
            return Ok(Effect::failed(Failure::TooManyConversations));
        }
        None => begin(tx, me, row, (&about, &names.conversation), now)?,
    };
    enter(tx, session, (row, conversation), (&about, names), now)
}

/// The row of a meeting, and where those who came talk.
fn place(sql: &Connection, name: &MeetingId) -> rusqlite::Result<(i64, Option<i64>)> {
    let select = "SELECT id, conversation FROM meeting WHERE name = ?1";
    sql.prepare_cached(select)?.query_row([name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// What it is about, in one line.
fn subject(meeting: &Meeting) -> Subject {
    let line: String =
        meeting.plan.subject.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    line.parse().unwrap_or_default()
}

/// The conversation of a meeting, in which nobody is yet.
fn begin(
    tx: &Tx<'_>,
    creator: i64,
    meeting: i64,
    (about, name): (&About, &ConversationId),
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let conversation = conversations::create(tx, creator, (name, about), now)?;
    let update = "UPDATE conversation SET conference = 1 WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute([conversation])?;
    set_conversation(tx, meeting, conversation)?;
    Ok(conversation)
}

fn enter(
    tx: &mut Tx<'_>,
    session: &Session,
    (meeting, conversation): (i64, i64),
    (about, names): (&About, &NewNames),
    now: Timestamp,
) -> rusqlite::Result<Effect> {
    let entering =
        Entering { conversation, invitation: &names.invitation, operation: about.operation.as_ref() };
    Ok(match conversations::enter(tx, session, entering, now)? {
        Ok(invitation) => Effect::made(Concern {
            conversation: Some(conversation),
            invitation: Some(invitation),
            meeting: Some(meeting),
            ..Concern::default()
        }),
        Err(failure) => Effect::failed(failure),
    })
}
