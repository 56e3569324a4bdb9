//! Commands and events between the words of the grammar and the nouns of the domain.

mod meetings;
mod people;

use std::str::FromStr;

use fulmar_app::{Command, DeviceDescription, Said};
use fulmar_domain::{
    SipUri,
    conversation::{Conversation, Format, Message, MessageName, Participant, Step},
    device::{Provider, PushRegistration, Subscription},
    event::{Event, Numbered},
    invitation::{About, DeclineReason, Direction, Importance, Invitation, InvitationKind, Subject},
    presence::{Arrival, INACTIVE_AFTER},
    session::Activity,
};
use fulmar_wire::mcx::{self, Instant, RejectionCode};

use crate::mcx::commands::Why;

/// The most characters of a device's name.
const MAX_NAME: usize = 100;

/// A word of the grammar as a noun of the domain.
pub(super) fn value<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Why> {
    text.parse().map_err(|error: T::Err| (RejectionCode::InvalidValue, error.to_string()))
}

/// What an `initiateSession` says of its device.
pub(super) fn device(command: mcx::Command) -> Result<DeviceDescription, Why> {
    let mcx::Command::InitiateSession { endpoint_id, device_name, client_tag, availability } = command else {
        return Err((RejectionCode::UnknownCommand, "this is not `initiateSession`".to_owned()));
    };
    for (what, text) in [("deviceName", &device_name), ("clientTag", &client_tag)] {
        let length = text.chars().count();
        if !(1..=MAX_NAME).contains(&length) || text.chars().any(char::is_control) {
            let reason = format!("`{what}` has 1 to {MAX_NAME} characters and no control characters");
            return Err((RejectionCode::InvalidValue, reason));
        }
    }
    let chosen = availability.map(|number| people::chosen(&number, None)).transpose()?;
    let arrival = Arrival::new(chosen, INACTIVE_AFTER);
    Ok(DeviceDescription { endpoint: value(&endpoint_id)?, name: device_name, arrival })
}

/// A command of a signed-in session. Those that begin and end sessions are not among them.
pub(super) fn command(command: mcx::Command) -> Result<Command, Why> {
    use mcx::Command as Wire;
    Ok(match command {
        Wire::InitiateSession { .. } | Wire::TerminateSession => {
            return Err((RejectionCode::UnknownCommand, "this command begins or ends a session".to_owned()));
        }
        Wire::People(command) => people::command(command)?,
        Wire::Meetings(command) => meetings::command(command)?,
        Wire::SetApplicationState { state } => Command::SetActivity(activity(&state)?),
        Wire::RegisterPush { provider, token } => Command::RegisterPush(match value(&provider)? {
            Provider::Apns => PushRegistration::Apns(value(token.reveal())?),
            Provider::Fcm => PushRegistration::Fcm(value(token.reveal())?),
            Provider::Wns => PushRegistration::Wns(value(token.reveal())?),
            Provider::WebPush => {
                let reason = "`webpush` has an endpoint and keys, no token";
                return Err((RejectionCode::InvalidValue, reason.to_owned()));
            }
        }),
        Wire::RegisterWebPush { endpoint, p256dh, auth } => {
            let (endpoint, key) = (value(endpoint.reveal())?, value(&p256dh)?);
            let auth = value(auth.reveal())?;
            Command::RegisterPush(PushRegistration::WebPush(Subscription { endpoint, key, auth }))
        }
        Wire::UnregisterPush => Command::UnregisterPush,
        Wire::TestPush => Command::TestPush,
        Wire::InitiateImSession { to, about, first } => {
            let first = first.as_ref().map(said).transpose()?;
            Command::OpenConversation(value(&to)?, self::about(&about)?, first)
        }
        Wire::InviteParticipant { conf_id, to, operation_id } => {
            let operation = operation_id.as_deref().map(value).transpose()?;
            Command::Invite(value(&conf_id)?, value(&to)?, operation)
        }
        Wire::QueryImSessions { conf_id } => {
            Command::QueryConversations(conf_id.as_deref().map(value).transpose()?)
        }
        Wire::AcceptImSession { conf_id } => Command::StepConversation(value(&conf_id)?, Step::Accept),
        Wire::DeclineImSession { conf_id, reason } => {
            let reason = reason.as_deref().map_or(Ok(DeclineReason::Local), value)?;
            Command::StepConversation(value(&conf_id)?, Step::Decline(reason))
        }
        Wire::CancelInvitation { invitation_id } => Command::CancelInvitation(value(&invitation_id)?),
        Wire::AcknowledgeMissed { conf_id } => {
            Command::AcknowledgeMissed(conf_id.as_deref().map(value).transpose()?)
        }
        Wire::TerminateImSession { conf_id } => Command::StepConversation(value(&conf_id)?, Step::Leave),
        Wire::SendMessage { conf_id, message } => Command::Say(value(&conf_id)?, said(&message)?),
        Wire::QueryMessages { conf_id, from, message_id } => {
            Command::QueryMessages(value(&conf_id)?, before(from.as_deref(), message_id.as_deref())?)
        }
        Wire::MarkRead { conf_id, from, message_id } => {
            let up_to = MessageName::Said { by: value(&from)?, as_what: value(&message_id)? };
            Command::MarkRead(value(&conf_id)?, up_to)
        }
        Wire::MuteImSession { conf_id } => Command::Mute(value(&conf_id)?, true),
        Wire::UnmuteImSession { conf_id } => Command::Mute(value(&conf_id)?, false),
        Wire::NotifyComposing { conf_id, state } => {
            Command::Compose(value(&conf_id)?, writes(state.as_deref())?)
        }
    })
}

