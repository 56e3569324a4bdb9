//! What became of a message, for an administrator who asks.

use fulmar_domain::{
    DeviceId, MessageId, Timestamp,
    push::{DeviceStory, PersonStory, Step, Story},
};
use rusqlite::{Connection, params};

use crate::{
    Store, StoreError,
    rows::{found, parsed, parsed_or_null, timestamp},
};

impl Store {
    /// What became of a message for those to whom it was said; `None` when there is no such message any more.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn story(&self, message: MessageId) -> Result<Option<Story>, StoreError> {
        self.read("read what became of a message", move |sql| {
            let select =
                "SELECT a.uri, m.sent_at FROM message m JOIN account a ON a.id = m.sender WHERE m.id = ?1";
            let said = sql.query_row(select, [message.0], |row| Ok((parsed(row, 0)?, timestamp(row, 1)?)));
            let Some((from, sent_at)) = found(said)? else { return Ok(None) };
            Ok(Some(Story { from, sent_at, people: people(sql, message.0)? }))
        })
        .await
    }
}

fn people(sql: &Connection, message: i64) -> rusqlite::Result<Vec<PersonStory>> {
    sql.prepare(
        "SELECT r.recipient, a.uri, r.delivered_at, r.fetched_by, d.name
         FROM delivery r JOIN account a ON a.id = r.recipient LEFT JOIN device d ON d.id = r.fetched_by
         WHERE r.message = ?1 ORDER BY a.uri",
    )?
    .query_map([message], |row| {
        let by: Option<i64> = row.get(3)?;
        Ok(PersonStory {
            person: parsed(row, 1)?,
            fetched_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
            fetched_by: by.map(|id| Ok::<_, rusqlite::Error>((DeviceId(id), row.get(4)?))).transpose()?,
            devices: devices(sql, message, row.get(0)?)?,
        })
    })?
    .collect()
}

fn devices(sql: &Connection, message: i64, person: i64) -> rusqlite::Result<Vec<DeviceStory>> {
    sql.prepare_cached(
        "SELECT d.id, d.name, s.started_at, w.at, w.reason, n.id
         FROM device d LEFT JOIN session s ON s.device = d.id
         LEFT JOIN not_woken w ON w.message = ?1 AND w.device = d.id
         LEFT JOIN notification n ON n.message = ?1 AND n.device = d.id
         WHERE d.account = ?2 AND (s.device IS NOT NULL OR w.device IS NOT NULL OR n.id IS NOT NULL)
         ORDER BY d.id",
    )?
    .query_map(params![message, person], |row| {
        let millis =
            |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis));
        let notification: Option<i64> = row.get(5)?;
        Ok(DeviceStory {
            device: DeviceId(row.get(0)?),
            name: row.get(1)?,
            signed_in_since: millis(2)?,
            not_woken: millis(3)?.zip(parsed_or_null(row, 4)?),
            steps: notification.map_or_else(|| Ok(Vec::new()), |id| steps(sql, id))?,
        })
    })?
    .collect()
}

pub(super) fn steps(sql: &Connection, notification: i64) -> rusqlite::Result<Vec<Step>> {
    sql.prepare_cached("SELECT at, step, detail FROM push_ledger WHERE notification = ?1 ORDER BY id")?
        .query_map([notification], |row| {
            Ok(Step { at: timestamp(row, 0)?, step: parsed(row, 1)?, detail: row.get(2)? })
        })?
        .collect()
}
