//! Conversations as one of their participants sees them.

use std::time::Duration;

use fulmar_domain::{
    AccountId, ConversationId, Timestamp,
    contacts::Contact,
    conversation::{Conversation, ConversationState, Participant, Participation, RECENT},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Store, StoreError, meetings,
    rows::{found, parsed, timestamp},
};

/// Where a participant stands at `?1`: whoever rings beyond the time of the invitation has missed it.
const PARTICIPATION: &str = "iif(p.participation = 'ringing' AND NOT EXISTS (
         SELECT 1 FROM invitation i WHERE i.conversation = p.conversation AND i.invited = p.account
             AND i.state = 'ringing' AND i.deadline > ?1), 'missed', p.participation)";

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// The conversations in which a person takes part with somebody or is asked to, oldest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn active_conversations(
        &self,
        person: AccountId,
        now: Timestamp,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.read("list the conversations of a person", move |sql| {
            let ids = active(sql, person.0, now)?;
            let all = ids.into_iter().map(|id| view(sql, id, person.0, now));
            let active = |conversation: &Conversation| conversation.state != ConversationState::Disconnected;
            Ok(all.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().filter(active).collect())
        })
        .await
    }

    /// A conversation of this person, also one that has ended.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn conversation(
        &self,
        person: AccountId,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<Conversation>, StoreError> {
        let name = conversation.clone();
        self.read("look a conversation up", move |sql| {
            let select = "SELECT c.id FROM conversation c JOIN participant p ON p.conversation = c.id
                 WHERE c.name = ?1 AND p.account = ?2";
            let values = params![name.as_str(), person.0];
            let id: Option<i64> = found(sql.prepare_cached(select)?.query_row(values, |row| row.get(0)))?;
            id.map(|id| view(sql, id, person.0, now)).transpose()
        })
        .await
    }
}

/// Those in which a person is with somebody or that are meetings, or to which they are asked, and in which something
/// happened lately; oldest first.
pub(super) fn active(sql: &Connection, person: i64, now: Timestamp) -> rusqlite::Result<Vec<i64>> {
    let select = "SELECT c.id FROM participant p JOIN conversation c ON c.id = p.conversation
         WHERE p.account = ?1 AND p.participation IN ('ringing', 'connected')
             AND (c.created_at > ?2 OR ?2 < (
                 SELECT sent_at FROM message m WHERE m.conversation = c.id ORDER BY m.id DESC LIMIT 1))
             AND (EXISTS (SELECT 1 FROM participant o WHERE o.conversation = c.id AND o.account <> ?1
                     AND o.participation IN ('ringing', 'connected'))
                 OR EXISTS (SELECT 1 FROM meeting m WHERE m.conversation = c.id AND m.expires_at > ?3))
         ORDER BY c.id";
    let values = params![person, (now - RECENT).as_millis(), now.as_millis()];
    sql.prepare_cached(select)?.query_map(values, |row| row.get(0))?.collect()
}

/// How many a person has begun within a day.
pub(super) fn count_begun(sql: &Connection, person: i64, now: Timestamp) -> rusqlite::Result<u32> {
    let select = "SELECT count(*) FROM conversation WHERE creator = ?1 AND created_at > ?2";
    let values = params![person, (now - DAY).as_millis()];
    sql.prepare_cached(select)?.query_row(values, |row| row.get(0))
}

/// How many that began lately a person is in with somebody.
pub(super) fn count_recent(sql: &Connection, person: i64, now: Timestamp) -> rusqlite::Result<u32> {
    let select = "SELECT count(*) FROM participant p JOIN conversation c ON c.id = p.conversation
         WHERE p.account = ?1 AND p.participation = 'connected' AND c.created_at > ?2 AND EXISTS (
             SELECT 1 FROM participant o WHERE o.conversation = c.id AND o.account <> ?1
                 AND o.participation IN ('ringing', 'connected'))";
    let values = params![person, (now - RECENT).as_millis()];
    sql.prepare_cached(select)?.query_row(values, |row| row.get(0))
}