fn before(from: Option<&str>, message_id: Option<&str>) -> Result<MessageName, Why> {
    match (from, message_id) {
        (Some(by), Some(name)) => Ok(MessageName::Said { by: value(by)?, as_what: value(name)? }),
        (None, None) => Ok(MessageName::Newest),
        _ => {
            let reason = "a message is named by `from` and `messageId`";
            Err((RejectionCode::InvalidValue, reason.to_owned()))
        }
    }
}

fn activity(state: &str) -> Result<Activity, Why> {
    let known =
        [Activity::Foreground, Activity::Background].into_iter().find(|known| known.as_str() == state);
    known.ok_or_else(|| (RejectionCode::InvalidValue, "`state` is `foreground` or `background`".to_owned()))
}

fn about(about: &mcx::About) -> Result<About, Why> {
    Ok(About {
        subject: about.subject.as_deref().map_or(Ok(Subject::default()), value)?,
        importance: about.importance.as_deref().map_or(Ok(Importance::Normal), value)?,
        thread: about.thread_id.as_deref().map(value).transpose()?,
        operation: about.operation_id.as_deref().map(value).transpose()?,
    })
}

/// The words are those of RFC 3994.
fn writes(state: Option<&str>) -> Result<bool, Why> {
    match state {
        None | Some("active") => Ok(true),
        Some("idle") => Ok(false),
        Some(_) => {
            Err((RejectionCode::InvalidValue, "`state` of who composes is `active` or `idle`".to_owned()))
        }
    }
}

fn said(message: &Instant) -> Result<Said, Why> {
    let format = match message.format {
        mcx::Format::Plain => Format::Plain,
        mcx::Format::Html => Format::Html,
    };
    let said = fulmar_app::said(value(&message.message_id)?, format, message.text.reveal());
    said.map_err(|error| (RejectionCode::InvalidValue, error.to_string()))
}

/// An event as a client reads it; `None` for those that MCX has no word for.
pub(super) fn event(Numbered { eid, event, .. }: Numbered) -> Option<mcx::Numbered> {
    use mcx::Event as Wire;
    let event = match event {
        Event::RequestSucceeded { request, conversation } => {
            let conf_id = conversation.map(|conversation| conversation.to_string());
            Wire::RequestSucceeded { rid: request.to_string(), conf_id }
        }
        Event::RequestFailed { request, failure } => {
            Wire::RequestFailed { rid: request.to_string(), code: failure.as_str().to_owned() }
        }
        event @ (Event::ContactList(_)
        | Event::Found { .. }
        | Event::GroupChanged { .. }
        | Event::ContactChanged { .. }
        | Event::PresenceChanged { .. }
        | Event::SelfPresenceChanged { .. }
        | Event::SubscriptionChanged { .. }) => Wire::People(people::event(event)?),
        Event::Invited(invitation) => invited(&invitation),
        // Nobody was asked.
        Event::InvitationEnded(invitation) if invitation.kind == InvitationKind::Join => return None,
        Event::InvitationEnded(invitation) => ended(&invitation),
        Event::Resync => Wire::Resync,
        Event::Conversation(conversation) => self::conversation(&conversation),
        Event::MissedConversations(missed) => {
            Wire::MissedConversations { total: missed.total, unread: missed.unread }
        }
        Event::ParticipantChanged { conversation, who, participation, .. } => Wire::ImSessionState {
            conf_id: conversation.to_string(),
            user: who.to_string(),
            state: participation.as_str().to_owned(),
        },
        Event::MessageReceived(message) => received(&message),
        Event::MessageSent(message) => sent(&message),
        Event::MessageDelivered { conversation, client_id, to, .. } => Wire::MessageDelivered {
            conf_id: conversation.to_string(),
            message_id: client_id.to_string(),
            to: to.to_string(),
        },
        Event::MessageRead { message, by } => read(&message, &by),
        Event::MessageFailed { conversation, client_id, to, .. } => Wire::MessageFailed {
            conf_id: conversation.to_string(),
            message_id: client_id.to_string(),
            to: to.to_string(),
        },
        Event::Composing { conversation, who, writes } => Wire::Composing {
            conf_id: conversation.to_string(),
            from: who.to_string(),
            state: composing(writes),
        },
        Event::Muted { conversation, muted } => {
            Wire::ImSessionMuted { conf_id: conversation.to_string(), muted }
        }
        Event::Meeting { id, meeting } => Wire::Meetings(meetings::event(&id, meeting.as_deref())),
        // Only applications of UCWA do that.
        Event::MadeAvailable | Event::FollowingChanged { .. } => return None,
        Event::PushTested { request, outcome } => {
            Wire::PushTested { rid: request.to_string(), accepted: outcome.accepted, reason: outcome.reason }
        }
    };
    Some(mcx::Numbered { eid, event })
}

