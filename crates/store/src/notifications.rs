//! The outbox of notifications and the ledger of what became of them.
//!
//! A row is claimed by moving its due time ahead: a worker that dies before it records the outcome leaves a row
//! that becomes due again, at the latest when the lease ends and at once when another worker begins. The collapse
//! id is the same each time, so the device shows one alert for one message.

mod registration;
mod sign_in;
mod waking;

use std::{collections::HashSet, time::Duration};

use fulmar_domain::{
    PushId, RequestId, Timestamp,
    device::Provider,
    event::Failure,
    push::{LedgerStep, Next, Notification, Outcome, StepName, Subject},
};
use rusqlite::{Connection, Row, ToSql, params};

use crate::{
    Actor, Store, StoreError, configuration,
    events::{self, Entry},
    rows::{found, parsed, parsed_or_null, timestamp},
    sessions::{Effect, Executed},
    writer::Tx,
};
pub(crate) use registration::{register, unregister};
pub(crate) use sign_in::{session_ended, signed_in};
pub(crate) use waking::{Cause, fetched, invitation_ended, wake_for_unfetched, wake_if_asleep};

/// How long a test notification is worth delivering.
const TEST_TIME_TO_LIVE: Duration = Duration::from_secs(60);
/// What is noted of a notification that nobody may send.
const SWITCHED_OFF: &str = "an administrator has switched push off";

impl Store {
    /// Queues a notification to the device itself. What becomes of it is an event of its own.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn test_push(
        &self,
        actor: &Actor,
        request: RequestId,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        let tested = request.clone();
        self.command("queue a test notification", actor, Some(request), now, move |tx, session| {
            if !session.has_push {
                return Ok(Effect::failed(Failure::NoPushRegistration));
            }
            if !may_push(tx.sql, session.device.0)? {
                let tested = Entry::PushTested { request: tested.as_str(), reason: Some(SWITCHED_OFF) };
                events::append(tx, session.device.0, tested)?;
                return Ok(Effect::done());
            }
            let insert = "INSERT INTO notification (device, request, collapse, due_at, expires_at)
                 VALUES (?1, ?2, 'test', ?3, ?4) RETURNING id";
            let expires_at = now + TEST_TIME_TO_LIVE;
            let values = params![session.device.0, tested.as_str(), now.as_millis(), expires_at.as_millis()];
            let id = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
            queued(tx, id, now)?;
            Ok(Effect::done())
        })
        .await
    }

    /// Takes up to `limit` notifications that are due, one at a time for each device: a service that does not answer
    /// for one keeps none of the others waiting. Each is due again after `lease`, unless its outcome is recorded before.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn claim_notifications(
        &self,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Notification>, StoreError> {
        self.change("claim notifications", move |tx| {
            let mut claimed = Vec::new();
            let mut devices = HashSet::new();
            for (id, device) in due(tx.sql, now, limit)? {
                if !devices.insert(device) {
                    continue;
                }
                let notification = notification(tx.sql, id)?;
                let update =
                    "UPDATE notification SET attempts = attempts + 1, claimed = 1, due_at = ?2 WHERE id = ?1";
                tx.sql.prepare_cached(update)?.execute(params![id, (now + lease).as_millis()])?;
                let attempt = format!("attempt {}", notification.attempts + 1);
                note(tx.sql, id, now, StepName::Sent, &attempt)?;
                claimed.push(notification);
            }
            Ok(claimed)
        })
        .await
    }

    /// Makes due what an earlier worker claimed and did not finish. For a worker that begins: there is one.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn release_claims(&self, now: Timestamp) -> Result<(), StoreError> {
        self.change("release claimed notifications", move |tx| {
            let update =
                "UPDATE notification SET claimed = 0, due_at = ?1 WHERE claimed = 1 AND state = 'pending'";
            tx.sql.execute(update, [now.as_millis()]).map(drop)
        })
        .await
    }

    /// When the next notification is due, leases included: those of a device that has one under way follow that one.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn next_notification_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        self.read("look for the next notification", move |sql| {
            let select =
                format!("SELECT min(due_at) FROM notification n WHERE n.state = 'pending' AND {IS_FREE}");
            let due: Option<i64> =
                sql.prepare_cached(&select)?.query_row([now.as_millis()], |row| row.get(0))?;
            Ok(due.map(Timestamp::from_millis))
        })
        .await
    }

    /// Records what a provider made of an attempt. A test ends with its first attempt.
    ///
    /// # Errors
    /// When it could not be committed; the notification is then offered again.
    pub async fn record_push_outcome(
        &self,
        id: PushId,
        outcome: &Outcome,
        next: Next,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let outcome = outcome.clone();
        self.change("record what became of a notification", move |tx| record(tx, id.0, &outcome, &next, now))
            .await
    }

    /// The latest steps in the lives of all notifications, newest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn push_ledger(&self, limit: u32) -> Result<Vec<LedgerStep>, StoreError> {
        self.read("read the push ledger", move |sql| {
            sql.prepare_cached(
                "SELECT l.at, a.uri, l.step, l.detail FROM push_ledger l
                 JOIN notification n ON n.id = l.notification
                 JOIN device d ON d.id = n.device JOIN account a ON a.id = d.account
                 ORDER BY l.id DESC LIMIT ?1",
            )?
            .query_map([limit], |row| {
                let (at, person) = (timestamp(row, 0)?, parsed(row, 1)?);
                Ok(LedgerStep { at, person, step: parsed(row, 2)?, detail: row.get(3)? })
            })?
            .collect()
        })
        .await
    }
}

