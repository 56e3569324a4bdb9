//! The same for contacts and presence.

use std::time::Duration;

use fulmar_app::Command;
use fulmar_domain::{
    SipUri, Timestamp,
    contacts::{ContactEdit, Group, ListedContact},
    details::{DetailText, PhoneNumber},
    event::Event,
    presence::{PreferredAvailability, Presence, SelfPresence},
    search::SearchLimit,
    subscription::{Followed, InvalidLease, Lease, SubscriptionEdit},
};
use fulmar_wire::mcx::{self, Base64, PeopleCommand as Wire, PeopleEvent, RejectionCode};

use super::value;
use crate::mcx::commands::Why;

pub(super) fn command(command: Wire) -> Result<Command, Why> {
    Ok(match command {
        Wire::QueryContactList => Command::QueryContacts,
        Wire::PublishSelfPresence { availability, activity, note, location } => {
            let chosen = availability.map(|number| match (number.as_str(), activity.as_deref()) {
                ("", None) => Ok(None),
                (number, activity) => chosen(number, activity).map(Some),
            });
            Command::PublishPresence(SelfPresence {
                chosen: chosen.transpose()?,
                note: note.as_deref().map(value).transpose()?,
                location: location.as_deref().map(value).transpose()?,
            })
        }
        Wire::Search { query, limit } => {
            let limit = limit.as_deref().map_or(Ok(SearchLimit::MAX), value)?;
            Command::Search(value(&query)?, limit)
        }
        Wire::AddGroup { name } => Command::EditContacts(ContactEdit::AddGroup(value(&name)?)),
        Wire::RenameGroup { group_id, name } => {
            Command::EditContacts(ContactEdit::RenameGroup(value(&group_id)?, value(&name)?))
        }
        Wire::DeleteGroup { group_id } => Command::EditContacts(ContactEdit::DeleteGroup(value(&group_id)?)),
        Wire::AddContact { uri, group_id } => {
            Command::EditContacts(ContactEdit::Add(value(&uri)?, value(&group_id)?))
        }
        Wire::RemoveContact { uri, group_id } => {
            let group = group_id.as_deref().map(value).transpose()?;
            Command::EditContacts(ContactEdit::Remove(value(&uri)?, group))
        }
        Wire::ReportActivity => Command::ReportActivity,
        Wire::SetPhoto { picture: Base64(bytes) } => {
            Command::SetPhoto(Some(bytes).filter(|bytes| !bytes.is_empty()))
        }
        Wire::SubscribePresence { uris } => Command::SubscribePresence(people(&uris)?),
        Wire::StartSubscription { .. }
        | Wire::AddToSubscription { .. }
        | Wire::RemoveFromSubscription { .. }
        | Wire::ExtendSubscription { .. }
        | Wire::EndSubscription { .. } => Command::EditSubscription(subscription(command)?),
    })
}

fn subscription(command: Wire) -> Result<SubscriptionEdit, Why> {
    Ok(match command {
        Wire::StartSubscription { subscription_id, duration, group_id, uris } => {
            let followed = match (group_id, uris.as_slice()) {
                (None, []) => Followed::List,
                (None, uris) => Followed::People(people(uris)?),
                (Some(group), []) => Followed::Group(value(&group)?),
                (Some(_), _) => {
                    let reason = "`startSubscription` has `groupId` or elements `user`, not both";
                    return Err((RejectionCode::InvalidValue, reason.to_owned()));
                }
            };
            SubscriptionEdit::Start(value(&subscription_id)?, followed, lease(&duration)?)
        }
        Wire::AddToSubscription { subscription_id, uris } => {
            SubscriptionEdit::Add(value(&subscription_id)?, people(&uris)?)
        }
        Wire::RemoveFromSubscription { subscription_id, uri } => {
            SubscriptionEdit::Remove(value(&subscription_id)?, value(&uri)?)
        }
        Wire::ExtendSubscription { subscription_id, duration } => {
            SubscriptionEdit::Extend(value(&subscription_id)?, lease(&duration)?)
        }
        Wire::EndSubscription { subscription_id } => SubscriptionEdit::End(value(&subscription_id)?),
        _ => return Err((RejectionCode::UnknownCommand, "this is not about a subscription".to_owned())),
    })
}

