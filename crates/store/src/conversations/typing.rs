//! Who is writing: a sign that goes away by itself. Others are told when it comes and when it goes, not of every
//! notice, and a notice that says nothing new is not written.

use fulmar_domain::{
    ConversationId, RequestId, Timestamp,
    conversation::{Step, TYPING_TIME},
    event::Failure,
};
use rusqlite::{Connection, params};

use crate::{
    Actor, Store, StoreError,
    conversations::{listeners, place},
    events::{self, Entry},
    rows::found,
    sessions::{self, Effect, Executed, Made},
    writer::Tx,
};

impl Store {
    /// Tells the others that this participant is writing, or is not any more. Only sessions that follow along are
    /// told. A notice soon after another, without a name, says nothing new.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn compose(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        conversation: ConversationId,
        writes: bool,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        let request = request.into();
        if request.is_none() && writes && self.is_fresh(actor, &conversation, now).await? {
            let made = Made { conversation: Some(conversation), ..Made::default() };
            return Ok(Executed::Done(Ok(made)));
        }
        self.command("tell that somebody is writing", actor, request, now, move |tx, session| {
            let me = session.account.0;
            let Some(place) = place(tx, &conversation, me, now)? else {
                return Ok(Effect::failed(Failure::NoSuchConversation));
            };
            if place.participation.after(Step::Write).is_err() {
                return Ok(Effect::failed(Failure::WrongState));
            }
            if writes {
                begin(tx, place.conversation, me, now)?;
            } else {
                stop(tx, place.conversation, me)?;
            }
            Ok(Effect::concerns(place.conversation))
        })
        .await
    }

    /// Whether the sign of the last notice stays for long enough without this one.
    async fn is_fresh(
        &self,
        actor: &Actor,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (actor, name) = (actor.clone(), conversation.clone());
        self.read("look who is writing", move |sql| {
            let select = "SELECT EXISTS (SELECT 1 FROM typing t JOIN conversation c ON c.id = t.conversation
                 WHERE c.name = ?1 AND t.account = ?2 AND t.until > ?3)";
            let values = params![name.as_str(), actor.account.0, (now + TYPING_TIME * 2 / 3).as_millis()];
            let is_fresh: bool = sql.prepare_cached(select)?.query_row(values, |row| row.get(0))?;
            let session = sessions::find(sql, &actor.session, now)?;
            Ok(is_fresh && session.is_some_and(|session| session.account == actor.account))
        })
        .await
    }
}

fn begin(tx: &mut Tx<'_>, conversation: i64, who: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT until FROM typing WHERE conversation = ?1 AND account = ?2";
    let values = params![conversation, who];
    let until: Option<i64> = found(tx.sql.prepare_cached(select)?.query_row(values, |row| row.get(0)))?;
    let upsert = "INSERT INTO typing (conversation, account, until) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET until = excluded.until";
    tx.sql.prepare_cached(upsert)?.execute(params![conversation, who, (now + TYPING_TIME).as_millis()])?;
    tx.touched.deadlines = true;
    if until.is_some() { Ok(()) } else { tell(tx, conversation, who, true) }
}

/// Takes the sign away, where there is one.
pub(super) fn stop(tx: &mut Tx<'_>, conversation: i64, who: i64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM typing WHERE conversation = ?1 AND account = ?2";
    let stopped = tx.sql.prepare_cached(delete)?.execute([conversation, who])?;
    if stopped > 0 { tell(tx, conversation, who, false) } else { Ok(()) }
}

fn tell(tx: &mut Tx<'_>, conversation: i64, who: i64, writes: bool) -> rusqlite::Result<()> {
    let mut devices = Vec::new();
    for listener in listeners(tx.sql, conversation, who)? {
        devices.extend(watched_devices(tx.sql, listener)?);
    }
    devices
        .into_iter()
        .try_for_each(|device| events::replace(tx, device, Entry::Composing { conversation, who, writes }))
}

/// The signed-in devices of a person that somebody looks at.
fn watched_devices(sql: &Connection, account: i64) -> rusqlite::Result<Vec<i64>> {
    sql.prepare_cached("SELECT device FROM session WHERE account = ?1 AND activity = 'foreground'")?
        .query_map([account], |row| row.get(0))?
        .collect()
}

/// Takes away the signs whose time is over.
pub(crate) fn expire(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    // After the clock was set back none lasts longer than it may.
    let latest = (now + TYPING_TIME).as_millis();
    tx.sql.prepare_cached("UPDATE typing SET until = ?1 WHERE until > ?1")?.execute([latest])?;
    let delete = "DELETE FROM typing WHERE until <= ?1 RETURNING conversation, account";
    let over: Vec<(i64, i64)> = tx
        .sql
        .prepare_cached(delete)?
        .query_map([now.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    over.into_iter().try_for_each(|(conversation, who)| tell(tx, conversation, who, false))
}

/// When the time of the next one is over.
pub(crate) fn deadline(sql: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let until: Option<i64> =
        sql.prepare_cached("SELECT min(until) FROM typing")?.query_row([], |row| row.get(0))?;
    Ok(until.map(Timestamp::from_millis))
}
