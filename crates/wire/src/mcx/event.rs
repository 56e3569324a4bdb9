use roxmltree::Node;

use super::{PeopleEvent, people};
use crate::{
    Secret, date,
    xml::{self, Writer},
};

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
    /// What is about contacts and presence.
    People(PeopleEvent),
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
    /// What this person has said, on whichever device.
    MessageSent {
        /// Where.
        conf_id: String,
        /// The name that it was given.
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

/// Writes an event as an element.
pub(super) fn write(w: &mut Writer, eid: &str, event: &Event) {
    let eid = ("eid", eid);
    match event {
        Event::RequestSucceeded { rid, conf_id } => {
            let conf_id = conf_id.as_deref().map(|conf_id| ("confId", conf_id));
            let attributes: Vec<_> = [eid, ("rid", rid)].into_iter().chain(conf_id).collect();
            w.empty("requestSucceeded", &attributes)
        }
        Event::RequestFailed { rid, code } => w.empty("requestFailed", &[eid, ("rid", rid), ("code", code)]),
        Event::People(event) => people::write_event(w, eid, event),
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
        Event::MessageSent { conf_id, message_id, sent_at, text } => {
            let sent_at = date::write(*sent_at);
            let said = [("confId", conf_id.as_str()), ("messageId", message_id), ("sentAt", &sent_at)];
            let attributes: Vec<_> =
                [eid].into_iter().chain(said).chain([("format", "text/plain")]).collect();
            w.element("messageSent", &attributes, |w| w.text(text.reveal()))
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

/// Reads an event; `None` for what the grammar does not have.
pub(super) fn read(node: Node<'_, '_>) -> Option<Event> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let conf_id = || attribute("confId");
    Some(match node.tag_name().name() {
        "requestSucceeded" => Event::RequestSucceeded { rid: attribute("rid")?, conf_id: conf_id() },
        "requestFailed" => Event::RequestFailed { rid: attribute("rid")?, code: attribute("code")? },
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
        "messageSent" => Event::MessageSent {
            conf_id: conf_id()?,
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
        _ => Event::People(people::read_event(node)?),
    })
}

/// An attribute that is a number, or another word that parses.
pub(super) fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    node.attribute(name)?.parse().ok()
}
