//! What a session is told, in order.

use std::str::FromStr;

use thiserror::Error;

use crate::{
    ConversationId, MessageId, RequestId, SipUri,
    account::DisplayName,
    conversation::{Message, Participation},
    id::ClientMessageId,
    presence::Presence,
    push::TestOutcome,
};

/// An event with its number in the session's log; numbers grow by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Position in the log, from 1.
    pub eid: u64,
    /// What happened.
    pub event: Event,
}

/// Something that a session is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command of this session has had its effect.
    RequestSucceeded {
        /// The command.
        request: RequestId,
        /// The conversation that it made or concerned.
        conversation: Option<ConversationId>,
    },
    /// A command of this session came to nothing.
    RequestFailed {
        /// The command.
        request: RequestId,
        /// Why.
        failure: Failure,
    },
    /// The people of the office, as they are when the event is read.
    ContactList(Vec<Contact>),
    /// The presence of somebody this session subscribed to, as it is when the event is read.
    PresenceChanged {
        /// Whose.
        of: SipUri,
        /// What others see.
        presence: Presence,
    },
    /// Somebody asks for a conversation.
    Invited {
        /// Which.
        conversation: ConversationId,
        /// Who asks.
        from: SipUri,
    },
    /// This person has asked somebody for a conversation, on this device or on another.
    Inviting {
        /// Which.
        conversation: ConversationId,
        /// Who is asked.
        to: SipUri,
    },
    /// A participant came, refused or went.
    ParticipantChanged {
        /// Where.
        conversation: ConversationId,
        /// Who.
        who: SipUri,
        /// Where they stand now.
        participation: Participation,
    },
    /// A message for this person.
    MessageReceived(Message),
    /// What this person has said, on this device or on another.
    MessageSent(Message),
    /// A message of this person has reached a device of the recipient.
    MessageDelivered {
        /// Where it was said.
        conversation: ConversationId,
        /// The message.
        message: MessageId,
        /// The sender's own name for it.
        client_id: ClientMessageId,
        /// Who has it now.
        to: SipUri,
    },
    /// A participant is writing.
    Composing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        who: SipUri,
    },
    /// This session, an application of UCWA, has made itself available.
    MadeAvailable,
    /// What became of the notification that this device asked for.
    PushTested {
        /// The command that asked for it.
        request: RequestId,
        /// What the provider said.
        outcome: TestOutcome,
    },
}

/// Why a well-formed command came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// There is nobody of that address here, or they are disabled.
    NoSuchPerson,
    /// This person does not take part in such a conversation.
    NoSuchConversation,
    /// The conversation does not allow that step now.
    WrongState,
    /// The device has not said where it is woken.
    NoPushRegistration,
    /// More of something than a person may have.
    LimitExceeded,
}

impl Failure {
    const ALL: [Self; 5] = [
        Self::NoSuchPerson,
        Self::NoSuchConversation,
        Self::WrongState,
        Self::NoPushRegistration,
        Self::LimitExceeded,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchPerson => "noSuchPerson",
            Self::NoSuchConversation => "noSuchConversation",
            Self::WrongState => "wrongState",
            Self::NoPushRegistration => "noPushRegistration",
            Self::LimitExceeded => "limitExceeded",
        }
    }
}

/// The text names no failure.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a failure that a command can have")]
pub struct UnknownFailure(String);

impl FromStr for Failure {
    type Err = UnknownFailure;

    fn from_str(text: &str) -> Result<Self, UnknownFailure> {
        let found = Self::ALL.into_iter().find(|failure| failure.as_str() == text);
        found.ok_or_else(|| UnknownFailure(text.chars().take(32).collect()))
    }
}

/// A colleague.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Address.
    pub uri: SipUri,
    /// Name.
    pub display_name: DisplayName,
}
