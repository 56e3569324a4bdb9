//! Whom sessions follow: without an end, or for a while under a name.

mod edit;

use fulmar_domain::{
    DeviceId, RequestId, SipUri, Timestamp,
    contacts::{Contact, GroupId, ListChange},
    event::Failure,
    id::SubscriptionId,
    presence::Changed,
    subscription::{Lease, MAX_FOLLOWED, Subscription, SubscriptionChange, SubscriptionEdit, WARNING},
};
use rusqlite::{Connection, Row, params};

use crate::{
    Actor, Store, StoreError, accounts,
    events::{self, Entry, PeopleEntry},
    rows::{found, parsed, timestamp},
    sessions::{Effect, Executed},
    writer::Tx,
};

/// What stands in `timed_subscription.follows` for a whole list.
const LIST: &str = "list";

impl Store {
    /// Tells this session the presence of these people now and whenever it changes, until it goes to the
    /// background. People it followed before stay followed.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn subscribe_presence(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        people: Vec<SipUri>,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.errand("subscribe to presence", actor, request.into(), now, move |tx, session| {
            Ok(follow(tx, session.device.0, None, &people)?.map_or_else(Effect::failed, |()| Effect::done()))
        })
        .await
    }

    /// Changes one of the subscriptions of this session that have an end.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn edit_subscription(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        edit: SubscriptionEdit,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.errand("change a subscription", actor, request.into(), now, move |tx, session| {
            let done = edit::carry_out(tx, session, &edit, now)?;
            Ok(done.map_or_else(Effect::failed, |()| Effect::done()))
        })
        .await
    }

    /// The subscriptions of the session of a device that have an end, the oldest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn subscriptions(&self, of: DeviceId, now: Timestamp) -> Result<Vec<Subscription>, StoreError> {
        self.read("list the subscriptions of a session", move |sql| {
            sql.prepare_cached("SELECT id, name, ends_at FROM timed_subscription WHERE device = ?1 AND ends_at > ?2 ORDER BY id")?
                .query_map(params![of.0, now.as_millis()], |row| subscription(sql, row))?
                .collect()
        })
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn subscription(
        &self,
        of: DeviceId,
        id: &SubscriptionId,
        now: Timestamp,
    ) -> Result<Option<Subscription>, StoreError> {
        let name = id.to_string();
        self.read("look a subscription up", move |sql| {
            let select = "SELECT id, name, ends_at FROM timed_subscription WHERE device = ?1 AND name = ?2 AND ends_at > ?3";
            let values = params![of.0, name, now.as_millis()];
            found(sql.prepare_cached(select)?.query_row(values, |row| subscription(sql, row)))
        })
        .await
    }

    /// Everybody whom the session of a device follows, by name.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn followed(&self, by: DeviceId) -> Result<Vec<Contact>, StoreError> {
        self.read("list whom a session follows", move |sql| {
            sql.prepare_cached(
                "SELECT uri, display_name FROM account WHERE disabled = 0 AND homed_at IS NULL
                     AND id IN (SELECT account FROM subscription WHERE device = ?1) ORDER BY display_name",
            )?
            .query_map([by.0], |row| Ok(Contact { uri: parsed(row, 0)?, display_name: parsed(row, 1)? }))?
            .collect()
        })
        .await
    }
}

fn subscription(sql: &Connection, row: &Row<'_>) -> rusqlite::Result<Subscription> {
    let select = "SELECT a.uri FROM subscription s JOIN account a ON a.id = s.account WHERE s.timed = ?1 ORDER BY a.uri";
    let mut people = sql.prepare_cached(select)?;
    let people = people.query_map([row.get::<_, i64>(0)?], |row| parsed(row, 0))?;
    Ok(Subscription {
        id: parsed(row, 1)?,
        ends_at: timestamp(row, 2)?,
        people: people.collect::<Result<_, _>>()?,
    })
}

/// Follows these people, in the subscription `timed` or without an end, and tells how they are.
fn follow(
    tx: &mut Tx<'_>,
    device: i64,
    timed: Option<i64>,
    people: &[SipUri],
) -> rusqlite::Result<Result<(), Failure>> {
    let mut known = Vec::with_capacity(people.len());
    for uri in people {
        match accounts::enabled(tx.sql, uri)? {
            Some(person) => known.push(person),
            None => return Ok(Err(Failure::NoSuchPerson)),
        }
    }
    follow_known(tx, device, timed, known)
}

fn follow_known(
    tx: &mut Tx<'_>,
    device: i64,
    timed: Option<i64>,
    people: Vec<i64>,
) -> rusqlite::Result<Result<(), Failure>> {
    let mut new = Vec::new();
    for person in &people {
        if !follows(tx.sql, device, *person)? {
            new.push(*person);
        }
        let insert = "INSERT OR IGNORE INTO subscription (device, account, timed) VALUES (?1, ?2, ?3)";
        tx.sql.prepare_cached(insert)?.execute(params![device, person, timed])?;
    }
    let count = "SELECT count(DISTINCT account) FROM subscription WHERE device = ?1";
    let followed: u32 = tx.sql.prepare_cached(count)?.query_row([device], |row| row.get(0))?;
    if followed > MAX_FOLLOWED {
        return Ok(Err(Failure::LimitExceeded));
    }
    if timed.is_some() {
        tell_following(tx, device, &new, ListChange::Added)?;
    }
    for person in people {
        events::presence_changed(tx, device, Some(person), Changed::ALL)?;
    }
    Ok(Ok(()))
}

