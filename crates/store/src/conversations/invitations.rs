//! Invitations: rows with a deadline, which somebody answers, takes back or misses.

use fulmar_domain::{
    AccountId, ConversationId, InvitationId, RequestId, Timestamp,
    contacts::Contact,
    conversation::{MissedConversations, Participation, RECENT},
    event::Failure,
    invitation::{
        ANSWER_TIME, DeclineReason, Direction, Invitation, InvitationKind, InvitationState, OperationId,
    },
    session::Session,
};
use rusqlite::{Connection, Row, params};

use crate::{
    Actor, Store, StoreError,
    conversations::{among_many, messages, set_participation},
    events::{self, Entry},
    history, meetings,
    notifications::{self, Cause},
    rows::{found, parsed, parsed_or_null, timestamp},
    sessions::{Concern, Effect, Executed},
    writer::Tx,
};

/// How somebody is asked.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) kind: InvitationKind,
    pub(super) id: &'a InvitationId,
    pub(super) operation: Option<&'a OperationId>,
    /// Sleeping devices are woken for the invitation itself: no message comes with it.
    pub(super) wakes: bool,
}

/// How an invitation ends.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) state: InvitationState,
    pub(super) reason: Option<DeclineReason>,
    /// On which device of the person invited.
    pub(super) device: Option<i64>,
}

impl Store {
    /// Takes an invitation back that waits for its answer; one that was taken back already is left so.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn cancel_invitation(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        invitation: InvitationId,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("take an invitation back", actor, request.into(), now, move |tx, session| {
            expire(tx, now)?;
            let select =
                "SELECT id, conversation, invited, state FROM invitation WHERE name = ?1 AND inviter = ?2";
            let values = params![invitation.as_str(), session.account.0];
            let found = found(
                tx.sql
                    .prepare_cached(select)?
                    .query_row(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, parsed(row, 3)?))),
            )?;
            let Some((id, conversation, invited, state)) = found else {
                return Ok(Effect::failed(Failure::NoSuchInvitation));
            };
            match state {
                InvitationState::Ringing => {
                    unanswered(tx, conversation, invited, InvitationState::Cancelled, now)?;
                }
                InvitationState::Cancelled => {}
                InvitationState::Accepted | InvitationState::Declined | InvitationState::Missed => {
                    return Ok(Effect::failed(Failure::WrongState));
                }
            }
            let (conversation, invitation) = (Some(conversation), Some(id));
            Ok(Effect::made(Concern { conversation, invitation, ..Concern::default() }))
        })
        .await
    }

    /// Notes that the person knows what they have missed, in one conversation or in all.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn acknowledge_missed(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: Option<ConversationId>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("acknowledge missed conversations", actor, request.into(), now, move |tx, session| {
            expire(tx, now)?;
            let update = "UPDATE invitation SET missed_read = 1
                 WHERE invited = ?1 AND state IN ('missed', 'cancelled') AND missed_read = 0
                     AND (?2 IS NULL OR conversation = (SELECT id FROM conversation WHERE name = ?2))";
            let values = params![session.account.0, conversation.as_ref().map(ConversationId::as_str)];
            if tx.sql.prepare_cached(update)?.execute(values)? > 0 {
                tell_missed(tx, session.account.0)?;
            }
            Ok(Effect::done())
        })
        .await
    }

    /// An invitation of this session's person, or to them.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn invitation(
        &self,
        session: &Session,
        invitation: InvitationId,
        now: Timestamp,
    ) -> Result<Option<Invitation>, StoreError> {
        let session = session.clone();
        self.read("look an invitation up", move |sql| {
            let select = "SELECT id FROM invitation WHERE name = ?1 AND ?2 IN (inviter, invited)";
            let values = params![invitation.as_str(), session.account.0];
            let id: Option<i64> = found(sql.prepare_cached(select)?.query_row(values, |row| row.get(0)))?;
            id.map(|id| view(sql, id, &session, now)).transpose()
        })
        .await
    }

    /// How many conversations a person has missed.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn missed_conversations(
        &self,
        person: AccountId,
        now: Timestamp,
    ) -> Result<MissedConversations, StoreError> {
        self.read("count missed conversations", move |sql| missed(sql, person.0, now)).await
    }
}

/// What phones call an invitation.
pub(crate) fn name(sql: &Connection, invitation: i64) -> rusqlite::Result<InvitationId> {
    let select = "SELECT name FROM invitation WHERE id = ?1";
    sql.prepare_cached(select)?.query_row([invitation], |row| parsed(row, 0))
}

