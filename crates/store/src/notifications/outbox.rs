//! The worker's side of the outbox: what it has done is recorded and what it does next is claimed in one transaction,
//! which is one write to the disk for hundreds of notifications.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use fulmar_domain::{
    PushId, Timestamp,
    configuration::PushNotificationConfiguration,
    conversation::MessageText,
    push::{Next, Notification, Outcome, Preview, StepName, Subject},
};
use rusqlite::{CachedStatement, Connection, Row, params};

use super::{Pen, badge, enter, ids, registration, sign_in, test, unregister};
use crate::{
    Store, StoreError, configuration,
    rows::{found, parsed, timestamp},
    writer::Tx,
};

/// What came of offering a notification.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// Which.
    pub id: PushId,
    /// What the service made of it.
    pub outcome: Outcome,
    /// What follows.
    pub next: Next,
}

/// How many notifications may be claimed; by default none.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// In all.
    pub total: u32,
    /// For each service that is named.
    pub of: BTreeMap<String, u32>,
    /// For any other service.
    pub others: u32,
}

impl Room {
    fn of(&self, service: &str) -> u32 {
        self.of.get(service).copied().unwrap_or(self.others)
    }
}

/// What a worker does next.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// To be offered now, one at a time for each device: a service that does not answer for one keeps none of the others
    /// waiting.
    pub notifications: Vec<Notification>,
    /// When the next is due at a service for which there is room; `None` also while they wait for one that is under way.
    pub next_due: Option<Timestamp>,
}

impl Store {
    /// Records what came of attempts, then takes what is due, as far as there is room. Tests need none at their service:
    /// somebody waits to be told.
    ///
    /// # Errors
    /// When it could not be committed; nothing was recorded or taken then.
    pub async fn outbox_turn(
        &self,
        ended: Vec<Attempted>,
        room: Room,
        now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        self.change("take a turn at the outbox", move |tx| {
            record(tx, &ended, now)?;
            claim(tx, &room, now)
        })
        .await
    }

    /// Makes due what an earlier worker claimed and did not finish. For a worker that begins: there is one.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn release_claims(&self, now: Timestamp) -> Result<(), StoreError> {
        self.change("release claimed notifications", move |tx| {
            let fetched = "SELECT id FROM notification WHERE claimed = 1 AND state = 'unneeded'";
            for id in ids(tx.sql, fetched, params![])? {
                enter(tx.sql, id, now, StepName::Unneeded, "")?;
            }
            let update = "UPDATE notification SET claimed = 0, due_at = ?1 WHERE claimed = 1";
            tx.sql.execute(update, [now.as_millis()]).map(drop)
        })
        .await
    }
}

/// The head of a device's line was tried, or has gone: the next one can be taken.
pub(super) fn move_up(tx: &Tx<'_>, device: i64) -> rusqlite::Result<()> {
    let next = "SELECT min(id) FROM notification WHERE device = ?1 AND state = 'pending' AND place = 'behind'
         AND NOT EXISTS (SELECT 1 FROM notification WHERE device = ?1 AND state = 'pending' AND place = 'head')";
    let next: Option<i64> = tx.sql.prepare_cached(next)?.query_row([device], |row| row.get(0))?;
    next.map_or(Ok(()), |next| tx.sql.prepare_cached(MOVE_UP)?.execute([next]).map(drop))
}

/// By its number alone, for which SQLite keeps no list of what it is about to change.
const MOVE_UP: &str = "UPDATE notification SET place = 'head' WHERE id = ?1";

fn claim(tx: &mut Tx<'_>, room: &Room, now: Timestamp) -> rusqlite::Result<Claimed> {
    let mut claimed = Claimed::default();
    let mut left = room.total;
    let mut desk = Desk { sql: tx.sql, now, previews: HashMap::new(), senders: HashMap::new() };
    left -= desk.take(&mut claimed.notifications, Due::Tests, left)?;
    for service in services(tx.sql)? {
        let room = room.of(&service).min(left);
        if room == 0 {
            continue;
        }
        let taken = desk.take(&mut claimed.notifications, Due::At(&service), room)?;
        left -= taken;
        if taken < room {
            let next = next_due(tx.sql, &service, now)?;
            claimed.next_due = [claimed.next_due, next].into_iter().flatten().min();
        }
    }
    Ok(claimed)
}

