//! Events about contacts and presence as rows of the log, and back.

use fulmar_domain::{
    RequestId, SipUri, Timestamp,
    contacts::{GroupId, ListChange},
    event::Event,
    presence::Changed,
    session::Session,
    subscription::SubscriptionChange,
};
use rusqlite::{Connection, Row};

use crate::{
    contacts,
    events::Columns,
    people, presence,
    rows::{found, parse, parsed, parsed_or_null},
};

/// Such an event as it is written.
#[derive(Clone, Copy)]
pub(crate) enum PeopleEntry<'a> {
    ContactList,
    /// The limit of a search, and the query.
    Found {
        request: &'a RequestId,
        detail: &'a str,
    },
    /// What happened, and to which group.
    GroupChanged {
        detail: &'a str,
    },
    /// What happened, and in which group; without one in the list.
    ContactChanged {
        contact: i64,
        detail: &'a str,
    },
    PresenceChanged {
        of: i64,
        changed: &'a str,
    },
    SelfPresenceChanged {
        changed: &'a str,
    },
    SubscriptionChanged {
        subscription: &'a str,
        change: SubscriptionChange,
    },
    /// What happened, and the numbers of the people.
    FollowingChanged {
        detail: &'a str,
    },
}

impl<'a> PeopleEntry<'a> {
    pub(super) fn columns(self) -> Columns<'a> {
        let new = |kind| Columns { kind, ..Columns::default() };
        match self {
            Self::ContactList => new(CONTACT_LIST),
            Self::Found { request, detail } => {
                Columns { request: Some(request.as_str()), detail: Some(detail), ..new(FOUND) }
            }
            Self::GroupChanged { detail } => Columns { detail: Some(detail), ..new(GROUP_CHANGED) },
            Self::ContactChanged { contact, detail } => {
                Columns { person: Some(contact), detail: Some(detail), ..new(CONTACT_CHANGED) }
            }
            Self::PresenceChanged { of, changed } => {
                Columns { person: Some(of), detail: Some(changed), ..new(PRESENCE_CHANGED) }
            }
            Self::SelfPresenceChanged { changed } => {
                Columns { detail: Some(changed), ..new(SELF_PRESENCE_CHANGED) }
            }
            Self::SubscriptionChanged { subscription, change } => Columns {
                request: Some(subscription),
                detail: Some(change.as_str()),
                ..new(SUBSCRIPTION_CHANGED)
            },
            Self::FollowingChanged { detail } => Columns { detail: Some(detail), ..new(FOLLOWING_CHANGED) },
        }
    }
}

const CONTACT_LIST: &str = "contactList";
const FOUND: &str = "found";
const GROUP_CHANGED: &str = "groupChanged";
const CONTACT_CHANGED: &str = "contactChanged";
pub(super) const PRESENCE_CHANGED: &str = "presenceChanged";
pub(super) const SELF_PRESENCE_CHANGED: &str = "selfPresenceChanged";
const SUBSCRIPTION_CHANGED: &str = "subscriptionChanged";
const FOLLOWING_CHANGED: &str = "followingChanged";

/// What a row of the log says; `None` when it is not about contacts or presence.
pub(super) fn read(
    sql: &Connection,
    session: &Session,
    row: &Row<'_>,
    now: Timestamp,
) -> rusqlite::Result<Option<Event>> {
    Ok(Some(match row.get_ref(1)?.as_str()? {
        CONTACT_LIST => Event::ContactList(contacts::list(sql, session.account.0)?),
        FOUND => {
            let detail = row.get_ref(3)?.as_str()?;
            let (limit, query) = detail.split_once(' ').unwrap_or((detail, ""));
            let found = people::search(sql, session.account.0, &parse(query, 3)?, parse(limit, 3)?)?;
            Event::Found { request: parsed(row, 2)?, found }
        }
        GROUP_CHANGED => {
            let (change, group) = list_change(row, 3)?;
            let group = group.unwrap_or(GroupId::Default);
            Event::GroupChanged { group, change, name: contacts::name(sql, group)? }
        }
        CONTACT_CHANGED => {
            let (change, group) = list_change(row, 3)?;
            Event::ContactChanged { contact: parsed(row, 5)?, group, change }
        }
        PRESENCE_CHANGED => Event::PresenceChanged {
            of: parsed(row, 5)?,
            changed: parts(row, 3)?,
            presence: presence::of(sql, row.get(6)?, now)?,
        },
        SELF_PRESENCE_CHANGED => Event::SelfPresenceChanged {
            changed: parts(row, 3)?,
            presence: presence::of(sql, session.account.0, now)?,
        },
        SUBSCRIPTION_CHANGED => {
            Event::SubscriptionChanged { subscription: parsed(row, 2)?, change: parsed(row, 3)? }
        }
        FOLLOWING_CHANGED => {
            let detail = row.get_ref(3)?.as_str()?;
            let (change, numbers) = detail.split_once(' ').unwrap_or((detail, ""));
            Event::FollowingChanged { people: addresses(sql, numbers)?, change: parse(change, 3)? }
        }
        _ => return Ok(None),
    }))
}

/// The addresses of people by their numbers; who is no longer there is left out.
fn addresses(sql: &Connection, numbers: &str) -> rusqlite::Result<Vec<SipUri>> {
    let mut select = sql.prepare_cached("SELECT uri FROM account WHERE id = ?1")?;
    let addresses = numbers.split_whitespace().filter_map(|number| number.parse::<i64>().ok());
    let addresses = addresses.map(|number| found(select.query_row([number], |row| parsed(row, 0))));
    addresses.filter_map(Result::transpose).collect()
}

/// An event of an earlier release does not say what changed.
pub(super) fn parts(row: &Row<'_>, column: usize) -> rusqlite::Result<Changed> {
    parsed_or_null(row, column).map(|parts| parts.unwrap_or(Changed::ALL))
}

/// A change, and the group that it is about.
fn list_change(row: &Row<'_>, column: usize) -> rusqlite::Result<(ListChange, Option<GroupId>)> {
    let detail = row.get_ref(column)?.as_str()?;
    let (change, group) =
        detail.split_once(' ').map_or((detail, None), |(change, group)| (change, Some(group)));
    let group = group.map(|group| parse(group, column)).transpose()?;
    Ok((parse(change, column)?, group))
}
