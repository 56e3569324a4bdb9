//! The lists of contacts that people have of each other.

mod edit;

use std::collections::HashMap;

use fulmar_domain::{
    AccountId, RequestId, SipUri, Timestamp,
    contacts::{ContactEdit, ContactList, Group, GroupId, GroupName, ListedContact},
};
use rusqlite::{Connection, params};

use crate::{
    Actor, Store, StoreError, people,
    rows::{found, parsed},
    sessions::{Effect, Executed},
};

impl Store {
    /// Changes the person's list; their devices are told what became of it.
    ///
    /// # Errors
    /// When it could not be committed.
    pub async fn edit_contacts(
        &self,
        actor: &Actor,
        request: impl Into<Option<RequestId>>,
        edit: ContactEdit,
        now: Timestamp,
    ) -> Result<Executed, StoreError> {
        self.command("change the list of contacts", actor, request.into(), now, move |tx, session| {
            let done = edit::carry_out(tx, session.account.0, &edit)?;
            Ok(done.map_or_else(Effect::failed, |()| Effect::done()))
        })
        .await
    }

    /// The list of a person.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn contact_list(&self, of: AccountId) -> Result<ContactList, StoreError> {
        self.read("read a list of contacts", move |sql| list(sql, of.0)).await
    }

    /// The groups of a person's list, in their order.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn groups(&self, of: AccountId) -> Result<Vec<Group>, StoreError> {
        self.read("read the groups of a list of contacts", move |sql| groups(sql, of.0)).await
    }

    /// Those in one group of a person's list, by name; `None` when the list has no such group.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn group_contacts(
        &self,
        of: AccountId,
        group: GroupId,
    ) -> Result<Option<Vec<ListedContact>>, StoreError> {
        self.read("read a group of contacts", move |sql| members(sql, of.0, group)).await
    }

    /// A colleague and their place in a person's list, be it none; `None` when nobody enabled has that address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub async fn contact(
        &self,
        of: AccountId,
        contact: &SipUri,
    ) -> Result<Option<ListedContact>, StoreError> {
        let uri = contact.to_string();
        self.read("look a contact up", move |sql| {
            let Some((person, contact, details)) = people::some(sql, "AND a.uri = ?1", &[&uri])?.pop() else {
                return Ok(None);
            };
            Ok(Some(ListedContact { contact, details, groups: places(sql, of.0, person)? }))
        })
        .await
    }
}

pub(crate) fn list(sql: &Connection, owner: i64) -> rusqlite::Result<ContactList> {
    let contacts = colleagues(sql, owner)?.into_iter().map(|(_, contact)| contact);
    Ok(ContactList {
        groups: groups(sql, owner)?,
        contacts: contacts.filter(ListedContact::is_listed).collect(),
    })
}

/// The numbers of those in a list.
pub(crate) fn listed(sql: &Connection, owner: i64) -> rusqlite::Result<Vec<i64>> {
    let listed = colleagues(sql, owner)?.into_iter().filter(|(_, contact)| contact.is_listed());
    Ok(listed.map(|(id, _)| id).collect())
}

fn groups(sql: &Connection, owner: i64) -> rusqlite::Result<Vec<Group>> {
    let select = "SELECT id, name FROM contact_group WHERE owner = ?1";
    let own = |row: &rusqlite::Row<'_>| Ok(Group { id: GroupId::Own(row.get(0)?), name: parsed(row, 1)? });
    let mut groups: Vec<_> =
        sql.prepare_cached(select)?.query_map([owner], own)?.collect::<Result<_, _>>()?;
    groups.extend(GroupId::FIXED.into_iter().filter_map(|id| Some(Group { id, name: id.fixed_name()? })));
    groups.sort_by_key(|group| group.id);
    Ok(groups)
}

/// What a group is called now; `None` when it is gone.
pub(crate) fn name(sql: &Connection, group: GroupId) -> rusqlite::Result<Option<GroupName>> {
    let GroupId::Own(id) = group else { return Ok(group.fixed_name()) };
    let select = "SELECT name FROM contact_group WHERE id = ?1";
    found(sql.prepare_cached(select)?.query_row([id], |row| parsed(row, 0)))
}

