//! Events as a client reads them.

use roxmltree::Node;

use super::{Event, Invitation, Participant};
use crate::{
    Secret, date,
    mcx::{NAMESPACE, meetings, people},
    xml,
};

/// Reads an event; `None` for what the grammar does not have.
pub(in crate::mcx) fn read(node: Node<'_, '_>) -> Option<Event> {
    of_session(node)
        .or_else(|| of_conversation(node))
        .or_else(|| of_message(node))
        .or_else(|| meetings::read_event(node).map(Event::Meetings))
        .or_else(|| people::read_event(node).map(Event::People))
}

/// What came of a command, and what concerns the session alone; `None` for anything else.
fn of_session(node: Node<'_, '_>) -> Option<Event> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let conf_id = || attribute("confId");
    Some(match node.tag_name().name() {
        "requestSucceeded" => Event::RequestSucceeded { rid: attribute("rid")?, conf_id: conf_id() },
        "requestFailed" => Event::RequestFailed { rid: attribute("rid")?, code: attribute("code")? },
        "resync" => Event::Resync,
        "pushTested" => Event::PushTested {
            rid: attribute("rid")?,
            accepted: number(node, "accepted")?,
            reason: attribute("reason")?,
        },
        _ => return None,
    })
}

/// Who is asked, comes, writes and goes; `None` for anything else.
fn of_conversation(node: Node<'_, '_>) -> Option<Event> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let conf_id = || attribute("confId");
    Some(match node.tag_name().name() {
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
        "imSession" => Event::ImSession {
            conf_id: conf_id()?,
            state: attribute("state")?,
            thread_id: attribute("threadId")?,
            subject: attribute("subject")?,
            importance: attribute("importance")?,
            meeting_uri: attribute("meetingUri"),
            muted: number(node, "muted")?,
            participants: node.children().filter(Node::is_element).map(participant).collect::<Option<_>>()?,
        },
        "imSessionMuted" => Event::ImSessionMuted { conf_id: conf_id()?, muted: number(node, "muted")? },
        "missedConversations" => {
            Event::MissedConversations { total: number(node, "total")?, unread: number(node, "unread")? }
        }
        "imSessionState" => Event::ImSessionState {
            conf_id: conf_id()?,
            user: attribute("user")?,
            state: attribute("state")?,
        },
        "composing" => {
            Event::Composing { conf_id: conf_id()?, from: attribute("from")?, state: attribute("state")? }
        }
        _ => return None,
    })
}

/// A word that was said, and what became of it; `None` for anything else.
fn of_message(node: Node<'_, '_>) -> Option<Event> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    let conf_id = || attribute("confId");
    Some(match node.tag_name().name() {
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
        _ => return None,
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

fn participant(node: Node<'_, '_>) -> Option<Participant> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    Some(Participant {
        uri: attribute("uri")?,
        display_name: attribute("displayName")?,
        state: attribute("state")?,
        composing: attribute("composing")?,
    })
}

fn read_invitation(node: Node<'_, '_>) -> Option<Invitation> {
    let attribute = |name: &str| node.attribute(name).map(str::to_owned);
    Some(Invitation {
        id: attribute("invitationId")?,
        thread_id: attribute("threadId")?,
        subject: attribute("subject")?,
        importance: attribute("importance")?,
        meeting_uri: attribute("meetingUri"),
    })
}

/// An attribute that is a number, or another word that parses.
pub(in crate::mcx) fn number<T: std::str::FromStr>(node: Node<'_, '_>, name: &str) -> Option<T> {
    node.attribute(name)?.parse().ok()
}
