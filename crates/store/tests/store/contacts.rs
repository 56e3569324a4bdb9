//! Lists of contacts: who is in them, in which groups, and who is told of changes.

use fulmar_domain::{
    contacts::{ContactEdit, GroupId, ListChange, MAX_CONTACTS, MAX_DELEGATES, MAX_GROUPS},
    event::{Event, Failure},
};
use fulmar_store::{Actor, Executed};

use crate::support::{Bench, NOON};

async fn edit(bench: &Bench, actor: &Actor, edit: ContactEdit) -> Result<(), Failure> {
    match bench.store.edit_contacts(actor, None, edit, NOON).await.unwrap() {
        Executed::Done(outcome) => outcome.map(drop),
        Executed::SessionEnded => panic!("the session lives"),
    }
}

fn add(name: &str, group: GroupId) -> ContactEdit {
    ContactEdit::Add(format!("{name}@office.test").parse().unwrap(), group)
}

fn remove(name: &str, group: Option<GroupId>) -> ContactEdit {
    ContactEdit::Remove(format!("{name}@office.test").parse().unwrap(), group)
}

fn new_group(name: &str) -> ContactEdit {
    ContactEdit::AddGroup(name.parse().unwrap())
}

/// The names in a list, each with its groups.
async fn list(bench: &Bench, actor: &Actor) -> Vec<(String, Vec<GroupId>)> {
    let list = bench.store.contact_list(actor.account).await.unwrap();
    let contacts = list.contacts.into_iter();
    contacts.map(|listed| (listed.contact.display_name.to_string(), listed.groups)).collect()
}

fn listed(name: &str, groups: &[GroupId]) -> (String, Vec<GroupId>) {
    (name.to_owned(), groups.to_vec())
}

/// The first group that the person made.
async fn own(bench: &Bench, actor: &Actor) -> GroupId {
    let groups = bench.store.groups(actor.account).await.unwrap();
    groups.into_iter().map(|group| group.id).find(|id| matches!(id, GroupId::Own(_))).unwrap()
}

/// What a session is told of its list, and that it has dealt with it.
async fn told(bench: &Bench, actor: &Actor) -> Vec<(String, ListChange)> {
    let events = bench.events(actor, 0, NOON).await;
    let last = events.last().map_or(0, |event| event.eid);
    bench.store.acknowledge(&actor.session, last, NOON).await.unwrap();
    let changes = events.into_iter().filter_map(|event| match event.event {
        Event::GroupChanged { change, name, .. } => Some((
            format!("group {}", name.map_or_else(String::new, |name| name.as_str().to_owned())),
            change,
        )),
        Event::ContactChanged { contact, group, change } => {
            let name = contact.address().split('@').next().unwrap().to_owned();
            let place = group.map_or_else(
                || "list".to_owned(),
                |group| match group {
                    GroupId::Own(_) => "own".to_owned(),
                    other => other.to_string(),
                },
            );
            Some((format!("{name} {place}"), change))
        }
        _ => None,
    });
    changes.collect()
}

fn changes(changes: &[(&str, ListChange)]) -> Vec<(String, ListChange)> {
    changes.iter().map(|(what, change)| ((*what).to_owned(), *change)).collect()
}

#[tokio::test]
async fn everybody_is_in_everybodys_list_until_taken_out() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let everybody = [listed("ben", &[GroupId::Default]), listed("carla", &[GroupId::Default])];
    assert_eq!(list(&bench, &anna).await, everybody);
    edit(&bench, &anna, remove("ben", None)).await.unwrap();
    assert_eq!(list(&bench, &anna).await, everybody[1..]);
    let gone = changes(&[("ben default", ListChange::Deleted), ("ben list", ListChange::Deleted)]);
    assert_eq!(told(&bench, &anna).await, gone);
    edit(&bench, &anna, add("ben", GroupId::Default)).await.unwrap();
    assert_eq!(list(&bench, &anna).await, everybody);
    bench.store.set_disabled("ben@office.test".parse().unwrap(), true, NOON).await.unwrap();
    assert_eq!(list(&bench, &anna).await, everybody[1..]);
}

#[tokio::test]
async fn who_is_in_a_group_that_was_made_is_not_in_the_default_group() {
    let bench = Bench::new().await;
    let (phone, desk) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "desk", NOON).await);
    edit(&bench, &phone, new_group("Sales")).await.unwrap();
    let sales = own(&bench, &phone).await;
    assert_eq!(told(&bench, &desk).await, changes(&[("group Sales", ListChange::Added)]));
    edit(&bench, &phone, add("ben", sales)).await.unwrap();
    edit(&bench, &phone, add("ben", GroupId::Pinned)).await.unwrap();
    let pinned = [listed("ben", &[GroupId::Pinned, sales]), listed("carla", &[GroupId::Default])];
    assert_eq!(list(&bench, &phone).await, pinned);
    let moved = changes(&[
        ("ben own", ListChange::Added),
        ("ben default", ListChange::Deleted),
        ("ben pinned", ListChange::Added),
    ]);
    assert_eq!(told(&bench, &desk).await, moved);
    let members = bench.store.group_contacts(phone.account, sales).await.unwrap().unwrap();
    assert_eq!(
        members.iter().map(|listed| listed.contact.display_name.as_str()).collect::<Vec<_>>(),
        ["ben"]
    );
    edit(&bench, &phone, ContactEdit::DeleteGroup(sales)).await.unwrap();
    assert_eq!(list(&bench, &phone).await[0], listed("ben", &[GroupId::Pinned, GroupId::Default]));
    let back = changes(&[
        ("ben default", ListChange::Added),
        ("ben own", ListChange::Deleted),
        ("group ", ListChange::Deleted),
    ]);
    assert_eq!(told(&bench, &desk).await, back);
}