/// Asks one person on behalf of another, and tells both.
pub(super) fn invite(
    tx: &mut Tx<'_>,
    conversation: i64,
    (inviter, invited): (i64, i64),
    asking: Asking<'_>,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO participant (conversation, account, participation) VALUES (?1, ?2, 'ringing')
         ON CONFLICT DO UPDATE SET participation = 'ringing'";
    tx.sql.prepare_cached(insert)?.execute([conversation, invited])?;
    let invitation = note(tx, conversation, (inviter, invited), asking, InvitationState::Ringing, now)?;
    tx.touched.deadlines = true;
    history::tell(tx, inviter, Entry::Invited { conversation, invitation }, now)?;
    for device in history::tell(tx, invited, Entry::Invited { conversation, invitation }, now)? {
        if asking.wakes {
            notifications::wake_if_asleep(tx, device, Cause::Invitation(invitation), now)?;
        }
    }
    Ok(invitation)
}

/// Notes an invitation, and tells nobody.
pub(super) fn note(
    tx: &Tx<'_>,
    conversation: i64,
    (inviter, invited): (i64, i64),
    Asking { kind, id, operation, .. }: Asking<'_>,
    state: InvitationState,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let insert = "INSERT INTO invitation
             (name, conversation, inviter, invited, operation, begun_at, deadline, kind, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id";
    let values = params![
        id.as_str(),
        conversation,
        inviter,
        invited,
        operation.map(OperationId::as_str),
        now.as_millis(),
        (now + ANSWER_TIME).as_millis(),
        kind.as_str(),
        state.as_str()
    ];
    tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))
}

/// Notes what was said with an invitation.
pub(super) fn carries(tx: &Tx<'_>, invitation: i64, message: Option<i64>) -> rusqlite::Result<()> {
    let update = "UPDATE invitation SET first_message = ?2 WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute(params![invitation, message]).map(drop)
}

/// The invitation with which a message was said.
pub(super) fn with_message(sql: &Connection, message: i64) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT id FROM invitation WHERE first_message = ?1";
    found(sql.prepare_cached(select)?.query_row([message], |row| row.get(0)))
}

/// Ends the invitation that waits for this person, and tells both.
pub(super) fn answer(
    tx: &mut Tx<'_>,
    conversation: i64,
    invited: i64,
    Answer { state, reason, device }: Answer,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let update = "UPDATE invitation SET state = ?3, reason = ?4, answered_by = ?5
         WHERE conversation = ?1 AND invited = ?2 AND state = 'ringing' RETURNING id, inviter";
    let reason = reason.map(DeclineReason::as_str);
    let values = params![conversation, invited, state.as_str(), reason, device];
    let ended =
        found(tx.sql.prepare_cached(update)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))))?;
    let Some((invitation, inviter)) = ended else { return Ok(()) };
    notifications::invitation_ended(tx, invitation, now)?;
    for person in [inviter, invited] {
        history::tell(tx, person, Entry::InvitationEnded { conversation, invitation }, now)?;
    }
    Ok(())
}

/// Ends an invitation without an answer: the person has missed it, and may come back to it with a word. An invitation
/// among many that was taken back opens nothing any more.
fn unanswered(
    tx: &mut Tx<'_>,
    conversation: i64,
    invited: i64,
    state: InvitationState,
    now: Timestamp,
) -> rusqlite::Result<()> {
    answer(tx, conversation, invited, Answer { state, reason: None, device: None }, now)?;
    let shut_out = state == InvitationState::Cancelled && among_many(tx.sql, conversation)?;
    let participation = if shut_out { Participation::Left } else { Participation::Missed };
    set_participation(tx, conversation, invited, participation, now)?;
    tell_missed(tx, invited)
}

