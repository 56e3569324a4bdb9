//! Meetings: planned ones and those that began at once.

mod joining;

use fulmar_domain::{
    AccountId, RequestId, SipUri, Timestamp,
    event::Failure,
    id::MeetingId,
    meeting::{AD_HOC_LIFETIME, AccessLevel, MAX_MEETINGS, Meeting, MeetingEdit, MeetingPlan, MeetingUri},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Actor, Store, StoreError, conversations,
    events::{self, Entry},
    rows::{found, parse, parsed, timestamp},
    sessions::{Concern, Effect, Executed},
    writer::Tx,
};
pub use joining::NewNames;

impl Store {
    /// Plans a meeting under a name that the caller drew, changes a plan or gives it up; the organizer's sessions are
    /// told. A meeting that is given up is over for those in it.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn edit_meeting(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        edit: MeetingEdit,
        name: MeetingId,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("edit a meeting", actor, request.into(), now, move |tx, session| {
            let me = session.account.0;
            match edit {
                MeetingEdit::Plan(plan) => self::plan(tx, me, &name, &plan, now),
                MeetingEdit::Change { id, revision, plan } => change(tx, me, (&id, revision), &plan, now),
                MeetingEdit::Delete(id) => delete(tx, me, &id, now),
            }
        })
        .await
    }

    /// Puts what its person has planned among the events of the session, the earliest first.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn query_meetings(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("query meetings", actor, request.into(), now, move |tx, session| {
            for meeting in planned(tx.sql, session.account.0, now)? {
                events::append(tx, session.device.0, Entry::Meeting { name: meeting.id.as_str() })?;
            }
            Ok(Effect::done())
        })
        .await
    }

    /// The meetings that a person has planned, the earliest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn meetings(&self, organizer: AccountId, now: Timestamp) -> Result<Vec<Meeting>, StoreError> {
        self.read("list the meetings of a person", move |sql| planned(sql, organizer.0, now)).await
    }

    /// A meeting, whosever it is.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn meeting(&self, name: MeetingId, now: Timestamp) -> Result<Option<Meeting>, StoreError> {
        self.read("look a meeting up", move |sql| find(sql, &name, now)).await
    }
}

fn plan(
    tx: &mut Tx<'_>,
    me: i64,
    name: &MeetingId,
    plan: &MeetingPlan,
    now: Timestamp,
) -> rusqlite::Result<Effect> {
    if plan.check(now).is_err() {
        return Ok(Effect::failed(Failure::InvalidPlan));
    }
    let count = "SELECT count(*) FROM meeting WHERE organizer = ?1 AND expires_at > ?2 AND ad_hoc = 0";
    let planned: u32 = tx.sql.query_row(count, params![me, now.as_millis()], |row| row.get(0))?;
    if planned >= MAX_MEETINGS {
        return Ok(Effect::failed(Failure::LimitExceeded));
    }
    let meeting = insert(tx, me, name.as_str(), plan, false)?;
    tell(tx, me, name)?;
    Ok(Effect::made(Concern { meeting: Some(meeting), ..Concern::default() }))
}

fn insert(
    tx: &Tx<'_>,
    organizer: i64,
    name: &str,
    plan: &MeetingPlan,
    ad_hoc: bool,
) -> rusqlite::Result<i64> {
    tx.sql.query_row(
        "INSERT INTO meeting (name, organizer, subject, description, access, attendees, leaders, expires_at, ad_hoc)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id",
        params![
            name,
            organizer,
            plan.subject,
            plan.description,
            plan.access.as_str(),
            lines(&plan.attendees),
            lines(&plan.leaders),
            plan.expires_at.as_millis(),
            ad_hoc
        ],
        |row| row.get(0),
    )
}

