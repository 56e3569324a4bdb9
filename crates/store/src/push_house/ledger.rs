//! What became of the notifications of other boxes: one row each, when it is known.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    device::Provider,
    push::{BoxName, HandOver, Outcome},
};
use rusqlite::{Row, params};

use crate::{
    Store, StoreError,
    rows::{parsed, timestamp},
    writer::Tx,
};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// How long it is known what had become of an invitation.
const INVITATION_MEMORY: Duration = Duration::from_secs(24 * 3600);

impl Store {
    /// Writes down what came of a notification that a box handed over.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn record_hand_over(
        &self,
        from: BoxName,
        provider: Provider,
        outcome: &Outcome,
        attempt: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (outcome, reason) = (outcome.as_str(), outcome.reason().unwrap_or_default().to_owned());
        self.change("record what became of a notification of another box", move |tx| {
            let insert = "INSERT INTO push_house_ledger (box, at, provider, outcome, reason, attempt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let values = params![from.as_str(), now.as_millis(), provider.as_str(), outcome, reason, attempt];
            tx.sql.prepare_cached(insert)?.execute(values).map(drop)
        })
        .await
    }

    /// Counts a notification that was beyond the quota of its box.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn count_throttled(&self, from: BoxName, now: Timestamp) -> Result<(), StoreError> {
        self.change("count a throttled notification", move |tx| {
            let insert = "INSERT INTO push_house_throttled (box, day, times) VALUES (?1, ?2, 1)
                 ON CONFLICT DO UPDATE SET times = times + 1";
            tx.sql.prepare_cached(insert)?.execute(params![from.as_str(), day(now)]).map(drop)
        })
        .await
    }

    /// How many notifications a box has handed over since then.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn handed_over_since(&self, from: BoxName, since: Timestamp) -> Result<u32, StoreError> {
        self.read("count the notifications of a box", move |sql| {
            let count = "SELECT count(*) FROM push_house_ledger WHERE box = ?1 AND at >= ?2";
            sql.prepare_cached(count)?.query_row(params![from.as_str(), since.as_millis()], |row| row.get(0))
        })
        .await
    }

    /// The latest pages of the ledger, of one box or of all, newest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn house_ledger(&self, of: Option<BoxName>, limit: u32) -> Result<Vec<HandOver>, StoreError> {
        self.read("read the ledger of the clearing house", move |sql| {
            let select = "SELECT box, at, provider, outcome, reason, attempt FROM push_house_ledger
                 WHERE ?1 IS NULL OR box = ?1 ORDER BY id DESC LIMIT ?2";
            let row = |row: &Row<'_>| {
                Ok(HandOver {
                    from: parsed(row, 0)?,
                    at: timestamp(row, 1)?,
                    provider: parsed(row, 2)?,
                    outcome: row.get(3)?,
                    reason: row.get(4)?,
                    attempt: row.get(5)?,
                })
            };
            let of = of.as_ref().map(BoxName::as_str);
            sql.prepare_cached(select)?.query_map(params![of, limit], row)?.collect()
        })
        .await
    }
}

/// Forgets pages that are older than `before`, and what has become of invitations that ended a day ago.
pub(crate) fn forget_before(tx: &Tx<'_>, before: Timestamp, now: Timestamp) -> rusqlite::Result<()> {
    tx.sql.execute("DELETE FROM push_house_ledger WHERE at < ?1", [before.as_millis()])?;
    tx.sql.execute("DELETE FROM push_house_throttled WHERE day < ?1", [day(before)])?;
    let ended = (now - INVITATION_MEMORY).as_millis();
    tx.sql.execute("DELETE FROM push_house_invitation WHERE expires_at < ?1", [ended]).map(drop)
}

/// The number of the day, UTC.
pub(super) fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MS)
}

/// When a day begins, in milliseconds since 1970.
pub(super) fn begin(day: i64) -> i64 {
    day * DAY_MS
}
