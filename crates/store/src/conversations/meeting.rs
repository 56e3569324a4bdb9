//! Conversations that are meetings: how people come into them by themselves, and how they end for everybody.

use fulmar_domain::{
    InvitationId, Timestamp,
    conversation::{MAX_PARTICIPANTS, Participation},
    event::Failure,
    invitation::{InvitationKind, InvitationState, OperationId},
    session::Session,
};
use rusqlite::params;

use crate::{
    conversations::{
        invitations::{self, Answer, Asking},
        listeners,
        roster::participation,
        set_connected, set_participation,
    },
    events::Entry,
    history,
    writer::Tx,
};

/// How somebody comes into a conversation.
#[derive(Clone, Copy)]
pub(crate) struct Entering<'a> {
    pub(crate) conversation: i64,
    /// The name that this has.
    pub(crate) invitation: &'a InvitationId,
    /// The person's own name for it.
    pub(crate) operation: Option<&'a OperationId>,
}

/// Lets the person of a session in, who may be there already; the others are told. What this is, as a row.
pub(crate) fn enter(
    tx: &mut Tx<'_>,
    session: &Session,
    Entering { conversation, invitation, operation }: Entering<'_>,
    now: Timestamp,
) -> rusqlite::Result<Result<i64, Failure>> {
    let me = session.account.0;
    invitations::expire(tx, now)?;
    let before = participation(tx.sql, conversation, me)?;
    if listeners(tx.sql, conversation, me)?.len() >= MAX_PARTICIPANTS {
        return Ok(Err(Failure::TooManyParticipants));
    }
    let asking = Asking { kind: InvitationKind::Join, id: invitation, operation, wakes: false };
    let invitation = invitations::note(tx, conversation, (me, me), asking, InvitationState::Accepted, now)?;
    history::tell(tx, me, Entry::Invited { conversation, invitation }, now)?;
    let participation = Participation::Connected;
    if before == Some(participation) {
        history::tell(tx, me, Entry::ParticipantChanged { conversation, who: me, participation }, now)?;
    } else {
        set_connected(tx, conversation, me)?;
        set_participation(tx, conversation, me, participation, now)?;
    }
    let accepted = Answer { state: InvitationState::Accepted, reason: None, device: Some(session.device.0) };
    invitations::answer(tx, conversation, me, accepted, now)?;
    history::tell(tx, me, Entry::InvitationEnded { conversation, invitation }, now)?;
    Ok(Ok(invitation))
}

/// Ends a conversation for everybody: each is told that they are out of it, and nobody else's going.
pub(crate) fn end(tx: &mut Tx<'_>, conversation: i64, now: Timestamp) -> rusqlite::Result<()> {
    tx.sql.prepare_cached("UPDATE conversation SET ended = 1 WHERE id = ?1")?.execute([conversation])?;
    let update = "UPDATE participant
         SET participation = CASE participation WHEN 'ringing' THEN 'missed' ELSE 'left' END
         WHERE conversation = ?1 AND participation IN ('ringing', 'connected') RETURNING account, participation";
    let out: Vec<(i64, String)> = tx
        .sql
        .prepare_cached(update)?
        .query_map(params![conversation], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    invitations::withdraw_all(tx, conversation, now)?;
    for (who, state) in out {
        let left = state == Participation::Left.as_str();
        let participation = if left { Participation::Left } else { Participation::Missed };
        history::tell(tx, who, Entry::ParticipantChanged { conversation, who, participation }, now)?;
    }
    Ok(())
}
