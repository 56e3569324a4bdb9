use roxmltree::Node;

use crate::{date, mcx::event::number, xml::Writer};

/// What can happen to contacts and presence. People are SIP URIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeopleEvent {
    /// The list of the session's person.
    ContactList {
        /// In their order.
        groups: Vec<Group>,
        /// By name.
        contacts: Vec<Contact>,
    },
    /// Who was found.
    SearchResult {
        /// The command that looked for them.
        rid: String,
        /// There were more than were asked for.
        more: bool,
        /// By name.
        contacts: Vec<Contact>,
    },
    /// A group of the list is new, has another name or is gone.
    GroupChanged {
        /// Which.
        group_id: String,
        /// `added`, `updated` or `deleted`.
        change: String,
        /// What it is called, while it is there.
        name: Option<String>,
    },
    /// Somebody came into a group of the list or went out of it.
    ContactChanged {
        /// SIP URI.
        uri: String,
        /// Which; the list as a whole when absent.
        group_id: Option<String>,
        /// `added` or `deleted`.
        change: String,
    },
    /// Somebody's presence.
    UserPresence {
        /// Whose.
        uri: String,
        /// What is seen.
        presence: Presence,
    },
    /// The presence of the session's own person.
    SelfPresence {
        /// What others see.
        presence: Presence,
    },
    /// A subscription began, will end or has ended.
    SubscriptionChanged {
        /// Which.
        subscription_id: String,
        /// `added`, `expiring` or `deleted`.
        change: String,
    },
}

/// What is seen of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// One of the numbers of the grammar.
    pub availability: u16,
    /// What they do, where there is a word for it.
    pub activity: Option<String>,
    /// A line beside it, empty when there is none.
    pub note: String,
    /// Where they are, empty when they do not say.
    pub location: String,
    /// Milliseconds since 1970; absent when they are offline.
    pub last_active: Option<i64>,
    /// On what that was, such as `Mobile`.
    pub device_type: String,
}

/// A colleague.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// SIP URI.
    pub uri: String,
    /// Name.
    pub display_name: String,
    /// The groups that they are in.
    pub groups: Vec<String>,
    /// What is known of them.
    pub details: Details,
}

/// What is known of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Their place in the company.
    pub title: Option<String>,
    /// Where in the company.
    pub department: Option<String>,
    /// Which company.
    pub company: Option<String>,
    /// Where in the building.
    pub office: Option<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// On the desk.
    pub work_phone: Option<String>,
    /// In the pocket.
    pub mobile_phone: Option<String>,
    /// At home.
    pub home_phone: Option<String>,
    /// Elsewhere.
    pub other_phone: Option<String>,
}

/// A group of contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub group_id: String,
    /// What it is called.
    pub name: String,
}

/// Writes an event as an element.
pub(in crate::mcx) fn write_event<'w>(
    w: &'w mut Writer,
    eid: (&'static str, &str),
    event: &PeopleEvent,
) -> &'w mut Writer {
    match event {
        PeopleEvent::ContactList { groups, contacts } => w.element("contactList", &[eid], |w| {
            for Group { group_id, name } in groups {
                w.empty("group", &[("groupId", group_id), ("name", name)]);
            }
            contacts.iter().for_each(|contact| write_contact(w, contact));
        }),
        PeopleEvent::SearchResult { rid, more, contacts } => {
            let more = if *more { "true" } else { "false" };
            w.element("searchResult", &[eid, ("rid", rid), ("more", more)], |w| {
                contacts.iter().for_each(|contact| write_contact(w, contact));
            })
        }
        PeopleEvent::GroupChanged { group_id, change, name } => {
            let name = name.as_deref().map(|name| ("name", name));
            let attributes = [eid, ("groupId", group_id), ("change", change)];
            w.empty("groupChanged", &attributes.into_iter().chain(name).collect::<Vec<_>>())
        }
        PeopleEvent::ContactChanged { uri, group_id, change } => {
            let group = group_id.as_deref().map(|group| ("groupId", group));
            let attributes = [eid, ("uri", uri), ("change", change)];
            w.empty("contactChanged", &attributes.into_iter().chain(group).collect::<Vec<_>>())
        }
        PeopleEvent::UserPresence { uri, presence } => {
            write_presence(w, "userPresence", &[eid, ("uri", uri)], presence)
        }
        PeopleEvent::SelfPresence { presence } => write_presence(w, "selfPresence", &[eid], presence),
        PeopleEvent::SubscriptionChanged { subscription_id, change } => {
            w.empty("subscriptionChanged", &[eid, ("subscriptionId", subscription_id), ("change", change)])
        }
    }
}