/// The services that something waits for. SQLite does not jump from one to the next by itself.
fn services(sql: &Connection) -> rusqlite::Result<Vec<String>> {
    sql.prepare_cached(
        "WITH RECURSIVE waiting(service) AS (
             SELECT min(service) FROM notification
             WHERE state = 'pending' AND claimed = 0 AND place <> 'behind'
             UNION ALL
             SELECT (SELECT min(n.service) FROM notification n
                     WHERE n.state = 'pending' AND n.claimed = 0 AND n.place <> 'behind'
                         AND n.service > waiting.service)
             FROM waiting WHERE waiting.service IS NOT NULL)
         SELECT service FROM waiting WHERE service IS NOT NULL",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

#[derive(Clone, Copy)]
enum Due<'a> {
    Tests,
    At(&'a str),
}

/// Whether a notification `n` can be taken at `?1`: it is the first of its device that was not tried, or is to be tried
/// again, and none of its device is under way.
const IS_FREE: &str = "n.state = 'pending' AND n.claimed = 0 AND n.place <> 'behind' AND n.expires_at > ?1
     AND NOT EXISTS (SELECT 1 FROM notification o WHERE o.device = n.device AND o.claimed = 1)";

/// When the first is due of those that can be taken.
fn next_due(sql: &Connection, service: &str, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let select = format!(
        "SELECT n.due_at FROM notification n WHERE n.service = ?2 AND {IS_FREE} ORDER BY n.due_at LIMIT 1"
    );
    let mut select = sql.prepare_cached(&select)?;
    found(select.query_row(params![now.as_millis(), service], |row| timestamp(row, 0)))
}

/// Takes out what is due.
struct Desk<'a> {
    sql: &'a Connection,
    now: Timestamp,
    /// Whether notifications say how messages begin, by the SIP domain of whom they are for.
    previews: HashMap<String, bool>,
    /// Who wrote, by message: many devices are woken for one.
    senders: HashMap<i64, String>,
}

