use roxmltree::Node;

use crate::{
    Secret, XmlError, date,
    mcx::NAMESPACE,
    xml::{self, Writer},
};

/// The answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// The session.
    pub sid: String,
    /// Milliseconds that the next poll is held.
    pub poll_wait_time: u64,
    /// What to acknowledge with the next poll: the number of the last event here, or what this poll said.
    pub ack_id: u64,
    /// Milliseconds of silence after which the session ends.
    pub session_timeout: u64,
    /// In the order of their numbers.
    pub events: Vec<Numbered>,
}

/// An event with its number. Numbers grow; one that is missing was made worthless by a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The number.
    pub eid: u64,
    /// What happened.
    pub event: Event,
}

/// What can happen. People are SIP URIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command has had its effect.
    RequestSucceeded {
        /// The command.
        rid: String,
        /// The conversation that it concerns, if it concerns one.
        conf_id: Option<String>,
    },
    /// A command came to nothing.
    RequestFailed {
        /// The command.
        rid: String,
        /// Why, such as `noSuchPerson`.
        code: String,
    },
    /// The people of the office.
    ContactList {
        /// All but the one who asked.
        contacts: Vec<Contact>,
    },
    /// Somebody's presence.
    UserPresence {
        /// Whose.
        uri: String,
        /// One of the numbers of the grammar.
        availability: u16,
        /// A line beside it, empty when there is none.
        note: String,
    },
    /// Somebody asks for a conversation.
    ImSessionReceived {
        /// Which.
        conf_id: String,
        /// Who.
        from: String,
    },
    /// A participant came, refused or went.
    ImSessionState {
        /// Where.
        conf_id: String,
        /// Who.
        user: String,
        /// `connected`, `declined` or `left`.
        state: String,
    },
    /// A message.
    MessageReceived {
        /// Where.
        conf_id: String,
        /// Who said it.
        from: String,
        /// The sender's name for it.
        message_id: String,
        /// Milliseconds since 1970.
        sent_at: i64,
        /// What was said.
        text: Secret,
    },
    /// A message of this person has reached somebody.
    MessageDelivered {
        /// Where.
        conf_id: String,
        /// The sender's name for it.
        message_id: String,
        /// Whom.
        to: String,
    },
    /// Somebody is writing.
    Composing {
        /// Where.
        conf_id: String,
        /// Who.
        from: String,
    },
    /// What became of the notification that `testPush` asked for.
    PushTested {
        /// The command.
        rid: String,
        /// Whether the provider took it.
        accepted: bool,
        /// The provider's word, empty when it took it.
        reason: String,
    },
}

/// A colleague.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// SIP URI.
    pub uri: String,
    /// Name.
    pub display_name: String,
}

impl Events {
    /// The document.
    pub fn to_xml(&self) -> String {
        let attributes = [
            ("sid", self.sid.as_str()),
            ("pollWaitTime", &self.poll_wait_time.to_string()),
            ("ackId", &self.ack_id.to_string()),
            ("sessionTimeout", &self.session_timeout.to_string()),
            ("xmlns", NAMESPACE),
        ];
        let mut writer = Writer::new();
        writer.element("mcxEvents", &attributes, |w| {
            for Numbered { eid, event } in &self.events {
                write(w, &eid.to_string(), event);
            }
        });
        writer.finish()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`XmlError`] when it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        xml::read_answer(body, |root| {
            let events = root.has_tag_name((NAMESPACE, "mcxEvents")).then(|| read_all(root)).flatten();
            events.ok_or_else(|| XmlError::Unexpected("the document is not `mcxEvents`".into()))
        })
    }
}

