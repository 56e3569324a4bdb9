//! A notification that is only to show whether notifications arrive. The device itself asks for one, which is told by an
//! event of its session; or an administrator does, whose request has no name.

use std::time::Duration;

use fulmar_domain::{
    DeviceId, PushId, RequestId, Timestamp,
    event::Failure,
    push::{NotWoken, Step},
};
use rusqlite::params;

use super::{queued, waking::may_wake, why};
use crate::{
    Actor, Store, StoreError,
    events::{self, Entry},
    rows::found,
    sessions::{Effect, Executed},
    writer::Tx,
};

/// How long a test notification is worth delivering.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);
/// What stands in the place of a request's name for an administrator.
const NO_NAME: &str = "";

/// What came of an administrator's wish to test a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceTest {
    /// It waits in the outbox under this number.
    Queued(PushId),
    /// There is no such device.
    NoSuchDevice,
    /// It can not be woken.
    NotWoken(NotWoken),
}

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
            let device = session.device.0;
            match may_wake(tx.sql, device)? {
                Ok(()) => drop(queue(tx, device, tested.as_str(), now)?),
                Err(NotWoken::NoRegistration) => return Ok(Effect::failed(Failure::NoPushRegistration)),
                Err(why) => {
                    let reason = why.to_string();
                    let tested = Entry::PushTested { request: tested.as_str(), reason: Some(&reason) };
                    events::append(tx, device, tested)?;
                }
            }
            Ok(Effect::done())
        })
        .await
    }

    /// Queues a notification to a device for an administrator.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn test_device(&self, device: DeviceId, now: Timestamp) -> Result<DeviceTest, StoreError> {
        self.change("queue a test notification", move |tx| {
            let select = "SELECT EXISTS (SELECT 1 FROM device WHERE id = ?1)";
            if !tx.sql.query_row(select, [device.0], |row| row.get(0))? {
                return Ok(DeviceTest::NoSuchDevice);
            }
            Ok(match may_wake(tx.sql, device.0)? {
                Ok(()) => DeviceTest::Queued(queue(tx, device.0, NO_NAME, now)?),
                Err(why) => DeviceTest::NotWoken(why),
            })
        })
        .await
    }

    /// The last step of a notification; `None` while there is more to come.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn push_end(&self, notification: PushId) -> Result<Option<Step>, StoreError> {
        self.read("look what became of a notification", move |sql| {
            let steps = why::steps(sql, notification.0)?;
            Ok(steps.into_iter().rev().find(|step| step.step.is_last()))
        })
        .await
    }
}

fn queue(tx: &mut Tx<'_>, device: i64, request: &str, now: Timestamp) -> rusqlite::Result<PushId> {
    let insert = "INSERT INTO notification (device, service, place, request, collapse, due_at, expires_at)
         SELECT id, push_service, 'free', ?2, 'test', ?3, ?4 FROM device WHERE id = ?1 RETURNING id";
    let values = params![device, request, now.as_millis(), (now + TIME_TO_LIVE).as_millis()];
    let id = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    queued(tx, id, now)?;
    Ok(PushId(id))
}

/// Tells the session that asked for a test what came of it; of anything else nobody asked.
pub(super) fn answer(tx: &mut Tx<'_>, id: i64, reason: Option<&str>) -> rusqlite::Result<()> {
    let select = "SELECT n.request, s.device FROM notification n JOIN session s ON s.device = n.device
         WHERE n.id = ?1 AND n.request <> ''";
    let test: Option<(String, i64)> =
        found(tx.sql.prepare_cached(select)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))))?;
    match test {
        Some((request, device)) => {
            events::append(tx, device, Entry::PushTested { request: &request, reason })
        }
        None => Ok(()),
    }
}