/// The people in a group, with their numbers; `None` when the list has no such group.
pub(crate) fn numbered_members(
    sql: &Connection,
    owner: i64,
    group: GroupId,
) -> rusqlite::Result<Option<Vec<(i64, ListedContact)>>> {
    if let GroupId::Own(id) = group
        && !owns(sql, owner, id)?
    {
        return Ok(None);
    }
    let mut everybody = colleagues(sql, owner)?;
    if group == GroupId::Delegators {
        let select = "SELECT owner FROM contact_mark WHERE contact = ?1 AND mark = 'delegate'";
        let delegators: Vec<i64> =
            sql.prepare_cached(select)?.query_map([owner], |row| row.get(0))?.collect::<Result<_, _>>()?;
        everybody.retain(|(id, _)| delegators.contains(id));
    } else {
        everybody.retain(|(_, contact)| contact.groups.contains(&group));
    }
    Ok(Some(everybody))
}

fn members(sql: &Connection, owner: i64, group: GroupId) -> rusqlite::Result<Option<Vec<ListedContact>>> {
    let members = numbered_members(sql, owner, group)?;
    Ok(members.map(|members| members.into_iter().map(|(_, contact)| contact).collect()))
}

/// Everybody who is enabled and at home here, but for the owner, with their places in the owner's list.
fn colleagues(sql: &Connection, owner: i64) -> rusqlite::Result<Vec<(i64, ListedContact)>> {
    let mut said = all_said(sql, owner)?;
    let others = people::everybody(sql)?.into_iter().filter(|(id, ..)| *id != owner);
    let placed = others.map(|(id, contact, details)| {
        let groups = said.remove(&id).unwrap_or_default().groups();
        (id, ListedContact { contact, details, groups })
    });
    Ok(placed.collect())
}

/// What somebody said of a contact.
#[derive(Default)]
struct Said {
    own: Vec<i64>,
    pinned: bool,
    hidden: bool,
    delegate: bool,
}

impl Said {
    fn mark(&mut self, mark: &str) {
        match mark {
            "pinned" => self.pinned = true,
            "hidden" => self.hidden = true,
            _ => self.delegate = true,
        }
    }

    fn groups(self) -> Vec<GroupId> {
        let default = self.own.is_empty() && !self.hidden;
        let fixed = [
            (self.pinned, GroupId::Pinned),
            (default, GroupId::Default),
            (self.delegate, GroupId::Delegates),
        ];
        let fixed = fixed.into_iter().filter_map(|(is, group)| is.then_some(group));
        let mut groups: Vec<_> = self.own.into_iter().map(GroupId::Own).chain(fixed).collect();
        groups.sort();
        groups
    }
}

const MEMBERSHIPS: &str = "SELECT m.contact, m.contact_group FROM group_member m
     JOIN contact_group g ON g.id = m.contact_group WHERE g.owner = ?1";
const MARKS: &str = "SELECT contact, mark FROM contact_mark WHERE owner = ?1";

/// What a person said of everybody of whom they said anything.
fn all_said(sql: &Connection, owner: i64) -> rusqlite::Result<HashMap<i64, Said>> {
    let mut said: HashMap<i64, Said> = HashMap::new();
    let mut memberships = sql.prepare_cached(MEMBERSHIPS)?;
    for row in memberships.query_map([owner], |row| Ok((row.get(0)?, row.get(1)?)))? {
        let (contact, group) = row?;
        said.entry(contact).or_default().own.push(group);
    }
    let mut marks = sql.prepare_cached(MARKS)?;
    for row in marks.query_map([owner], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))? {
        let (contact, mark) = row?;
        said.entry(contact).or_default().mark(&mark);
    }
    Ok(said)
}

/// The groups of `owner` in which `contact` is.
pub(crate) fn places(sql: &Connection, owner: i64, contact: i64) -> rusqlite::Result<Vec<GroupId>> {
    if owner == contact {
        return Ok(Vec::new());
    }
    let mut said = Said::default();
    let mut memberships = sql.prepare_cached(&format!("{MEMBERSHIPS} AND m.contact = ?2"))?;
    for group in memberships.query_map([owner, contact], |row| row.get(1))? {
        said.own.push(group?);
    }
    let mut marks = sql.prepare_cached(&format!("{MARKS} AND contact = ?2"))?;
    for mark in marks.query_map([owner, contact], |row| row.get::<_, String>(1))? {
        said.mark(&mark?);
    }
    Ok(said.groups())
}

fn owns(sql: &Connection, owner: i64, group: i64) -> rusqlite::Result<bool> {
    let select = "SELECT EXISTS (SELECT 1 FROM contact_group WHERE id = ?1 AND owner = ?2)";
    sql.prepare_cached(select)?.query_row(params![group, owner], |row| row.get(0))
}
