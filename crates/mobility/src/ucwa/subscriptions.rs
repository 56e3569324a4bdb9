//! Whom an application follows for a while ("presenceSubscriptions"), and whether it follows the person's list
//! ("myContactsAndGroupsSubscription").
//!
//! The subscription of a group is called as the group, so that a client which begins it again has one. What happens to
//! the list is told also to those who do not follow it; their subscription is nothing but the time that it lasts.

use std::time::Duration;

use fulmar_app::Command;
use fulmar_domain::{
    SipUri,
    contacts::{Contact, GroupId},
    id::SubscriptionId,
    subscription::{Followed, Lease, Subscription, SubscriptionEdit},
};
use fulmar_wire::ucwa::{Code, Link, Resource, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    hrefs::Hrefs,
};

/// The name of the subscription to the list.
const LIST: &str = "contacts";
/// The bounds of its duration in minutes; what is longer than thirty is taken for thirty.
const LIST_MINUTES: std::ops::RangeInclusive<u32> = 10..=60;

/// `GET presenceSubscriptions`.
pub(super) async fn list(asker: Asker) -> Result<Answer, Refused> {
    let running = running(&asker).await?;
    let running = running.iter().map(|subscription| resource(&subscription.id, &asker.hrefs)).collect();
    let list = Resource::new("presenceSubscriptions", asker.hrefs.at("people/presenceSubscriptions"));
    Ok(Answer::Found(list.embed_all("presenceSubscription", running)))
}

/// `POST presenceSubscriptions`: for these people, or for a group ("subscribeToGroupPresence").
pub(super) async fn start(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let lease = lease(&given)?;
    let (id, followed) = match given.optional::<GroupId>("groupId")? {
        Some(group) => {
            let name = group.to_string().parse().map_err(|error| Refused::parameter("groupId", error))?;
            (name, Followed::Group(group))
        }
        None => (asker.app.subscription_id()?, Followed::People(people(&given, "uris")?)),
    };
    let edit = SubscriptionEdit::Start(id.clone(), followed, lease);
    asker.execute(Command::EditSubscription(edit)).await?;
    Ok(Answer::Created(resource(&id, &asker.hrefs)))
}

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    Ok(Answer::Found(resource(&named(&asker).await?.id, &asker.hrefs)))
}

/// `POST presenceSubscription`: lets it last longer.
pub(super) async fn extend(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let subscription = named(&asker).await?;
    let edit = SubscriptionEdit::Extend(subscription.id.clone(), lease(&given)?);
    asker.execute(Command::EditSubscription(edit)).await?;
    Ok(Answer::Found(resource(&subscription.id, &asker.hrefs)))
}

pub(super) async fn end(asker: Asker) -> Result<Answer, Refused> {
    let subscription = named(&asker).await?;
    asker.execute(Command::EditSubscription(SubscriptionEdit::End(subscription.id))).await?;
    Ok(Answer::Done)
}

pub(super) fn resource(id: &SubscriptionId, hrefs: &Hrefs) -> Resource {
    let memberships = memberships_of(id, hrefs);
    Resource::new("presenceSubscription", hrefs.at(&format!("people/presenceSubscriptions/{id}")))
        .property("id", id.as_str())
        .link("memberships", &memberships)
        // Who is in a group is followed as long as they are in it.
        .when(id.as_str().parse::<GroupId>().is_err(), |resource| {
            resource.link("addToPresenceSubscription", &memberships)
        })
}

fn memberships_of(id: &SubscriptionId, hrefs: &Hrefs) -> String {
    hrefs.at(&format!("people/presenceSubscriptionMemberships?presenceSubscriptionId={id}"))
}

/// `GET presenceSubscriptionMemberships`: who is in a subscription, or in any.
pub(super) async fn memberships(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let list = match given.optional("presenceSubscriptionId")? {
        Some(id) => {
            let subscription = find(&asker, &id).await?;
            in_memberships(&[subscription], memberships_of(&id, &asker.hrefs), &asker.hrefs)
        }
        None => {
            let href = asker.hrefs.at("people/presenceSubscriptionMemberships");
            in_memberships(&running(&asker).await?, href, &asker.hrefs)
        }
    };
    Ok(Answer::Found(list))
}

/// `POST addToPresenceSubscription`.
pub(super) async fn add(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let id: SubscriptionId = given.parsed("presenceSubscriptionId")?;
    find(&asker, &id).await?;
    let edit = SubscriptionEdit::Add(id.clone(), people(&given, "contactUris")?);
    asker.execute(Command::EditSubscription(edit)).await?;
    let subscription = find(&asker, &id).await?;
    let list = in_memberships(&[subscription], memberships_of(&id, &asker.hrefs), &asker.hrefs);
    Ok(Answer::Created(list))
}

fn in_memberships(subscriptions: &[Subscription], href: String, hrefs: &Hrefs) -> Resource {
    let of = |subscription: &Subscription| {
        let id = subscription.id.clone();
        subscription.people.iter().map(|person| membership(&id, person, hrefs)).collect::<Vec<_>>()
    };
    let memberships = subscriptions.iter().flat_map(of).collect();
    Resource::new("presenceSubscriptionMemberships", href)
        .embed_all("presenceSubscriptionMembership", memberships)
}

fn membership(id: &SubscriptionId, person: &SipUri, hrefs: &Hrefs) -> Resource {
    let place = format!("people/presenceSubscriptionMemberships/{id}/{}", person.address());
    Resource::new("presenceSubscriptionMembership", hrefs.at(&place))
        .link("contact", hrefs.contact(person))
        .link("presenceSubscription", hrefs.at(&format!("people/presenceSubscriptions/{id}")))
}