fn people(uris: &[String]) -> Result<Vec<SipUri>, Why> {
    uris.iter().map(|uri| value(uri)).collect()
}

fn lease(millis: &str) -> Result<Lease, Why> {
    let invalid = |error: InvalidLease| (RejectionCode::InvalidValue, format!("{error}, in milliseconds"));
    let millis = millis.parse().map_err(|_| invalid(InvalidLease))?;
    Lease::try_from(Duration::from_millis(millis)).map_err(invalid)
}

/// What is chosen by this number and activity.
pub(super) fn chosen(number: &str, activity: Option<&str>) -> Result<PreferredAvailability, Why> {
    PreferredAvailability::with_number(number, activity).ok_or_else(|| {
        let reason = "`availability` is 3500, 6500, 9500, 12500, 15500 or 18500, and `activity` is `off-work` with \
            15500 or left out";
        (RejectionCode::InvalidValue, reason.to_owned())
    })
}

/// `None` when it is about something else.
pub(super) fn event(event: Event) -> Option<PeopleEvent> {
    Some(match event {
        Event::ContactList(list) => PeopleEvent::ContactList {
            groups: list.groups.iter().map(group).collect(),
            contacts: list.contacts.iter().map(contact).collect(),
        },
        Event::Found { request, found } => PeopleEvent::SearchResult {
            rid: request.to_string(),
            more: found.more,
            contacts: found.people.iter().map(contact).collect(),
        },
        Event::GroupChanged { group, change, name } => PeopleEvent::GroupChanged {
            group_id: group.to_string(),
            change: change.as_str().to_owned(),
            name: name.map(|name| name.as_str().to_owned()),
        },
        Event::ContactChanged { contact, group, change } => PeopleEvent::ContactChanged {
            uri: contact.to_string(),
            group_id: group.map(|group| group.to_string()),
            change: change.as_str().to_owned(),
        },
        Event::PresenceChanged { of, presence: seen, .. } => {
            PeopleEvent::UserPresence { uri: of.to_string(), presence: presence(&seen) }
        }
        Event::SelfPresenceChanged { presence: seen, .. } => {
            PeopleEvent::SelfPresence { presence: presence(&seen) }
        }
        Event::SubscriptionChanged { subscription, change } => PeopleEvent::SubscriptionChanged {
            subscription_id: subscription.to_string(),
            change: change.as_str().to_owned(),
        },
        _ => return None,
    })
}

fn presence(presence: &Presence) -> mcx::Presence {
    mcx::Presence {
        availability: presence.availability.number(),
        activity: presence.activity.map(|activity| activity.as_str().to_owned()),
        note: presence.note.as_str().to_owned(),
        location: presence.location.as_str().to_owned(),
        last_active: presence.last_active.map(Timestamp::as_millis),
        device_type: presence.device_type.as_str().to_owned(),
    }
}

fn group(group: &Group) -> mcx::Group {
    mcx::Group { group_id: group.id.to_string(), name: group.name.as_str().to_owned() }
}

fn contact(listed: &ListedContact) -> mcx::Contact {
    let ListedContact { contact, details, groups } = listed;
    let text = |text: &Option<DetailText>| text.as_ref().map(ToString::to_string);
    let phone = |phone: &Option<PhoneNumber>| phone.as_ref().map(ToString::to_string);
    mcx::Contact {
        uri: contact.uri.to_string(),
        display_name: contact.display_name.to_string(),
        groups: groups.iter().map(ToString::to_string).collect(),
        details: mcx::Details {
            title: text(&details.title),
            department: text(&details.department),
            company: text(&details.company),
            office: text(&details.office),
            emails: listed.emails(),
            work_phone: phone(&details.work_phone),
            mobile_phone: phone(&details.mobile_phone),
            home_phone: phone(&details.home_phone),
            other_phone: phone(&details.other_phone),
        },
    }
}
