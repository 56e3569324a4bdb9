//! The boxes for which this one is the clearing house, and the invitations of further ones.
//!
//! Of a ticket only a SHA-256 is kept. A box is known by the SHA-256 of its public key; the name is for people.

mod ledger;

use std::num::NonZeroU32;

use fulmar_domain::{
    Timestamp,
    push::{BoxName, HandOverCounts, HouseBox, Pairing, Quota},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Store, StoreError, TicketDigest,
    rows::{found, parsed, timestamp},
    writer::Tx,
};
pub(crate) use ledger::forget_before;

/// So many wrong secrets end an invitation.
const MAX_WRONG: u32 = 5;

impl Store {
    /// Invites a box, in place of what invited it before. `number` is the part of its ticket that is no secret. `false`
    /// where another invitation has that number; nothing was changed then.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn invite_box(
        &self,
        name: BoxName,
        number: String,
        ticket: TicketDigest,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change("invite a box", move |tx| {
            let taken =
                "SELECT EXISTS (SELECT 1 FROM push_house_invitation WHERE number = ?1 AND name <> ?2)";
            if tx.sql.query_row(taken, params![number, name.as_str()], |row| row.get(0))? {
                return Ok(false);
            }
            tx.sql.execute("DELETE FROM push_house_invitation WHERE name = ?1", [name.as_str()])?;
            let insert = "INSERT INTO push_house_invitation (number, name, ticket_digest, expires_at)
                 VALUES (?1, ?2, ?3, ?4)";
            let values = params![number, name.as_str(), ticket.as_bytes(), expires_at.as_millis()];
            tx.sql.execute(insert, values).map(|_| true)
        })
        .await
    }

    /// Takes the invitation that a ticket is of: the box with this key may hand over from now on. One that was paired
    /// before under this name, or with this key, is no other box.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn pair_box(
        &self,
        number: String,
        ticket: TicketDigest,
        key: [u8; 32],
        now: Timestamp,
    ) -> Result<Pairing, StoreError> {
        self.change("pair with a box", move |tx| pair(tx, &number, &ticket, &key, now)).await
    }

    /// The box with this key, and how much it may hand over.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn box_with_key(&self, key: [u8; 32]) -> Result<Option<(BoxName, Quota)>, StoreError> {
        self.read("look for a box", move |sql| {
            let select = "SELECT name, per_minute, per_day FROM push_house_box WHERE key_digest = ?1";
            let row = |row: &Row<'_>| Ok((parsed(row, 0)?, quota(row, 1)?));
            found(sql.prepare_cached(select)?.query_row([key.as_slice()], row))
        })
        .await
    }

    /// Notes that a box was heard of.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn heard_of_box(&self, name: BoxName, now: Timestamp) -> Result<(), StoreError> {
        self.change("note that a box was heard of", move |tx| {
            let update = "UPDATE push_house_box SET last_seen = ?2 WHERE name = ?1";
            tx.sql.prepare_cached(update)?.execute(params![name.as_str(), now.as_millis()]).map(drop)
        })
        .await
    }

    /// The boxes that may hand over, by name, and the names of those whose invitation is open, with its end.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn house_boxes(
        &self,
        now: Timestamp,
    ) -> Result<(Vec<HouseBox>, Vec<(BoxName, Timestamp)>), StoreError> {
        self.read("list the boxes", move |sql| Ok((boxes(sql, now)?, invited(sql, now)?))).await
    }

    /// Sets how much a box may hand over; `false` when there is none of this name.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn set_box_quota(&self, name: BoxName, quota: Quota) -> Result<bool, StoreError> {
        self.change("change the quota of a box", move |tx| {
            let update = "UPDATE push_house_box SET per_minute = ?2, per_day = ?3 WHERE name = ?1";
            let values = params![name.as_str(), quota.per_minute.get(), quota.per_day.get()];
            Ok(tx.sql.execute(update, values)? > 0)
        })
        .await
    }

    /// Takes from a box what it may, and its invitation; `false` when it had neither. Its pages of the ledger stay.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn remove_box(&self, name: BoxName) -> Result<bool, StoreError> {
        self.change("remove a box", move |tx| {
            let invitations = "DELETE FROM push_house_invitation WHERE name = ?1";
            let invited = tx.sql.execute(invitations, [name.as_str()])?;
            let paired = tx.sql.execute("DELETE FROM push_house_box WHERE name = ?1", [name.as_str()])?;
            Ok(invited + paired > 0)
        })
        .await
    }
}