#[tokio::test]
async fn to_do_it_again_changes_nothing_and_tells_nothing() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    edit(&bench, &anna, new_group("Sales")).await.unwrap();
    let sales = own(&bench, &anna).await;
    for _ in 0..2 {
        edit(&bench, &anna, add("ben", sales)).await.unwrap();
        edit(&bench, &anna, remove("carla", None)).await.unwrap();
        edit(&bench, &anna, ContactEdit::RenameGroup(sales, "Service".parse().unwrap())).await.unwrap();
    }
    assert_eq!(told(&bench, &anna).await.len(), 6, "made, ben in and out of default, carla twice, renamed");
    assert_eq!(edit(&bench, &anna, new_group("Service")).await, Err(Failure::AlreadyExists));
}

#[tokio::test]
async fn a_delegate_sees_for_whom_they_may_act() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    edit(&bench, &anna, add("ben", GroupId::Delegates)).await.unwrap();
    assert_eq!(told(&bench, &ben).await, changes(&[("anna delegators", ListChange::Added)]));
    let delegators = bench.store.group_contacts(ben.account, GroupId::Delegators).await.unwrap().unwrap();
    assert_eq!(
        delegators.iter().map(|listed| listed.contact.display_name.as_str()).collect::<Vec<_>>(),
        ["anna"]
    );
    edit(&bench, &anna, remove("ben", None)).await.unwrap();
    let ben_uri = "ben@office.test".parse().unwrap();
    let of_ben = bench.store.contact(anna.account, &ben_uri).await.unwrap().unwrap();
    assert_eq!(of_ben.groups, [GroupId::Delegates], "out of the list and still a delegate");
    assert!(!of_ben.is_listed());
    let refused = Err(Failure::NotSupported);
    assert_eq!(edit(&bench, &ben, remove("anna", Some(GroupId::Delegators))).await, refused);
    edit(&bench, &anna, remove("ben", Some(GroupId::Delegates))).await.unwrap();
    assert_eq!(told(&bench, &ben).await, changes(&[("anna delegators", ListChange::Deleted)]));
}

#[tokio::test]
async fn a_list_is_its_owners() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    edit(&bench, &anna, new_group("Sales")).await.unwrap();
    let sales = own(&bench, &anna).await;
    for (what, refused) in [
        (ContactEdit::DeleteGroup(sales), Failure::NoSuchGroup),
        (ContactEdit::RenameGroup(sales, "x".parse().unwrap()), Failure::NoSuchGroup),
        (add("carla", sales), Failure::NoSuchGroup),
        (remove("carla", Some(sales)), Failure::NoSuchGroup),
        (ContactEdit::DeleteGroup(GroupId::Default), Failure::NotSupported),
        (add("carla", GroupId::Delegators), Failure::NotSupported),
        (add("ben", GroupId::Pinned), Failure::NoSuchPerson),
        (add("nobody", GroupId::Pinned), Failure::NoSuchPerson),
    ] {
        assert_eq!(edit(&bench, &ben, what.clone()).await, Err(refused), "{what:?}");
    }
    assert_eq!(bench.store.group_contacts(ben.account, sales).await.unwrap(), None);
    assert_eq!(told(&bench, &ben).await, []);
}

#[tokio::test]
async fn groups_contacts_and_delegates_have_limits() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    for number in 0..MAX_GROUPS {
        edit(&bench, &anna, new_group(&number.to_string())).await.unwrap();
    }
    assert_eq!(edit(&bench, &anna, new_group("one more")).await, Err(Failure::TooManyGroups));
    for number in 0..=MAX_CONTACTS {
        let uri = format!("p{number}@office.test").parse().unwrap();
        bench.store.create_account(uri, "P".parse().unwrap(), "h".into(), NOON).await.unwrap();
        let pinned = edit(&bench, &anna, add(&format!("p{number}"), GroupId::Pinned)).await;
        let expected = if number < MAX_CONTACTS { Ok(()) } else { Err(Failure::TooManyContacts) };
        assert_eq!(pinned, expected, "{number}");
    }
    for number in 0..=MAX_DELEGATES {
        let added = edit(&bench, &anna, add(&format!("p{number}"), GroupId::Delegates)).await;
        let expected = if number < MAX_DELEGATES { Ok(()) } else { Err(Failure::LimitExceeded) };
        assert_eq!(added, expected, "{number}");
    }
}
