//! Changes of a subscription that has an end.

use std::collections::HashSet;

use fulmar_domain::{
    Timestamp,
    contacts::GroupId,
    event::Failure,
    id::SubscriptionId,
    session::Session,
    subscription::{Followed, Lease, MAX_SUBSCRIPTIONS, SubscriptionChange, SubscriptionEdit},
};
use rusqlite::{Connection, Row, params};

use super::{LIST, end, follow, follow_known, forget, tell};
use crate::{
    accounts, contacts,
    rows::{found, parse, timestamp},
    writer::Tx,
};

/// What came of a change.
type Done = rusqlite::Result<Result<(), Failure>>;

pub(super) fn carry_out(tx: &mut Tx<'_>, session: &Session, edit: &SubscriptionEdit, now: Timestamp) -> Done {
    let (device, id) = (session.device.0, edit.subscription());
    if let SubscriptionEdit::Start(_, followed, lease) = edit {
        return start(tx, session, id, followed, *lease, now);
    }
    let Some((timed, ends_at)) = running(tx.sql, device, id, now)? else {
        return Ok(Err(Failure::NoSuchSubscription));
    };
    match edit {
        SubscriptionEdit::Start(..) => {}
        SubscriptionEdit::Add(_, people) => return follow(tx, device, Some(timed), people),
        SubscriptionEdit::Remove(_, person) => match accounts::enabled(tx.sql, person)? {
            Some(person) => forget(tx, device, timed, person)?,
            None => return Ok(Err(Failure::NoSuchPerson)),
        },
        SubscriptionEdit::Extend(_, lease) => {
            let update = "UPDATE timed_subscription SET ends_at = ?2, warned = 0 WHERE id = ?1";
            let ends_at = lease.extend(ends_at, now).as_millis();
            tx.sql.prepare_cached(update)?.execute([timed, ends_at])?;
            if let Err(failure) = follow_newcomers(tx, session, timed)? {
                return Ok(Err(failure));
            }
            tell(tx, device, id.as_str(), SubscriptionChange::Extended)?;
        }
        SubscriptionEdit::End(_) => end(tx, device, timed, id.as_str())?,
    }
    Ok(Ok(()))
}

fn running(
    sql: &Connection,
    device: i64,
    id: &SubscriptionId,
    now: Timestamp,
) -> rusqlite::Result<Option<(i64, Timestamp)>> {
    let select =
        "SELECT id, ends_at FROM timed_subscription WHERE device = ?1 AND name = ?2 AND ends_at > ?3";
    let row = |row: &Row<'_>| Ok((row.get(0)?, timestamp(row, 1)?));
    found(sql.prepare_cached(select)?.query_row(params![device, id.as_str(), now.as_millis()], row))
}

fn start(
    tx: &mut Tx<'_>,
    session: &Session,
    id: &SubscriptionId,
    followed: &Followed,
    lease: Lease,
    now: Timestamp,
) -> Done {
    let device = session.device.0;
    let follows = match followed {
        Followed::People(_) => None,
        Followed::Group(group) => Some(group.to_string()),
        Followed::List => Some(LIST.to_owned()),
    };
    let insert = "INSERT INTO timed_subscription (device, name, follows, ends_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (device, name) DO UPDATE SET follows = ?3, ends_at = ?4, warned = 0 RETURNING id";
    let values = params![device, id.as_str(), follows, (now + lease.duration()).as_millis()];
    let timed: i64 = tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0))?;
    let count = "SELECT count(*) FROM timed_subscription WHERE device = ?1";
    if tx.sql.prepare_cached(count)?.query_row([device], |row| row.get::<_, u32>(0))? > MAX_SUBSCRIPTIONS {
        return Ok(Err(Failure::LimitExceeded));
    }
    let following = match followed {
        Followed::People(people) => follow(tx, device, Some(timed), people)?,
        Followed::Group(_) | Followed::List => {
            let group = if let Followed::Group(group) = followed { Some(*group) } else { None };
            match members(tx.sql, session.account.0, group)? {
                Some(members) => follow_only(tx, device, timed, members)?,
                None => Err(Failure::NoSuchGroup),
            }
        }
    };
    match following {
        Ok(()) => tell(tx, device, id.as_str(), SubscriptionChange::Added).map(Ok),
        Err(failure) => Ok(Err(failure)),
    }
}

/// Follows who has come to the group or to the list without anybody's doing, such as a new colleague.
fn follow_newcomers(tx: &mut Tx<'_>, session: &Session, timed: i64) -> Done {
    let select = "SELECT follows FROM timed_subscription WHERE id = ?1";
    let follows: Option<String> = tx.sql.prepare_cached(select)?.query_row([timed], |row| row.get(0))?;
    let group = match follows.as_deref() {
        None => return Ok(Ok(())),
        Some(LIST) => None,
        Some(group) => Some(parse(group, 0)?),
    };
    let Some(mut people) = members(tx.sql, session.account.0, group)? else {
        return Ok(Err(Failure::NoSuchGroup));
    };
    let select = "SELECT account FROM subscription WHERE timed = ?1";
    let followed: HashSet<i64> =
        tx.sql.prepare_cached(select)?.query_map([timed], |row| row.get(0))?.collect::<Result<_, _>>()?;
    people.retain(|person| !followed.contains(person));
    follow_known(tx, session.device.0, Some(timed), people)
}

/// Who is in a group, or in the list; `None` where there is no such group.
fn members(sql: &Connection, owner: i64, group: Option<GroupId>) -> rusqlite::Result<Option<Vec<i64>>> {
    match group {
        None => contacts::listed(sql, owner).map(Some),
        Some(group) => {
            let members = contacts::numbered_members(sql, owner, group)?;
            Ok(members.map(|members| members.into_iter().map(|(id, _)| id).collect()))
        }
    }
}

/// Follows these people and nobody else in a subscription.
fn follow_only(tx: &mut Tx<'_>, device: i64, timed: i64, people: Vec<i64>) -> Done {
    let select = "SELECT account FROM subscription WHERE timed = ?1";
    let followed: Vec<i64> =
        tx.sql.prepare_cached(select)?.query_map([timed], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for gone in followed.into_iter().filter(|person| !people.contains(person)) {
        forget(tx, device, timed, gone)?;
    }
    follow_known(tx, device, Some(timed), people)
}