fn pair(
    tx: &Tx<'_>,
    number: &str,
    ticket: &TicketDigest,
    key: &[u8; 32],
    now: Timestamp,
) -> rusqlite::Result<Pairing> {
    let select =
        "SELECT name, ticket_digest, expires_at, wrong, used FROM push_house_invitation WHERE number = ?1";
    let row = |row: &Row<'_>| {
        let digest: Vec<u8> = row.get(1)?;
        Ok((parsed(row, 0)?, digest == ticket.as_bytes(), timestamp(row, 2)?, row.get(3)?, row.get(4)?))
    };
    let invitation: Option<(BoxName, bool, Timestamp, u32, bool)> =
        found(tx.sql.query_row(select, [number], row))?;
    let Some((name, is_right, expires_at, wrong, used)) = invitation else { return Ok(Pairing::Wrong) };
    if wrong >= MAX_WRONG {
        return Ok(Pairing::Ended);
    }
    if !is_right {
        let update = "UPDATE push_house_invitation SET wrong = wrong + 1 WHERE number = ?1";
        tx.sql.execute(update, [number])?;
        return Ok(if wrong + 1 >= MAX_WRONG { Pairing::Ended } else { Pairing::Wrong });
    }
    if used {
        return Ok(Pairing::Used);
    }
    if expires_at <= now {
        return Ok(Pairing::Late);
    }
    tx.sql.execute("UPDATE push_house_invitation SET used = 1 WHERE number = ?1", [number])?;
    let other = "DELETE FROM push_house_box WHERE key_digest = ?2 AND name <> ?1";
    tx.sql.execute(other, params![name.as_str(), key.as_slice()])?;
    let Quota { per_minute, per_day } = Quota::default();
    let insert = "INSERT INTO push_house_box (name, key_digest, per_minute, per_day, paired_at, last_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)
         ON CONFLICT (name) DO UPDATE SET key_digest = excluded.key_digest, paired_at = excluded.paired_at,
             last_seen = excluded.last_seen";
    let values = params![name.as_str(), key.as_slice(), per_minute.get(), per_day.get(), now.as_millis()];
    tx.sql.execute(insert, values)?;
    Ok(Pairing::Paired(name))
}

fn boxes(sql: &Connection, now: Timestamp) -> rusqlite::Result<Vec<HouseBox>> {
    let select = "SELECT b.name, b.per_minute, b.per_day, b.paired_at,
             max(b.last_seen, coalesce((SELECT max(at) FROM push_house_ledger WHERE box = b.name), 0)),
             coalesce(sum(l.outcome = 'accepted'), 0), coalesce(sum(l.outcome = 'gone'), 0), count(l.id),
             coalesce((SELECT times FROM push_house_throttled WHERE box = b.name AND day = ?2), 0)
         FROM push_house_box b LEFT JOIN push_house_ledger l ON l.box = b.name AND l.at >= ?1
         GROUP BY b.name ORDER BY b.name";
    let row = |row: &Row<'_>| {
        let (accepted, gone, all): (u32, u32, u32) = (row.get(5)?, row.get(6)?, row.get(7)?);
        let failed = all.saturating_sub(accepted + gone);
        Ok(HouseBox {
            name: parsed(row, 0)?,
            quota: quota(row, 1)?,
            paired_at: timestamp(row, 3)?,
            last_seen: timestamp(row, 4)?,
            today: HandOverCounts { accepted, gone, failed, throttled: row.get(8)? },
        })
    };
    let day = ledger::day(now);
    sql.prepare_cached(select)?.query_map([ledger::begin(day), day], row)?.collect()
}

fn invited(sql: &Connection, now: Timestamp) -> rusqlite::Result<Vec<(BoxName, Timestamp)>> {
    let select = "SELECT name, expires_at FROM push_house_invitation
         WHERE used = 0 AND wrong < ?2 AND expires_at > ?1 ORDER BY name";
    sql.prepare_cached(select)?
        .query_map(params![now.as_millis(), MAX_WRONG], |row| Ok((parsed(row, 0)?, timestamp(row, 1)?)))?
        .collect()
}

/// The schema allows positive numbers only.
fn quota(row: &Row<'_>, column: usize) -> rusqlite::Result<Quota> {
    let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Ok(Quota { per_minute: number(row.get(column)?), per_day: number(row.get(column + 1)?) })
}