fn received(message: &Message) -> mcx::Event {
    mcx::Event::MessageReceived {
        conf_id: message.conversation.to_string(),
        from: message.sender.to_string(),
        message_id: message.client_id.to_string(),
        sent_at: message.sent_at.as_millis(),
        text: message.text.reveal().into(),
        html: message.html.as_ref().map(|html| html.reveal().into()),
    }
}

fn read(message: &Message, by: &SipUri) -> mcx::Event {
    mcx::Event::MessageRead {
        conf_id: message.conversation.to_string(),
        from: message.sender.to_string(),
        message_id: message.client_id.to_string(),
        by: by.to_string(),
    }
}

fn sent(message: &Message) -> mcx::Event {
    mcx::Event::MessageSent {
        conf_id: message.conversation.to_string(),
        message_id: message.client_id.to_string(),
        sent_at: message.sent_at.as_millis(),
        text: message.text.reveal().into(),
        html: message.html.as_ref().map(|html| html.reveal().into()),
    }
}

fn ended(invitation: &Invitation) -> mcx::Event {
    mcx::Event::InvitationEnded {
        conf_id: invitation.conversation.to_string(),
        invitation_id: invitation.id.to_string(),
        outcome: invitation.state.to_string(),
        reason: invitation.reason.map(|reason| reason.to_string()),
        elsewhere: invitation.elsewhere,
    }
}

fn conversation(conversation: &Conversation) -> mcx::Event {
    let participant = |participant: &Participant| mcx::Participant {
        uri: participant.person.uri.to_string(),
        display_name: participant.person.display_name.to_string(),
        state: participant.participation.to_string(),
        composing: composing(participant.writes),
    };
    mcx::Event::ImSession {
        conf_id: conversation.id.to_string(),
        state: conversation.state.as_str().to_owned(),
        thread_id: conversation.thread.to_string(),
        subject: conversation.subject.to_string(),
        importance: conversation.importance.to_string(),
        meeting_uri: conversation.meeting.as_ref().map(ToString::to_string),
        muted: conversation.muted,
        participants: conversation.participants.iter().map(participant).collect(),
    }
}

/// The words are those of RFC 3994.
fn composing(writes: bool) -> String {
    if writes { "active" } else { "idle" }.to_owned()
}

fn invited(invitation: &Invitation) -> mcx::Event {
    if invitation.kind == InvitationKind::Join {
        return mcx::Event::Meetings(meetings::joined(invitation));
    }
    let conf_id = invitation.conversation.to_string();
    let said = mcx::Invitation {
        id: invitation.id.to_string(),
        thread_id: invitation.thread.to_string(),
        subject: invitation.subject.to_string(),
        importance: invitation.importance.to_string(),
        meeting_uri: invitation.meeting.as_ref().map(ToString::to_string),
    };
    match invitation.direction {
        Direction::Incoming => {
            mcx::Event::ImSessionReceived { conf_id, from: invitation.from.uri.to_string(), invitation: said }
        }
        Direction::Outgoing => mcx::Event::ImSessionStarted {
            conf_id,
            to: invitation.to.uri.to_string(),
            invitation: said,
            operation_id: invitation.operation.as_ref().map(ToString::to_string),
        },
    }
}