fn change(
    tx: &mut Tx<'_>,
    me: i64,
    (name, revision): (&MeetingId, u32),
    plan: &MeetingPlan,
    now: Timestamp,
) -> rusqlite::Result<Effect> {
    if plan.check(now).is_err() {
        return Ok(Effect::failed(Failure::InvalidPlan));
    }
    let select = "SELECT id, revision FROM meeting
         WHERE name = ?1 AND organizer = ?2 AND expires_at > ?3 AND ad_hoc = 0";
    let values = params![name.as_str(), me, now.as_millis()];
    let known = found(tx.sql.query_row(select, values, |row| Ok((row.get(0)?, row.get::<_, u32>(1)?))))?;
    let Some((meeting, latest)) = known else { return Ok(Effect::failed(Failure::NoSuchMeeting)) };
    if latest != revision {
        return Ok(Effect::failed(Failure::Outdated));
    }
    tx.sql.execute(
        "UPDATE meeting SET subject = ?2, description = ?3, access = ?4, attendees = ?5, leaders = ?6,
             expires_at = ?7, revision = revision + 1 WHERE id = ?1",
        params![
            meeting,
            plan.subject,
            plan.description,
            plan.access.as_str(),
            lines(&plan.attendees),
            lines(&plan.leaders),
            plan.expires_at.as_millis()
        ],
    )?;
    tell(tx, me, name)?;
    Ok(Effect::made(Concern { meeting: Some(meeting), ..Concern::default() }))
}

fn delete(tx: &mut Tx<'_>, me: i64, name: &MeetingId, now: Timestamp) -> rusqlite::Result<Effect> {
    let delete =
        "DELETE FROM meeting WHERE organizer = ?1 AND name = ?2 AND ad_hoc = 0 RETURNING conversation";
    let deleted: Option<Option<i64>> =
        found(tx.sql.query_row(delete, params![me, name.as_str()], |row| row.get(0)))?;
    let Some(conversation) = deleted else { return Ok(Effect::failed(Failure::NoSuchMeeting)) };
    if let Some(conversation) = conversation {
        conversations::end(tx, conversation, now)?;
    }
    tell(tx, me, name)?;
    Ok(Effect::done())
}

