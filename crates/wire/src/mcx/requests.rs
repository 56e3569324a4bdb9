use roxmltree::Node;

use crate::{
    XmlError,
    mcx::{
        About, Command, Format, Instant, MAX_COMMANDS, MAX_TEXT, NAMESPACE,
        command::{WEB_PUSH, write},
        meetings, people,
    },
    xml::{self, Writer},
};

/// The longest value of an attribute or element that is not the text of a message, in bytes.
const MAX_VALUE: usize = 1024;

/// A body of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// The session; absent for `initiateSession` alone.
    pub sid: Option<String>,
    /// In the order in which they are carried out. What is wrong with one is said of that one.
    pub commands: Vec<Result<Request, Rejection>>,
}

/// A command with the client's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The client's name for the command; comes back with its results.
    pub rid: String,
    /// What is asked.
    pub command: Command,
}

/// Why a command was not taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The command, where it had a name.
    pub rid: Option<String>,
    /// The kind of reason.
    pub code: RejectionCode,
    /// A sentence for people.
    pub reason: String,
}

/// Kinds of reasons to reject a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionCode {
    /// An attribute or element is missing.
    Malformed,
    /// Nothing that the grammar has.
    UnknownCommand,
    /// A value out of its bounds.
    InvalidValue,
    /// More than 16 commands in one body; this and all after it were not looked at.
    TooManyCommands,
    /// There is no such session, or it has ended: sign in again.
    NoSession,
    /// The ticket does not allow it.
    NotAllowed,
    /// The person is signed in on as many other devices as there may be.
    TooManySessions,
    /// Too many others sign in or out; the same command may be given again.
    Busy,
    /// The box failed; the same command may be given again.
    ServiceFailure,
}

impl RejectionCode {
    const ALL: [Self; 9] = [
        Self::Malformed,
        Self::UnknownCommand,
        Self::InvalidValue,
        Self::TooManyCommands,
        Self::NoSession,
        Self::NotAllowed,
        Self::TooManySessions,
        Self::Busy,
        Self::ServiceFailure,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownCommand => "unknownCommand",
            Self::InvalidValue => "invalidValue",
            Self::TooManyCommands => "tooManyCommands",
            Self::NoSession => "noSession",
            Self::NotAllowed => "notAllowed",
            Self::TooManySessions => "tooManySessions",
            Self::Busy => "busy",
            Self::ServiceFailure => "serviceFailure",
        }
    }

    pub(super) fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == word)
    }
}

impl Requests {
    /// Reads a body.
    ///
    /// # Errors
    /// [`XmlError`] when the body as a whole is not one of commands.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        xml::read(body, |root| {
            if !root.has_tag_name((NAMESPACE, "mcxRequests")) {
                let problem = format!("the root element is not `mcxRequests` of `{NAMESPACE}`");
                return Err(XmlError::Unexpected(problem));
            }
            let mut elements = root.children().filter(Node::is_element);
            let mut commands: Vec<_> = elements.by_ref().take(MAX_COMMANDS).map(request).collect();
            if let Some(node) = elements.next() {
                commands.push(Err(rejection(
                    node,
                    RejectionCode::TooManyCommands,
                    "a body has at most 16 commands",
                )));
            }
            if commands.is_empty() {
                return Err(XmlError::Unexpected("`mcxRequests` has no command".into()));
            }
            Ok(Self { sid: root.attribute("sid").map(str::to_owned), commands })
        })
    }

    /// The body. Commands that are rejections are left out.
    pub fn to_xml(&self) -> String {
        let sid = self.sid.as_deref().map(|sid| ("sid", sid));
        let attributes: Vec<_> = sid.into_iter().chain([("xmlns", NAMESPACE)]).collect();
        let mut writer = Writer::new();
        writer.element("mcxRequests", &attributes, |w| {
            for request in self.commands.iter().flatten() {
                write(w, &request.rid, &request.command);
            }
        });
        writer.finish()
    }
}

pub(super) fn rejection(node: Node<'_, '_>, code: RejectionCode, reason: impl Into<String>) -> Rejection {
    let rid = node.attribute("rid").filter(|rid| rid.len() <= MAX_VALUE).map(str::to_owned);
    Rejection { rid, code, reason: reason.into() }
}

fn request(node: Node<'_, '_>) -> Result<Request, Rejection> {
    let rid = attribute(node, "rid")?;
    if node.tag_name().namespace() != Some(NAMESPACE) {
        let reason = format!("a command is an element of `{NAMESPACE}`");
        return Err(rejection(node, RejectionCode::UnknownCommand, reason));
    }
    Ok(Request { rid, command: command(node)? })
}

fn command(node: Node<'_, '_>) -> Result<Command, Rejection> {
    let optional = |name| optional(node, name);
    Ok(match node.tag_name().name() {
        "initiateSession" => Command::InitiateSession {
            endpoint_id: attribute(node, "endpointId")?,
            device_name: attribute(node, "deviceName")?,
            client_tag: attribute(node, "clientTag")?,
            availability: optional("availability")?,
        },
        "terminateSession" => Command::TerminateSession,
        "setApplicationState" => Command::SetApplicationState { state: attribute(node, "state")? },
        "registerPush" => match attribute(node, "provider")? {
            provider if provider == WEB_PUSH => Command::RegisterWebPush {
                endpoint: attribute(node, "endpoint")?.into(),
                p256dh: attribute(node, "p256dh")?,
                auth: attribute(node, "auth")?.into(),
            },
            provider => Command::RegisterPush { provider, token: attribute(node, "token")?.into() },
        },
        "unregisterPush" => Command::UnregisterPush,
        "testPush" => Command::TestPush,
        _ => return conversation_command(node),
    })
}

