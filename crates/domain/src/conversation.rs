//! Conversations: who takes part, what may happen next, what a message is.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

use crate::{ConversationId, MessageId, SipUri, Timestamp, contacts::Contact, id::ClientMessageId};

/// The longest message text, in bytes of UTF-8.
pub const MAX_TEXT: usize = 8 * 1024;
/// How long what happened in conversations is told to a device that has not been told yet.
pub const HISTORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Where one person stands in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Participation {
    /// Invited, has not answered.
    Ringing,
    /// Takes part.
    Connected,
    /// Said no.
    Declined,
    /// Was there and went.
    Left,
}

/// What a participant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes the invitation.
    Accept,
    /// Refuses it.
    Decline,
    /// Sends or composes: whoever writes takes part.
    Write,
    /// Ends it for itself.
    Leave,
}

/// The step does not follow from where the participant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a participant who is `{from}` can not {step}")]
pub struct WrongStep {
    from: Participation,
    step: Step,
}

impl Participation {
    /// Where the participant stands after `step`.
    ///
    /// # Errors
    /// [`WrongStep`] when the step is not open from here. Repeating the last step is not an error: a client
    /// that lost the answer asks again.
    pub fn after(self, step: Step) -> Result<Self, WrongStep> {
        match (self, step) {
            (Self::Ringing | Self::Connected, Step::Accept | Step::Write) => Ok(Self::Connected),
            (Self::Ringing | Self::Declined, Step::Decline) => Ok(Self::Declined),
            (Self::Connected | Self::Ringing | Self::Left, Step::Leave) => Ok(Self::Left),
            (from, step) => Err(WrongStep { from, step }),
        }
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Connected => "connected",
            Self::Declined => "declined",
            Self::Left => "left",
        }
    }
}

/// The text names no state of a participant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a state of a participant")]
pub struct UnknownParticipation(String);

impl FromStr for Participation {
    type Err = UnknownParticipation;

    fn from_str(text: &str) -> Result<Self, UnknownParticipation> {
        let all = [Self::Ringing, Self::Connected, Self::Declined, Self::Left];
        let found = all.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownParticipation(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Participation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Write => "write",
            Self::Leave => "leave",
        })
    }
}

/// A conversation as one of those who take part sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// Who began it.
    pub creator: SipUri,
    /// When.
    pub created_at: Timestamp,
    /// Everybody who takes or took part, the creator first.
    pub participants: Vec<Participant>,
}

/// Somebody who takes or took part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub person: Contact,
    /// Where they stand.
    pub participation: Participation,
}

impl Conversation {
    /// Where that person stands in it.
    pub fn participation_of(&self, person: &SipUri) -> Option<Participation> {
        let found = self.participants.iter().find(|participant| participant.person.uri == *person);
        found.map(|participant| participant.participation)
    }

    /// Those who take or took part, but for that person.
    pub fn others<'a>(&'a self, person: &'a SipUri) -> impl Iterator<Item = &'a Participant> {
        self.participants.iter().filter(move |participant| participant.person.uri != *person)
    }
}

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Row number.
    pub id: MessageId,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Who said it.
    pub sender: SipUri,
    /// The sender's own name for it.
    pub client_id: ClientMessageId,
    /// What was said.
    pub text: MessageText,
    /// When it was committed.
    pub sent_at: Timestamp,
}

/// Plain text of 1 to 8,192 bytes. `Debug` prints its length only: what people write is not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(String);

/// Why a text can not be a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidMessageText {
    /// There is nothing to say.
    #[error("a message can not be empty")]
    Empty,
    /// Longer than [`MAX_TEXT`].
    #[error("a message of {0} bytes is too long: the limit is 8192")]
    TooLong(usize),
}

impl MessageText {
    /// The text, for the people it was written to.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageText({} bytes)", self.0.len())
    }
}

impl FromStr for MessageText {
    type Err = InvalidMessageText;

    fn from_str(text: &str) -> Result<Self, InvalidMessageText> {
        match text.len() {
            0 => Err(InvalidMessageText::Empty),
            length if length > MAX_TEXT => Err(InvalidMessageText::TooLong(length)),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_takes_part() {
        assert_eq!(Participation::Ringing.after(Step::Write), Ok(Participation::Connected));
    }

    #[test]
    fn asking_again_is_no_error() {
        let accepted = Participation::Ringing.after(Step::Accept).unwrap();
        assert_eq!(accepted.after(Step::Accept), Ok(Participation::Connected));
        let declined = Participation::Ringing.after(Step::Decline).unwrap();
        assert_eq!(declined.after(Step::Decline), Ok(Participation::Declined));
    }

    #[test]
    fn a_declined_or_ended_conversation_takes_no_message() {
        assert!(Participation::Declined.after(Step::Write).is_err());
        assert!(Participation::Left.after(Step::Write).is_err());
        let error = Participation::Left.after(Step::Accept).unwrap_err();
        assert_eq!(error.to_string(), "a participant who is `left` can not accept");
    }

    #[test]
    fn a_message_is_bounded_and_not_printed() {
        assert_eq!("".parse::<MessageText>(), Err(InvalidMessageText::Empty));
        assert_eq!("x".repeat(8193).parse::<MessageText>(), Err(InvalidMessageText::TooLong(8193)));
        assert_eq!(format!("{:?}", "secret".parse::<MessageText>().unwrap()), "MessageText(6 bytes)");
    }
}