pub(super) async fn show_membership(asker: Asker) -> Result<Answer, Refused> {
    let (subscription, person) = named_membership(&asker).await?;
    Ok(Answer::Found(membership(&subscription, &person, &asker.hrefs)))
}

/// `DELETE presenceSubscriptionMembership`.
pub(super) async fn remove(asker: Asker) -> Result<Answer, Refused> {
    let (subscription, person) = named_membership(&asker).await?;
    asker.execute(Command::EditSubscription(SubscriptionEdit::Remove(subscription, person))).await?;
    Ok(Answer::Done)
}

async fn named_membership(asker: &Asker) -> Result<(SubscriptionId, SipUri), Refused> {
    let (subscription, person) = (named(asker).await?, asker.person()?);
    if !subscription.people.contains(&person) {
        return Err(missing());
    }
    Ok((subscription.id, person))
}

/// `GET subscribedContacts`: whom the application follows, in whichever subscription.
pub(super) async fn subscribed(asker: Asker) -> Result<Answer, Refused> {
    let followed = asker.app.store().followed(asker.application.session.device).await?;
    let link = |contact: &Contact| {
        Link::new("contact", asker.hrefs.contact(&contact.uri)).titled(contact.display_name.as_str())
    };
    let list = Resource::new("subscribedContacts", asker.hrefs.at("people/subscribedContacts"));
    Ok(Answer::Found(list.links("contact", followed.iter().map(link))))
}

/// `GET myContactsAndGroupsSubscription`.
pub(super) async fn show_list(asker: Asker) -> Result<Answer, Refused> {
    let runs = list_runs(&asker).await?;
    Ok(Answer::Found(of_list(runs, &asker.hrefs)))
}

/// `POST startOrRefreshSubscriptionToContactsAndGroups`.
pub(super) async fn start_list(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let minutes: u32 = given.parsed("duration")?;
    if !LIST_MINUTES.contains(&minutes) {
        return Err(Refused::parameter("duration", "this subscription lasts 10 to 60 minutes"));
    }
    let (id, lease) = (list_id()?, Lease::nearest(of_minutes(minutes)));
    let edit = if list_runs(&asker).await? {
        SubscriptionEdit::Extend(id, lease)
    } else {
        SubscriptionEdit::Start(id, Followed::People(Vec::new()), lease)
    };
    asker.execute(Command::EditSubscription(edit)).await?;
    Ok(Answer::Created(of_list(true, &asker.hrefs)))
}

/// `POST stopSubscriptionToContactsAndGroups`.
pub(super) async fn stop_list(asker: Asker) -> Result<Answer, Refused> {
    if !list_runs(&asker).await? {
        return Err(Refused::because(Code::Conflict, None, "there is no such subscription"));
    }
    asker.execute(Command::EditSubscription(SubscriptionEdit::End(list_id()?))).await?;
    Ok(Answer::Done)
}

fn of_list(runs: bool, hrefs: &Hrefs) -> Resource {
    let place = list_href(hrefs);
    Resource::new("myContactsAndGroupsSubscription", &place)
        .property("state", if runs { "Connected" } else { "Disconnected" })
        .link("startOrRefreshSubscriptionToContactsAndGroups", format!("{place}/startOrRefresh"))
        .when(runs, |list| list.link("stopSubscriptionToContactsAndGroups", format!("{place}/stop")))
}

pub(super) fn list_href(hrefs: &Hrefs) -> String {
    hrefs.at("people/contactsAndGroupsSubscription")
}

/// Whether a subscription is the one to the list.
pub(super) fn is_of_list(id: &SubscriptionId) -> bool {
    id.as_str() == LIST
}

async fn list_runs(asker: &Asker) -> Result<bool, Refused> {
    let (store, now) = (asker.app.store(), asker.app.now());
    Ok(store.subscription(asker.application.session.device, &list_id()?, now).await?.is_some())
}

fn list_id() -> Result<SubscriptionId, Refused> {
    LIST.parse().map_err(|error| Refused::failed(&error))
}

/// The subscriptions to presence.
async fn running(asker: &Asker) -> Result<Vec<Subscription>, Refused> {
    let (store, now) = (asker.app.store(), asker.app.now());
    let mut running = store.subscriptions(asker.application.session.device, now).await?;
    running.retain(|subscription| !is_of_list(&subscription.id));
    Ok(running)
}

/// The subscription that the path names.
async fn named(asker: &Asker) -> Result<Subscription, Refused> {
    find(asker, &asker.named("subscription", Subcode::ResourceNotFound)?).await
}

async fn find(asker: &Asker, id: &SubscriptionId) -> Result<Subscription, Refused> {
    let (store, now) = (asker.app.store(), asker.app.now());
    let found = store.subscription(asker.application.session.device, id, now).await?;
    found.filter(|subscription| !is_of_list(&subscription.id)).ok_or_else(missing)
}

fn missing() -> Refused {
    Refused::new(Code::NotFound, Subcode::ResourceNotFound)
}

fn lease(given: &Given) -> Result<Lease, Refused> {
    let duration = of_minutes(given.parsed("duration")?);
    duration.try_into().map_err(|error| Refused::parameter("duration", error))
}

fn of_minutes(minutes: u32) -> Duration {
    Duration::from_secs(60 * u64::from(minutes))
}

fn people(given: &Given, name: &'static str) -> Result<Vec<SipUri>, Refused> {
    let uris = given.0.list(name)?.filter(|uris| !uris.is_empty());
    let uris = uris.ok_or_else(|| Refused::parameter(name, "this is missing"))?;
    uris.iter().map(|uri| uri.parse().map_err(|error| Refused::parameter(name, error))).collect()
}