/// Whether the device may be woken.
fn may_push(sql: &Connection, device: i64) -> rusqlite::Result<bool> {
    let select =
        "SELECT a.uri, d.push_provider FROM device d JOIN account a ON a.id = d.account WHERE d.id = ?1";
    let (person, provider) = sql
        .prepare_cached(select)?
        .query_row([device], |row| Ok((parsed(row, 0)?, parsed_or_null::<Provider>(row, 1)?)))?;
    provider.map_or(Ok(false), |provider| configuration::may_push(sql, &person, provider))
}

/// Withdraws what waits for people who are not to be woken any more.
pub(crate) fn drop_forbidden(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT DISTINCT device FROM notification WHERE state = 'pending'";
    for device in ids(tx.sql, select, params![])? {
        if may_push(tx.sql, device)? {
            continue;
        }
        let select = "SELECT id FROM notification WHERE device = ?1 AND state = 'pending'";
        for id in ids(tx.sql, select, params![device])? {
            finish(tx, id, "dropped")?;
            note(tx.sql, id, now, StepName::GivenUp, SWITCHED_OFF)?;
            answer_test(tx, id, Some(SWITCHED_OFF))?;
        }
    }
    Ok(())
}

fn queued(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> rusqlite::Result<()> {
    tx.touched.outbox = true;
    note(tx.sql, id, now, StepName::Queued, "")
}

/// A notification that was forgotten with its message while it was on its way has no story any more.
fn note(sql: &Connection, id: i64, now: Timestamp, step: StepName, detail: &str) -> rusqlite::Result<()> {
    let insert = "INSERT INTO push_ledger (notification, at, step, detail)
         SELECT id, ?2, ?3, ?4 FROM notification WHERE id = ?1";
    sql.prepare_cached(insert)?.execute(params![id, now.as_millis(), step.as_str(), detail]).map(drop)
}

fn withdraw(tx: &Tx<'_>, device: i64) -> rusqlite::Result<()> {
    let update = "UPDATE notification SET state = 'dropped' WHERE device = ?1 AND state = 'pending'";
    tx.sql.prepare_cached(update)?.execute([device]).map(drop)
}

/// Gives up what has expired.
pub(crate) fn expire(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let expired = ids(
        tx.sql,
        "SELECT id FROM notification WHERE state = 'pending' AND expires_at <= ?1",
        params![now.as_millis()],
    )?;
    for id in expired {
        finish(tx, id, "dropped")?;
        note(tx.sql, id, now, StepName::GivenUp, "it expired")?;
        answer_test(tx, id, Some("it could not be sent in time"))?;
    }
    Ok(())
}

fn ids(sql: &Connection, statement: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<i64>> {
    sql.prepare_cached(statement)?.query_map(values, |row| row.get(0))?.collect()
}

/// Whether a notification `n` waits for no other of its device that is under way at `?1`.
const IS_FREE: &str = "NOT EXISTS (
     SELECT 1 FROM notification o WHERE o.device = n.device AND o.state = 'pending' AND o.id <> n.id
         AND o.claimed = 1 AND o.due_at > ?1)";

/// The notifications that are due and the devices that they are for.
fn due(sql: &Connection, now: Timestamp, limit: u32) -> rusqlite::Result<Vec<(i64, i64)>> {
    let select = format!(
        "SELECT n.id, n.device FROM notification n
         WHERE n.state = 'pending' AND n.due_at <= ?1 AND n.expires_at > ?1 AND {IS_FREE}
         ORDER BY n.due_at LIMIT ?2"
    );
    sql.prepare_cached(&select)?
        .query_map(params![now.as_millis(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn notification(sql: &Connection, id: i64) -> rusqlite::Result<Notification> {
    sql.prepare_cached(
        "SELECT n.id, n.collapse, n.expires_at, n.attempts, s.display_name, n.message,
             (SELECT count(*) FROM delivery w WHERE w.recipient = d.account AND w.delivered_at IS NULL
                 AND w.failed_at IS NULL), n.sign_in,
             d.push_provider, d.push_token, d.push_p256dh, d.push_auth
         FROM notification n JOIN device d ON d.id = n.device
         LEFT JOIN message m ON m.id = n.message LEFT JOIN invitation i ON i.id = n.invitation
         LEFT JOIN account s ON s.id = coalesce(m.sender, i.inviter)
         WHERE n.id = ?1",
    )?
    .query_row([id], |row| {
        Ok(Notification {
            id: PushId(row.get(0)?),
            collapse_id: row.get(1)?,
            expires_at: timestamp(row, 2)?,
            attempts: row.get(3)?,
            subject: subject(row)?,
            badge: row.get(6)?,
            registration: registration::read(row, 8)?,
        })
    })
}

fn subject(row: &Row<'_>) -> rusqlite::Result<Subject> {
    let (from, message): (Option<String>, Option<i64>) = (row.get(4)?, row.get(5)?);
    Ok(match (from, message) {
        (Some(from), Some(_)) => Subject::Message { from },
        (Some(from), None) => Subject::Invitation { from },
        (None, _) if row.get(7)? => Subject::SignIn,
        (None, _) => Subject::Test,
    })
}

fn record(tx: &mut Tx<'_>, id: i64, outcome: &Outcome, next: &Next, now: Timestamp) -> rusqlite::Result<()> {
    let reason = match outcome {
        Outcome::Accepted => None,
        Outcome::Gone { reason, .. } | Outcome::OursToFix { reason } | Outcome::Retry { reason, .. } => {
            Some(reason.as_str())
        }
    };
    let is_test = answer_test(tx, id, reason)?;
    let step = match (outcome, next) {
        (Outcome::Accepted, _) => StepName::Accepted,
        (Outcome::Gone { .. }, _) => StepName::Gone,
        (_, Next::DueAt(_)) if !is_test => StepName::Postponed,
        _ => StepName::GivenUp,
    };
    note(tx.sql, id, now, step, reason.unwrap_or_default())?;
    match (outcome, next) {
        (Outcome::Accepted, _) => finish(tx, id, "accepted")?,
        (_, Next::DueAt(at)) if !is_test => {
            // What an administrator has to mend is not an attempt that the service has seen.
            let update = "UPDATE notification SET claimed = 0, due_at = ?2, attempts = attempts - ?3
                 WHERE id = ?1 AND state = 'pending'";
            let ours = matches!(outcome, Outcome::OursToFix { .. });
            tx.sql.prepare_cached(update)?.execute(params![id, at.as_millis(), ours])?;
        }
        _ => finish(tx, id, "dropped")?,
    }
    if let Outcome::Gone { since, .. } = outcome {
        forget_dead(tx, id, since.unwrap_or(now))?;
    }
    Ok(())
}

fn finish(tx: &Tx<'_>, id: i64, state: &str) -> rusqlite::Result<()> {
    let update = "UPDATE notification SET state = ?2 WHERE id = ?1 AND state = 'pending'";
    tx.sql.prepare_cached(update)?.execute(params![id, state])?;
    sign_in::done(tx, id)
}

/// A device that registered after its token died has a new life and is kept.
fn forget_dead(tx: &Tx<'_>, id: i64, since: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT d.id FROM notification n JOIN device d ON d.id = n.device
         WHERE n.id = ?1 AND d.push_registered <= ?2";
    for device in ids(tx.sql, select, params![id, since.as_millis()])? {
        unregister(tx, device)?;
    }
    Ok(())
}

/// Tells the session that asked for a test what came of it; says whether this was a test.
fn answer_test(tx: &mut Tx<'_>, id: i64, reason: Option<&str>) -> rusqlite::Result<bool> {
    let select = "SELECT n.request, s.device FROM notification n LEFT JOIN session s ON s.device = n.device
         WHERE n.id = ?1 AND n.request IS NOT NULL";
    let test: Option<(String, Option<i64>)> =
        found(tx.sql.prepare_cached(select)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))))?;
    let is_test = test.is_some();
    if let Some((request, Some(device))) = test {
        events::append(tx, device, Entry::PushTested { request: &request, reason })?;
    }
    Ok(is_test)
}
