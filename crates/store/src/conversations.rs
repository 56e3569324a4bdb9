//! Conversations and what is said in them.

use fulmar_domain::{
    ConversationId, MessageId, RequestId, SipUri, Timestamp,
    conversation::{Message, MessageText, Participation, Step},
    event::Failure,
    id::ClientMessageId,
    session::Session,
};
use rusqlite::{Connection, params};

use crate::{
    Actor, Store, StoreError, accounts,
    events::{self, Entry},
    history, notifications,
    rows::{found, parsed, timestamp},
    sessions::{Effect, Executed},
    writer::Tx,
};

/// Something said: the sender's own name for it, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Sending the same name again is the same message.
    pub client_id: ClientMessageId,
    /// The text.
    pub text: MessageText,
}

/// How a conversation begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The name that the conversation is to have: random, made by the caller.
    pub id: ConversationId,
    /// Who is asked.
    pub with: SipUri,
    /// What is said with the invitation.
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
            let me = session.account.0;
            let stepped = match place(tx.sql, &conversation, me)? {
                Some(place) => self::step(tx, session, place, step, now)?.map(|()| place.conversation),
                None => Err(Failure::NoSuchConversation),
            };
            Ok(stepped.map_or_else(Effect::failed, Effect::concerns))
        })
        .await
    }

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
            let Some(place) = place(tx.sql, &conversation, session.account.0)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            if let Some(earlier) = earlier(tx.sql, session.account.0, &said)? {
                let same = earlier == place.conversation;
                return Ok(if same {
                    Effect::concerns(earlier)
                } else {
                    Effect::failed(Failure::WrongState)
                });
            }
            if let Err(failure) = step(tx, session, place, Step::Write, now)? {
                return Ok(Effect::failed(failure));
            }
            say(tx, session, place.conversation, &said, now)
        })
        .await
    }

    /// Tells the others that this participant is writing. Only sessions that follow along are told.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn compose(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("tell that somebody is writing", actor, request.into(), now, move |tx, session| {
            let me = session.account.0;
            let Some(place) = place(tx.sql, &conversation, me)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            if place.participation.after(Step::Write).is_err() {
                return Ok(Effect::failed(Failure::WrongState));
            }
            for recipient in listeners(tx.sql, place.conversation, me)? {
                for device in watched_devices(tx.sql, recipient)? {
                    events::replace(
                        tx,
                        device,
                        Entry::Composing { conversation: place.conversation, who: me },
                    )?;
                }
            }
            Ok(Effect::concerns(place.conversation))
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

fn place(sql: &Connection, name: &ConversationId, account: i64) -> rusqlite::Result<Option<Place>> {
    let select = "SELECT c.id, p.participation FROM conversation c
         JOIN participant p ON p.conversation = c.id WHERE c.name = ?1 AND p.account = ?2";
    found(sql.prepare_cached(select)?.query_row(params![name.as_str(), account], |row| {
        Ok(Place { conversation: row.get(0)?, participation: parsed(row, 1)? })
    }))
}

fn open(tx: &mut Tx<'_>, session: &Session, opening: &Opening, now: Timestamp) -> rusqlite::Result<Effect> {
    let me = session.account.0;
    let known = match &opening.first {
        Some(said) => earlier(tx.sql, me, said)?,
        None => None,
    };
    if let Some(conversation) = known {
        return Ok(Effect::concerns(conversation));
    }
    let Some(invited) = accounts::enabled(tx.sql, &opening.with)?.filter(|person| *person != me) else {
        return Ok(Effect::failed(Failure::NoSuchPerson));
    };
    let conversation: i64 = tx.sql.query_row(
        "INSERT INTO conversation (name, creator, created_at) VALUES (?1, ?2, ?3) RETURNING id",
        params![opening.id.as_str(), me, now.as_millis()],
        |row| row.get(0),
    )?;
    for (account, participation) in [(me, Participation::Connected), (invited, Participation::Ringing)] {
        let insert = "INSERT INTO participant (conversation, account, participation) VALUES (?1, ?2, ?3)";
        tx.sql.prepare_cached(insert)?.execute(params![conversation, account, participation.as_str()])?;
    }
    history::tell(tx, me, Entry::Inviting { conversation, whom: invited }, now)?;
    history::tell(tx, invited, Entry::Invited { conversation, by: me }, now)?;
    match &opening.first {
        Some(said) => say(tx, session, conversation, said, now),
        None => Ok(Effect::concerns(conversation)),
    }
}

