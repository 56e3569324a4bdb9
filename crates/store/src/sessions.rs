//! Sessions of devices, and the frame of every command that one gives.

mod end;
mod start;

use std::sync::Arc;

use fulmar_domain::{
    AccountId, ConversationId, DeviceId, InvitationId, MessageId, RequestId, SessionId, SipUri, Timestamp,
    configuration::McxConfiguration,
    device::PushRegistration,
    event::Failure,
    id::{EndpointId, MeetingId},
    presence::{Arrival, DeviceType},
    session::{Activity, Session},
};
use rusqlite::{Connection, Row, params};
use tokio::sync::Notify;

use crate::{
    Actor, Store, StoreError, TicketDigest, configuration, conversations, devices,
    events::{self, Entry, PeopleEntry},
    meetings, notifications, presence,
    rows::{activity, found, parsed, timestamp},
    signals::{Touched, Waiting},
    subscriptions,
    writer::Tx,
};
pub(crate) use end::lapse;
pub(crate) use start::start;

/// What a client says of itself when it signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The name that the session is to have: random, made by the caller.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// The device's own name.
    pub endpoint: EndpointId,
    /// What the person calls the device.
    pub device_name: String,
    /// What the device is.
    pub device_type: DeviceType,
    /// How it begins to count for its person's presence; `None` when it does not yet.
    pub arrival: Option<Arrival>,
}

/// What came of signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedSession {
    /// It lives; what its person had not fetched waits in it.
    Started(Session),
    /// The ticket is that of another device, or was revoked since it was looked at.
    ForeignTicket,
    /// The person has as many sessions as there may be, and none has been silent long enough to end for this one.
    TooMany,
}

/// What a command has made or concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// A conversation.
    pub conversation: Option<ConversationId>,
    /// An invitation to it.
    pub invitation: Option<InvitationId>,
    /// Something said in it.
    pub message: Option<MessageId>,
    /// A meeting.
    pub meeting: Option<MeetingId>,
}

/// What came of a command: what it made or concerned, or why it had no effect.
pub type Outcome = Result<Made, Failure>;

/// Whether a command was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executed {
    /// What came of it is committed, as an event of the session too where the command had a name.
    Done(Outcome),
    /// The session has ended; nothing happened.
    SessionEnded,
}

/// A session as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// Whose.
    pub person: SipUri,
    /// On which device, as the person calls it.
    pub device_name: String,
    /// Whether somebody looks at it.
    pub activity: Activity,
    /// Whether it can be woken.
    pub has_push: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last heard of, to the minute.
    pub last_seen: Timestamp,
}

/// What a command did, before it becomes an event.
pub(crate) struct Effect(Result<Concern, Failure>);

/// The rows that it made or concerned.
#[derive(Clone, Copy, Default)]
pub(crate) struct Concern {
    pub(crate) conversation: Option<i64>,
    pub(crate) invitation: Option<i64>,
    pub(crate) message: Option<i64>,
    pub(crate) meeting: Option<i64>,
}

impl Effect {
    pub(crate) fn done() -> Self {
        Self(Ok(Concern::default()))
    }

    pub(crate) fn concerns(conversation: i64) -> Self {
        Self::made(Concern { conversation: Some(conversation), ..Concern::default() })
    }

    pub(crate) fn made(concern: Concern) -> Self {
        Self(Ok(concern))
    }

    pub(crate) fn failed(failure: Failure) -> Self {
        Self(Err(failure))
    }
}