/// Takes back all invitations to a conversation that is over; nobody has a place in it any more.
pub(super) fn withdraw_all(tx: &mut Tx<'_>, conversation: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT invited FROM invitation WHERE conversation = ?1 AND state = 'ringing'";
    let invited: Vec<i64> = tx
        .sql
        .prepare_cached(select)?
        .query_map([conversation], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let cancelled = Answer { state: InvitationState::Cancelled, reason: None, device: None };
    for person in invited {
        answer(tx, conversation, person, cancelled, now)?;
        tell_missed(tx, person)?;
    }
    Ok(())
}

/// Takes back all invitations of a person to a conversation.
pub(super) fn cancel_all(
    tx: &mut Tx<'_>,
    conversation: i64,
    inviter: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let select =
        "SELECT invited FROM invitation WHERE conversation = ?1 AND inviter = ?2 AND state = 'ringing'";
    let invited: Vec<i64> = tx
        .sql
        .prepare_cached(select)?
        .query_map([conversation, inviter], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    invited
        .into_iter()
        .try_for_each(|person| unanswered(tx, conversation, person, InvitationState::Cancelled, now))
}

/// Ends invitations whose time is over.
pub(crate) fn expire(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT conversation, invited FROM invitation
         WHERE state = 'ringing' AND deadline <= ?1 ORDER BY deadline, id";
    let missed: Vec<(i64, i64)> = tx
        .sql
        .prepare_cached(select)?
        .query_map([now.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    missed.into_iter().try_for_each(|(conversation, invited)| {
        unanswered(tx, conversation, invited, InvitationState::Missed, now)
    })
}

/// When the time of the next one is over.
pub(crate) fn deadline(sql: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let select = "SELECT min(deadline) FROM invitation WHERE state = 'ringing'";
    let deadline: Option<i64> = sql.prepare_cached(select)?.query_row([], |row| row.get(0))?;
    Ok(deadline.map(Timestamp::from_millis))
}

/// A device of a person is woken until `until`, for a message or for an invitation: so long waits the invitation to
/// that conversation.
pub(crate) fn extend(
    tx: &Tx<'_>,
    device: i64,
    message: Option<i64>,
    invitation: Option<i64>,
    until: Timestamp,
) -> rusqlite::Result<()> {
    let update = "UPDATE invitation SET deadline = max(deadline, ?4)
         WHERE state = 'ringing' AND invited = (SELECT account FROM device WHERE id = ?1)
             AND (id = ?3 OR conversation = (SELECT conversation FROM message WHERE id = ?2))";
    let values = params![device, message, invitation, until.as_millis()];
    tx.sql.prepare_cached(update)?.execute(values).map(drop)
}

fn tell_missed(tx: &mut Tx<'_>, account: i64) -> rusqlite::Result<()> {
    let devices: Vec<i64> = tx
        .sql
        .prepare_cached("SELECT device FROM session WHERE account = ?1")?
        .query_map([account], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    devices.into_iter().try_for_each(|device| events::replace(tx, device, Entry::MissedConversations))
}

/// Tells a new session what its person has missed and does not know of.
pub(crate) fn remind(tx: &mut Tx<'_>, account: i64, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    if missed(tx.sql, account, now)?.unread > 0 {
        events::append(tx, device, Entry::MissedConversations)?;
    }
    Ok(())
}

pub(crate) fn missed(
    sql: &Connection,
    account: i64,
    now: Timestamp,
) -> rusqlite::Result<MissedConversations> {
    let select = "SELECT count(*), count(*) FILTER (WHERE missed_read = 0) FROM invitation
         WHERE invited = ?1 AND begun_at > ?2
             AND (state IN ('missed', 'cancelled') OR (state = 'ringing' AND deadline <= ?3))";
    let values = params![account, (now - RECENT).as_millis(), now.as_millis()];
    sql.prepare_cached(select)?
        .query_row(values, |row| Ok(MissedConversations { total: row.get(0)?, unread: row.get(1)? }))
}

/// An invitation as this session sees it.
pub(crate) fn view(
    sql: &Connection,
    invitation: i64,
    session: &Session,
    now: Timestamp,
) -> rusqlite::Result<Invitation> {
    sql.prepare_cached(
        "SELECT i.name, c.name, i.inviter, f.uri, f.display_name, t.uri, t.display_name, i.operation, c.thread,
             c.subject, c.importance, i.first_message, i.state, i.reason, i.answered_by, i.deadline, i.kind,
             i.conversation
         FROM invitation i JOIN conversation c ON c.id = i.conversation
         JOIN account f ON f.id = i.inviter JOIN account t ON t.id = i.invited
         WHERE i.id = ?1",
    )?
    .query_row([invitation], |row| read(sql, row, session, now))
}

fn read(sql: &Connection, row: &Row<'_>, session: &Session, now: Timestamp) -> rusqlite::Result<Invitation> {
    let outgoing = row.get::<_, i64>(2)? == session.account.0;
    let deadline = timestamp(row, 15)?;
    let state: InvitationState = parsed(row, 12)?;
    let answered_by: Option<i64> = row.get(14)?;
    let operation = parsed_or_null(row, 7)?;
    Ok(Invitation {
        id: parsed(row, 0)?,
        kind: parsed(row, 16)?,
        conversation: parsed(row, 1)?,
        meeting: meetings::of(sql, row.get(17)?, now)?,
        direction: if outgoing { Direction::Outgoing } else { Direction::Incoming },
        from: Contact { uri: parsed(row, 3)?, display_name: parsed(row, 4)? },
        to: Contact { uri: parsed(row, 5)?, display_name: parsed(row, 6)? },
        operation: operation.filter(|_| outgoing),
        thread: parsed(row, 8)?,
        subject: parsed(row, 9)?,
        importance: parsed(row, 10)?,
        first: row.get::<_, Option<i64>>(11)?.map(|id| messages::message(sql, id)).transpose()?,
        state: state.at(deadline, now),
        reason: parsed_or_null(row, 13)?,
        elsewhere: !outgoing && answered_by.is_some_and(|device| device != session.device.0),
        deadline,
    })
}
