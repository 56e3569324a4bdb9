//! Who is there, and who is told.

use std::{collections::BTreeMap, time::Duration};

use fulmar_domain::{
    RequestId, SipUri, Timestamp,
    configuration::McxConfiguration,
    event::Failure,
    presence::{
        Arrival, Availability, Changed, DeviceType, Location, MachineState, Note, PreferredAvailability,
        Presence, SelfPresence,
    },
    session::{Expiry, Session},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Actor, Store, StoreError, accounts, configuration, events, notifications,
    rows::{parsed, parsed_or_null, timestamp},
    sessions::{Effect, Executed},
    writer::Tx,
};

/// What stands in `session.availability` for a session that counts, and for one that does not yet.
const COUNTS: u16 = 3500;
pub(crate) const DOES_NOT_COUNT: u16 = 18500;

impl Store {
    /// Changes how the person is seen. A session that has not made itself available can not.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn publish_presence(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        presence: SelfPresence,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("publish presence", actor, request.into(), now, move |tx, session| {
            if session.machine_state.is_none() {
                return Ok(Effect::failed(Failure::WrongState));
            }
            publish(tx, session.account.0, &presence, now)?;
            Ok(Effect::done())
        })
        .await
    }

    /// Notes that somebody uses the device, as every command does that a person gives. A session that has not made
    /// itself available can not.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn report_activity(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("report that somebody is active", actor, request.into(), now, |_, session| {
            let counts = session.machine_state.is_some();
            Ok(if counts { Effect::done() } else { Effect::failed(Failure::WrongState) })
        })
        .await
    }

    /// What others see of a person; `None` when nobody enabled has that address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn presence(&self, of: &SipUri, now: Timestamp) -> Result<Option<Presence>, StoreError> {
        let uri = of.clone();
        self.read("look at the presence of a person", move |sql| {
            accounts::enabled(sql, &uri)?.map(|account| self::of(sql, account, now)).transpose()
        })
        .await
    }
}

fn publish(tx: &mut Tx<'_>, account: i64, presence: &SelfPresence, now: Timestamp) -> rusqlite::Result<()> {
    let SelfPresence { chosen, note, location } = presence;
    if let Some(chosen) = *chosen {
        choose(tx, account, chosen, now)?;
    }
    if let Some(note) = note {
        let update = "UPDATE account SET note = ?2 WHERE id = ?1";
        tx.sql.prepare_cached(update)?.execute(params![account, note.as_str()])?;
    }
    if let Some(location) = location {
        let update = "UPDATE account SET location = ?2 WHERE id = ?1";
        tx.sql.prepare_cached(update)?.execute(params![account, location.as_str()])?;
    }
    let parts =
        Changed { availability: chosen.is_some(), note: note.is_some(), location: location.is_some() };
    changed(tx, account, parts)
}

/// What somebody chose may keep their devices asleep, or not any more.
fn choose(
    tx: &mut Tx<'_>,
    account: i64,
    chosen: Option<PreferredAvailability>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let update = "UPDATE account SET chosen = ?2 WHERE id = ?1 AND chosen IS NOT ?2";
    let chosen = chosen.map(PreferredAvailability::as_str);
    let changed = tx.sql.prepare_cached(update)?.execute(params![account, chosen])? > 0;
    if changed { notifications::reconsider_person(tx, account, now) } else { Ok(()) }
}

/// Lets the session of a device count, from now. It is not told of what it changes by that.
pub(crate) fn arrive(
    tx: &mut Tx<'_>,
    account: i64,
    device: i64,
    arrival: Arrival,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if arrival.chosen.is_some() {
        choose(tx, account, arrival.chosen, now)?;
    }
    let update =
        "UPDATE session SET availability = ?2, last_active = ?3, inactive_after = ?4 WHERE device = ?1";
    let inactive_after = millis(arrival.inactive_after());
    tx.sql.prepare_cached(update)?.execute(params![device, COUNTS, now.as_millis(), inactive_after])?;
    refresh(tx, account, now, Some(device))
}

/// Notes that somebody uses a device; those who saw its person idle are told.
pub(crate) fn used(tx: &mut Tx<'_>, session: &Session, now: Timestamp) -> rusqlite::Result<()> {
    let update = "UPDATE session SET last_active = ?2 WHERE device = ?1";
    tx.sql.prepare_cached(update)?.execute([session.device.0, now.as_millis()])?;
    match session.machine_state {
        Some(MachineState::Idle | MachineState::Away) => refresh(tx, session.account.0, now, None),
        Some(MachineState::Active) | None => Ok(()),
    }
}

/// Tells of everybody whose availability has become another with the time.
pub(crate) fn age(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    // After the clock was set back nobody is active until it has caught up.
    tx.sql.execute("UPDATE session SET last_active = ?1 WHERE last_active > ?1", [now.as_millis()])?;
    let mut people = BTreeMap::new();
    let mut select = tx.sql.prepare_cached(
        "SELECT a.id, a.told, a.chosen, s.last_active, s.inactive_after
         FROM session s JOIN account a ON a.id = s.account WHERE s.availability = ?1",
    )?;
    let mut rows = select.query([COUNTS])?;
    while let Some(row) = rows.next()? {
        let state = MachineState::of(timestamp(row, 3)?, duration(row, 4)?, now);
        let (told, chosen): (Option<u16>, _) = (row.get(1)?, parsed_or_null(row, 2)?);
        let (.., best) = people.entry(row.get::<_, i64>(0)?).or_insert((told, chosen, state));
        *best = state.max(*best);
    }
    drop(rows);
    drop(select);
    for (account, (told, chosen, best)) in people {
        if told != Some(Availability::of(chosen, Some(best)).number()) {
            refresh(tx, account, now, None)?;
        }
    }
    Ok(())
}

