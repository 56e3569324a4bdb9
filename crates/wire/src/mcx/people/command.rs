use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::Node;

use crate::{
    mcx::{
        Rejection, RejectionCode,
        requests::{attribute, bounded, elements, rejection},
    },
    xml::{self, Writer},
};

/// The most people in one command.
const MAX_PEOPLE: usize = 100;

/// What a client can ask about contacts and presence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeopleCommand {
    /// Tell me who works here.
    QueryContactList,
    /// Find somebody.
    Search {
        /// What is known of them.
        query: String,
        /// How many at most.
        limit: Option<String>,
    },
    /// Make a group in my list.
    AddGroup {
        /// What it is called.
        name: String,
    },
    /// Call a group otherwise.
    RenameGroup {
        /// Which.
        group_id: String,
        /// What it is called now.
        name: String,
    },
    /// Take a group away.
    DeleteGroup {
        /// Which.
        group_id: String,
    },
    /// Put somebody into a group.
    AddContact {
        /// SIP URI.
        uri: String,
        /// Which.
        group_id: String,
    },
    /// Take somebody out of a group, or out of my list.
    RemoveContact {
        /// SIP URI.
        uri: String,
        /// Which; the list when absent.
        group_id: Option<String>,
    },
    /// Tell others how I am. What is absent stays, what is empty is taken away.
    PublishSelfPresence {
        /// One of the numbers of the grammar.
        availability: Option<String>,
        /// What tells two choices of the same number apart.
        activity: Option<String>,
        /// A line beside it.
        note: Option<String>,
        /// Where I am.
        location: Option<String>,
    },
    /// Somebody uses the device.
    ReportActivity,
    /// What I look like.
    SetPhoto {
        /// A picture in base64; empty to take my photo away.
        picture: Base64,
    },
    /// Tell me for a while how somebody is.
    StartSubscription {
        /// The client's name for it.
        subscription_id: String,
        /// Milliseconds.
        duration: String,
        /// A group of my list.
        group_id: Option<String>,
        /// SIP URIs; with none, and no group, everybody in my list.
        uris: Vec<String>,
    },
    /// Tell me in it how these people are.
    AddToSubscription {
        /// Which.
        subscription_id: String,
        /// SIP URIs.
        uris: Vec<String>,
    },
    /// Do not tell me in it any more how somebody is.
    RemoveFromSubscription {
        /// Which.
        subscription_id: String,
        /// SIP URI.
        uri: String,
    },
    /// Let it last longer.
    ExtendSubscription {
        /// Which.
        subscription_id: String,
        /// By how many milliseconds.
        duration: String,
    },
    /// End it.
    EndSubscription {
        /// Which.
        subscription_id: String,
    },
    /// Tell me how these people are.
    SubscribePresence {
        /// SIP URIs.
        uris: Vec<String>,
    },
}

impl PeopleCommand {
    /// The name of its element.
    pub fn name(&self) -> &'static str {
        match self {
            Self::QueryContactList => "queryContactList",
            Self::Search { .. } => "search",
            Self::AddGroup { .. } => "addGroup",
            Self::RenameGroup { .. } => "renameGroup",
            Self::DeleteGroup { .. } => "deleteGroup",
            Self::AddContact { .. } => "addContact",
            Self::RemoveContact { .. } => "removeContact",
            Self::PublishSelfPresence { .. } => "publishSelfPresence",
            Self::SetPhoto { .. } => "setPhoto",
            Self::ReportActivity => "reportActivity",
            Self::StartSubscription { .. } => "startSubscription",
            Self::AddToSubscription { .. } => "addToSubscription",
            Self::RemoveFromSubscription { .. } => "removeFromSubscription",
            Self::ExtendSubscription { .. } => "extendSubscription",
            Self::EndSubscription { .. } => "endSubscription",
            Self::SubscribePresence { .. } => "subscribePresence",
        }
    }
}

/// Bytes that travel in base64 (RFC 4648 §4). `Debug` prints how many there are.
#[derive(Clone, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} bytes)", self.0.len())
    }
}

