use super::{MeetingCommand, PeopleCommand, meetings, people};
use crate::{Secret, xml::Writer};

/// What a client can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Sign this device in.
    InitiateSession {
        /// The device's own, lasting name.
        endpoint_id: String,
        /// What the person calls it.
        device_name: String,
        /// Which client this is, such as `iPhoneLync/4.7`.
        client_tag: String,
        /// What to publish to begin with; as before when absent.
        availability: Option<String>,
    },
    /// Sign it out.
    TerminateSession,
    /// What is about contacts and presence.
    People(PeopleCommand),
    /// What is about meetings.
    Meetings(MeetingCommand),
    /// Somebody looks at the device, or nobody does.
    SetApplicationState {
        /// `foreground` or `background`.
        state: String,
    },
    /// Where the device is woken.
    RegisterPush {
        /// By whom.
        provider: String,
        /// The provider's address of the device.
        token: Secret,
    },
    /// Where the device is woken by a service that takes Web Push: `registerPush` with the provider `webpush`.
    RegisterWebPush {
        /// The push resource.
        endpoint: Secret,
        /// The public key of the device.
        p256dh: String,
        /// What it shares with those who push to it.
        auth: Secret,
    },
    /// Do not wake it any more.
    UnregisterPush,
    /// Wake it now, to see whether that works.
    TestPush,
    /// Ask somebody for a conversation.
    InitiateImSession {
        /// SIP URI.
        to: String,
        /// What is said of the invitation.
        about: About,
        /// What is said with it.
        first: Option<Instant>,
    },
    /// Ask somebody into a conversation that there is.
    InviteParticipant {
        /// Which conversation.
        conf_id: String,
        /// SIP URI.
        to: String,
        /// The inviter's own name for it.
        operation_id: Option<String>,
    },
    /// Tell me who is in a conversation.
    QueryImSessions {
        /// Which; all that are active when absent.
        conf_id: Option<String>,
    },
    /// Take an invitation.
    AcceptImSession {
        /// Which conversation.
        conf_id: String,
    },
    /// Refuse it.
    DeclineImSession {
        /// Which conversation.
        conf_id: String,
        /// `local` or `global`; `local` when absent.
        reason: Option<String>,
    },
    /// Take an invitation back.
    CancelInvitation {
        /// Which.
        invitation_id: String,
    },
    /// I know what I have missed.
    AcknowledgeMissed {
        /// In which conversation; in all when absent.
        conf_id: Option<String>,
    },
    /// Leave.
    TerminateImSession {
        /// Which conversation.
        conf_id: String,
    },
    /// Say something.
    SendMessage {
        /// Which conversation.
        conf_id: String,
        /// What.
        message: Instant,
    },
    /// Tell me what was said in a conversation, also what was told before.
    QueryMessages {
        /// Which conversation.
        conf_id: String,
        /// Before whose message; the newest when absent.
        from: Option<String>,
        /// The sender's name for it; there where `from` is.
        message_id: Option<String>,
    },
    /// I have read what was said to me up to this message.
    MarkRead {
        /// Which conversation.
        conf_id: String,
        /// Whose message: SIP URI.
        from: String,
        /// The sender's name for it.
        message_id: String,
    },
    /// Do not wake me for a conversation.
    MuteImSession {
        /// Which conversation.
        conf_id: String,
    },
    /// Wake me for it again.
    UnmuteImSession {
        /// Which conversation.
        conf_id: String,
    },
    /// I am writing, or not any more.
    NotifyComposing {
        /// Which conversation.
        conf_id: String,
        /// `active` or `idle`; `active` when absent.
        state: Option<String>,
    },
}

/// What an inviter says of an invitation; all of it may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What it is about.
    pub subject: Option<String>,
    /// `normal`, `urgent` or `emergency`.
    pub importance: Option<String>,
    /// What it belongs to.
    pub thread_id: Option<String>,
    /// The inviter's own name for it.
    pub operation_id: Option<String>,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `text/plain`.
    #[default]
    Plain,
    /// `text/html`.
    Html,
}

impl Format {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "text/plain",
            Self::Html => "text/html",
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The client's name for it: the same name is the same message.
    pub message_id: String,
    /// What is said: at most 8,192 bytes.
    pub text: Secret,
    /// How it is written.
    pub format: Format,
}

/// The provider of a `registerPush` that has an endpoint and keys in the place of a token.
pub(super) const WEB_PUSH: &str = "webpush";