impl Store {
    /// Signs a device in. The session it had ends; what happened in conversations and was not acknowledged on
    /// this device is in the new one. A device that is new begins where the person's other devices are. The ticket, if it was nobody's, becomes that device's.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn start_session(
        &self,
        new: NewSession,
        ticket: TicketDigest,
        now: Timestamp,
    ) -> Result<StartedSession, StoreError> {
        self.change_at("start a session", now, move |tx| start(tx, &new, ticket, now)).await
    }

    /// Ends a session at the wish of its person, who is not woken on this device any more.
    /// `false` when it had ended.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn terminate_session(&self, session: &SessionId, now: Timestamp) -> Result<bool, StoreError> {
        let sid = session.clone();
        self.change_at("terminate a session", now, move |tx| {
            let Some(session) = find(tx.sql, &sid, now)? else { return Ok(false) };
            devices::sign_out(tx, session.device.0, now)?;
            presence::refresh(tx, session.account.0, now, None)?;
            Ok(true)
        })
        .await
    }

    /// A session that has not ended.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn session(&self, session: &SessionId, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let sid = session.clone();
        self.read("look a session up", move |sql| find(sql, &sid, now)).await
    }

    /// All sessions, by person.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, StoreError> {
        self.read("list the sessions", |sql| {
            sql.prepare_cached(
                "SELECT a.uri, d.name, s.activity, d.push_token IS NOT NULL, s.started_at, s.last_seen
                 FROM session s JOIN device d ON d.id = s.device JOIN account a ON a.id = s.account
                 ORDER BY a.uri, s.started_at",
            )?
            .query_map([], summary)?
            .collect()
        })
        .await
    }

    /// Notifies `waker`, who alone waits for it, when the session of that device has new events or has ended.
    pub fn wait_for_events(&self, device: DeviceId, waker: Arc<Notify>) -> Waiting {
        Arc::clone(self.signals()).wait(device.0, waker)
    }

    /// Puts the people of the office among the events of the session.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn query_contacts(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.errand("query the contact list", actor, request.into(), now, |tx, session| {
            events::replace(tx, session.device.0, Entry::People(PeopleEntry::ContactList))?;
            Ok(Effect::done())
        })
        .await
    }

    /// Notes whether somebody looks at the device. In the background it follows nobody's presence, and is
    /// woken for what it has not fetched.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_activity(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        activity: Activity,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        let effect = move |tx: &mut Tx<'_>, session: &Session| {
            let device = session.device.0;
            let update = "UPDATE session SET activity = ?2 WHERE device = ?1";
            tx.sql.prepare_cached(update)?.execute(params![device, activity.as_str()])?;
            if activity == Activity::Background {
                subscriptions::drop_all(tx, device)?;
                events::drop_presence(tx, device)?;
                notifications::wake_for_unfetched(tx, device, now)?;
            }
            Ok(Effect::done())
        };
        let operation = "change the state of the application";
        match activity {
            Activity::Foreground => self.command(operation, actor, request.into(), now, effect).await,
            // The system of a phone does that by itself.
            Activity::Background => self.errand(operation, actor, request.into(), now, effect).await,
        }
    }

    /// Notes where the device is woken; nobody else is woken there any more. If it sleeps it is woken for what waits.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn register_push(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        registration: PushRegistration,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.errand("register for push", actor, request.into(), now, move |tx, session| {
            notifications::register(tx, session.device.0, &registration, now)?;
            Ok(Effect::done())
        })
        .await
    }

    /// Wakes the device no more.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn unregister_push(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.errand("unregister from push", actor, request.into(), now, move |tx, session| {
            notifications::unregister(tx, session.device.0, "the device is not to be woken any more", now)?;
            Ok(Effect::done())
        })
        .await
    }

    /// The frame of a command that a person gives: it shows that they use the device.
    pub(crate) async fn command<F>(
        &self,
        operation: &'static str,
        actor: &Actor,
        request: Option<RequestId>,
        now: Timestamp,
        effect: F,
    ) -> Result<Executed, StoreError>
    where
        F: FnOnce(&mut Tx<'_>, &Session) -> rusqlite::Result<Effect> + Send + 'static,
    {
        self.errand(operation, actor, request, now, move |tx, session| {
            let effect = effect(tx, session)?;
            presence::used(tx, session, now)?;
            Ok(effect)
        })
        .await
    }

    /// The frame of a command: its effects and, where it has a name, the event with its result are one change. An
    /// effect that fails leaves nothing but that event. A client gives such a command by itself, so it does not show that
    /// anybody uses the device.
    pub(crate) async fn errand<F>(
        &self,
        operation: &'static str,
        actor: &Actor,
        request: Option<RequestId>,
        now: Timestamp,
        effect: F,
    ) -> Result<Executed, StoreError>
    where
        F: FnOnce(&mut Tx<'_>, &Session) -> rusqlite::Result<Effect> + Send + 'static,
    {
        let actor = actor.clone();
        self.change_at(operation, now, move |tx| {
            let session = find(tx.sql, &actor.session, now)?.filter(|s| s.account == actor.account);
            let Some(session) = session else { return Ok(Executed::SessionEnded) };
            tx.sql.prepare_cached("SAVEPOINT command")?.execute([])?;
            let Effect(outcome) = effect(tx, &session)?;
            if outcome.is_err() {
                tx.sql.prepare_cached("ROLLBACK TO command")?.execute([])?;
                tx.touched = Touched::default();
            }
            tx.sql.prepare_cached("RELEASE command")?.execute([])?;
            touch(tx, &session, now)?;
            if let Some(request) = &request {
                let result = match outcome {
                    Ok(Concern { conversation, .. }) => Entry::RequestSucceeded { request, conversation },
                    Err(failure) => Entry::RequestFailed { request, failure },
                };
                events::append(tx, session.device.0, result)?;
            }
            Ok(Executed::Done(match outcome {
                Ok(concern) => Ok(made(tx.sql, concern)?),
                Err(failure) => Err(failure),
            }))
        })
        .await
    }
}

fn made(sql: &Connection, concern: Concern) -> rusqlite::Result<Made> {
    Ok(Made {
        conversation: concern.conversation.map(|id| conversations::name(sql, id)).transpose()?,
        invitation: concern.invitation.map(|id| conversations::invitation_name(sql, id)).transpose()?,
        message: concern.message.map(MessageId),
        meeting: concern.meeting.map(|id| meetings::name(sql, id)).transpose()?,
    })
}

const SELECT: &str = "SELECT s.sid, s.account, s.device, d.endpoint, s.activity, s.availability,
         s.last_active, s.inactive_after, d.push_token IS NOT NULL, s.last_seen, s.last_event, a.domain,
         s.acknowledged
     FROM session s JOIN device d ON d.id = s.device JOIN account a ON a.id = s.account";

/// The session of that name, unless it has ended or been silent too long.
pub(crate) fn find(sql: &Connection, sid: &SessionId, now: Timestamp) -> rusqlite::Result<Option<Session>> {
    let select = format!("{SELECT} WHERE s.sid = ?1");
    let session =
        found(sql.prepare_cached(&select)?.query_row([sid.as_str()], |row| session(sql, row, now)))?;
    Ok(session.filter(|session| !session.is_expired(now)))
}

/// The session of that device, unless it has ended or been silent too long.
pub(crate) fn of_device(sql: &Connection, device: i64, now: Timestamp) -> rusqlite::Result<Option<Session>> {
    let select = format!("{SELECT} WHERE s.device = ?1");
    let session = found(sql.prepare_cached(&select)?.query_row([device], |row| session(sql, row, now)))?;
    Ok(session.filter(|session| !session.is_expired(now)))
}

/// Whether it is to be noted that a session was heard of: not within a minute of the last time.
pub(crate) fn is_to_touch(session: &Session, now: Timestamp) -> bool {
    session.last_seen > now || now.since(session.last_seen).as_secs() >= 60
}

/// Notes that a session was heard of.
pub(crate) fn touch(tx: &Tx<'_>, session: &Session, now: Timestamp) -> rusqlite::Result<()> {
    if !is_to_touch(session, now) {
        return Ok(());
    }
    let update = "UPDATE session SET last_seen = ?2 WHERE device = ?1";
    tx.sql.prepare_cached(update)?.execute(params![session.device.0, now.as_millis()]).map(drop)
}

/// Ends the session of a device, if it has one.
pub(crate) fn end(tx: &mut Tx<'_>, device: i64) -> rusqlite::Result<()> {
    tx.sql.prepare_cached("DELETE FROM session WHERE device = ?1")?.execute([device])?;
    tx.touched.sessions.insert(device);
    Ok(())
}

fn session(sql: &Connection, row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Session> {
    let mcx: McxConfiguration = configuration::in_force(sql, row.get_ref(11)?.as_str()?)?;
    Ok(Session {
        id: parsed(row, 0)?,
        account: AccountId(row.get(1)?),
        device: DeviceId(row.get(2)?),
        endpoint: parsed(row, 3)?,
        activity: activity(row, 4)?,
        machine_state: presence::machine_state(row, 5, now)?,
        has_push: row.get(8)?,
        last_seen: timestamp(row, 9)?,
        last_event: row.get(10)?,
        acknowledged: row.get(12)?,
        expiry: mcx.expiry,
    })
}

fn summary(row: &Row<'_>) -> rusqlite::Result<SessionSummary> {
    Ok(SessionSummary {
        person: parsed(row, 0)?,
        device_name: row.get(1)?,
        activity: activity(row, 2)?,
        has_push: row.get(3)?,
        started_at: timestamp(row, 4)?,
        last_seen: timestamp(row, 5)?,
    })
}
