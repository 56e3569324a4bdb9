//! The groups of the person's list, and who is in them ("myGroups", "group", "myGroupMemberships").
//!
//! Where the reference has two versions of a resource this is the second: groups are made, renamed and taken away, and
//! people put into them and taken out.

use axum::http::HeaderMap;
use fulmar_app::Command;
use fulmar_domain::{
    SipUri,
    contacts::{ContactEdit, Group, GroupId, ListedContact},
};
use fulmar_wire::ucwa::{Code, Link, Resource, Subcode};

use super::{
    answer::{Answer, Refused, unchanged},
    asker::{Asker, Given},
    hrefs::Hrefs,
    people,
};

/// The revision of links that lead to resources of the second version.
pub(super) const REVISION: u32 = 2;

/// The word for a kind of group.
pub(super) fn rel(group: GroupId) -> &'static str {
    match group {
        GroupId::Pinned => "pinnedGroup",
        GroupId::Own(_) => "group",
        GroupId::Default => "defaultGroup",
        GroupId::Delegates => "delegatesGroup",
        GroupId::Delegators => "delegatorsGroup",
    }
}

/// `GET myGroups`: with `expand=false` links alone.
pub(super) async fn list(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let groups = asker.app.store().groups(asker.account.id).await?;
    let (own, fixed): (Vec<_>, Vec<_>) = groups.iter().partition(|group| matches!(group.id, GroupId::Own(_)));
    let list = Resource::new("myGroups", asker.hrefs.groups());
    Ok(Answer::Found(if given.0.bool("expand")? == Some(false) {
        let link = |group: &&Group| {
            let place = asker.hrefs.group(group.id);
            Link::new(rel(group.id), place).titled(group.name.as_str()).revised(REVISION)
        };
        let list = list.links("group", own.iter().map(link)).links("distributionGroup", []);
        fixed.iter().fold(list, |list, group| list.link(rel(group.id), asker.hrefs.group(group.id)))
    } else {
        let own = own.into_iter().map(|group| resource(group, &asker.hrefs)).collect();
        let list = list.embed_all("group", own).embed_all("distributionGroup", Vec::new());
        fixed.into_iter().fold(list, |list, group| list.embed(resource(group, &asker.hrefs)))
    }))
}

/// `POST myGroups`: makes a group. Where it is, the event says.
pub(super) async fn make(asker: Asker, given: Given) -> Result<Answer, Refused> {
    asker.execute(Command::EditContacts(ContactEdit::AddGroup(given.parsed("displayName")?))).await?;
    Ok(Answer::Done)
}

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    Ok(Answer::Found(resource(&named(&asker).await?, &asker.hrefs)))
}

/// `PUT group`: calls it otherwise.
pub(super) async fn rename(asker: Asker, headers: HeaderMap, given: Given) -> Result<Answer, Refused> {
    let Group { id, name } = named(&asker).await?;
    if matches!(id, GroupId::Own(_)) {
        unchanged(&headers, &resource(&Group { id, name }, &asker.hrefs))?;
    }
    asker.execute(Command::EditContacts(ContactEdit::RenameGroup(id, given.parsed("name")?))).await?;
    Ok(Answer::Found(resource(&named(&asker).await?, &asker.hrefs)))
}

pub(super) async fn delete(asker: Asker) -> Result<Answer, Refused> {
    let group = named(&asker).await?;
    asker.execute(Command::EditContacts(ContactEdit::DeleteGroup(group.id))).await?;
    Ok(Answer::Done)
}

/// The group that the path names.
async fn named(asker: &Asker) -> Result<Group, Refused> {
    let id: GroupId = asker.named("group", Subcode::ResourceNotFound)?;
    let groups = asker.app.store().groups(asker.account.id).await?;
    groups.into_iter().find(|group| group.id == id).ok_or_else(missing)
}

fn resource(group: &Group, hrefs: &Hrefs) -> Resource {
    let id = group.id;
    Resource::new(rel(id), hrefs.group(id))
        .property("id", id.to_string())
        .property("name", group.name.as_str())
        .link("groupContacts", hrefs.at(&format!("people/contacts?groupId={id}")))
        .when(id != GroupId::Delegators, |group| group.link("groupMemberships", memberships_of(id, hrefs)))
        .link("subscribeToGroupPresence", hrefs.at(&format!("people/presenceSubscriptions?groupId={id}")))
        .etagged()
}

/// `GET groupContacts`, which is `contacts` with a group.
pub(super) async fn contacts(asker: &Asker, group: GroupId, expand: bool) -> Result<Answer, Refused> {
    let contacts = asker.app.store().group_contacts(asker.account.id, group).await?.ok_or_else(missing)?;
    let place = asker.hrefs.at(&format!("people/contacts?groupId={group}"));
    Ok(Answer::Found(people::with_contacts(
        Resource::new("groupContacts", place),
        &contacts,
        expand,
        &asker.hrefs,
    )))
}

