//! Who is in a conversation: asking further people, and telling a session who is there.

use fulmar_domain::{
    ConversationId, InvitationId, RequestId, SipUri, Timestamp,
    conversation::{MAX_PARTICIPANTS, Participation},
    event::Failure,
    invitation::{InvitationKind, OperationId},
    session::Session,
};
use rusqlite::{Connection, params};

use crate::{
    Actor, Store, StoreError, accounts,
    conversations::{
        Place, among_many,
        invitations::{self, Asking},
        listeners, place,
    },
    events::{self, Entry},
    history, meetings,
    rows::{found, parsed},
    sessions::{Concern, Effect, Executed},
    writer::Tx,
};

/// Somebody who is asked into a conversation that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// To what.
    pub conversation: ConversationId,
    /// The name that the invitation is to have: random, made by the caller.
    pub invitation: InvitationId,
    /// Who is asked.
    pub whom: SipUri,
    /// The inviter's own name for it.
    pub operation: Option<OperationId>,
}

impl Store {
    /// Asks somebody into a conversation, for the first time or again; the others who are there are told.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn invite_into_conversation(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        joining: Joining,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("ask somebody into a conversation", actor, request.into(), now, move |tx, session| {
            match place(tx, &joining.conversation, session.account.0, now)? {
                Some(place) => invite(tx, session, place, &joining, now),
                None => Ok(Effect::failed(Failure::NoSuchConversation)),
            }
        })
        .await
    }

    /// Puts a conversation among the events of the session, with everybody in it; without a name all that are
    /// active.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn query_conversations(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: Option<ConversationId>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("query conversations", actor, request.into(), now, move |tx, session| {
            let (me, device) = (session.account.0, session.device.0);
            let queried = match &conversation {
                Some(name) => match place(tx, name, me, now)? {
                    Some(place) => vec![place.conversation],
                    None => return Ok(Effect::failed(Failure::NoSuchConversation)),
                },
                None => super::views::active(tx.sql, me, now)?,
            };
            for conversation in &queried {
                events::replace(tx, device, Entry::Conversation { conversation: *conversation })?;
            }
            let conversation = conversation.and(queried.first().copied());
            Ok(Effect::made(Concern { conversation, ..Concern::default() }))
        })
        .await
    }
}

fn invite(
    tx: &mut Tx<'_>,
    session: &Session,
    place: Place,
    joining: &Joining,
    now: Timestamp,
) -> rusqlite::Result<Effect> {
    let (me, conversation) = (session.account.0, place.conversation);
    if place.participation != Participation::Connected {
        return Ok(Effect::failed(Failure::WrongState));
    }
    let Some(invited) = accounts::enabled(tx.sql, &joining.whom)?.filter(|person| *person != me) else {
        return Ok(Effect::failed(Failure::NoSuchPerson));
    };
    let before = participation(tx.sql, conversation, invited)?;
    if matches!(before, Some(Participation::Ringing | Participation::Connected)) {
        return Ok(Effect::failed(Failure::AlreadyExists));
    }
    let was_there = was_there(tx.sql, conversation, invited)?;
    if !meetings::may_ask(tx.sql, conversation, me, (&joining.whom, was_there), now)? {
        return Ok(Effect::failed(Failure::NotAdmitted));
    }
    let others = listeners(tx.sql, conversation, invited)?;
    if others.len() >= MAX_PARTICIPANTS {
        return Ok(Effect::failed(Failure::TooManyParticipants));
    }
    let several = escalate(tx, conversation, (me, invited), &others, now)?;
    let asking = Asking {
        kind: if several { InvitationKind::Participant } else { InvitationKind::Conversation },
        id: &joining.invitation,
        operation: joining.operation.as_ref(),
        wakes: true,
    };
    let invitation = invitations::invite(tx, conversation, (me, invited), asking, now)?;
    for person in others {
        let participation = Participation::Ringing;
        let entry = Entry::ParticipantChanged { conversation, who: invited, participation };
        history::tell(tx, person, entry, now)?;
    }
    let (conversation, invitation) = (Some(conversation), Some(invitation));
    Ok(Effect::made(Concern { conversation, invitation, ..Concern::default() }))
}

/// With a third person a conversation of two becomes a meeting, and those who are in it are told. Whether it is one of
/// several then.
fn escalate(
    tx: &mut Tx<'_>,
    conversation: i64,
    (me, third): (i64, i64),
    others: &[i64],
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let update = "UPDATE conversation SET conference = 1 WHERE id = ?1 AND conference = 0
         AND (SELECT count(*) FROM participant WHERE conversation = ?1 AND account <> ?2) > 1";
    if tx.sql.prepare_cached(update)?.execute([conversation, third])? == 0 {
        return among_many(tx.sql, conversation);
    }
    meetings::begin_in(tx, conversation, me, now)?;
    for person in others {
        history::tell(tx, *person, Entry::Conversation { conversation }, now)?;
    }
    Ok(true)
}

pub(crate) fn participation(
    sql: &Connection,
    conversation: i64,
    account: i64,
) -> rusqlite::Result<Option<Participation>> {
    let select = "SELECT participation FROM participant WHERE conversation = ?1 AND account = ?2";
    found(sql.prepare_cached(select)?.query_row(params![conversation, account], |row| parsed(row, 0)))
}

/// Whether somebody has been in a conversation, or might have been: not who was asked only by invitations that were
/// taken back.
pub(crate) fn was_there(sql: &Connection, conversation: i64, account: i64) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM participant WHERE conversation = ?1 AND account = ?2)
         AND NOT (
             EXISTS (SELECT 1 FROM invitation WHERE conversation = ?1 AND invited = ?2)
             AND NOT EXISTS (SELECT 1 FROM invitation
                 WHERE conversation = ?1 AND invited = ?2 AND state <> 'cancelled'))";
    sql.prepare_cached(select)?.query_row([conversation, account], |row| row.get(0))
}
