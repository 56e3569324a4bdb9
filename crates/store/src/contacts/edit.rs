//! Changes of a list, and who is told.

use fulmar_domain::{
    SipUri,
    contacts::{ContactEdit, GroupId, GroupName, ListChange, MAX_CONTACTS, MAX_DELEGATES, MAX_GROUPS},
    event::Failure,
};
use rusqlite::{Connection, params};

use super::{owns, places};
use crate::{
    accounts,
    events::{self, Entry, PeopleEntry},
    rows::found,
    subscriptions,
    writer::Tx,
};

/// What came of a change.
type Changed = rusqlite::Result<Result<(), Failure>>;

pub(super) fn carry_out(tx: &mut Tx<'_>, owner: i64, edit: &ContactEdit) -> Changed {
    match edit {
        ContactEdit::AddGroup(name) => add_group(tx, owner, name),
        ContactEdit::RenameGroup(group, name) => match own_group(tx.sql, owner, *group)? {
            Ok(id) => rename_group(tx, owner, id, name),
            Err(failure) => Ok(Err(failure)),
        },
        ContactEdit::DeleteGroup(group) => match own_group(tx.sql, owner, *group)? {
            Ok(id) => delete_group(tx, owner, id).map(Ok),
            Err(failure) => Ok(Err(failure)),
        },
        ContactEdit::Add(uri, group) => {
            with_contact(tx, owner, uri, |tx, contact| add(tx, owner, contact, *group))
        }
        ContactEdit::Remove(uri, group) => {
            with_contact(tx, owner, uri, |tx, contact| remove(tx, owner, contact, *group))
        }
    }
}

fn own_group(sql: &Connection, owner: i64, group: GroupId) -> rusqlite::Result<Result<i64, Failure>> {
    match group {
        GroupId::Own(id) if owns(sql, owner, id)? => Ok(Ok(id)),
        GroupId::Own(_) => Ok(Err(Failure::NoSuchGroup)),
        _ => Ok(Err(Failure::NotSupported)),
    }
}

fn add_group(tx: &mut Tx<'_>, owner: i64, name: &GroupName) -> Changed {
    let insert =
        "INSERT INTO contact_group (owner, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id";
    let values = params![owner, name.as_str()];
    let Some(id) = found(tx.sql.prepare_cached(insert)?.query_row(values, |row| row.get(0)))? else {
        return Ok(Err(Failure::AlreadyExists));
    };
    let count = "SELECT count(*) FROM contact_group WHERE owner = ?1";
    if tx.sql.prepare_cached(count)?.query_row([owner], |row| row.get::<_, u32>(0))? > MAX_GROUPS {
        return Ok(Err(Failure::TooManyGroups));
    }
    tell_group(tx, owner, id, ListChange::Added).map(Ok)
}

fn rename_group(tx: &mut Tx<'_>, owner: i64, id: i64, name: &GroupName) -> Changed {
    let select = "SELECT id FROM contact_group WHERE owner = ?1 AND name = ?2";
    let values = params![owner, name.as_str()];
    match found(tx.sql.prepare_cached(select)?.query_row(values, |row| row.get::<_, i64>(0)))? {
        Some(same) if same == id => return Ok(Ok(())),
        Some(_) => return Ok(Err(Failure::AlreadyExists)),
        None => {}
    }
    let update = "UPDATE contact_group SET name = ?2 WHERE id = ?1";
    tx.sql.prepare_cached(update)?.execute(params![id, name.as_str()])?;
    tell_group(tx, owner, id, ListChange::Updated).map(Ok)
}

fn delete_group(tx: &mut Tx<'_>, owner: i64, id: i64) -> rusqlite::Result<()> {
    let select = "SELECT contact FROM group_member WHERE contact_group = ?1";
    let members: Vec<i64> =
        tx.sql.prepare_cached(select)?.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for contact in members {
        let before = places(tx.sql, owner, contact)?;
        let delete = "DELETE FROM group_member WHERE contact_group = ?1 AND contact = ?2";
        tx.sql.prepare_cached(delete)?.execute([id, contact])?;
        tell_places(tx, owner, contact, &before)?;
    }
    tx.sql.prepare_cached("DELETE FROM contact_group WHERE id = ?1")?.execute([id])?;
    tell_group(tx, owner, id, ListChange::Deleted)
}

/// Changes the place of a contact, and tells what became of it.
fn with_contact(
    tx: &mut Tx<'_>,
    owner: i64,
    uri: &SipUri,
    change: impl FnOnce(&mut Tx<'_>, i64) -> Changed,
) -> Changed {
    let Some(contact) = accounts::enabled(tx.sql, uri)?.filter(|contact| *contact != owner) else {
        return Ok(Err(Failure::NoSuchPerson));
    };
    let before = places(tx.sql, owner, contact)?;
    if let Err(failure) = change(tx, contact)? {
        return Ok(Err(failure));
    }
    tell_places(tx, owner, contact, &before).map(Ok)
}

fn add(tx: &mut Tx<'_>, owner: i64, contact: i64, group: GroupId) -> Changed {
    match group {
        GroupId::Default => {}
        GroupId::Pinned => mark(tx, owner, contact, "pinned")?,
        GroupId::Own(id) => {
            if !owns(tx.sql, owner, id)? {
                return Ok(Err(Failure::NoSuchGroup));
            }
            let insert = "INSERT OR IGNORE INTO group_member (contact_group, contact) VALUES (?1, ?2)";
            tx.sql.prepare_cached(insert)?.execute([id, contact])?;
        }
        GroupId::Delegates => {
            mark(tx, owner, contact, "delegate")?;
            let count = "SELECT count(*) FROM contact_mark WHERE owner = ?1 AND mark = 'delegate'";
            let delegates: u32 = tx.sql.prepare_cached(count)?.query_row([owner], |row| row.get(0))?;
            return Ok(if delegates > MAX_DELEGATES { Err(Failure::LimitExceeded) } else { Ok(()) });
        }
        GroupId::Delegators => return Ok(Err(Failure::NotSupported)),
    }
    unmark(tx, owner, contact, "hidden")?;
    let count = "SELECT count(*) FROM (
         SELECT m.contact FROM group_member m JOIN contact_group g ON g.id = m.contact_group WHERE g.owner = ?1
         UNION SELECT contact FROM contact_mark WHERE owner = ?1 AND mark = 'pinned')";
    let placed: u32 = tx.sql.prepare_cached(count)?.query_row([owner], |row| row.get(0))?;
    Ok(if placed > MAX_CONTACTS { Err(Failure::TooManyContacts) } else { Ok(()) })
}

