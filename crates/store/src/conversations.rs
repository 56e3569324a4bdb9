//! Conversations: how they begin, the steps of their participants, and what one of them sees.

mod invitations;
mod meeting;
mod messages;
mod muting;
mod receipts;
mod roster;
mod typing;
mod views;
mod waiting;

use fulmar_domain::{
    ConversationId, InvitationId, RequestId, SipUri, Timestamp,
    conversation::{MAX_CONVERSATIONS, MAX_PARTICIPANTS, Participation, Step},
    event::Failure,
    invitation::{About, InvitationKind, InvitationState},
    session::Session,
};
use rusqlite::{Connection, params};

use crate::{
    Actor, Store, StoreError, accounts,
    events::Entry,
    history,
    rows::{found, parsed},
    sessions::{Concern, Effect, Executed},
    writer::Tx,
};
pub(crate) use invitations::{
    deadline as invitation_deadline, expire as expire_invitations, extend as extend_invitations,
    missed as missed_conversations, name as invitation_name, remind as remind_of_missed, view as invitation,
};
pub(crate) use meeting::{Entering, end, enter};
pub use messages::Said;
pub(crate) use messages::message;
pub(crate) use receipts::{delivered, forgotten};
pub use roster::Joining;
pub(crate) use roster::was_there;
pub(crate) use typing::{deadline as typing_deadline, expire as expire_typing};
pub(crate) use views::{state, view};

/// How a conversation begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The name that the conversation is to have: random, made by the caller.
    pub id: ConversationId,
    /// The name that the invitation is to have, likewise.
    pub invitation: InvitationId,
    /// Who is asked.
    pub with: SipUri,
    /// What is said of the invitation.
    pub about: About,
    /// What is said with it.
    pub first: Option<Said>,
}

impl Store {
    /// Asks somebody for a conversation. An opening whose first message is known already is that conversation.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn open_conversation(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        opening: Opening,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("open a conversation", actor, request.into(), now, move |tx, session| {
            open(tx, session, &opening, now)
        })
        .await
    }

    /// Accepts, declines or leaves a conversation; its other participants are told.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn step_conversation(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        step: Step,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("take a step in a conversation", actor, request.into(), now, move |tx, session| {
            let stepped = match place(tx, &conversation, session.account.0, now)? {
                Some(place) => self::step(tx, session, place, step, now)?.map(|()| place.conversation),
                None => Err(Failure::NoSuchConversation),
            };
            Ok(stepped.map_or_else(Effect::failed, Effect::concerns))
        })
        .await
    }
}

/// Where a person stands in a conversation.
#[derive(Clone, Copy)]
struct Place {
    conversation: i64,
    participation: Participation,
}

/// What phones call a conversation.
pub(crate) fn name(sql: &Connection, conversation: i64) -> rusqlite::Result<ConversationId> {
    let select = "SELECT name FROM conversation WHERE id = ?1";
    sql.prepare_cached(select)?.query_row([conversation], |row| parsed(row, 0))
}

/// Whether a conversation is or was one of more than two.
pub(crate) fn among_many(sql: &Connection, conversation: i64) -> rusqlite::Result<bool> {
    let select = "SELECT conference FROM conversation WHERE id = ?1";
    sql.prepare_cached(select)?.query_row([conversation], |row| row.get(0))
}

/// The place of a person at `now`: invitations whose time is over are missed before anybody looks.
fn place(
    tx: &mut Tx<'_>,
    name: &ConversationId,
    account: i64,
    now: Timestamp,
) -> rusqlite::Result<Option<Place>> {
    invitations::expire(tx, now)?;
    let select = "SELECT c.id, p.participation FROM conversation c
         JOIN participant p ON p.conversation = c.id WHERE c.name = ?1 AND p.account = ?2";
    found(tx.sql.prepare_cached(select)?.query_row(params![name.as_str(), account], |row| {
        Ok(Place { conversation: row.get(0)?, participation: parsed(row, 1)? })
    }))
}

fn open(tx: &mut Tx<'_>, session: &Session, opening: &Opening, now: Timestamp) -> rusqlite::Result<Effect> {
    let me = session.account.0;
    let known = match &opening.first {
        Some(said) => messages::earlier(tx.sql, me, said)?,
        None => None,
    };
    if let Some((conversation, message)) = known {
        let invitation = invitations::with_message(tx.sql, message)?;
        let message = Some(message);
        let concern = Concern { conversation: Some(conversation), invitation, message, ..Concern::default() };
        return Ok(Effect::made(concern));
    }
    let Some(invited) = accounts::enabled(tx.sql, &opening.with)?.filter(|person| *person != me) else {
        return Ok(Effect::failed(Failure::NoSuchPerson));
    };
    if !may_begin(tx.sql, me, now)? {
        return Ok(Effect::failed(Failure::TooManyConversations));
    }
    let conversation = create(tx, me, (&opening.id, &opening.about), now)?;
    set_connected(tx, conversation, me)?;
    let asking = invitations::Asking {
        kind: InvitationKind::Conversation,
        id: &opening.invitation,
        operation: opening.about.operation.as_ref(),
        wakes: opening.first.is_none(),
    };
    let invitation = invitations::invite(tx, conversation, (me, invited), asking, now)?;
    let mut concern =
        Concern { conversation: Some(conversation), invitation: Some(invitation), ..Concern::default() };
    if let Some(said) = &opening.first {
        concern.message = messages::say(tx, session, conversation, said, now)?;
        invitations::carries(tx, invitation, concern.message)?;
    }
    Ok(Effect::made(concern))
}