/// Keeps the subscriptions of a person's groups in step: `contact` came into the group, or into the list where there is
/// none, or went out of it. Whoever does not fit any more is not followed.
pub(crate) fn list_changed(
    tx: &mut Tx<'_>,
    owner: i64,
    contact: i64,
    group: Option<GroupId>,
    change: ListChange,
) -> rusqlite::Result<()> {
    let follows = group.map_or_else(|| LIST.to_owned(), |group| group.to_string());
    let select = "SELECT t.id, t.device FROM timed_subscription t JOIN session s ON s.device = t.device
         WHERE s.account = ?1 AND t.follows = ?2";
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let subscriptions: Vec<(i64, i64)> =
        tx.sql.prepare_cached(select)?.query_map(params![owner, follows], row)?.collect::<Result<_, _>>()?;
    for (timed, device) in subscriptions {
        let came = change == ListChange::Added;
        if !came || follow_known(tx, device, Some(timed), vec![contact])?.is_err() {
            forget(tx, device, timed, contact)?;
        }
    }
    Ok(())
}

/// Whether a session follows somebody.
fn follows(sql: &Connection, device: i64, person: i64) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM subscription WHERE device = ?1 AND account = ?2)";
    sql.prepare_cached(select)?.query_row([device, person], |row| row.get(0))
}

/// Follows somebody no more in a subscription.
fn forget(tx: &mut Tx<'_>, device: i64, timed: i64, person: i64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM subscription WHERE timed = ?1 AND account = ?2";
    let was_in = tx.sql.prepare_cached(delete)?.execute([timed, person])? > 0;
    if was_in && !follows(tx.sql, device, person)? {
        tell_following(tx, device, &[person], ListChange::Deleted)?;
    }
    Ok(())
}

/// Ends a subscription.
fn end(tx: &mut Tx<'_>, device: i64, timed: i64, name: &str) -> rusqlite::Result<()> {
    let select = "SELECT account FROM subscription WHERE timed = ?1
         EXCEPT SELECT account FROM subscription WHERE device = ?2 AND timed IS NOT ?1";
    let only_here: Vec<i64> = tx
        .sql
        .prepare_cached(select)?
        .query_map([timed, device], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    tx.sql.prepare_cached("DELETE FROM timed_subscription WHERE id = ?1")?.execute([timed])?;
    tell_following(tx, device, &only_here, ListChange::Deleted)?;
    tell(tx, device, name, SubscriptionChange::Deleted)
}

/// Lets a session follow nobody.
pub(crate) fn drop_all(tx: &Tx<'_>, device: i64) -> rusqlite::Result<()> {
    tx.sql.prepare_cached("DELETE FROM timed_subscription WHERE device = ?1")?.execute([device])?;
    tx.sql.prepare_cached("DELETE FROM subscription WHERE device = ?1")?.execute([device]).map(drop)
}

/// Ends what is over, and says what will be.
pub(crate) fn expire(tx: &mut Tx<'_>, now: Timestamp) -> rusqlite::Result<()> {
    // After the clock was set back none lasts longer than it may.
    let latest = (now + Lease::MAX.duration()).as_millis();
    tx.sql.execute("UPDATE timed_subscription SET ends_at = ?1 WHERE ends_at > ?1", [latest])?;
    let over = "SELECT id, device, name FROM timed_subscription WHERE ends_at <= ?1 ORDER BY id";
    for (timed, device, name) in concerned(tx.sql, over, now)? {
        end(tx, device, timed, &name)?;
    }
    let soon = "UPDATE timed_subscription SET warned = 1 WHERE ends_at <= ?1 AND warned = 0
         RETURNING id, device, name";
    for (_, device, name) in concerned(tx.sql, soon, now + WARNING)? {
        tell(tx, device, &name, SubscriptionChange::Expiring)?;
    }
    Ok(())
}

/// Subscriptions with their devices and names.
fn concerned(
    sql: &Connection,
    statement: &str,
    until: Timestamp,
) -> rusqlite::Result<Vec<(i64, i64, String)>> {
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    sql.prepare_cached(statement)?.query_map([until.as_millis()], row)?.collect()
}

fn tell(
    tx: &mut Tx<'_>,
    device: i64,
    subscription: &str,
    change: SubscriptionChange,
) -> rusqlite::Result<()> {
    let entry = PeopleEntry::SubscriptionChanged { subscription, change };
    events::append(tx, device, Entry::People(entry))
}

fn tell_following(tx: &mut Tx<'_>, device: i64, people: &[i64], change: ListChange) -> rusqlite::Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    let numbers: Vec<_> = people.iter().map(ToString::to_string).collect();
    let detail = &format!("{} {}", change.as_str(), numbers.join(" "));
    events::append(tx, device, Entry::People(PeopleEntry::FollowingChanged { detail }))
}