/// Where a conversation stands for a person.
pub(crate) fn state(
    sql: &Connection,
    conversation: i64,
    person: i64,
    now: Timestamp,
) -> rusqlite::Result<ConversationState> {
    let select = format!("SELECT p.account, {PARTICIPATION} FROM participant p WHERE p.conversation = ?2");
    let places: Vec<(i64, Participation)> = sql
        .prepare_cached(&select)?
        .query_map(params![now.as_millis(), conversation], |row| Ok((row.get(0)?, parsed(row, 1)?)))?
        .collect::<Result<_, _>>()?;
    let meeting = meetings::of(sql, conversation, now)?.is_some();
    Ok(state_of(&places, person, meeting))
}

fn state_of(places: &[(i64, Participation)], person: i64, meeting: bool) -> ConversationState {
    let me = places.iter().find(|(account, _)| *account == person).map(|(_, place)| *place);
    let others = places.iter().filter(|(account, _)| *account != person).map(|(_, place)| *place);
    me.map_or(ConversationState::Disconnected, |me| ConversationState::of(me, others, meeting))
}

/// A conversation as a person sees it.
pub(crate) fn view(sql: &Connection, id: i64, person: i64, now: Timestamp) -> rusqlite::Result<Conversation> {
    let select = format!(
        "SELECT p.account, {PARTICIPATION}, a.uri, a.display_name, EXISTS (
             SELECT 1 FROM typing t WHERE t.conversation = ?2 AND t.account = p.account AND t.until > ?1)
         FROM participant p JOIN account a ON a.id = p.account JOIN conversation c ON c.id = p.conversation
         WHERE p.conversation = ?2 ORDER BY a.id <> c.creator, a.id"
    );
    let participant = |row: &Row<'_>| {
        let person = Contact { uri: parsed(row, 2)?, display_name: parsed(row, 3)? };
        Ok((row.get(0)?, Participant { person, participation: parsed(row, 1)?, writes: row.get(4)? }))
    };
    let participants: Vec<(i64, Participant)> = sql
        .prepare_cached(&select)?
        .query_map(params![now.as_millis(), id], participant)?
        .collect::<Result<_, _>>()?;
    let places: Vec<_> = participants.iter().map(|(account, p)| (*account, p.participation)).collect();
    let meeting = meetings::of(sql, id, now)?;
    let select =
        "SELECT c.name, c.thread, c.subject, c.importance, c.created_at, a.uri, c.conference, c.ended, EXISTS (
             SELECT 1 FROM participant p WHERE p.conversation = c.id AND p.account = ?2 AND p.muted = 1)
         FROM conversation c JOIN account a ON a.id = c.creator WHERE c.id = ?1";
    sql.prepare_cached(select)?.query_row([id, person], |row| {
        Ok(Conversation {
            id: parsed(row, 0)?,
            creator: parsed(row, 5)?,
            thread: parsed(row, 1)?,
            subject: parsed(row, 2)?,
            importance: parsed(row, 3)?,
            created_at: timestamp(row, 4)?,
            state: state_of(&places, person, meeting.is_some()),
            conference: row.get(6)?,
            meeting,
            ended: row.get(7)?,
            muted: row.get(8)?,
            participants: shown(participants, person, row.get(6)?),
        })
    })
}

/// Whom of a conversation a person sees. Who does not take part among many any more is not told who does.
fn shown(participants: Vec<(i64, Participant)>, person: i64, among_many: bool) -> Vec<Participant> {
    let gone = |(account, participant): &(i64, Participant)| {
        *account == person
            && matches!(participant.participation, Participation::Declined | Participation::Left)
    };
    let alone = among_many && participants.iter().any(gone);
    let seen = participants.into_iter().filter(|(account, _)| !alone || *account == person);
    seen.map(|(_, participant)| participant).collect()
}
