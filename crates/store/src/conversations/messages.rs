//! What is said in conversations.

use fulmar_domain::{
    AccountId, ConversationId, MessageId, RequestId, Timestamp,
    conversation::{Html, Message, MessageName, MessageText, Step},
    event::Failure,
    id::ClientMessageId,
    session::Session,
};
use rusqlite::{Connection, Row, params};

use crate::{
    Actor, Store, StoreError,
    conversations::{listeners, place, receipts::number, step, typing},
    events::{self, Entry},
    history,
    notifications::{self, Cause},
    rows::{found, parsed, parsed_or_null, timestamp},
    sessions::{Concern, Effect, Executed},
    writer::Tx,
};

/// The most messages that are told again at once.
const QUERIED: u32 = 100;

/// Something said: the sender's own name for it, the text, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Sending the same name again is the same message.
    pub client_id: ClientMessageId,
    /// The text.
    pub text: MessageText,
    /// How it looks, cleaned, where it was written so.
    pub html: Option<Html>,
}

const SELECT: &str = "SELECT m.id, c.name, a.uri, m.client_id, m.text, m.sent_at, m.html
     FROM message m JOIN conversation c ON c.id = m.conversation JOIN account a ON a.id = m.sender";
/// Those messages that `?1` has said or was told.
const KNOWN: &str = "(m.sender = ?1 OR EXISTS (
         SELECT 1 FROM delivery d WHERE d.message = m.id AND d.recipient = ?1))";

impl Store {
    /// Says something: in one change the message, an event for each session of those who take part, the sender's own
    /// among them, and a notification for each device of the others that sleeps.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn say(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        said: Said,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("send a message", actor, request.into(), now, move |tx, session| {
            let Some(place) = place(tx, &conversation, session.account.0, now)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            let conversation = place.conversation;
            let made = |message| {
                let (conversation, message) = (Some(conversation), Some(message));
                Effect::made(Concern { conversation, message, ..Concern::default() })
            };
            if let Some((where_it_was, message)) = earlier(tx.sql, session.account.0, &said)? {
                let same = where_it_was == conversation;
                return Ok(if same { made(message) } else { Effect::failed(Failure::WrongState) });
            }
            if let Err(failure) = step(tx, session, place, Step::Write, now)? {
                return Ok(Effect::failed(failure));
            }
            let message = say(tx, session, conversation, &said, now)?;
            Ok(message.map_or(Effect::failed(Failure::WrongState), made))
        })
        .await
    }

    /// Puts the newest messages of a conversation, or those before one of them, among the events of the session: at
    /// most 100, in their order. A client that has shown one of them does not show it again.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn query_messages(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        before: MessageName,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("query messages", actor, request.into(), now, move |tx, session| {
            let me = session.account.0;
            let Some(place) = place(tx, &conversation, me, now)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            let Some(before) = before_number(tx.sql, place.conversation, &before)? else {
                return Ok(Effect::failed(Failure::NoSuchMessage));
            };
            for (message, sender) in known_before(tx.sql, place.conversation, me, before)?.into_iter().rev() {
                let mine = sender == me;
                let entry =
                    if mine { Entry::MessageSent { message } } else { Entry::MessageReceived { message } };
                events::append(tx, session.device.0, entry)?;
            }
            Ok(Effect::concerns(place.conversation))
        })
        .await
    }

    /// The oldest messages of a conversation after `after` that this person has said or was told, at most `limit`.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn messages(
        &self,
        person: AccountId,
        conversation: &ConversationId,
        after: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let name = conversation.clone();
        self.read("read the messages of a conversation", move |sql| {
            let select =
                format!("{SELECT} WHERE c.name = ?2 AND m.id > ?3 AND {KNOWN} ORDER BY m.id LIMIT ?4");
            sql.prepare_cached(&select)?
                .query_map(params![person.0, name.as_str(), after.0, limit], row)?
                .collect()
        })
        .await
    }

    /// The newest messages of a conversation that this person has said or was told, at most 100, in their order.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn newest_messages(
        &self,
        person: AccountId,
        conversation: &ConversationId,
    ) -> Result<Vec<MessageId>, StoreError> {
        let name = conversation.clone();
        self.read("list the messages of a conversation", move |sql| {
            let select = "SELECT id FROM conversation WHERE name = ?1";
            let found = found(sql.prepare_cached(select)?.query_row([name.as_str()], |row| row.get(0)))?;
            let Some(conversation) = found else { return Ok(Vec::new()) };
            let known = known_before(sql, conversation, person.0, i64::MAX)?;
            Ok(known.into_iter().rev().map(|(message, _)| MessageId(message)).collect())
        })
        .await
    }

    /// A message of a conversation that this person has said or was told.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn message(
        &self,
        person: AccountId,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let name = conversation.clone();
        self.read("read a message", move |sql| {
            let select = format!("{SELECT} WHERE m.id = ?2 AND c.name = ?3 AND {KNOWN}");
            found(sql.prepare_cached(&select)?.query_row(params![person.0, message.0, name.as_str()], row))
        })
        .await
    }
}

