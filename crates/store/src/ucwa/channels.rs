//! The places of several instances of one client in the log of their session. Events are kept until the last of
//! those that are there has acknowledged them; who was away for longer is sent to where the log begins.

use std::time::Duration;

use fulmar_domain::{
    SessionId, Timestamp,
    application::ClientText,
    channel::{Channel, LONG_SILENCE, MAX_CHANNELS, Pace, PaceChange},
    event::Release,
    id::ChannelId,
    session::{FOREGROUND_SILENCE, Session},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Store, StoreError, events,
    rows::{found, timestamp},
    sessions,
    writer::Tx,
};

/// A channel as it stands.
struct Known {
    id: ChannelId,
    acknowledged: u64,
    polled_at: Timestamp,
    pace: Pace,
    resumed_at: Option<u64>,
}

impl Known {
    fn at(&self, ack: u64) -> Channel {
        let Self { id, acknowledged, pace, resumed_at, .. } = *self;
        Channel { id, acknowledged, pace, resumed: resumed_at == Some(ack) }
    }

    /// Whether it is to be noted that it was polled.
    fn is_to_touch(&self, now: Timestamp) -> bool {
        now.since(self.polled_at).as_secs() >= 60 || self.polled_at > now
    }
}

impl Store {
    /// The channel of an instance, for a poll at `ack` that says this of its pace. What was said before holds, unless
    /// the channel was silent for long. `None` where there is no such instance; one that has no name is always there
    /// while the session is.
    ///
    /// # Errors
    /// When it could not be read or committed.
    pub async fn enter_channel(
        &self,
        session: &Session,
        instance: Option<&ClientText>,
        ack: u64,
        change: PaceChange,
        now: Timestamp,
    ) -> Result<Option<Channel>, StoreError> {
        let (device, instance) = (session.device.0, name(instance).to_owned());
        let named = instance.clone();
        let known = self.read("look a channel up", move |sql| find(sql, device, &named)).await?;
        if let Some(known) = known.filter(|k| k.pace.after(change) == k.pace && !k.is_to_touch(now)) {
            return Ok(Some(known.at(ack)));
        }
        let session = session.clone();
        self.change("enter a channel", move |tx| {
            if instance.is_empty() {
                let insert = "INSERT OR IGNORE INTO ucwa_channel (device, instance, acknowledged, polled_at)
                     SELECT device, '', acknowledged, ?2 FROM session WHERE device = ?1";
                tx.sql.prepare_cached(insert)?.execute(params![device, now.as_millis()])?;
            }
            let Some(mut known) = find(tx.sql, device, &instance)? else { return Ok(None) };
            if now.since(known.polled_at) >= LONG_SILENCE {
                (known.pace, known.resumed_at) = (Pace::default(), Some(ack));
            }
            known.pace = known.pace.after(change);
            note(tx, &known, now)?;
            // So that nothing is left to note for the acknowledgement that follows.
            sessions::touch(tx, &session, now)?;
            Ok(Some(known.at(ack)))
        })
        .await
    }

    /// Notes that a channel was polled and what its client has dealt with. Their messages count as delivered; what all
    /// channels have dealt with that are there is forgotten. `false` when the channel has ended.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn acknowledge_in(
        &self,
        channel: ChannelId,
        session: &SessionId,
        ack: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sid = session.clone();
        let noted = self.read("look what a channel has acknowledged", move |sql| {
            let Some(session) = sessions::find(sql, &sid, now)? else { return Ok(Some(false)) };
            let Some(known) = numbered(sql, channel)? else { return Ok(Some(false)) };
            let changes =
                sessions::is_to_touch(&session, now) || known.is_to_touch(now) || known.acknowledged < ack;
            Ok((!changes).then_some(true))
        });
        if let Some(noted) = noted.await? {
            return Ok(noted);
        }
        let sid = session.clone();
        self.change("acknowledge events in a channel", move |tx| {
            let Some(session) = sessions::find(tx.sql, &sid, now)? else { return Ok(false) };
            let ack = ack.min(session.last_event);
            let update =
                "UPDATE ucwa_channel SET acknowledged = max(acknowledged, ?2), polled_at = ?3 WHERE id = ?1";
            if tx.sql.prepare_cached(update)?.execute(params![channel.0, ack, now.as_millis()])? == 0 {
                return Ok(false);
            }
            sessions::touch(tx, &session, now)?;
            // After the clock was set back nobody else is known to be there.
            let select = "SELECT min(acknowledged) FROM ucwa_channel
                 WHERE device = ?1 AND polled_at > ?2 AND polled_at <= ?3";
            let values = params![session.device.0, (now - FOREGROUND_SILENCE).as_millis(), now.as_millis()];
            let by_all: u64 = tx.sql.prepare_cached(select)?.query_row(values, |row| row.get(0))?;
            events::forget(tx, &session, ack, by_all, now)?;
            Ok(true)
        })
        .await
    }

    /// Ends the channel of an instance; whether the application has others that are there.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn close_channel(
        &self,
        session: &Session,
        instance: &ClientText,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (device, instance) = (session.device.0, instance.clone());
        self.change("close a channel", move |tx| {
            let delete = "DELETE FROM ucwa_channel WHERE device = ?1 AND instance = ?2";
            tx.sql.execute(delete, params![device, instance.as_str()])?;
            tx.touched.sessions.insert(device);
            let select = "SELECT EXISTS (SELECT 1 FROM ucwa_channel WHERE device = ?1 AND polled_at > ?2)";
            tx.sql.query_row(select, params![device, (now - LONG_SILENCE).as_millis()], |row| row.get(0))
        })
        .await
    }
}