/// Reads a command; `None` when it is not one about people.
pub(in crate::mcx) fn read_command(node: Node<'_, '_>) -> Result<Option<PeopleCommand>, Rejection> {
    let optional = |name| bounded(node, name, node.attribute(name));
    let subscription_id = || attribute(node, "subscriptionId");
    Ok(Some(match node.tag_name().name() {
        "queryContactList" => PeopleCommand::QueryContactList,
        "search" => PeopleCommand::Search { query: attribute(node, "query")?, limit: optional("limit")? },
        "addGroup" => PeopleCommand::AddGroup { name: attribute(node, "name")? },
        "renameGroup" => PeopleCommand::RenameGroup {
            group_id: attribute(node, "groupId")?,
            name: attribute(node, "name")?,
        },
        "deleteGroup" => PeopleCommand::DeleteGroup { group_id: attribute(node, "groupId")? },
        "addContact" => {
            PeopleCommand::AddContact { uri: attribute(node, "uri")?, group_id: attribute(node, "groupId")? }
        }
        "removeContact" => {
            PeopleCommand::RemoveContact { uri: attribute(node, "uri")?, group_id: optional("groupId")? }
        }
        "publishSelfPresence" => PeopleCommand::PublishSelfPresence {
            availability: optional("availability")?,
            activity: optional("activity")?,
            note: optional("note")?,
            location: optional("location")?,
        },
        "reportActivity" => PeopleCommand::ReportActivity,
        "setPhoto" => PeopleCommand::SetPhoto { picture: base64(node)? },
        "subscribePresence" => PeopleCommand::SubscribePresence { uris: people(node, 1)? },
        "startSubscription" => PeopleCommand::StartSubscription {
            subscription_id: subscription_id()?,
            duration: attribute(node, "duration")?,
            group_id: optional("groupId")?,
            uris: people(node, 0)?,
        },
        "addToSubscription" => {
            PeopleCommand::AddToSubscription { subscription_id: subscription_id()?, uris: people(node, 1)? }
        }
        "removeFromSubscription" => PeopleCommand::RemoveFromSubscription {
            subscription_id: subscription_id()?,
            uri: attribute(node, "uri")?,
        },
        "extendSubscription" => PeopleCommand::ExtendSubscription {
            subscription_id: subscription_id()?,
            duration: attribute(node, "duration")?,
        },
        "endSubscription" => PeopleCommand::EndSubscription { subscription_id: subscription_id()? },
        _ => return Ok(None),
    }))
}

/// Writes a command as an element that has this name.
pub(in crate::mcx) fn write_command(writer: &mut Writer, rid: &str, command: &PeopleCommand) {
    let attributes = [vec![("rid", rid)], attributes(command)].concat();
    writer.element(command.name(), &attributes, |w| {
        if let PeopleCommand::SetPhoto { picture: Base64(bytes) } = command {
            w.text(&STANDARD.encode(bytes));
        }
        if let PeopleCommand::SubscribePresence { uris }
        | PeopleCommand::StartSubscription { uris, .. }
        | PeopleCommand::AddToSubscription { uris, .. } = command
        {
            for uri in uris {
                w.empty("user", &[("uri", uri)]);
            }
        }
    });
}

fn attributes(command: &PeopleCommand) -> Vec<(&'static str, &str)> {
    let mut attributes = Vec::new();
    match command {
        PeopleCommand::PublishSelfPresence { availability, activity, note, location } => {
            let optional = [
                ("availability", availability),
                ("activity", activity),
                ("note", note),
                ("location", location),
            ];
            attributes.extend(optional.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        }
        PeopleCommand::Search { query, limit } => {
            attributes.push(("query", query));
            attributes.extend(limit.as_deref().map(|limit| ("limit", limit)));
        }
        PeopleCommand::AddGroup { name } => attributes.push(("name", name)),
        PeopleCommand::RenameGroup { group_id, name } => {
            attributes.extend([("groupId", group_id.as_str()), ("name", name)]);
        }
        PeopleCommand::DeleteGroup { group_id } => attributes.push(("groupId", group_id)),
        PeopleCommand::AddContact { uri, group_id } => {
            attributes.extend([("uri", uri.as_str()), ("groupId", group_id)]);
        }
        PeopleCommand::RemoveContact { uri, group_id } => {
            attributes.push(("uri", uri));
            attributes.extend(group_id.as_deref().map(|group| ("groupId", group)));
        }
        PeopleCommand::StartSubscription { subscription_id, duration, group_id, .. } => {
            attributes.extend([("subscriptionId", subscription_id.as_str()), ("duration", duration)]);
            attributes.extend(group_id.as_deref().map(|group| ("groupId", group)));
        }
        PeopleCommand::RemoveFromSubscription { subscription_id, uri } => {
            attributes.extend([("subscriptionId", subscription_id.as_str()), ("uri", uri)]);
        }
        PeopleCommand::ExtendSubscription { subscription_id, duration } => {
            attributes.extend([("subscriptionId", subscription_id.as_str()), ("duration", duration)]);
        }
        PeopleCommand::AddToSubscription { subscription_id, .. }
        | PeopleCommand::EndSubscription { subscription_id } => {
            attributes.push(("subscriptionId", subscription_id));
        }
        PeopleCommand::QueryContactList
        | PeopleCommand::ReportActivity
        | PeopleCommand::SetPhoto { .. }
        | PeopleCommand::SubscribePresence { .. } => {}
    }
    attributes
}

fn people(node: Node<'_, '_>, at_least: usize) -> Result<Vec<String>, Rejection> {
    let uris: Vec<_> = elements(node, "user")
        .map(|user| {
            attribute(user, "uri")
                .map_err(|r| Rejection { rid: node.attribute("rid").map(str::to_owned), ..r })
        })
        .collect::<Result<_, _>>()?;
    if !(at_least..=MAX_PEOPLE).contains(&uris.len()) {
        let reason = format!("`{}` has {at_least} to {MAX_PEOPLE} elements `user`", node.tag_name().name());
        return Err(rejection(node, RejectionCode::InvalidValue, reason));
    }
    Ok(uris)
}

fn base64(node: Node<'_, '_>) -> Result<Base64, Rejection> {
    let text: String = xml::text(node).split_whitespace().collect();
    let decoded = STANDARD.decode(text).map(Base64);
    decoded
        .map_err(|_| rejection(node, RejectionCode::InvalidValue, "the content of `setPhoto` is not base64"))
}