/// Tells the sessions of the organizer to look at a meeting again.
fn tell(tx: &mut Tx<'_>, organizer: i64, name: &MeetingId) -> rusqlite::Result<()> {
    let devices: Vec<i64> = tx
        .sql
        .prepare_cached("SELECT device FROM session WHERE account = ?1")?
        .query_map([organizer], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    devices
        .into_iter()
        .try_for_each(|device| events::append(tx, device, Entry::Meeting { name: name.as_str() }))
}

/// Forgets meetings whose time is over. Who is in one with others goes on; who is alone is told that it is over.
pub(crate) fn expire(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let delete = "DELETE FROM meeting WHERE expires_at <= ?1 RETURNING conversation";
    let held: Vec<Option<i64>> = tx
        .sql
        .prepare_cached(delete)?
        .query_map([now.as_millis()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for conversation in held.into_iter().flatten() {
        let count = "SELECT count(*) FROM participant
             WHERE conversation = ?1 AND participation IN ('ringing', 'connected')";
        let there: u32 = tx.sql.prepare_cached(count)?.query_row([conversation], |row| row.get(0))?;
        if there == 1 {
            conversations::end(tx, conversation, now)?;
        }
    }
    Ok(())
}

/// Makes a conversation that there is a meeting; those who were in it may come again.
pub(crate) fn begin_in(
    tx: &Tx<'_>,
    conversation: i64,
    organizer: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let select = "SELECT name, subject FROM conversation WHERE id = ?1";
    let (name, subject): (String, String) =
        tx.sql.prepare_cached(select)?.query_row([conversation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let meeting = insert(tx, organizer, &name, &ad_hoc(subject, AccessLevel::Invited, now), true)?;
    set_conversation(tx, meeting, conversation)
}

/// The plan of a meeting that begins at once.
fn ad_hoc(subject: String, access: AccessLevel, now: Timestamp) -> MeetingPlan {
    MeetingPlan {
        subject,
        description: String::new(),
        access,
        attendees: Vec::new(),
        leaders: Vec::new(),
        expires_at: now + AD_HOC_LIFETIME,
    }
}

fn set_conversation(tx: &Tx<'_>, meeting: i64, conversation: i64) -> rusqlite::Result<()> {
    let update = "UPDATE meeting SET conversation = ?2 WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute([meeting, conversation]).map(drop)
}

/// Whether somebody in a conversation may ask another person in, who was there before or not.
pub(crate) fn may_ask(
    sql: &Connection,
    conversation: i64,
    who: i64,
    (whom, was_there): (&SipUri, bool),
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(meeting) = open_in(sql, conversation, now)? else {
        return conversations::among_many(sql, conversation).map(|among_many| !among_many);
    };
    Ok(meeting.may_ask(&address(sql, who)?, whom, was_there))
}

/// Whether somebody who has missed an invitation to a conversation may still come with a word.
pub(crate) fn may_come_back(
    sql: &Connection,
    conversation: i64,
    who: i64,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let Some(meeting) = open_in(sql, conversation, now)? else {
        return conversations::among_many(sql, conversation).map(|among_many| !among_many);
    };
    Ok(meeting.admits(&address(sql, who)?, true))
}

/// The meeting that a conversation is, while that can be joined. To one of several whose meeting is over nobody comes.
fn open_in(sql: &Connection, conversation: i64, now: Timestamp) -> rusqlite::Result<Option<Meeting>> {
    match of(sql, conversation, now)? {
        Some(MeetingUri { id, .. }) => find(sql, &id, now),
        None => Ok(None),
    }
}

fn address(sql: &Connection, account: i64) -> rusqlite::Result<SipUri> {
    sql.prepare_cached("SELECT uri FROM account WHERE id = ?1")?.query_row([account], |row| parsed(row, 0))
}

/// The meeting that a conversation is, while that can be joined.
pub(crate) fn of(
    sql: &Connection,
    conversation: i64,
    now: Timestamp,
) -> rusqlite::Result<Option<MeetingUri>> {
    let select = "SELECT a.uri, m.name FROM meeting m JOIN account a ON a.id = m.organizer
         WHERE m.conversation = ?1 AND m.expires_at > ?2";
    let uri = |row: &Row<'_>| Ok(MeetingUri { organizer: parsed(row, 0)?, id: parsed(row, 1)? });
    found(sql.prepare_cached(select)?.query_row(params![conversation, now.as_millis()], uri))
}

/// What a meeting is called.
pub(crate) fn name(sql: &Connection, meeting: i64) -> rusqlite::Result<MeetingId> {
    let select = "SELECT name FROM meeting WHERE id = ?1";
    sql.prepare_cached(select)?.query_row([meeting], |row| parsed(row, 0))
}

const SELECT: &str =
    "SELECT m.name, a.uri, m.subject, m.description, m.access, m.attendees, m.leaders, m.expires_at,
         m.revision, m.ad_hoc
     FROM meeting m JOIN account a ON a.id = m.organizer";

pub(crate) fn find(sql: &Connection, name: &MeetingId, now: Timestamp) -> rusqlite::Result<Option<Meeting>> {
    let select = format!("{SELECT} WHERE m.name = ?1 AND m.expires_at > ?2");
    found(sql.prepare_cached(&select)?.query_row(params![name.as_str(), now.as_millis()], meeting))
}

fn planned(sql: &Connection, organizer: i64, now: Timestamp) -> rusqlite::Result<Vec<Meeting>> {
    let select =
        format!("{SELECT} WHERE m.organizer = ?1 AND m.expires_at > ?2 AND m.ad_hoc = 0 ORDER BY m.id");
    sql.prepare_cached(&select)?.query_map(params![organizer, now.as_millis()], meeting)?.collect()
}

fn meeting(row: &Row<'_>) -> rusqlite::Result<Meeting> {
    let plan = MeetingPlan {
        subject: row.get(2)?,
        description: row.get(3)?,
        access: parsed(row, 4)?,
        attendees: people(row, 5)?,
        leaders: people(row, 6)?,
        expires_at: timestamp(row, 7)?,
    };
    let (id, organizer) = (parsed(row, 0)?, parsed(row, 1)?);
    Ok(Meeting { id, organizer, plan, revision: row.get(8)?, ad_hoc: row.get(9)? })
}

fn lines(people: &[SipUri]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn people(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SipUri>> {
    row.get_ref(column)?.as_str()?.lines().map(|line| parse(line, column)).collect()
}