/// The instance as it is stored.
pub(super) fn name(instance: Option<&ClientText>) -> &str {
    instance.map_or("", ClientText::as_str)
}

/// Makes the channel of an instance that has none: it begins where the foremost of the others is, or with the session.
/// Whether there was none.
pub(super) fn open(
    tx: &Tx<'_>,
    session: &Session,
    instance: Option<&ClientText>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let device = session.device.0;
    let foremost = "SELECT max(acknowledged) FROM ucwa_channel WHERE device = ?1";
    let foremost: Option<u64> = tx.sql.query_row(foremost, [device], |row| row.get(0))?;
    let begin = foremost.map_or(session.acknowledged, |others| others.max(session.acknowledged));
    let insert = "INSERT OR IGNORE INTO ucwa_channel (device, instance, acknowledged, polled_at)
         VALUES (?1, ?2, ?3, ?4)";
    let made = tx.sql.execute(insert, params![device, name(instance), begin, now.as_millis()])?;
    let delete = "DELETE FROM ucwa_channel WHERE device = ?1 AND id NOT IN (
             SELECT id FROM ucwa_channel WHERE device = ?1 ORDER BY min(polled_at, ?3) DESC, id DESC LIMIT ?2)";
    tx.sql.execute(delete, params![device, MAX_CHANNELS, now.as_millis()])?;
    Ok(made == 1)
}

fn note(tx: &Tx<'_>, known: &Known, now: Timestamp) -> rusqlite::Result<()> {
    let update =
        "UPDATE ucwa_channel SET polled_at = ?2, medium = ?3, low = ?4, timeout = ?5, resumed_at = ?6
         WHERE id = ?1";
    let Pace { release: Release { medium, low }, timeout } = known.pace;
    let [medium, low, timeout] = [medium, low, timeout].map(|time| time.as_secs());
    let values = params![known.id.0, now.as_millis(), medium, low, timeout, known.resumed_at];
    tx.sql.prepare_cached(update)?.execute(values).map(drop)
}

const SELECT: &str =
    "SELECT c.id, max(c.acknowledged, s.acknowledged), c.polled_at, c.medium, c.low, c.timeout,
         c.resumed_at
     FROM ucwa_channel c JOIN session s ON s.device = c.device";

fn find(sql: &Connection, device: i64, instance: &str) -> rusqlite::Result<Option<Known>> {
    let select = format!("{SELECT} WHERE c.device = ?1 AND c.instance = ?2");
    found(sql.prepare_cached(&select)?.query_row(params![device, instance], row))
}

fn numbered(sql: &Connection, channel: ChannelId) -> rusqlite::Result<Option<Known>> {
    found(sql.prepare_cached(&format!("{SELECT} WHERE c.id = ?1"))?.query_row([channel.0], row))
}

fn row(row: &Row<'_>) -> rusqlite::Result<Known> {
    let seconds = |column| Ok::<_, rusqlite::Error>(Duration::from_secs(row.get(column)?));
    Ok(Known {
        id: ChannelId(row.get(0)?),
        acknowledged: row.get(1)?,
        polled_at: timestamp(row, 2)?,
        pace: Pace { release: Release { medium: seconds(3)?, low: seconds(4)? }, timeout: seconds(5)? },
        resumed_at: row.get(6)?,
    })
}