impl Desk<'_> {
    /// Takes up to `room` of what is due, and says how many.
    fn take(&mut self, claimed: &mut Vec<Notification>, due: Due<'_>, room: u32) -> rusqlite::Result<u32> {
        let begin = "UPDATE notification SET attempts = attempts + 1, claimed = 1 WHERE id = ?1";
        let (mut begin, mut pen) = (self.sql.prepare_cached(begin)?, Pen::new(self.sql)?);
        let mut taken = 0;
        while taken < room {
            // What is taken keeps the rest of its device from being found again.
            let mut devices = HashSet::new();
            let found = self.due(due, room - taken)?;
            if found.is_empty() {
                break;
            }
            for (device, notification) in found {
                if devices.insert(device) {
                    let (id, attempt) = (notification.id.0, notification.attempts + 1);
                    begin.execute([id])?;
                    pen.enter(id, self.now, StepName::Sent, &format!("attempt {attempt}"))?;
                    claimed.push(notification);
                    taken += 1;
                }
            }
        }
        Ok(taken)
    }

    fn due(&mut self, due: Due<'_>, limit: u32) -> rusqlite::Result<Vec<(i64, Notification)>> {
        let (which, service) = match due {
            Due::Tests => ("n.request IS NOT NULL AND ?3 IS NULL", None),
            Due::At(service) => ("n.service = ?3", Some(service)),
        };
        let select = format!(
            "SELECT n.id, n.collapse, n.expires_at, n.attempts, n.message, n.invitation, n.sign_in,
                 d.push_provider, d.push_token, d.push_p256dh, d.push_auth, n.device, t.domain, {}
             FROM notification n JOIN device d ON d.id = n.device JOIN account t ON t.id = d.account
             WHERE {which} AND n.due_at <= ?1 AND {IS_FREE}
             ORDER BY n.due_at LIMIT ?2",
            badge::COLUMNS
        );
        self.sql
            .prepare_cached(&select)?
            .query_map(params![self.now.as_millis(), limit, service], |row| {
                Ok((row.get(11)?, self.notification(row)?))
            })?
            .collect()
    }

    fn notification(&mut self, row: &Row<'_>) -> rusqlite::Result<Notification> {
        Ok(Notification {
            id: PushId(row.get(0)?),
            collapse_id: row.get(1)?,
            expires_at: timestamp(row, 2)?,
            attempts: row.get(3)?,
            subject: self.subject(row)?,
            badge: badge::of(self.sql, row, 13)?,
            registration: registration::read(row, 7)?,
        })
    }

    fn subject(&mut self, row: &Row<'_>) -> rusqlite::Result<Subject> {
        Ok(match (row.get(4)?, row.get(5)?) {
            (Some(message), _) => {
                let from = self.sender(message)?;
                let preview =
                    if self.has_previews(row.get(12)?)? { preview(self.sql, message)? } else { None };
                Subject::Message { from, preview }
            }
            (None, Some(invitation)) => Subject::Invitation { from: inviter(self.sql, invitation)? },
            (None, None) if row.get(6)? => Subject::SignIn,
            (None, None) => Subject::Test,
        })
    }

    fn sender(&mut self, message: i64) -> rusqlite::Result<String> {
        Ok(match self.senders.entry(message) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let select =
                    "SELECT a.display_name FROM message m JOIN account a ON a.id = m.sender WHERE m.id = ?1";
                let name = self.sql.prepare_cached(select)?.query_row([message], |row| row.get(0))?;
                unknown.insert(name).clone()
            }
        })
    }

    fn has_previews(&mut self, domain: String) -> rusqlite::Result<bool> {
        Ok(match self.previews.entry(domain) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                let push: PushNotificationConfiguration = configuration::in_force(self.sql, unknown.key())?;
                *unknown.insert(push.enable_message_previews)
            }
        })
    }
}

fn inviter(sql: &Connection, invitation: i64) -> rusqlite::Result<String> {
    let select = "SELECT a.display_name FROM invitation i JOIN account a ON a.id = i.inviter WHERE i.id = ?1";
    sql.prepare_cached(select)?.query_row([invitation], |row| row.get(0))
}

fn preview(sql: &Connection, message: i64) -> rusqlite::Result<Option<Preview>> {
    let select = "SELECT text FROM message WHERE id = ?1";
    let text: MessageText = sql.prepare_cached(select)?.query_row([message], |row| parsed(row, 0))?;
    Ok(Preview::of(&text))
}

/// What the row says while its answer is on the way.
struct UnderWay {
    device: i64,
    pending: bool,
    /// Its message was fetched meanwhile.
    unneeded: bool,
    /// It was this device that has fetched the message first.
    opened: bool,
    is_test: bool,
    is_sign_in: bool,
    /// No other of its device that was not tried yet may be taken before it.
    is_head: bool,
}

impl UnderWay {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            device: row.get(0)?,
            pending: row.get(1)?,
            unneeded: row.get(2)?,
            opened: row.get(3)?,
            is_test: row.get(4)?,
            is_sign_in: row.get(5)?,
            is_head: row.get(6)?,
        })
    }
}

/// The step that an answer makes, and where the notification stands after it. A test ends with its first attempt, and so
/// does what was fetched meanwhile.
fn settled(row: &UnderWay, outcome: &Outcome, next: &Next) -> (StepName, &'static str) {
    match (outcome, next) {
        (Outcome::Accepted, _) => (StepName::Accepted, "accepted"),
        (Outcome::Gone { .. }, _) => (StepName::Refused, "dropped"),
        _ if row.unneeded => (StepName::Unneeded, "unneeded"),
        (_, Next::DueAt(_)) if !row.is_test => (StepName::Postponed, "pending"),
        (_, Next::Expired) if !row.is_test => (StepName::Expired, "dropped"),
        _ => (StepName::GivenUp, "dropped"),
    }
}

