use std::borrow::Cow;

use roxmltree::Node;

use super::{Format, NAMESPACE, PeopleEvent, people};
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
        /// The invitation.
        invitation: Invitation,
    },
    /// This person asks somebody for a conversation, on whichever device.
    ImSessionStarted {
        /// Which.
        conf_id: String,
        /// Whom.
        to: String,
        /// The invitation.
        invitation: Invitation,
        /// The person's own name for it, where it has one.
        operation_id: Option<String>,
    },
    /// An invitation was answered, taken back or missed.
    InvitationEnded {
        /// To what.
        conf_id: String,
        /// The invitation.
        invitation_id: String,
        /// `accepted`, `declined`, `cancelled` or `missed`.
        outcome: String,
        /// `local` or `global`, where it was declined with a reason.
        reason: Option<String>,
        /// Another device of this person has answered.
        elsewhere: bool,
    },
    /// More happened than the box keeps: everything that is not of a conversation is to be looked at again.
    Resync,
    /// How many conversations this person has missed.
    MissedConversations {
        /// All of them.
        total: u32,
        /// Those that were not acknowledged.
        unread: u32,
    },
    /// A participant was asked, came, refused, missed it or went.
    ImSessionState {
        /// Where.
        conf_id: String,
        /// Who.
        user: String,
        /// `ringing`, `connected`, `declined`, `missed` or `left`.
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
        /// How it looks, where it was written so: cleaned HTML.
        html: Option<Secret>,
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
        /// How it looks, where it was written so: cleaned HTML.
        html: Option<Secret>,
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
    /// Somebody has read what was said to them up to this message.
    MessageRead {
        /// Where.
        conf_id: String,
        /// Who said it.
        from: String,
        /// The sender's name for it.
        message_id: String,
        /// Who has read it: somebody else, or this person on one of their devices.
        by: String,
    },
    /// A message of this person has reached no device of somebody in time.
    MessageFailed {
        /// Where.
        conf_id: String,
        /// The sender's name for it.
        message_id: String,
        /// Whom it has not reached.
        to: String,
    },
    /// Somebody is writing, or not any more.
    Composing {
        /// Where.
        conf_id: String,
        /// Who.
        from: String,
        /// `active` or `idle`.
        state: String,
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

/// What is said of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its name.
    pub id: String,
    /// What the conversation belongs to.
    pub thread_id: String,
    /// What it is about, empty when nothing was said.
    pub subject: String,
    /// `normal`, `urgent` or `emergency`.
    pub importance: String,
}

/// Writes an event as an element.
pub(super) fn write(w: &mut Writer, eid: &str, event: &Event) {
    let attributes = attributes(event);
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_ref()));
    let attributes: Vec<_> = [("eid", eid)].into_iter().chain(attributes).collect();
    let name = match event {
        Event::People(event) => {
            people::write_event(w, ("eid", eid), event);
            return;
        }
        Event::RequestSucceeded { .. } => "requestSucceeded",
        Event::RequestFailed { .. } => "requestFailed",
        Event::ImSessionReceived { .. } => "imSessionReceived",
        Event::ImSessionStarted { .. } => "imSessionStarted",
        Event::InvitationEnded { .. } => "invitationEnded",
        Event::Resync => "resync",
        Event::MissedConversations { .. } => "missedConversations",
        Event::ImSessionState { .. } => "imSessionState",
        Event::MessageReceived { .. } => "messageReceived",
        Event::MessageSent { .. } => "messageSent",
        Event::MessageDelivered { .. } => "messageDelivered",
        Event::MessageRead { .. } => "messageRead",
        Event::MessageFailed { .. } => "messageFailed",
        Event::Composing { .. } => "composing",
        Event::PushTested { .. } => "pushTested",
    };
    w.element(name, &attributes, |w| match event {
        Event::MessageReceived { text, html, .. } | Event::MessageSent { text, html, .. } => {
            w.text(text.reveal());
            if let Some(html) = html {
                w.leaf("html", html.reveal());
            }
        }
        _ => {}
    });
}

type Attribute<'a> = (&'static str, Cow<'a, str>);

fn attributes(event: &Event) -> Vec<Attribute<'_>> {
    match event {
        Event::RequestSucceeded { rid, conf_id } => with_optional([("rid", rid)], [("confId", conf_id)]),
        Event::RequestFailed { rid, code } => texts([("rid", rid), ("code", code)]),
        // Written by themselves.
        Event::People(_) => Vec::new(),
        Event::Resync => Vec::new(),
        Event::ImSessionReceived { conf_id, from, invitation } => {
            [texts([("confId", conf_id), ("from", from)]), of_invitation(invitation)].concat()
        }
        Event::ImSessionStarted { conf_id, to, invitation, operation_id } => {
            let named = with_optional([("confId", conf_id), ("to", to)], [("operationId", operation_id)]);
            [named, of_invitation(invitation)].concat()
        }
        Event::InvitationEnded { conf_id, invitation_id, outcome, reason, elsewhere } => {
            let named = [("confId", conf_id), ("invitationId", invitation_id), ("outcome", outcome)];
            let mut attributes = with_optional(named, [("reason", reason)]);
            attributes.push(number_of("elsewhere", elsewhere));
            attributes
        }
        Event::MissedConversations { total, unread } => {
            vec![number_of("total", total), number_of("unread", unread)]
        }
        Event::ImSessionState { conf_id, user, state } => {
            texts([("confId", conf_id), ("user", user), ("state", state)])
        }
        Event::MessageReceived { conf_id, from, message_id, sent_at, .. } => {
            let mut attributes = texts([("confId", conf_id), ("from", from), ("messageId", message_id)]);
            attributes.extend(of_message(*sent_at));
            attributes
        }
        Event::MessageSent { conf_id, message_id, sent_at, .. } => {
            let mut attributes = texts([("confId", conf_id), ("messageId", message_id)]);
            attributes.extend(of_message(*sent_at));
            attributes
        }
        Event::MessageRead { conf_id, from, message_id, by } => {
            texts([("confId", conf_id), ("from", from), ("messageId", message_id), ("by", by)])
        }
        Event::MessageDelivered { conf_id, message_id, to }
        | Event::MessageFailed { conf_id, message_id, to } => {
            texts([("confId", conf_id), ("messageId", message_id), ("to", to)])
        }
        Event::Composing { conf_id, from, state } => {
            texts([("confId", conf_id), ("from", from), ("state", state)])
        }
        Event::PushTested { rid, accepted, reason } => {
            vec![text("rid", rid), number_of("accepted", accepted), text("reason", reason)]
        }
    }
}