/// `GET myGroupMemberships`, and with a group `groupMemberships`.
pub(super) async fn memberships(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let (store, me, hrefs) = (asker.app.store(), asker.account.id, &asker.hrefs);
    let list = match given.optional::<GroupId>("groupId")? {
        Some(group) => {
            kept_by_others(group)?;
            let members = store.group_contacts(me, group).await?.ok_or_else(missing)?;
            let members = members.iter().map(|contact| membership(group, &contact.contact.uri, hrefs));
            let list = Resource::new("groupMemberships", memberships_of(group, hrefs));
            list.embed_all("myGroupMembership", members.collect())
        }
        None => {
            let mut contacts = store.contact_list(me).await?.contacts;
            let delegates = store.group_contacts(me, GroupId::Delegates).await?.unwrap_or_default();
            contacts.extend(delegates.into_iter().filter(|contact| !contact.is_listed()));
            let of = |contact: &ListedContact| {
                let uri = contact.contact.uri.clone();
                contact.groups.iter().map(|group| membership(*group, &uri, hrefs)).collect::<Vec<_>>()
            };
            let place = hrefs.at("people/groupMemberships");
            Resource::new("myGroupMemberships", &place)
                .revised_link(
                    "removeContactFromAllGroups",
                    format!("{place}/removeContactFromAllGroups"),
                    REVISION,
                )
                .embed_all("myGroupMembership", contacts.iter().flat_map(of).collect())
        }
    };
    Ok(Answer::Found(list))
}

fn memberships_of(group: GroupId, hrefs: &Hrefs) -> String {
    hrefs.at(&format!("people/groupMemberships?groupId={group}"))
}

fn membership(group: GroupId, person: &SipUri, hrefs: &Hrefs) -> Resource {
    let place = format!("people/groupMemberships/{group}/{}", person.address());
    Resource::new("myGroupMembership", hrefs.at(&place))
        .link("contact", hrefs.contact(person))
        .link(rel(group), hrefs.group(group))
}

/// `POST myGroupMemberships`: puts somebody into a group, by default into the default one.
pub(super) async fn add(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let person: SipUri = given.parsed("contactUri")?;
    let group = given.optional("groupId")?.unwrap_or(GroupId::Default);
    let places = places(&asker, &person).await?;
    // Whoever is in a group of one's own is not in the default one.
    let elsewhere = group == GroupId::Default && places.iter().any(|place| matches!(place, GroupId::Own(_)));
    if elsewhere || places.contains(&group) {
        return Err(Refused::new(Code::Conflict, Subcode::AlreadyExists));
    }
    asker.execute(Command::EditContacts(ContactEdit::Add(person.clone(), group))).await?;
    Ok(Answer::Created(membership(group, &person, &asker.hrefs)))
}

pub(super) async fn show_membership(asker: Asker) -> Result<Answer, Refused> {
    let (group, person) = named_membership(&asker).await?;
    Ok(Answer::Found(membership(group, &person, &asker.hrefs)))
}

/// `DELETE myGroupMembership`.
pub(super) async fn remove(asker: Asker) -> Result<Answer, Refused> {
    let (group, person) = named_membership(&asker).await?;
    asker.execute(Command::EditContacts(ContactEdit::Remove(person, Some(group)))).await?;
    Ok(Answer::Done)
}

/// `POST removeContactFromAllGroups`: takes somebody out of the list.
pub(super) async fn remove_from_all(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let person = given.parsed("contactUri")?;
    asker.execute(Command::EditContacts(ContactEdit::Remove(person, None))).await?;
    Ok(Answer::Done)
}

async fn named_membership(asker: &Asker) -> Result<(GroupId, SipUri), Refused> {
    let (group, person) = (asker.named("group", Subcode::ResourceNotFound)?, asker.person()?);
    kept_by_others(group)?;
    let is_in = places(asker, &person).await?.contains(&group);
    if is_in { Ok((group, person)) } else { Err(missing()) }
}

/// The groups that somebody is in.
async fn places(asker: &Asker, person: &SipUri) -> Result<Vec<GroupId>, Refused> {
    let contact = asker.app.store().contact(asker.account.id, person).await?;
    let contact = contact.ok_or_else(|| Refused::new(Code::NotFound, Subcode::DestinationNotFound))?;
    Ok(contact.groups)
}

/// Who is in the group of delegators is for them to say.
fn kept_by_others(group: GroupId) -> Result<(), Refused> {
    if group == GroupId::Delegators {
        return Err(Refused::new(Code::Forbidden, Subcode::OperationNotSupported));
    }
    Ok(())
}

fn missing() -> Refused {
    Refused::new(Code::NotFound, Subcode::ResourceNotFound)
}