/// Takes a step and tells the participants.
fn step(
    tx: &mut Tx<'_>,
    session: &Session,
    place: Place,
    step: Step,
    now: Timestamp,
) -> rusqlite::Result<Result<(), Failure>> {
    let Ok(participation) = place.participation.after(step) else {
        return Ok(Err(Failure::WrongState));
    };
    if participation == place.participation {
        return Ok(Ok(()));
    }
    let (conversation, me) = (place.conversation, session.account.0);
    tx.sql
        .prepare_cached("UPDATE participant SET participation = ?3 WHERE conversation = ?1 AND account = ?2")?
        .execute(params![conversation, me, participation.as_str()])?;
    let mut told = listeners(tx.sql, conversation, me)?;
    told.push(me);
    for account in told {
        history::tell(tx, account, Entry::ParticipantChanged { conversation, who: me, participation }, now)?;
    }
    Ok(Ok(()))
}

fn say(
    tx: &mut Tx<'_>,
    session: &Session,
    conversation: i64,
    said: &Said,
    now: Timestamp,
) -> rusqlite::Result<Effect> {
    let me = session.account.0;
    let recipients = listeners(tx.sql, conversation, me)?;
    if recipients.is_empty() {
        return Ok(Effect::failed(Failure::WrongState));
    }
    let insert = "INSERT INTO message (conversation, sender, client_id, text, sent_at)
         VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
    let values = params![conversation, me, said.client_id.as_str(), said.text.reveal(), now.as_millis()];
    let message: i64 = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    history::tell(tx, me, Entry::MessageSent { message }, now)?;
    for recipient in recipients {
        let insert = "INSERT INTO delivery (message, recipient) VALUES (?1, ?2)";
        tx.sql.prepare_cached(insert)?.execute([message, recipient])?;
        for device in history::tell(tx, recipient, Entry::MessageReceived { message }, now)? {
            notifications::wake_if_asleep(tx, device, message, now)?;
        }
    }
    Ok(Effect::concerns(conversation))
}

/// The conversation in which this person has said that already.
fn earlier(sql: &Connection, sender: i64, said: &Said) -> rusqlite::Result<Option<i64>> {
    let select = "SELECT conversation FROM message WHERE sender = ?1 AND client_id = ?2";
    found(sql.prepare_cached(select)?.query_row(params![sender, said.client_id.as_str()], |row| row.get(0)))
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

/// The signed-in devices of a person that somebody looks at.
fn watched_devices(sql: &Connection, account: i64) -> rusqlite::Result<Vec<i64>> {
    sql.prepare_cached("SELECT device FROM session WHERE account = ?1 AND activity = 'foreground'")?
        .query_map([account], |row| row.get(0))?
        .collect()
}

/// Notes that a message has reached a device of `recipient`, and tells the sender the first time.
pub(crate) fn delivered(
    tx: &mut Tx<'_>,
    message: i64,
    recipient: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let update = "UPDATE delivery SET delivered_at = ?3
         WHERE message = ?1 AND recipient = ?2 AND delivered_at IS NULL";
    if tx.sql.prepare_cached(update)?.execute(params![message, recipient, now.as_millis()])? == 0 {
        return Ok(());
    }
    let select = "SELECT sender FROM message WHERE id = ?1";
    let sender: i64 = tx.sql.prepare_cached(select)?.query_row([message], |row| row.get(0))?;
    history::tell(tx, sender, Entry::MessageDelivered { message, to: recipient }, now).map(drop)
}

pub(crate) fn message(sql: &Connection, id: i64) -> rusqlite::Result<Message> {
    let select = "SELECT m.id, c.name, a.uri, m.client_id, m.text, m.sent_at
         FROM message m JOIN conversation c ON c.id = m.conversation JOIN account a ON a.id = m.sender
         WHERE m.id = ?1";
    sql.prepare_cached(select)?.query_row([id], |row| {
        Ok(Message {
            id: MessageId(row.get(0)?),
            conversation: parsed(row, 1)?,
            sender: parsed(row, 2)?,
            client_id: parsed(row, 3)?,
            text: parsed(row, 4)?,
            sent_at: timestamp(row, 5)?,
        })
    })
}