fn write_contact(w: &mut Writer, Contact { uri, display_name, groups, details }: &Contact) {
    let Details { title, department, company, office, emails, .. } = details;
    let (groups, emails) = (groups.join(" "), emails.join(" "));
    let attributes = [
        ("uri", Some(uri.as_str())),
        ("displayName", Some(display_name)),
        ("groups", Some(&groups)),
        ("title", title.as_deref()),
        ("department", department.as_deref()),
        ("company", company.as_deref()),
        ("office", office.as_deref()),
        ("emails", Some(emails.as_str()).filter(|emails| !emails.is_empty())),
        ("workPhone", details.work_phone.as_deref()),
        ("mobilePhone", details.mobile_phone.as_deref()),
        ("homePhone", details.home_phone.as_deref()),
        ("otherPhone", details.other_phone.as_deref()),
    ];
    let attributes = attributes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    w.empty("contact", &attributes.collect::<Vec<_>>());
}

fn write_presence<'w>(
    w: &'w mut Writer,
    name: &str,
    begin: &[(&str, &str)],
    presence: &Presence,
) -> &'w mut Writer {
    let Presence { availability, activity, note, location, last_active, device_type } = presence;
    let (availability, last_active) = (availability.to_string(), last_active.map(date::write));
    let attributes = [
        ("availability", Some(availability.as_str())),
        ("activity", activity.as_deref()),
        ("note", Some(note)),
        ("location", Some(location)),
        ("lastActive", last_active.as_deref()),
        ("deviceType", Some(device_type)),
    ];
    let attributes = attributes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    w.empty(name, &begin.iter().copied().chain(attributes).collect::<Vec<_>>())
}

/// Reads an event; `None` when it is not one about people.
pub(in crate::mcx) fn read_event(node: Node<'_, '_>) -> Option<PeopleEvent> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    Some(match node.tag_name().name() {
        "contactList" => contact_list(node)?,
        "searchResult" => PeopleEvent::SearchResult {
            rid: attribute("rid")?,
            more: number(node, "more")?,
            contacts: node.children().filter(Node::is_element).map(contact).collect::<Option<_>>()?,
        },
        "groupChanged" => PeopleEvent::GroupChanged {
            group_id: attribute("groupId")?,
            change: attribute("change")?,
            name: attribute("name"),
        },
        "contactChanged" => PeopleEvent::ContactChanged {
            uri: attribute("uri")?,
            group_id: attribute("groupId"),
            change: attribute("change")?,
        },
        "userPresence" => PeopleEvent::UserPresence { uri: attribute("uri")?, presence: presence(node)? },
        "selfPresence" => PeopleEvent::SelfPresence { presence: presence(node)? },
        "subscriptionChanged" => PeopleEvent::SubscriptionChanged {
            subscription_id: attribute("subscriptionId")?,
            change: attribute("change")?,
        },
        _ => return None,
    })
}

fn contact_list(node: Node<'_, '_>) -> Option<PeopleEvent> {
    let (mut groups, mut contacts) = (Vec::new(), Vec::new());
    for node in node.children().filter(Node::is_element) {
        let of = |name: &str| node.attribute(name).map(str::to_owned);
        if node.tag_name().name() == "group" {
            groups.push(Group { group_id: of("groupId")?, name: of("name")? });
        } else {
            contacts.push(contact(node)?);
        }
    }
    Some(PeopleEvent::ContactList { groups, contacts })
}

fn contact(node: Node<'_, '_>) -> Option<Contact> {
    let of = |name: &str| node.attribute(name).map(str::to_owned);
    let words =
        |name: &str| node.attribute(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let details = Details {
        title: of("title"),
        department: of("department"),
        company: of("company"),
        office: of("office"),
        emails: words("emails"),
        work_phone: of("workPhone"),
        mobile_phone: of("mobilePhone"),
        home_phone: of("homePhone"),
        other_phone: of("otherPhone"),
    };
    Some(Contact { uri: of("uri")?, display_name: of("displayName")?, groups: words("groups"), details })
}

fn presence(node: Node<'_, '_>) -> Option<Presence> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let last_active = node.attribute("lastActive");
    Some(Presence {
        availability: number(node, "availability")?,
        activity: attribute("activity"),
        note: attribute("note")?,
        location: attribute("location")?,
        last_active: last_active.map(date::read).map_or(Some(None), |read| read.map(Some))?,
        device_type: attribute("deviceType")?,
    })
}