fn conversation_command(node: Node<'_, '_>) -> Result<Command, Rejection> {
    let conf_id = || attribute(node, "confId");
    let optional = |name| optional(node, name);
    Ok(match node.tag_name().name() {
        "initiateImSession" => Command::InitiateImSession {
            to: attribute(node, "to")?,
            about: About {
                subject: optional("subject")?,
                importance: optional("importance")?,
                thread_id: optional("threadId")?,
                operation_id: optional("operationId")?,
            },
            first: elements(node, "message").next().map(instant).transpose()?,
        },
        "inviteParticipant" => Command::InviteParticipant {
            conf_id: conf_id()?,
            to: attribute(node, "to")?,
            operation_id: optional("operationId")?,
        },
        "queryImSessions" => Command::QueryImSessions { conf_id: optional("confId")? },
        "acceptImSession" => Command::AcceptImSession { conf_id: conf_id()? },
        "declineImSession" => Command::DeclineImSession { conf_id: conf_id()?, reason: optional("reason")? },
        "cancelInvitation" => Command::CancelInvitation { invitation_id: attribute(node, "invitationId")? },
        "acknowledgeMissed" => Command::AcknowledgeMissed { conf_id: optional("confId")? },
        "terminateImSession" => Command::TerminateImSession { conf_id: conf_id()? },
        "sendMessage" => {
            Command::SendMessage { conf_id: conf_id()?, message: instant(element(node, "message")?)? }
        }
        "queryMessages" => Command::QueryMessages {
            conf_id: conf_id()?,
            from: optional("from")?,
            message_id: optional("messageId")?,
        },
        "markRead" => Command::MarkRead {
            conf_id: conf_id()?,
            from: attribute(node, "from")?,
            message_id: attribute(node, "messageId")?,
        },
        "muteImSession" => Command::MuteImSession { conf_id: conf_id()? },
        "unmuteImSession" => Command::UnmuteImSession { conf_id: conf_id()? },
        "notifyComposing" => Command::NotifyComposing { conf_id: conf_id()?, state: optional("state")? },
        _ if let Some(command) = people::read_command(node)? => Command::People(command),
        _ if let Some(command) = meetings::read_command(node)? => Command::Meetings(command),
        _ => {
            let reason = format!("there is no command `{}`", element_name(node));
            return Err(rejection(node, RejectionCode::UnknownCommand, reason));
        }
    })
}

/// The name of an element as a rejection repeats it.
fn element_name(node: Node<'_, '_>) -> String {
    node.tag_name().name().chars().take(64).collect()
}

pub(super) fn attribute(node: Node<'_, '_>, name: &str) -> Result<String, Rejection> {
    let missing = || {
        let reason = format!("`{}` has no `{name}`", element_name(node));
        rejection(node, RejectionCode::Malformed, reason)
    };
    bounded(node, name, node.attribute(name))?.ok_or_else(missing)
}

fn optional(node: Node<'_, '_>, name: &str) -> Result<Option<String>, Rejection> {
    bounded(node, name, node.attribute(name))
}

pub(super) fn bounded(
    node: Node<'_, '_>,
    name: &str,
    value: Option<&str>,
) -> Result<Option<String>, Rejection> {
    if value.is_some_and(|value| value.len() > MAX_VALUE) {
        let reason = format!("`{name}` has more than {MAX_VALUE} bytes");
        return Err(rejection(node, RejectionCode::InvalidValue, reason));
    }
    Ok(value.map(str::to_owned))
}

/// The elements of the grammar of that name; those of another namespace are an extension that is not known here.
pub(super) fn elements<'a, 'i>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name((NAMESPACE, name)))
}

fn element<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Result<Node<'a, 'i>, Rejection> {
    elements(node, name).next().ok_or_else(|| {
        let reason = format!("`{}` has no element `{name}`", element_name(node));
        rejection(node, RejectionCode::Malformed, reason)
    })
}

fn instant(node: Node<'_, '_>) -> Result<Instant, Rejection> {
    let command = node.parent().unwrap_or(node);
    let named = |r: Rejection| Rejection { rid: command.attribute("rid").map(str::to_owned), ..r };
    let message_id = attribute(node, "messageId").map_err(named)?;
    let word = node.attribute("format").unwrap_or(Format::Plain.as_str());
    let format = [Format::Plain, Format::Html].into_iter().find(|format| format.as_str() == word);
    let format = format.ok_or_else(|| {
        let reason = "the format of a message is `text/plain` or `text/html`";
        rejection(command, RejectionCode::InvalidValue, reason)
    })?;
    let text = xml::text(node);
    if text.len() > MAX_TEXT {
        let reason = format!("the text of a message has more than {MAX_TEXT} bytes");
        return Err(rejection(command, RejectionCode::InvalidValue, reason));
    }
    Ok(Instant { message_id, format, text: text.into() })
}