/// The statements with which outcomes are recorded, made ready once for all of a turn.
struct Recorder<'a> {
    look: CachedStatement<'a>,
    change: CachedStatement<'a>,
    next: CachedStatement<'a>,
    move_up: CachedStatement<'a>,
    pen: Pen<'a>,
}

impl<'a> Recorder<'a> {
    fn new(sql: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            look: sql.prepare_cached(
                "SELECT device, state = 'pending', state = 'unneeded',
                     CASE state WHEN 'unneeded' THEN EXISTS (SELECT 1 FROM delivery r
                         WHERE r.message = n.message AND r.fetched_by = n.device) ELSE 0 END,
                     request IS NOT NULL, sign_in, place = 'head'
                 FROM notification n WHERE id = ?1 AND claimed = 1",
            )?,
            change: sql.prepare_cached(
                "UPDATE notification SET claimed = 0, attempts = attempts - ?4, due_at = coalesce(?3, due_at),
                     place = 'free', state = iif(state IN ('pending', 'unneeded'), ?2, state) WHERE id = ?1",
            )?,
            next: sql.prepare_cached(
                "SELECT id FROM notification WHERE device = ?1 AND state = 'pending' AND place = 'behind'
                 ORDER BY id LIMIT 1",
            )?,
            move_up: sql.prepare_cached(MOVE_UP)?,
            pen: Pen::new(sql)?,
        })
    }

    /// What was withdrawn while it was under way stays so; what was forgotten, or recorded before, has no story to go on
    /// with.
    fn record(&mut self, tx: &mut Tx<'_>, ended: &Attempted, now: Timestamp) -> rusqlite::Result<()> {
        let Attempted { id: PushId(id), outcome, next } = ended;
        let Some(row) = found(self.look.query_row([id], UnderWay::read))? else { return Ok(()) };
        let (step, state) = settled(&row, outcome, next);
        let due_at = match next {
            Next::DueAt(at) => Some(at.as_millis()),
            Next::Delivered | Next::Dropped | Next::Expired => None,
        };
        // What an administrator has to mend is not an attempt that the service has seen.
        let ours = matches!(outcome, Outcome::OursToFix { .. });
        self.change.execute(params![id, state, due_at, ours])?;
        if row.is_head
            && let Some(next) = found(self.next.query_row([row.device], |row| row.get::<_, i64>(0)))?
        {
            self.move_up.execute([next])?;
        }
        if row.pending || row.unneeded {
            let reason = outcome.reason();
            self.pen.enter(*id, now, step, reason.unwrap_or_default())?;
            if row.opened && step == StepName::Accepted {
                self.pen.enter(*id, now, StepName::Opened, "")?;
            }
            if row.is_test {
                test::answer(tx, *id, reason)?;
            }
            if row.is_sign_in && state != "pending" {
                sign_in::done(tx, *id, now)?;
            }
        }
        match outcome {
            Outcome::Gone { since, .. } => forget_dead(tx, *id, since.unwrap_or(now), now),
            _ => Ok(()),
        }
    }
}

fn record(tx: &mut Tx<'_>, ended: &[Attempted], now: Timestamp) -> rusqlite::Result<()> {
    let mut recorder = Recorder::new(tx.sql)?;
    ended.iter().try_for_each(|ended| recorder.record(tx, ended, now))
}

/// A device that registered after its token died has a new life and is kept. Where it registers anew, it is woken for
/// this too.
fn forget_dead(tx: &mut Tx<'_>, id: i64, since: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT d.id FROM notification n JOIN device d ON d.id = n.device
         WHERE n.id = ?1 AND d.push_registered <= ?2";
    for device in ids(tx.sql, select, params![id, since.as_millis()])? {
        unregister(tx, device, "the service knows the device no more", now)?;
        let update = "UPDATE notification SET withdrawn = 1 WHERE id = ?1 AND state = 'dropped'";
        tx.sql.prepare_cached(update)?.execute([id])?;
    }
    Ok(())
}