/// Tells those who see `account` if its availability is not the one that they were told last; but for the session of
/// `newcomer`.
pub(crate) fn refresh(
    tx: &mut Tx<'_>,
    account: i64,
    now: Timestamp,
    newcomer: Option<i64>,
) -> rusqlite::Result<()> {
    let seen = of(tx.sql, account, now)?.availability.number();
    let update = "UPDATE account SET told = ?2 WHERE id = ?1 AND told IS NOT ?2";
    if tx.sql.prepare_cached(update)?.execute(params![account, seen])? == 0 {
        return Ok(());
    }
    tell(tx, account, Changed::AVAILABILITY, newcomer)
}

/// Tells those who see `account` to look again.
pub(crate) fn changed(tx: &mut Tx<'_>, account: i64, parts: Changed) -> rusqlite::Result<()> {
    if parts.availability {
        tx.sql.prepare_cached("UPDATE account SET told = NULL WHERE id = ?1")?.execute([account])?;
    }
    tell(tx, account, parts, None)
}

fn tell(tx: &mut Tx<'_>, account: i64, parts: Changed, newcomer: Option<i64>) -> rusqlite::Result<()> {
    let devices = |select: &str| -> rusqlite::Result<Vec<i64>> {
        tx.sql.prepare_cached(select)?.query_map([account], |row| row.get(0))?.collect()
    };
    let followers = devices("SELECT DISTINCT device FROM subscription WHERE account = ?1")?;
    let own = devices("SELECT device FROM session WHERE account = ?1 AND availability = 3500")?;
    for device in followers {
        events::presence_changed(tx, device, Some(account), parts)?;
    }
    for device in own.into_iter().filter(|device| Some(*device) != newcomer) {
        events::presence_changed(tx, device, None, parts)?;
    }
    Ok(())
}

/// What others see of `account` now.
pub(crate) fn of(sql: &Connection, account: i64, now: Timestamp) -> rusqlite::Result<Presence> {
    let select = "SELECT note, location, chosen, domain FROM account WHERE id = ?1";
    let row = |row: &Row<'_>| Ok((parsed(row, 0)?, parsed(row, 1)?, parsed_or_null(row, 2)?, row.get(3)?));
    let (note, location, chosen, domain): (Note, Location, Option<PreferredAvailability>, String) =
        sql.prepare_cached(select)?.query_row([account], row)?;
    let endpoints = endpoints(sql, account, &domain, now)?;
    let best = endpoints.iter().map(|endpoint| endpoint.state).max();
    let availability = Availability::of(chosen, best);
    let latest = endpoints.iter().max_by_key(|endpoint| endpoint.last_active);
    let latest = latest.filter(|_| availability != Availability::Offline);
    Ok(Presence {
        availability,
        activity: chosen.and_then(PreferredAvailability::activity).filter(|_| latest.is_some()),
        note,
        location,
        last_active: latest.map(|endpoint| endpoint.last_active.min(now)),
        device_type: latest.map_or(DeviceType::Unknown, |endpoint| endpoint.device_type),
    })
}

struct Endpoint {
    state: MachineState,
    last_active: Timestamp,
    device_type: DeviceType,
}

/// The sessions of a person that count.
fn endpoints(
    sql: &Connection,
    account: i64,
    domain: &str,
    now: Timestamp,
) -> rusqlite::Result<Vec<Endpoint>> {
    let Expiry { with_push, without_push } = configuration::in_force::<McxConfiguration>(sql, domain)?.expiry;
    let silent = |lifetime| (now - lifetime).as_millis();
    let mut select = sql.prepare_cached(
        "SELECT s.last_active, s.inactive_after, s.device_type FROM session s JOIN device d ON d.id = s.device
         WHERE s.account = ?1 AND s.availability = ?2 AND s.last_seen > iif(d.push_token IS NULL, ?3, ?4)",
    )?;
    let values = params![account, COUNTS, silent(without_push), silent(with_push)];
    let rows = select.query_map(values, |row| {
        let last_active = timestamp(row, 0)?;
        let state = MachineState::of(last_active, duration(row, 1)?, now);
        Ok(Endpoint { state, last_active, device_type: parsed(row, 2)? })
    })?;
    rows.collect()
}

/// How active the endpoint of a session is, from its columns `availability`, `last_active` and `inactive_after`; `None`
/// when it does not count.
pub(crate) fn machine_state(
    row: &Row<'_>,
    column: usize,
    now: Timestamp,
) -> rusqlite::Result<Option<MachineState>> {
    if row.get::<_, u16>(column)? != COUNTS {
        return Ok(None);
    }
    Ok(Some(MachineState::of(timestamp(row, column + 1)?, duration(row, column + 2)?, now)))
}

fn duration(row: &Row<'_>, column: usize) -> rusqlite::Result<Duration> {
    row.get(column).map(Duration::from_millis)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
