mod read;

use std::borrow::Cow;

use super::{Format, MeetingEvent, PeopleEvent, meetings, people};
use crate::{Secret, date, xml::Writer};

pub(super) use read::{number, read};

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
    /// What is about meetings.
    Meetings(MeetingEvent),
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
    /// A conversation, as it is when the event is fetched.
    ImSession {
        /// Which.
        conf_id: String,
        /// `incoming`, `connecting`, `connected` or `disconnected`.
        state: String,
        /// What it belongs to.
        thread_id: String,
        /// What it is about, empty when nothing was said.
        subject: String,
        /// `normal`, `urgent` or `emergency`.
        importance: String,
        /// The address of the meeting that it is, while that can be joined.
        meeting_uri: Option<String>,
        /// This person is not woken for it.
        muted: bool,
        /// Everybody who is or was in it, or was asked.
        participants: Vec<Participant>,
    },
    /// This person has muted a conversation or does so no more, on whichever device.
    ImSessionMuted {
        /// Which.
        conf_id: String,
        /// Whether.
        muted: bool,
    },
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

/// Somebody in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// SIP URI.
    pub uri: String,
    /// Name.
    pub display_name: String,
    /// `ringing`, `connected`, `declined`, `missed` or `left`.
    pub state: String,
    /// `active` while they write, else `idle`.
    pub composing: String,
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
    /// The address of the meeting that the conversation is, while that can be joined.
    pub meeting_uri: Option<String>,
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
        Event::Meetings(event) => return meetings::write_event(w, ("eid", eid), event),
        Event::RequestSucceeded { .. } => "requestSucceeded",
        Event::RequestFailed { .. } => "requestFailed",
        Event::ImSessionReceived { .. } => "imSessionReceived",
        Event::ImSessionStarted { .. } => "imSessionStarted",
        Event::InvitationEnded { .. } => "invitationEnded",
        Event::Resync => "resync",
        Event::ImSession { .. } => "imSession",
        Event::ImSessionMuted { .. } => "imSessionMuted",
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
        Event::ImSession { participants, .. } => {
            for Participant { uri, display_name, state, composing } in participants {
                let names = [("uri", uri.as_str()), ("displayName", display_name)];
                let states = [("state", state.as_str()), ("composing", composing)];
                w.empty("participant", &[names, states].concat());
            }
        }
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
        // The first two are written by themselves.
        Event::People(_) | Event::Meetings(_) | Event::Resync => Vec::new(),
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
        Event::ImSession { conf_id, state, thread_id, subject, importance, meeting_uri, muted, .. } => {
            let said = [
                ("confId", conf_id),
                ("state", state),
                ("threadId", thread_id),
                ("subject", subject),
                ("importance", importance),
            ];
            let mut attributes = with_optional(said, [("meetingUri", meeting_uri)]);
            attributes.push(number_of("muted", muted));
            attributes
        }
        Event::ImSessionMuted { conf_id, muted } => vec![text("confId", conf_id), number_of("muted", muted)],
        Event::MissedConversations { total, unread } => {
            vec![number_of("total", total), number_of("unread", unread)]
        }
        Event::ImSessionState { conf_id, user, state } => {
            texts([("confId", conf_id), ("user", user), ("state", state)])
        }
        Event::MessageReceived { conf_id, from, message_id, sent_at, .. } => {
            let named = texts([("confId", conf_id), ("from", from), ("messageId", message_id)]);
            [named, of_message(*sent_at)].concat()
        }
        Event::MessageSent { conf_id, message_id, sent_at, .. } => {
            [texts([("confId", conf_id), ("messageId", message_id)]), of_message(*sent_at)].concat()
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

fn of_invitation(
    Invitation { id, thread_id, subject, importance, meeting_uri }: &Invitation,
) -> Vec<Attribute<'_>> {
    let said =
        [("invitationId", id), ("threadId", thread_id), ("subject", subject), ("importance", importance)];
    with_optional(said, [("meetingUri", meeting_uri)])
}

fn of_message<'a>(sent_at: i64) -> Vec<Attribute<'a>> {
    vec![("sentAt", Cow::Owned(date::write(sent_at))), text("format", Format::Plain.as_str())]
}
