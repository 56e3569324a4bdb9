//! What became of a message for each of those to whom it was said: it arrived, it was read, or nobody fetched it in
//! time.

use std::collections::BTreeMap;

use fulmar_domain::{
    AccountId, ConversationId, MessageId, RequestId, Timestamp,
    contacts::Contact,
    conversation::{Delivery, DeliveryState, MessageName},
    event::Failure,
    session::Session,
};
use rusqlite::{Connection, Row, params};

use crate::{
    Actor, Store, StoreError,
    conversations::place,
    events::Entry,
    history,
    notifications::{self, Cause},
    rows::{found, parsed},
    sessions::{Effect, Executed},
    writer::Tx,
};

impl Store {
    /// Notes that the person has read what was said to them in a conversation up to a message. Their own devices are
    /// told, and each sender, of the newest one that was not read before.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn mark_read(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        up_to: MessageName,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("note what was read", actor, request.into(), now, move |tx, session| {
            let me = session.account.0;
            let Some(place) = place(tx, &conversation, me, now)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            let Some(up_to) = number(tx.sql, place.conversation, &up_to)? else {
                return Ok(Effect::failed(Failure::NoSuchMessage));
            };
            let unread = unread(tx.sql, place.conversation, me, up_to)?;
            let update = "UPDATE participant SET read_up_to = max(read_up_to, ?3)
                 WHERE conversation = ?1 AND account = ?2";
            tx.sql.prepare_cached(update)?.execute([place.conversation, me, up_to])?;
            let mut newest = BTreeMap::new();
            for (message, sender) in unread {
                delivered(tx, message, session, now)?;
                notifications::fetched(tx, Cause::Message(message), session, now)?;
                let update = "UPDATE delivery SET read_at = ?3 WHERE message = ?1 AND recipient = ?2";
                tx.sql.prepare_cached(update)?.execute(params![message, me, now.as_millis()])?;
                newest.insert(sender, message);
            }
            for (sender, message) in newest {
                let read = Entry::MessageRead { message, by: me };
                history::tell(tx, me, read, now)?;
                tell_sender(tx, message, sender, read, now)?;
            }
            Ok(Effect::concerns(place.conversation))
        })
        .await
    }

    /// What became of a message that this person has said.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn deliveries(
        &self,
        sender: AccountId,
        message: MessageId,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.read("read what became of a message", move |sql| {
            sql.prepare_cached(
                "SELECT a.uri, a.display_name, d.delivered_at IS NOT NULL, d.read_at IS NOT NULL,
                     d.failed_at IS NOT NULL
                 FROM delivery d JOIN message m ON m.id = d.message JOIN account a ON a.id = d.recipient
                 WHERE d.message = ?2 AND m.sender = ?1 ORDER BY a.id",
            )?
            .query_map([sender.0, message.0], |row| {
                let to = Contact { uri: parsed(row, 0)?, display_name: parsed(row, 1)? };
                let state = match (row.get(3)?, row.get(2)?, row.get(4)?) {
                    (true, _, _) => DeliveryState::Read,
                    (_, true, _) => DeliveryState::Delivered,
                    (_, _, true) => DeliveryState::Failed,
                    _ => DeliveryState::Pending,
                };
                Ok(Delivery { to, state })
            })?
            .collect()
        })
        .await
    }
}

/// The number of a message of a conversation.
pub(super) fn number(
    sql: &Connection,
    conversation: i64,
    name: &MessageName,
) -> rusqlite::Result<Option<i64>> {
    match name {
        MessageName::Newest => {
            let select = "SELECT max(id) FROM message WHERE conversation = ?1";
            let newest: Option<i64> =
                sql.prepare_cached(select)?.query_row([conversation], |row| row.get(0))?;
            Ok(Some(newest.unwrap_or(0)))
        }
        MessageName::Number(message) => {
            let select = "SELECT id FROM message WHERE conversation = ?1 AND id = ?2";
            found(sql.prepare_cached(select)?.query_row([conversation, message.0], |row| row.get(0)))
        }
        MessageName::Said { by, as_what } => {
            let select = "SELECT m.id FROM message m JOIN account a ON a.id = m.sender
                 WHERE m.conversation = ?1 AND a.uri = ?2 AND m.client_id = ?3";
            let values = params![conversation, by.to_string(), as_what.as_str()];
            found(sql.prepare_cached(select)?.query_row(values, |row| row.get(0)))
        }
    }
}

/// What this person has not read: messages and their senders, in order.
fn unread(sql: &Connection, conversation: i64, me: i64, up_to: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    sql.prepare_cached(
        "SELECT m.id, m.sender FROM message m JOIN delivery d ON d.message = m.id AND d.recipient = ?2
         WHERE m.conversation = ?1 AND m.id <= ?3 AND d.read_at IS NULL AND m.id > (
             SELECT read_up_to FROM participant WHERE conversation = ?1 AND account = ?2)
         ORDER BY m.id",
    )?
    .query_map([conversation, me, up_to], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// Notes that a message has reached the device of a session, and tells the sender the first time that it has reached one
/// of the person.
pub(crate) fn delivered(
    tx: &mut Tx<'_>,
    message: i64,
    session: &Session,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let recipient = session.account.0;
    let update = "UPDATE delivery SET delivered_at = ?3, fetched_by = ?4
         WHERE message = ?1 AND recipient = ?2 AND delivered_at IS NULL";
    let values = params![message, recipient, now.as_millis(), session.device.0];
    if tx.sql.prepare_cached(update)?.execute(values)? == 0 {
        return Ok(());
    }
    let sender = sender(tx.sql, message)?;
    tell_sender(tx, message, sender, Entry::MessageDelivered { message, to: recipient }, now)
}

/// Notes that a message is not told to `recipient` any more; the sender is told where it never arrived.
pub(crate) fn forgotten(
    tx: &mut Tx<'_>,
    message: i64,
    recipient: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let update = "UPDATE delivery SET failed_at = ?3
         WHERE message = ?1 AND recipient = ?2 AND delivered_at IS NULL AND failed_at IS NULL";
    if tx.sql.prepare_cached(update)?.execute(params![message, recipient, now.as_millis()])? == 0 {
        return Ok(());
    }
    let select = "SELECT sender, conversation, client_id FROM message WHERE id = ?1";
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (sender, conversation, client_id): (i64, i64, String) =
        tx.sql.prepare_cached(select)?.query_row([message], row)?;
    let failed = Entry::MessageFailed { conversation, client_id: &client_id, to: recipient };
    tell_sender(tx, message, sender, failed, now)
}

/// Tells the sender of a message what became of it, in a conversation of two. Among many each word would come back as
/// hundreds of receipts, which would take the place of what people say.
fn tell_sender(
    tx: &mut Tx<'_>,
    message: i64,
    sender: i64,
    entry: Entry<'_>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let select =
        "SELECT c.conference FROM message m JOIN conversation c ON c.id = m.conversation WHERE m.id = ?1";
    let among_many = tx.sql.prepare_cached(select)?.query_row([message], |row| row.get(0))?;
    if among_many { Ok(()) } else { history::tell(tx, sender, entry, now).map(drop) }
}

fn sender(sql: &Connection, message: i64) -> rusqlite::Result<i64> {
    let select = "SELECT sender FROM message WHERE id = ?1";
    sql.prepare_cached(select)?.query_row([message], |row| row.get(0))
}