fn write(w: &mut Writer, eid: &str, event: &Event) {
    let eid = ("eid", eid);
    match event {
        Event::RequestSucceeded { rid, conf_id } => {
            let conf_id = conf_id.as_deref().map(|conf_id| ("confId", conf_id));
            let attributes: Vec<_> = [eid, ("rid", rid)].into_iter().chain(conf_id).collect();
            w.empty("requestSucceeded", &attributes)
        }
        Event::RequestFailed { rid, code } => w.empty("requestFailed", &[eid, ("rid", rid), ("code", code)]),
        Event::ContactList { contacts } => w.element("contactList", &[eid], |w| {
            for Contact { uri, display_name } in contacts {
                w.empty("contact", &[("uri", uri), ("displayName", display_name)]);
            }
        }),
        Event::UserPresence { uri, availability, note } => w.empty(
            "userPresence",
            &[eid, ("uri", uri), ("availability", &availability.to_string()), ("note", note)],
        ),
        Event::ImSessionReceived { conf_id, from } => {
            w.empty("imSessionReceived", &[eid, ("confId", conf_id), ("from", from)])
        }
        Event::ImSessionState { conf_id, user, state } => {
            w.empty("imSessionState", &[eid, ("confId", conf_id), ("user", user), ("state", state)])
        }
        Event::MessageReceived { conf_id, from, message_id, sent_at, text } => {
            let sent_at = date::write(*sent_at);
            let said = [
                ("confId", conf_id.as_str()),
                ("from", from),
                ("messageId", message_id),
                ("sentAt", &sent_at),
            ];
            let attributes: Vec<_> =
                [eid].into_iter().chain(said).chain([("format", "text/plain")]).collect();
            w.element("messageReceived", &attributes, |w| w.text(text.reveal()))
        }
        Event::MessageDelivered { conf_id, message_id, to } => {
            w.empty("messageDelivered", &[eid, ("confId", conf_id), ("messageId", message_id), ("to", to)])
        }
        Event::Composing { conf_id, from } => {
            w.empty("composing", &[eid, ("confId", conf_id), ("from", from)])
        }
        Event::PushTested { rid, accepted, reason } => w.empty(
            "pushTested",
            &[eid, ("rid", rid), ("accepted", if *accepted { "true" } else { "false" }), ("reason", reason)],
        ),
    };
}

fn read_all(root: Node<'_, '_>) -> Option<Events> {
    let events = root.children().filter(Node::is_element);
    let events = events.map(|node| Some(Numbered { eid: number(node, "eid")?, event: read(node)? }));
    Some(Events {
        sid: root.attribute("sid")?.into(),
        poll_wait_time: number(root, "pollWaitTime")?,
        ack_id: number(root, "ackId")?,
        session_timeout: number(root, "sessionTimeout")?,
        events: events.collect::<Option<_>>()?,
    })
}

fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    node.attribute(name)?.parse().ok()
}

fn read(node: Node<'_, '_>) -> Option<Event> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let conf_id = || attribute("confId");
    Some(match node.tag_name().name() {
        "requestSucceeded" => Event::RequestSucceeded { rid: attribute("rid")?, conf_id: conf_id() },
        "requestFailed" => Event::RequestFailed { rid: attribute("rid")?, code: attribute("code")? },
        "contactList" => {
            let contacts = node.children().filter(Node::is_element).map(|contact| {
                let of = |name: &str| contact.attribute(name).map(str::to_owned);
                Some(Contact { uri: of("uri")?, display_name: of("displayName")? })
            });
            Event::ContactList { contacts: contacts.collect::<Option<_>>()? }
        }
        "userPresence" => Event::UserPresence {
            uri: attribute("uri")?,
            availability: number(node, "availability")?,
            note: attribute("note")?,
        },
        "imSessionReceived" => Event::ImSessionReceived { conf_id: conf_id()?, from: attribute("from")? },
        "imSessionState" => Event::ImSessionState {
            conf_id: conf_id()?,
            user: attribute("user")?,
            state: attribute("state")?,
        },
        "messageReceived" => Event::MessageReceived {
            conf_id: conf_id()?,
            from: attribute("from")?,
            message_id: attribute("messageId")?,
            sent_at: date::read(node.attribute("sentAt")?)?,
            text: xml::text(node).into(),
        },
        "messageDelivered" => Event::MessageDelivered {
            conf_id: conf_id()?,
            message_id: attribute("messageId")?,
            to: attribute("to")?,
        },
        "composing" => Event::Composing { conf_id: conf_id()?, from: attribute("from")? },
        "pushTested" => Event::PushTested {
            rid: attribute("rid")?,
            accepted: number(node, "accepted")?,
            reason: attribute("reason")?,
        },
        _ => return None,
    })
}
