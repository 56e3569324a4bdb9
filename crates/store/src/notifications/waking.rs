//! What a sleeping device is woken for, once each: a message, or an invitation with which nothing was said. Why it is
//! not woken for a message is noted in the message's own transaction, but for a device that is in use.

use fulmar_domain::{
    Timestamp,
    device::Provider,
    push::{self, Circumstances, NotWoken, ServiceState, StepName, TIME_TO_LIVE},
    session::Session,
};
use rusqlite::{Connection, Row, params};

use super::{give_up, ids, note, queued, unneeded};
use crate::{
    configuration, conversations,
    rows::{activity, found, parsed, parsed_or_null, timestamp},
    writer::Tx,
};

/// What it is woken for.
#[derive(Clone, Copy)]
pub(crate) enum Cause {
    Message(i64),
    Invitation(i64),
}

impl Cause {
    /// From the numbers of a message and of an invitation.
    fn of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Self>> {
        let (message, invitation): (Option<i64>, Option<i64>) = (row.get(column)?, row.get(column + 1)?);
        Ok(message.map(Self::Message).or(invitation.map(Self::Invitation)))
    }

    /// The numbers of the message and of the invitation; one of them is there.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Message(message) => (Some(message), None),
            Self::Invitation(invitation) => (None, Some(invitation)),
        }
    }
}

/// Queues a notification if nobody looks at the device and nothing else speaks against it.
pub(crate) fn wake_if_asleep(
    tx: &mut Tx<'_>,
    device: i64,
    cause: Cause,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let select = "SELECT activity, last_seen FROM session WHERE device = ?1";
    let slept = tx
        .sql
        .prepare_cached(select)?
        .query_row([device], |row| Ok(push::sleeps(activity(row, 0)?, timestamp(row, 1)?, now)))?;
    match slept {
        Ok(()) => match push::decide(&circumstances(tx.sql, device, Some(cause))?) {
            Ok(()) => queue(tx, device, cause, now),
            Err(why) => note_why_not(tx, device, cause, why, now),
        },
        Err(_) => Ok(()),
    }
}

/// What the rule looks at. A notification that is about nothing that was said has no cause.
fn circumstances(sql: &Connection, device: i64, cause: Option<Cause>) -> rusqlite::Result<Circumstances> {
    let (message, invitation) = cause.map(Cause::columns).unwrap_or_default();
    let select = "SELECT a.uri, d.push_provider, a.chosen, EXISTS (
             SELECT 1 FROM participant p WHERE p.account = a.id AND p.muted = 1 AND p.conversation = coalesce(
                 (SELECT conversation FROM message WHERE id = ?2),
                 (SELECT conversation FROM invitation WHERE id = ?3)))
         FROM device d JOIN account a ON a.id = d.account WHERE d.id = ?1";
    sql.prepare_cached(select)?.query_row(params![device, message, invitation], |row| {
        let person = parsed(row, 0)?;
        let service = parsed_or_null(row, 1)?.map(|provider: Provider| {
            let state = configuration::service_state(sql, &person, provider)?;
            Ok::<(Provider, ServiceState), rusqlite::Error>((provider, state))
        });
        Ok(Circumstances {
            service: service.transpose()?,
            policy: configuration::mobility_policy(sql, &person)?,
            chosen: parsed_or_null(row, 2)?.filter(|_| cause.is_some()),
            muted: row.get(3)?,
        })
    })
}

/// Whether a device may be woken at all.
pub(super) fn may_wake(sql: &Connection, device: i64) -> rusqlite::Result<Result<(), NotWoken>> {
    let Circumstances { service, policy, .. } = circumstances(sql, device, None)?;
    Ok(push::may_be_woken(service, &policy))
}

fn note_why_not(
    tx: &Tx<'_>,
    device: i64,
    cause: Cause,
    why: NotWoken,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let Cause::Message(message) = cause else { return Ok(()) };
    // What was queued before and is withdrawn has its story in the ledger.
    let upsert = "INSERT INTO not_woken (message, device, at, reason) SELECT ?1, ?2, ?3, ?4
         WHERE NOT EXISTS (SELECT 1 FROM notification WHERE message = ?1 AND device = ?2)
         ON CONFLICT DO UPDATE SET at = excluded.at, reason = excluded.reason WHERE reason <> excluded.reason";
    let values = params![message, device, now.as_millis(), why.word()];
    tx.sql.prepare_cached(upsert)?.execute(values).map(drop)
}

/// Something has changed that decides whether a device is woken: what it may not be woken for any more is withdrawn, and
/// it is woken for what it slept through.
pub(crate) fn reconsider(tx: &mut Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT id, message, invitation FROM notification WHERE device = ?1 AND state = 'pending'";
    let pending: Vec<(i64, Option<Cause>)> = tx
        .sql
        .prepare_cached(select)?
        .query_map([device], |row| Ok((row.get(0)?, Cause::of(row, 1)?)))?
        .collect::<Result<_, _>>()?;
    for (id, cause) in pending {
        if let Err(why) = push::decide(&circumstances(tx.sql, device, cause)?) {
            give_up(tx, id, &why.to_string(), now)?;
        }
    }
    wake_for_unfetched(tx, device, now)
}

/// The same for all devices of a person.
pub(crate) fn reconsider_person(tx: &mut Tx<'_>, account: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT id FROM device WHERE account = ?1 AND push_token IS NOT NULL";
    ids(tx.sql, select, params![account])?.into_iter().try_for_each(|device| reconsider(tx, device, now))
}