fn before_number(sql: &Connection, conversation: i64, name: &MessageName) -> rusqlite::Result<Option<i64>> {
    match name {
        MessageName::Newest => Ok(Some(i64::MAX)),
        name => number(sql, conversation, name),
    }
}

/// The newest messages before a number that a person has said or was told, and their senders; the newest first.
fn known_before(
    sql: &Connection,
    conversation: i64,
    person: i64,
    before: i64,
) -> rusqlite::Result<Vec<(i64, i64)>> {
    let select = format!(
        "SELECT m.id, m.sender FROM message m
         WHERE m.conversation = ?2 AND m.id < ?3 AND {KNOWN} ORDER BY m.id DESC LIMIT ?4"
    );
    sql.prepare_cached(&select)?
        .query_map(params![person, conversation, before, QUERIED], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// `None` when nobody would hear it.
pub(super) fn say(
    tx: &mut Tx<'_>,
    session: &Session,
    conversation: i64,
    said: &Said,
    now: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let me = session.account.0;
    let recipients = listeners(tx.sql, conversation, me)?;
    if recipients.is_empty() {
        return Ok(None);
    }
    let insert = "INSERT INTO message (conversation, sender, client_id, text, sent_at, html)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id";
    let (name, text, html) =
        (said.client_id.as_str(), said.text.reveal(), said.html.as_ref().map(Html::reveal));
    let values = params![conversation, me, name, text, now.as_millis(), html];
    let message: i64 = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    typing::stop(tx, conversation, me)?;
    history::tell(tx, me, Entry::MessageSent { message }, now)?;
    for recipient in recipients {
        let insert = "INSERT INTO delivery (message, recipient) VALUES (?1, ?2)";
        tx.sql.prepare_cached(insert)?.execute([message, recipient])?;
        for device in history::tell(tx, recipient, Entry::MessageReceived { message }, now)? {
            notifications::wake_if_asleep(tx, device, Cause::Message(message), now)?;
        }
    }
    Ok(Some(message))
}

/// What this person has said under that name already: the conversation and the message.
pub(super) fn earlier(sql: &Connection, sender: i64, said: &Said) -> rusqlite::Result<Option<(i64, i64)>> {
    let select = "SELECT conversation, id FROM message WHERE sender = ?1 AND client_id = ?2";
    let values = params![sender, said.client_id.as_str()];
    found(sql.prepare_cached(select)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))))
}

pub(crate) fn message(sql: &Connection, id: i64) -> rusqlite::Result<Message> {
    sql.prepare_cached(&format!("{SELECT} WHERE m.id = ?1"))?.query_row([id], row)
}

fn row(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: MessageId(row.get(0)?),
        conversation: parsed(row, 1)?,
        sender: parsed(row, 2)?,
        client_id: parsed(row, 3)?,
        text: parsed(row, 4)?,
        html: parsed_or_null(row, 6)?,
        sent_at: timestamp(row, 5)?,
    })
}
