//! What is said of contacts and presence.

use fulmar_wire::mcx::{Base64, Contact, Details, Group, PeopleCommand, PeopleEvent, Presence};
use proptest::{collection::vec, option, prelude::*};

use crate::{millis, text};

pub(crate) fn command() -> impl Strategy<Value = PeopleCommand> {
    prop_oneof![
        Just(PeopleCommand::QueryContactList),
        (option::of(text()), option::of(text()), option::of(text()), option::of(text())).prop_map(
            |(availability, activity, note, location)| PeopleCommand::PublishSelfPresence {
                availability,
                activity,
                note,
                location
            }
        ),
        Just(PeopleCommand::ReportActivity),
        vec(any::<u8>(), 0..40).prop_map(|bytes| PeopleCommand::SetPhoto { picture: Base64(bytes) }),
        (text(), option::of(text())).prop_map(|(query, limit)| PeopleCommand::Search { query, limit }),
        text().prop_map(|name| PeopleCommand::AddGroup { name }),
        (text(), text()).prop_map(|(group_id, name)| PeopleCommand::RenameGroup { group_id, name }),
        text().prop_map(|group_id| PeopleCommand::DeleteGroup { group_id }),
        (text(), text()).prop_map(|(uri, group_id)| PeopleCommand::AddContact { uri, group_id }),
        (text(), option::of(text()))
            .prop_map(|(uri, group_id)| PeopleCommand::RemoveContact { uri, group_id }),
        vec(text(), 1..5).prop_map(|uris| PeopleCommand::SubscribePresence { uris }),
        (text(), text(), option::of(text()), vec(text(), 0..5)).prop_map(
            |(subscription_id, duration, group_id, uris)| PeopleCommand::StartSubscription {
                subscription_id,
                duration,
                group_id,
                uris
            }
        ),
        (text(), vec(text(), 1..5))
            .prop_map(|(subscription_id, uris)| PeopleCommand::AddToSubscription { subscription_id, uris }),
        (text(), text()).prop_map(|(subscription_id, uri)| PeopleCommand::RemoveFromSubscription {
            subscription_id,
            uri
        }),
        (text(), text()).prop_map(|(subscription_id, duration)| PeopleCommand::ExtendSubscription {
            subscription_id,
            duration
        }),
        text().prop_map(|subscription_id| PeopleCommand::EndSubscription { subscription_id }),
    ]
}

fn contact() -> impl Strategy<Value = Contact> {
    (text(), text(), vec("[a-z0-9]{1,8}", 0..3), details())
        .prop_map(|(uri, display_name, groups, details)| Contact { uri, display_name, groups, details })
}

fn details() -> impl Strategy<Value = Details> {
    let optional = || option::of(text());
    let texts = (optional(), optional(), optional(), optional());
    let phones = (optional(), optional(), optional(), optional());
    (texts, vec("[a-z@.]{1,8}", 0..3), phones).prop_map(
        |(
            (title, department, company, office),
            emails,
            (work_phone, mobile_phone, home_phone, other_phone),
        )| {
            Details {
                title,
                department,
                company,
                office,
                emails,
                work_phone,
                mobile_phone,
                home_phone,
                other_phone,
            }
        },
    )
}

fn group() -> impl Strategy<Value = Group> {
    (text(), text()).prop_map(|(group_id, name)| Group { group_id, name })
}

fn presence() -> impl Strategy<Value = Presence> {
    let texts = (option::of(text()), text(), text(), text());
    (any::<u16>(), texts, option::of(millis())).prop_map(
        |(availability, (activity, note, location, device_type), last_active)| Presence {
            availability,
            activity,
            note,
            location,
            last_active,
            device_type,
        },
    )
}

pub(crate) fn event() -> impl Strategy<Value = PeopleEvent> {
    prop_oneof![
        (vec(group(), 0..3), vec(contact(), 0..4))
            .prop_map(|(groups, contacts)| PeopleEvent::ContactList { groups, contacts }),
        (text(), any::<bool>(), vec(contact(), 0..4))
            .prop_map(|(rid, more, contacts)| PeopleEvent::SearchResult { rid, more, contacts }),
        (text(), text(), option::of(text())).prop_map(|(group_id, change, name)| PeopleEvent::GroupChanged {
            group_id,
            change,
            name
        }),
        (text(), option::of(text()), text())
            .prop_map(|(uri, group_id, change)| PeopleEvent::ContactChanged { uri, group_id, change }),
        (text(), presence()).prop_map(|(uri, presence)| PeopleEvent::UserPresence { uri, presence }),
        presence().prop_map(|presence| PeopleEvent::SelfPresence { presence }),
        (text(), text()).prop_map(|(subscription_id, change)| PeopleEvent::SubscriptionChanged {
            subscription_id,
            change
        }),
    ]
}