/// The same for all devices.
pub(crate) fn reconsider_all(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT id FROM device WHERE push_token IS NOT NULL";
    ids(tx.sql, select, params![])?.into_iter().try_for_each(|device| reconsider(tx, device, now))
}

/// Queues notifications of what the session of `device` has not fetched, and no other device of its person.
pub(crate) fn wake_for_unfetched(tx: &mut Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let causes: Vec<Option<Cause>> = tx
        .sql
        .prepare_cached(
            "SELECT e.message, e.invitation FROM event e
             JOIN session s ON s.device = e.device
             LEFT JOIN delivery d ON d.message = e.message AND d.recipient = s.account
             LEFT JOIN invitation i ON i.id = e.invitation AND i.invited = s.account
             WHERE e.device = ?1 AND (
                 (e.kind = 'messageReceived' AND d.message IS NOT NULL AND d.delivered_at IS NULL)
                 OR (e.kind = 'invited' AND i.state = 'ringing' AND i.first_message IS NULL))
                 AND NOT EXISTS (SELECT 1 FROM notification n
                     WHERE n.device = e.device AND n.withdrawn = 0
                         AND (n.message = e.message OR n.invitation = e.invitation))
             ORDER BY e.eid",
        )?
        .query_map([device], |row| Cause::of(row, 0))?
        .collect::<Result<_, _>>()?;
    causes.into_iter().flatten().try_for_each(|cause| wake_if_asleep(tx, device, cause, now))
}

/// What was queued for a device before is not queued again, unless it was withdrawn. An invitation waits as long as it
/// may be woken for.
fn queue(tx: &mut Tx<'_>, device: i64, cause: Cause, now: Timestamp) -> rusqlite::Result<()> {
    let expires_at = now + TIME_TO_LIVE;
    let (message, invitation) = cause.columns();
    let inserted = insert(tx, device, cause, now, expires_at)?;
    let id = inserted.map_or_else(|| restore(tx, device, cause, now, expires_at), |id| Ok(Some(id)))?;
    match id {
        Some(id) => {
            conversations::extend_invitations(tx, device, message, invitation, expires_at)?;
            queued(tx, id, now)
        }
        None => Ok(()),
    }
}

fn insert(
    tx: &Tx<'_>,
    device: i64,
    cause: Cause,
    now: Timestamp,
    expires_at: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let insert =
        "INSERT INTO notification (device, service, place, message, invitation, collapse, due_at, expires_at)
         SELECT id, push_service, iif(EXISTS (SELECT 1 FROM notification
                 WHERE device = ?1 AND place = 'head' AND state = 'pending'), 'behind', 'head'),
             ?2, ?3, ?4, ?5, ?6 FROM device WHERE id = ?1
         ON CONFLICT DO NOTHING RETURNING id";
    let (message, invitation) = cause.columns();
    let collapse = match cause {
        Cause::Message(message) => format!("message-{message}"),
        Cause::Invitation(invitation) => format!("invitation-{invitation}"),
    };
    let values = params![device, message, invitation, collapse, now.as_millis(), expires_at.as_millis()];
    found(tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0)))
}

/// Queues what was withdrawn before. Its collapse id is the same, so it is one alert in any case. Of one that is still under
/// way the answer decides.
fn restore(
    tx: &Tx<'_>,
    device: i64,
    cause: Cause,
    now: Timestamp,
    expires_at: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let update = "UPDATE notification SET state = 'pending', withdrawn = 0, due_at = ?4, expires_at = ?5,
             attempts = iif(claimed = 1, attempts, 0),
             service = (SELECT push_service FROM device WHERE id = ?1),
             place = CASE WHEN claimed = 1 THEN 'free'
                 WHEN EXISTS (SELECT 1 FROM notification o
                     WHERE o.device = ?1 AND o.place = 'head' AND o.state = 'pending') THEN 'behind'
                 ELSE 'head' END
         WHERE device = ?1 AND (message = ?2 OR invitation = ?3) AND withdrawn = 1 RETURNING id";
    let (message, invitation) = cause.columns();
    let values = params![device, message, invitation, now.as_millis(), expires_at.as_millis()];
    found(tx.sql.prepare_cached(update)?.query_row(values, |row| row.get(0)))
}

/// A session has acknowledged what its device was woken for: notifications of it that have not left are withdrawn,
/// also those for the person's other devices, and the one that woke this device is marked as opened.
pub(crate) fn fetched(tx: &Tx<'_>, cause: Cause, session: &Session, now: Timestamp) -> rusqlite::Result<()> {
    let (message, invitation) = cause.columns();
    let waiting = "SELECT id FROM notification WHERE (message = ?1 OR invitation = ?2) AND state = 'pending'
         AND device IN (SELECT id FROM device WHERE account = ?3)";
    unneeded(tx, ids(tx.sql, waiting, params![message, invitation, session.account.0])?, now)?;
    let opened = "SELECT id FROM notification n
         WHERE (message = ?1 OR invitation = ?2) AND device = ?3 AND state = 'accepted'
             AND NOT EXISTS (SELECT 1 FROM push_ledger l WHERE l.notification = n.id AND l.step = 'opened')";
    for id in ids(tx.sql, opened, params![message, invitation, session.device.0])? {
        note(tx.sql, id, now, StepName::Opened, "")?;
    }
    Ok(())
}

/// An invitation has ended: nobody is woken for it any more.
pub(crate) fn invitation_ended(tx: &Tx<'_>, invitation: i64, now: Timestamp) -> rusqlite::Result<()> {
    let select = "SELECT id FROM notification WHERE invitation = ?1 AND state = 'pending'";
    unneeded(tx, ids(tx.sql, select, params![invitation])?, now)
}