impl Command {
    /// The name of its element.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InitiateSession { .. } => "initiateSession",
            Self::TerminateSession => "terminateSession",
            Self::People(command) => command.name(),
            Self::Meetings(command) => command.name(),
            Self::SetApplicationState { .. } => "setApplicationState",
            Self::RegisterPush { .. } | Self::RegisterWebPush { .. } => "registerPush",
            Self::UnregisterPush => "unregisterPush",
            Self::TestPush => "testPush",
            Self::InitiateImSession { .. } => "initiateImSession",
            Self::InviteParticipant { .. } => "inviteParticipant",
            Self::QueryImSessions { .. } => "queryImSessions",
            Self::AcceptImSession { .. } => "acceptImSession",
            Self::DeclineImSession { .. } => "declineImSession",
            Self::CancelInvitation { .. } => "cancelInvitation",
            Self::AcknowledgeMissed { .. } => "acknowledgeMissed",
            Self::TerminateImSession { .. } => "terminateImSession",
            Self::SendMessage { .. } => "sendMessage",
            Self::QueryMessages { .. } => "queryMessages",
            Self::MarkRead { .. } => "markRead",
            Self::MuteImSession { .. } => "muteImSession",
            Self::UnmuteImSession { .. } => "unmuteImSession",
            Self::NotifyComposing { .. } => "notifyComposing",
        }
    }
}

/// Writes a command as an element that has this name.
pub(super) fn write(writer: &mut Writer, rid: &str, command: &Command) {
    match command {
        Command::People(command) => return people::write_command(writer, rid, command),
        Command::Meetings(command) => return meetings::write_command(writer, rid, command),
        _ => {}
    }
    let attributes: Vec<_> = [("rid", rid)].into_iter().chain(attributes(command)).collect();
    writer.element(command.name(), &attributes, |w| match command {
        Command::InitiateImSession { first: Some(message), .. } | Command::SendMessage { message, .. } => {
            let attributes =
                [("messageId", message.message_id.as_str()), ("format", message.format.as_str())];
            w.element("message", &attributes, |w| w.text(message.text.reveal()));
        }
        _ => {}
    });
}

fn attributes(command: &Command) -> Vec<(&'static str, &str)> {
    match command {
        Command::InitiateSession { endpoint_id, device_name, client_tag, availability } => {
            [("endpointId", endpoint_id.as_str()), ("deviceName", device_name), ("clientTag", client_tag)]
                .into_iter()
                .chain(optional("availability", availability))
                .collect()
        }
        Command::SetApplicationState { state } => vec![("state", state)],
        Command::RegisterPush { provider, token } => vec![("provider", provider), ("token", token.reveal())],
        Command::RegisterWebPush { endpoint, p256dh, auth } => vec![
            ("provider", WEB_PUSH),
            ("endpoint", endpoint.reveal()),
            ("p256dh", p256dh),
            ("auth", auth.reveal()),
        ],
        Command::InitiateImSession { to, about, .. } => [("to", to.as_str())]
            .into_iter()
            .chain(optional("subject", &about.subject))
            .chain(optional("importance", &about.importance))
            .chain(optional("threadId", &about.thread_id))
            .chain(optional("operationId", &about.operation_id))
            .collect(),
        Command::DeclineImSession { conf_id, reason } => {
            [("confId", conf_id.as_str())].into_iter().chain(optional("reason", reason)).collect()
        }
        Command::CancelInvitation { invitation_id } => vec![("invitationId", invitation_id)],
        Command::AcknowledgeMissed { conf_id } | Command::QueryImSessions { conf_id } => {
            optional("confId", conf_id).collect()
        }
        Command::InviteParticipant { conf_id, to, operation_id } => {
            [("confId", conf_id.as_str()), ("to", to)]
                .into_iter()
                .chain(optional("operationId", operation_id))
                .collect()
        }
        Command::AcceptImSession { conf_id }
        | Command::TerminateImSession { conf_id }
        | Command::MuteImSession { conf_id }
        | Command::UnmuteImSession { conf_id }
        | Command::SendMessage { conf_id, .. } => vec![("confId", conf_id)],
        Command::QueryMessages { conf_id, from, message_id } => [("confId", conf_id.as_str())]
            .into_iter()
            .chain(optional("from", from))
            .chain(optional("messageId", message_id))
            .collect(),
        Command::MarkRead { conf_id, from, message_id } => {
            vec![("confId", conf_id), ("from", from), ("messageId", message_id)]
        }
        Command::NotifyComposing { conf_id, state } => {
            [("confId", conf_id.as_str())].into_iter().chain(optional("state", state)).collect()
        }
        Command::People(_)
        | Command::Meetings(_)
        | Command::TerminateSession
        | Command::UnregisterPush
        | Command::TestPush => Vec::new(),
    }
}

fn optional<'a>(
    name: &'static str,
    value: &'a Option<String>,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    value.as_deref().map(|value| (name, value)).into_iter()
}
