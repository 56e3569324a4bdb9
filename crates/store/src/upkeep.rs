//! What is done from time to time: ending what is over, waking what fell silent, forgetting what is old.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    configuration::McxConfiguration,
    push::TIME_TO_LIVE,
    session::{Expiry, FOREGROUND_SILENCE, SessionEnd},
};
use rusqlite::{Connection, Row, ToSql, params};

use crate::{
    Store, StoreError, configuration, history, meetings, notifications, presence, push_house,
    rows::{found, timestamp},
    sessions, subscriptions,
    writer::Tx,
};

/// How long an ended ticket is still known, so that its bearer is told that it expired.
const TICKET_MEMORY: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long the story of a notification is kept.
const LEDGER_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// How often it is noted that the box is up.
const NOTED_EVERY: Duration = Duration::from_secs(3600);
/// After how long without that it was off, or its clock is another.
const OFF: Duration = Duration::from_secs(24 * 3600);

/// When the box was last up, and from when on what is old may be forgotten.
struct Uptime {
    seen_at: Timestamp,
    forgets_from: Timestamp,
}

fn uptime(sql: &Connection) -> rusqlite::Result<Option<Uptime>> {
    let row = |row: &Row<'_>| Ok(Uptime { seen_at: timestamp(row, 0)?, forgets_from: timestamp(row, 1)? });
    found(sql.prepare_cached("SELECT seen_at, forgets_from FROM uptime")?.query_row([], row))
}

impl Store {
    /// Ends sessions that were silent too long, tells who became idle or away, ends subscriptions, wakes devices that
    /// fell silent with messages waiting, gives up expired notifications, and forgets old tickets, ended sessions of
    /// the console, and old pages of the ledger.
    ///
    /// # Errors
    /// When it could not be committed; it is done the next time.
    pub async fn tidy(&self, now: Timestamp) -> Result<(), StoreError> {
        self.change_at("tidy up", now, move |tx| {
            // After the clock was set back nobody was heard of in the future.
            let heard = "UPDATE session SET last_seen = ?1 WHERE last_seen > ?1";
            tx.sql.execute(heard, [now.as_millis()])?;
            expire_sessions(tx, now)?;
            presence::age(tx, now)?;
            subscriptions::expire(tx, now)?;
            wake_silent(tx, now)?;
            notifications::expire(tx, now)?;
            let before = |memory| (now - memory).as_millis();
            tx.sql.execute("DELETE FROM ticket WHERE expires_at < ?1", [before(TICKET_MEMORY)])?;
            tx.sql.execute("DELETE FROM console_session WHERE expires_at <= ?1", [now.as_millis()])?;
            tx.sql.execute("DELETE FROM push_ledger WHERE at < ?1", [before(LEDGER_MEMORY)])?;
            push_house::forget_before(tx, now - LEDGER_MEMORY, now)
        })
        .await
    }

    /// Whether [`Self::forget_old`] is due. After the box was off for more than a day, or its clock went forward by so
    /// much, it is not for as long as a phone may be woken: whoever waited for the box is to have it first.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn may_forget(&self, now: Timestamp) -> Result<bool, StoreError> {
        let noted = self.read("look when the box was last up", uptime).await?;
        if let Some(Uptime { seen_at, forgets_from }) = noted
            && now >= seen_at
            && now.since(seen_at) < NOTED_EVERY
        {
            return Ok(now >= forgets_from);
        }
        self.change("note that the box is up", move |tx| {
            let forgets_from = match uptime(tx.sql)? {
                None => now,
                Some(up) if now.since(up.seen_at) > OFF => now + TIME_TO_LIVE,
                Some(up) if up.forgets_from <= up.seen_at => now,
                Some(up) => up.forgets_from.min(now + TIME_TO_LIVE),
            };
            let upsert = "INSERT OR REPLACE INTO uptime (id, seen_at, forgets_from) VALUES (1, ?1, ?2)";
            tx.sql.execute(upsert, params![now.as_millis(), forgets_from.as_millis()])?;
            Ok(now >= forgets_from)
        })
        .await
    }

    /// Forgets meetings that are over, and what the office does not keep of conversations any more.
    ///
    /// # Errors
    /// When it could not be committed; it is done the next time.
    pub async fn forget_old(&self, now: Timestamp) -> Result<(), StoreError> {
        self.change_at("end meetings", now, move |tx| meetings::expire(tx, now)).await?;
        // Each in a change of its own: what people do meanwhile waits for one of them, not for all.
        while self.change_at("forget old conversations", now, move |tx| history::forget_some(tx, now)).await?
        {
        }
        Ok(())
    }
}

fn expire_sessions(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let domains: Vec<String> = tx
        .sql
        .prepare_cached("SELECT DISTINCT domain FROM account")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    domains.iter().try_for_each(|domain| expire_sessions_of(tx, domain, now))
}

fn expire_sessions_of(tx: &mut Tx<'_>, domain: &str, now: Timestamp) -> rusqlite::Result<()> {
    let Expiry { with_push, without_push } =
        configuration::in_force::<McxConfiguration>(tx.sql, domain)?.expiry;
    let silent = |lifetime| (now - lifetime).as_millis();
    let expired = pairs(
        tx,
        "SELECT s.device, s.account FROM session s JOIN device d ON d.id = s.device
         JOIN account a ON a.id = s.account
         WHERE a.domain = ?3 AND s.last_seen <= iif(d.push_token IS NULL, ?1, ?2)",
        params![silent(without_push), silent(with_push), domain],
    )?;
    for (device, account) in expired {
        sessions::lapse(tx, device, SessionEnd::Expired, now)?;
        presence::refresh(tx, account, now, None)?;
    }
    Ok(())
}

fn wake_silent(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let silent = pairs(
        tx,
        "SELECT s.device, s.account FROM session s JOIN device d ON d.id = s.device
         WHERE s.activity = 'foreground' AND s.last_seen <= ?1 AND d.push_token IS NOT NULL",
        params![(now - FOREGROUND_SILENCE).as_millis()],
    )?;
    for (device, _) in silent {
        notifications::wake_for_unfetched(tx, device, now)?;
    }
    Ok(())
}

fn pairs(tx: &Tx<'_>, select: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<(i64, i64)>> {
    tx.sql.prepare_cached(select)?.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
