//! What a sleeping device is woken for, once each: a message, or an invitation with which nothing was said.

use fulmar_domain::{
    Timestamp,
    push::{self, Sleeper, StepName, TIME_TO_LIVE},
    session::Session,
};
use rusqlite::{Row, params};

use super::{ids, may_push, note, queued};
use crate::{
    conversations,
    rows::{activity, found, timestamp},
    writer::Tx,
};

/// What it is woken for.
#[derive(Clone, Copy)]
pub(crate) enum Cause {
    Message(i64),
    Invitation(i64),
}

impl Cause {
    /// The numbers of the message and of the invitation; one of them is there.
    fn columns(self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Message(message) => (Some(message), None),
            Self::Invitation(invitation) => (None, Some(invitation)),
        }
    }
}

/// Queues a notification if nobody looks at the device.
pub(crate) fn wake_if_asleep(
    tx: &mut Tx<'_>,
    device: i64,
    cause: Cause,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let select = "SELECT s.activity, s.last_seen, d.push_token IS NOT NULL
         FROM session s JOIN device d ON d.id = s.device WHERE s.device = ?1";
    let sleeper = tx.sql.prepare_cached(select)?.query_row([device], |row| {
        Ok(Sleeper { activity: activity(row, 0)?, last_seen: timestamp(row, 1)?, has_push: row.get(2)? })
    })?;
    let wakes = push::deserves_push(sleeper, now) && may_push(tx.sql, device)?;
    if wakes { queue(tx, device, cause, now) } else { Ok(()) }
}

/// Queues notifications of what the session of `device` has not fetched, and no other device of its person.
pub(crate) fn wake_for_unfetched(tx: &mut Tx<'_>, device: i64, now: Timestamp) -> rusqlite::Result<()> {
    let cause = |row: &Row<'_>| {
        let message: Option<i64> = row.get(0)?;
        Ok(match message {
            Some(message) => Cause::Message(message),
            None => Cause::Invitation(row.get(1)?),
        })
    };
    let causes: Vec<Cause> = tx
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
                     WHERE n.device = e.device AND (n.message = e.message OR n.invitation = e.invitation))
             ORDER BY e.eid",
        )?
        .query_map([device], cause)?
        .collect::<Result<_, _>>()?;
    causes.into_iter().try_for_each(|cause| wake_if_asleep(tx, device, cause, now))
}

/// What was queued for a device before, in whatever state it ended, is not queued again. An invitation waits as long as
/// it may be woken for.
fn queue(tx: &mut Tx<'_>, device: i64, cause: Cause, now: Timestamp) -> rusqlite::Result<()> {
    let insert =
        "INSERT INTO notification (device, service, place, message, invitation, collapse, due_at, expires_at)
         SELECT id, push_service, iif(EXISTS (SELECT 1 FROM notification
                 WHERE device = ?1 AND place = 'head' AND state = 'pending'), 'behind', 'head'),
             ?2, ?3, ?4, ?5, ?6 FROM device WHERE id = ?1
         ON CONFLICT DO NOTHING RETURNING id";
    let expires_at = now + TIME_TO_LIVE;
    let (message, invitation) = cause.columns();
    let collapse = match cause {
        Cause::Message(message) => format!("message-{message}"),
        Cause::Invitation(invitation) => format!("invitation-{invitation}"),
    };
    let values = params![device, message, invitation, collapse, now.as_millis(), expires_at.as_millis()];
    match found(tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0)))? {
        Some(id) => {
            conversations::extend_invitations(tx, device, message, invitation, expires_at)?;
            queued(tx, id, now)
        }
        None => Ok(()),
    }
}

/// A session has acknowledged what its device was woken for: notifications of it that have not left are withdrawn,
/// also those for the person's other devices, and the one that woke this device is marked as opened.
pub(crate) fn fetched(tx: &Tx<'_>, cause: Cause, session: &Session, now: Timestamp) -> rusqlite::Result<()> {
    let (message, invitation) = cause.columns();
    let withdrawn = ids(
        tx.sql,
        "UPDATE notification SET state = 'unneeded'
         WHERE (message = ?1 OR invitation = ?2) AND state = 'pending'
             AND device IN (SELECT id FROM device WHERE account = ?3) RETURNING id",
        params![message, invitation, session.account.0],
    )?;
    for id in withdrawn {
        note(tx.sql, id, now, StepName::Unneeded, "")?;
    }
    let opened = "SELECT id FROM notification
         WHERE (message = ?1 OR invitation = ?2) AND device = ?3 AND state = 'accepted'";
    for id in ids(tx.sql, opened, params![message, invitation, session.device.0])? {
        note(tx.sql, id, now, StepName::Opened, "")?;
    }
    Ok(())
}

/// An invitation has ended: nobody is woken for it any more.
pub(crate) fn invitation_ended(tx: &Tx<'_>, invitation: i64, now: Timestamp) -> rusqlite::Result<()> {
    let update = "UPDATE notification SET state = 'unneeded'
         WHERE invitation = ?1 AND state = 'pending' RETURNING id";
    ids(tx.sql, update, params![invitation])?
        .into_iter()
        .try_for_each(|id| note(tx.sql, id, now, StepName::Unneeded, ""))
}
