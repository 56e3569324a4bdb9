use super::{PeopleCommand, people};
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
    /// Do not wake it any more.
    UnregisterPush,
    /// Wake it now, to see whether that works.
    TestPush,
    /// Ask somebody for a conversation.
    InitiateImSession {
        /// SIP URI.
        to: String,
        /// What is said with the invitation.
        first: Option<Instant>,
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
    /// I am writing.
    NotifyComposing {
        /// Which conversation.
        conf_id: String,
    },
}

/// A message of plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instant {
    /// The client's name for it: the same name is the same message.
    pub message_id: String,
    /// What is said: at most 8,192 bytes.
    pub text: Secret,
}

impl Command {
    /// The name of its element.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InitiateSession { .. } => "initiateSession",
            Self::TerminateSession => "terminateSession",
            Self::People(command) => command.name(),
            Self::SetApplicationState { .. } => "setApplicationState",
            Self::RegisterPush { .. } => "registerPush",
            Self::UnregisterPush => "unregisterPush",
            Self::TestPush => "testPush",
            Self::InitiateImSession { .. } => "initiateImSession",
            Self::AcceptImSession { .. } => "acceptImSession",
            Self::DeclineImSession { .. } => "declineImSession",
            Self::TerminateImSession { .. } => "terminateImSession",
            Self::SendMessage { .. } => "sendMessage",
            Self::NotifyComposing { .. } => "notifyComposing",
        }
    }
}

/// Writes a command as an element that has this name.
pub(super) fn write(writer: &mut Writer, rid: &str, command: &Command) {
    let mut attributes = vec![("rid", rid)];
    match command {
        Command::People(command) => return people::write_command(writer, rid, command),
        Command::InitiateSession { endpoint_id, device_name, client_tag, availability } => {
            attributes.extend([("endpointId", endpoint_id.as_str()), ("deviceName", device_name)]);
            attributes.push(("clientTag", client_tag));
            attributes.extend(availability.as_deref().map(|value| ("availability", value)));
        }
        Command::SetApplicationState { state } => attributes.push(("state", state)),
        Command::RegisterPush { provider, token } => {
            attributes.extend([("provider", provider.as_str()), ("token", token.reveal())]);
        }
        Command::InitiateImSession { to, .. } => attributes.push(("to", to)),
        Command::AcceptImSession { conf_id }
        | Command::DeclineImSession { conf_id }
        | Command::TerminateImSession { conf_id }
        | Command::SendMessage { conf_id, .. }
        | Command::NotifyComposing { conf_id } => attributes.push(("confId", conf_id)),
        Command::TerminateSession | Command::UnregisterPush | Command::TestPush => {}
    }
    writer.element(command.name(), &attributes, |w| match command {
        Command::InitiateImSession { first: Some(message), .. } | Command::SendMessage { message, .. } => {
            let attributes = [("messageId", message.message_id.as_str()), ("format", "text/plain")];
            w.element("message", &attributes, |w| w.text(message.text.reveal()));
        }
        _ => {}
    });
}
