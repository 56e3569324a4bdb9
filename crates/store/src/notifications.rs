//! The outbox of notifications and the ledger of what became of them.
//!
//! One worker takes rows out, one at a time for each device, and says what came of each. One that dies leaves rows
//! that are under way for ever, so the next one begins by releasing them. The collapse id is the same each time, so
//! the device shows one alert for one message.

mod badge;
mod outbox;
mod registration;
mod sign_in;
mod test;
mod waking;
mod why;

use fulmar_domain::{
    MessageId, Timestamp,
    push::{LONGEST_PAUSE, LedgerStep, StepName},
};
use rusqlite::{CachedStatement, Connection, ToSql, params};

use crate::{
    Store, StoreError,
    rows::{found, parsed, timestamp},
    writer::Tx,
};
pub use outbox::{Attempted, Claimed, Room};
pub(crate) use registration::{register, unregister};
pub(crate) use sign_in::{session_ended, signed_in};
pub use test::DeviceTest;
pub(crate) use waking::{
    Cause, fetched, invitation_ended, reconsider, reconsider_all, reconsider_person, wake_for_unfetched,
    wake_if_asleep,
};

impl Store {
    /// The latest steps in the lives of all notifications, newest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn push_ledger(&self, limit: u32) -> Result<Vec<LedgerStep>, StoreError> {
        self.read("read the push ledger", move |sql| {
            sql.prepare_cached(
                "SELECT l.at, a.uri, l.step, l.detail, n.collapse, n.message, n.service FROM push_ledger l
                 JOIN notification n ON n.id = l.notification
                 JOIN device d ON d.id = n.device JOIN account a ON a.id = d.account
                 ORDER BY l.id DESC LIMIT ?1",
            )?
            .query_map([limit], |row| {
                Ok(LedgerStep {
                    at: timestamp(row, 0)?,
                    person: parsed(row, 1)?,
                    about: row.get(4)?,
                    message: row.get::<_, Option<i64>>(5)?.map(MessageId),
                    service: row.get(6)?,
                    step: parsed(row, 2)?,
                    detail: row.get(3)?,
                })
            })?
            .collect()
        })
        .await
    }
}

fn queued(tx: &mut Tx<'_>, id: i64, now: Timestamp) -> rusqlite::Result<()> {
    tx.touched.outbox = true;
    enter(tx.sql, id, now, StepName::Queued, "")
}

/// A notification that was forgotten with its message while it was on its way has no story any more.
fn note(sql: &Connection, id: i64, now: Timestamp, step: StepName, detail: &str) -> rusqlite::Result<()> {
    let insert = "INSERT INTO push_ledger (notification, at, step, detail)
         SELECT id, ?2, ?3, ?4 FROM notification WHERE id = ?1";
    sql.prepare_cached(insert)?.execute(params![id, now.as_millis(), step.as_str(), detail]).map(drop)
}

/// As [`note`], of one that is there.
fn enter(sql: &Connection, id: i64, now: Timestamp, step: StepName, detail: &str) -> rusqlite::Result<()> {
    Pen::new(sql)?.enter(id, now, step, detail)
}

/// Enters many steps into the ledger.
struct Pen<'a>(CachedStatement<'a>);

impl<'a> Pen<'a> {
    fn new(sql: &'a Connection) -> rusqlite::Result<Self> {
        let insert = "INSERT INTO push_ledger (notification, at, step, detail) VALUES (?1, ?2, ?3, ?4)";
        sql.prepare_cached(insert).map(Self)
    }

    fn enter(&mut self, id: i64, now: Timestamp, step: StepName, detail: &str) -> rusqlite::Result<()> {
        self.0.execute(params![id, now.as_millis(), step.as_str(), detail]).map(drop)
    }
}

/// Gives up what a device was to be woken for.
fn withdraw(tx: &mut Tx<'_>, device: i64, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT id FROM notification WHERE device = ?1 AND state = 'pending'";
    ids(tx.sql, select, params![device])?.into_iter().try_for_each(|id| give_up(tx, id, why, now))
}

/// Gives a notification up for a reason that may pass.
fn give_up(tx: &mut Tx<'_>, id: i64, why: &str, now: Timestamp) -> rusqlite::Result<()> {
    note(tx.sql, id, now, StepName::GivenUp, why)?;
    test::answer(tx, id, Some(why))?;
    finish(tx, id, "dropped", now)?;
    let update = "UPDATE notification SET withdrawn = 1 WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute([id]).map(drop)
}

/// Gives up what has expired, and makes due what rests for longer than anything does: the clock was set back. What is
/// under way is judged by what comes of it.
pub(crate) fn expire(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let update =
        "UPDATE notification SET due_at = ?1 WHERE state = 'pending' AND claimed = 0 AND due_at > ?2";
    if tx.sql.execute(update, params![now.as_millis(), (now + LONGEST_PAUSE).as_millis()])? > 0 {
        tx.touched.outbox = true;
    }
    let expired = ids(
        tx.sql,
        "SELECT id FROM notification WHERE state = 'pending' AND claimed = 0 AND expires_at <= ?1",
        params![now.as_millis()],
    )?;
    for id in expired {
        note(tx.sql, id, now, StepName::Expired, "")?;
        test::answer(tx, id, Some("it could not be sent in time"))?;
        finish(tx, id, "dropped", now)?;
    }
    Ok(())
}

fn ids(sql: &Connection, statement: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<i64>> {
    sql.prepare_cached(statement)?.query_map(values, |row| row.get(0))?.collect()
}

fn finish(tx: &mut Tx<'_>, id: i64, state: &str, now: Timestamp) -> rusqlite::Result<()> {
    leave(tx, id, state)?;
    sign_in::done(tx, id, now)
}

/// Ends the wait of a notification, and lets the next of its device move up.
fn leave(tx: &Tx<'_>, id: i64, state: &str) -> rusqlite::Result<()> {
    let update = "UPDATE notification SET state = ?2 WHERE id = ?1 AND state = 'pending' RETURNING device";
    match found(tx.sql.prepare_cached(update)?.query_row(params![id, state], |row| row.get(0)))? {
        Some(device) => outbox::move_up(tx, device),
        None => Ok(()),
    }
}

/// Nobody has to be woken for these any more. Of those that are under way the answer says whether somebody was.
fn unneeded(tx: &Tx<'_>, notifications: Vec<i64>, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT claimed FROM notification WHERE id = ?1";
    notifications.into_iter().try_for_each(|id| {
        leave(tx, id, "unneeded")?;
        let under_way = tx.sql.prepare_cached(select)?.query_row([id], |row| row.get(0))?;
        if under_way { Ok(()) } else { enter(tx.sql, id, now, StepName::Unneeded, "") }
    })
}