/// Whether a person has room for one more conversation of theirs.
pub(crate) fn may_begin(sql: &Connection, person: i64, now: Timestamp) -> rusqlite::Result<bool> {
    let most = views::count_recent(sql, person, now)?.max(views::count_begun(sql, person, now)?);
    Ok(most < MAX_CONVERSATIONS)
}

/// A conversation in which nobody is yet.
pub(crate) fn create(
    tx: &Tx<'_>,
    creator: i64,
    (name, about): (&ConversationId, &About),
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let About { subject, importance, thread, .. } = about;
    let thread = thread.as_ref().map_or(name.as_str(), |thread| thread.as_str());
    tx.sql.query_row(
        "INSERT INTO conversation (name, creator, created_at, thread, subject, importance)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
        params![name.as_str(), creator, now.as_millis(), thread, subject.as_str(), importance.as_str()],
        |row| row.get(0),
    )
}

/// Notes that somebody takes part, and tells nobody.
fn set_connected(tx: &Tx<'_>, conversation: i64, who: i64) -> rusqlite::Result<()> {
    let insert = "INSERT INTO participant (conversation, account, participation) VALUES (?1, ?2, 'connected')
         ON CONFLICT DO UPDATE SET participation = 'connected'";
    tx.sql.prepare_cached(insert)?.execute([conversation, who]).map(drop)
}

/// Takes a step and tells the participants. Whoever leaves takes their invitations back.
fn step(
    tx: &mut Tx<'_>,
    session: &Session,
    place: Place,
    step: Step,
    now: Timestamp,
) -> rusqlite::Result<Result<(), Failure>> {
    let Place { conversation, participation: before } = place;
    let Ok(after) = before.after(step) else { return Ok(Err(Failure::WrongState)) };
    if after == before {
        return Ok(Ok(()));
    }
    let me = session.account.0;
    let comes_back = before == Participation::Missed && after == Participation::Connected;
    if comes_back && listeners(tx.sql, conversation, me)?.len() >= MAX_PARTICIPANTS {
        return Ok(Err(Failure::TooManyParticipants));
    }
    if comes_back && !crate::meetings::may_come_back(tx.sql, conversation, me, now)? {
        return Ok(Err(Failure::NotAdmitted));
    }
    let answer = invitations::Answer {
        state: if after == Participation::Connected {
            InvitationState::Accepted
        } else {
            InvitationState::Declined
        },
        reason: if let Step::Decline(reason) = step { Some(reason) } else { None },
        device: Some(session.device.0),
    };
    let answers = before == Participation::Ringing;
    if answers && after != Participation::Connected {
        invitations::answer(tx, conversation, me, answer, now)?;
    }
    typing::stop(tx, conversation, me)?;
    if after == Participation::Left {
        invitations::cancel_all(tx, conversation, me, now)?;
    }
    set_participation(tx, conversation, me, after, now)?;
    // The conversation is there before the invitation to it has ended well.
    if answers && after == Participation::Connected {
        invitations::answer(tx, conversation, me, answer, now)?;
    }
    Ok(Ok(()))
}

/// Notes where a person stands, and tells them and those who hear what is said.
fn set_participation(
    tx: &mut Tx<'_>,
    conversation: i64,
    who: i64,
    participation: Participation,
    now: Timestamp,
) -> rusqlite::Result<()> {
    tx.sql
        .prepare_cached("UPDATE participant SET participation = ?3 WHERE conversation = ?1 AND account = ?2")?
        .execute(params![conversation, who, participation.as_str()])?;
    let mut told = listeners(tx.sql, conversation, who)?;
    told.push(who);
    for account in told {
        history::tell(tx, account, Entry::ParticipantChanged { conversation, who, participation }, now)?;
    }
    Ok(())
}

/// The other people whom something said reaches.
fn listeners(sql: &Connection, conversation: i64, speaker: i64) -> rusqlite::Result<Vec<i64>> {
    sql.prepare_cached(
        "SELECT account FROM participant
         WHERE conversation = ?1 AND account <> ?2 AND participation IN ('ringing', 'connected')",
    )?
    .query_map([conversation, speaker], |row| row.get(0))?
    .collect()
}