fn text<'a>(name: &'static str, value: &'a str) -> Attribute<'a> {
    (name, Cow::Borrowed(value))
}

fn number_of<'a>(name: &'static str, value: &impl ToString) -> Attribute<'a> {
    (name, Cow::Owned(value.to_string()))
}

fn texts<'a, const N: usize>(pairs: [(&'static str, &'a String); N]) -> Vec<Attribute<'a>> {
    pairs.into_iter().map(|(name, value)| text(name, value)).collect()
}

fn with_optional<'a, const N: usize, const M: usize>(
    pairs: [(&'static str, &'a String); N],
    optional: [(&'static str, &'a Option<String>); M],
) -> Vec<Attribute<'a>> {
    let optional = optional.into_iter().filter_map(|(name, value)| Some(text(name, value.as_ref()?)));
    texts(pairs).into_iter().chain(optional).collect()
}

fn of_invitation(Invitation { id, thread_id, subject, importance }: &Invitation) -> Vec<Attribute<'_>> {
    texts([("invitationId", id), ("threadId", thread_id), ("subject", subject), ("importance", importance)])
}

fn of_message<'a>(sent_at: i64) -> [Attribute<'a>; 2] {
    [("sentAt", Cow::Owned(date::write(sent_at))), text("format", Format::Plain.as_str())]
}

/// Reads an event; `None` for what the grammar does not have.
pub(super) fn read(node: Node<'_, '_>) -> Option<Event> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let conf_id = || attribute("confId");
    Some(match node.tag_name().name() {
        "requestSucceeded" => Event::RequestSucceeded { rid: attribute("rid")?, conf_id: conf_id() },
        "requestFailed" => Event::RequestFailed { rid: attribute("rid")?, code: attribute("code")? },
        "imSessionReceived" => Event::ImSessionReceived {
            conf_id: conf_id()?,
            from: attribute("from")?,
            invitation: read_invitation(node)?,
        },
        "imSessionStarted" => Event::ImSessionStarted {
            conf_id: conf_id()?,
            to: attribute("to")?,
            invitation: read_invitation(node)?,
            operation_id: attribute("operationId"),
        },
        "invitationEnded" => Event::InvitationEnded {
            conf_id: conf_id()?,
            invitation_id: attribute("invitationId")?,
            outcome: attribute("outcome")?,
            reason: attribute("reason"),
            elsewhere: number(node, "elsewhere")?,
        },
        "resync" => Event::Resync,
        "missedConversations" => {
            Event::MissedConversations { total: number(node, "total")?, unread: number(node, "unread")? }
        }
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
            text: said(node),
            html: html(node),
        },
        "messageSent" => Event::MessageSent {
            conf_id: conf_id()?,
            message_id: attribute("messageId")?,
            sent_at: date::read(node.attribute("sentAt")?)?,
            text: said(node),
            html: html(node),
        },
        "messageDelivered" => Event::MessageDelivered {
            conf_id: conf_id()?,
            message_id: attribute("messageId")?,
            to: attribute("to")?,
        },
        "messageRead" => Event::MessageRead {
            conf_id: conf_id()?,
            from: attribute("from")?,
            message_id: attribute("messageId")?,
            by: attribute("by")?,
        },
        "messageFailed" => Event::MessageFailed {
            conf_id: conf_id()?,
            message_id: attribute("messageId")?,
            to: attribute("to")?,
        },
        "composing" => {
            Event::Composing { conf_id: conf_id()?, from: attribute("from")?, state: attribute("state")? }
        }
        "pushTested" => Event::PushTested {
            rid: attribute("rid")?,
            accepted: number(node, "accepted")?,
            reason: attribute("reason")?,
        },
        _ => Event::People(people::read_event(node)?),
    })
}

/// What was said, without how it looks.
fn said(node: Node<'_, '_>) -> Secret {
    let text: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
    text.into()
}

fn html(node: Node<'_, '_>) -> Option<Secret> {
    let html = node.children().find(|child| child.has_tag_name((NAMESPACE, "html")));
    html.map(|html| xml::text(html).into())
}

fn read_invitation(node: Node<'_, '_>) -> Option<Invitation> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    Some(Invitation {
        id: attribute("invitationId")?,
        thread_id: attribute("threadId")?,
        subject: attribute("subject")?,
        importance: attribute("importance")?,
    })
}

/// An attribute that is a number, or another word that parses.
pub(super) fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    node.attribute(name)?.parse().ok()
}