fn remove(tx: &mut Tx<'_>, owner: i64, contact: i64, group: Option<GroupId>) -> Changed {
    match group {
        None => {
            let delete = "DELETE FROM group_member WHERE contact = ?2
                 AND contact_group IN (SELECT id FROM contact_group WHERE owner = ?1)";
            tx.sql.prepare_cached(delete)?.execute([owner, contact])?;
            unmark(tx, owner, contact, "pinned")?;
            mark(tx, owner, contact, "hidden")?;
        }
        Some(GroupId::Default) => {
            if places(tx.sql, owner, contact)?.contains(&GroupId::Default) {
                mark(tx, owner, contact, "hidden")?;
            }
        }
        Some(GroupId::Pinned) => unmark(tx, owner, contact, "pinned")?,
        Some(GroupId::Own(id)) => {
            if !owns(tx.sql, owner, id)? {
                return Ok(Err(Failure::NoSuchGroup));
            }
            let delete = "DELETE FROM group_member WHERE contact_group = ?1 AND contact = ?2";
            tx.sql.prepare_cached(delete)?.execute([id, contact])?;
        }
        Some(GroupId::Delegates) => unmark(tx, owner, contact, "delegate")?,
        Some(GroupId::Delegators) => return Ok(Err(Failure::NotSupported)),
    }
    Ok(Ok(()))
}

fn mark(tx: &Tx<'_>, owner: i64, contact: i64, mark: &str) -> rusqlite::Result<()> {
    let insert = "INSERT OR IGNORE INTO contact_mark (owner, contact, mark) VALUES (?1, ?2, ?3)";
    tx.sql.prepare_cached(insert)?.execute(params![owner, contact, mark]).map(drop)
}

fn unmark(tx: &Tx<'_>, owner: i64, contact: i64, mark: &str) -> rusqlite::Result<()> {
    let delete = "DELETE FROM contact_mark WHERE owner = ?1 AND contact = ?2 AND mark = ?3";
    tx.sql.prepare_cached(delete)?.execute(params![owner, contact, mark]).map(drop)
}

fn tell_group(tx: &mut Tx<'_>, owner: i64, id: i64, change: ListChange) -> rusqlite::Result<()> {
    let detail = &format!("{} {}", change.as_str(), GroupId::Own(id));
    tell(tx, owner, PeopleEntry::GroupChanged { detail })
}

/// Tells where the contact is now and was not before, and the other way round.
fn tell_places(tx: &mut Tx<'_>, owner: i64, contact: i64, before: &[GroupId]) -> rusqlite::Result<()> {
    let after = places(tx.sql, owner, contact)?;
    let listed = |groups: &[GroupId]| groups.iter().any(|group| group.lists());
    let came = after.iter().filter(|group| !before.contains(group)).map(|group| (group, ListChange::Added));
    let went = before.iter().filter(|group| !after.contains(group)).map(|group| (group, ListChange::Deleted));
    for (group, change) in came.chain(went) {
        tell_contact(tx, owner, contact, Some(*group), change)?;
        if *group == GroupId::Delegates {
            tell_contact(tx, contact, owner, Some(GroupId::Delegators), change)?;
        }
    }
    match (listed(before), listed(&after)) {
        (false, true) => tell_contact(tx, owner, contact, None, ListChange::Added),
        (true, false) => tell_contact(tx, owner, contact, None, ListChange::Deleted),
        _ => Ok(()),
    }
}

fn tell_contact(
    tx: &mut Tx<'_>,
    owner: i64,
    contact: i64,
    group: Option<GroupId>,
    change: ListChange,
) -> rusqlite::Result<()> {
    subscriptions::list_changed(tx, owner, contact, group, change)?;
    let group = group.map_or_else(String::new, |group| format!(" {group}"));
    let detail = &format!("{}{group}", change.as_str());
    tell(tx, owner, PeopleEntry::ContactChanged { contact, detail })
}

fn tell(tx: &mut Tx<'_>, owner: i64, entry: PeopleEntry<'_>) -> rusqlite::Result<()> {
    let select = "SELECT device FROM session WHERE account = ?1";
    let devices: Vec<i64> =
        tx.sql.prepare_cached(select)?.query_map([owner], |row| row.get(0))?.collect::<Result<_, _>>()?;
    devices.into_iter().try_for_each(|device| events::append(tx, device, Entry::People(entry)))
}
