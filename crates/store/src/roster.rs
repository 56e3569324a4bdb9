//! Conversations as those who take part see them.

use fulmar_domain::{
    AccountId, ConversationId, MessageId,
    contacts::Contact,
    conversation::{Conversation, Message, Participant},
    id::ClientMessageId,
};
use rusqlite::{Connection, params};

use crate::{
    Store, StoreError, conversations,
    rows::{found, parsed, timestamp},
};

impl Store {
    /// A conversation in which that person takes or took part.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn conversation(
        &self,
        person: AccountId,
        conversation: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let name = conversation.clone();
        self.read("look a conversation up", move |sql| {
            let select = "SELECT c.id FROM conversation c JOIN participant p ON p.conversation = c.id
                 WHERE c.name = ?1 AND p.account = ?2";
            let values = params![name.as_str(), person.0];
            let id = found(sql.prepare_cached(select)?.query_row(values, |row| row.get(0)))?;
            id.map(|id| read(sql, id)).transpose()
        })
        .await
    }

    /// The conversations that person is in, or is asked for, the oldest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn active_conversations(&self, person: AccountId) -> Result<Vec<Conversation>, StoreError> {
        self.read("list the conversations of a person", move |sql| {
            let ids: Vec<i64> = sql
                .prepare_cached(
                    "SELECT conversation FROM participant
                     WHERE account = ?1 AND participation IN ('ringing', 'connected') ORDER BY conversation",
                )?
                .query_map([person.0], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            ids.into_iter().map(|id| read(sql, id)).collect()
        })
        .await
    }

    /// A message of a conversation in which that person takes or took part.
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
        self.read("look a message up", move |sql| {
            let select = "SELECT EXISTS (SELECT 1 FROM message m JOIN conversation c ON c.id = m.conversation
                 JOIN participant p ON p.conversation = c.id
                 WHERE m.id = ?1 AND c.name = ?2 AND p.account = ?3)";
            let values = params![message.0, name.as_str(), person.0];
            let is_there: bool = sql.prepare_cached(select)?.query_row(values, |row| row.get(0))?;
            is_there.then(|| conversations::message(sql, message.0)).transpose()
        })
        .await
    }

    /// The number of the message that a person calls so.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn message_called(
        &self,
        sender: AccountId,
        name: ClientMessageId,
    ) -> Result<Option<MessageId>, StoreError> {
        self.read("look a message up by its name", move |sql| {
            let select = "SELECT id FROM message WHERE sender = ?1 AND client_id = ?2";
            let values = params![sender.0, name.as_str()];
            found(sql.prepare_cached(select)?.query_row(values, |row| row.get(0).map(MessageId)))
        })
        .await
    }
}

fn read(sql: &Connection, id: i64) -> rusqlite::Result<Conversation> {
    let select = "SELECT a.uri, a.display_name, p.participation FROM participant p
         JOIN account a ON a.id = p.account JOIN conversation c ON c.id = p.conversation
         WHERE p.conversation = ?1 ORDER BY a.id <> c.creator, a.id";
    let participants = sql
        .prepare_cached(select)?
        .query_map([id], |row| {
            let person = Contact { uri: parsed(row, 0)?, display_name: parsed(row, 1)? };
            Ok(Participant { person, participation: parsed(row, 2)? })
        })?
        .collect::<Result<_, _>>()?;
    let select = "SELECT c.name, a.uri, c.created_at FROM conversation c JOIN account a ON a.id = c.creator
         WHERE c.id = ?1";
    sql.prepare_cached(select)?.query_row([id], |row| {
        Ok(Conversation {
            id: parsed(row, 0)?,
            creator: parsed(row, 1)?,
            created_at: timestamp(row, 2)?,
            participants,
        })
    })
}
