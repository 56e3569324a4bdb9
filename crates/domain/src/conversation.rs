//! Conversations: who takes part, what may happen next, what a message is.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

use crate::{
    ConversationId, MessageId, SipUri, Timestamp,
    contacts::Contact,
    id::ClientMessageId,
    invitation::{DeclineReason, Importance, Subject, ThreadId},
    meeting::MeetingUri,
};

/// The longest message text, in bytes of UTF-8.
pub const MAX_TEXT: usize = 8 * 1024;
/// What began or was said within this time is recent: only that is listed as active or missed.
pub const RECENT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The most people who are in one conversation, or asked into it.
pub const MAX_PARTICIPANTS: usize = 250;
/// The most conversations that a person may have begun within [`RECENT`] and be in with somebody, and the most that
/// they begin within a day.
pub const MAX_CONVERSATIONS: u32 = 1000;
/// How long somebody is taken to write who has said so and no more.
pub const TYPING_TIME: Duration = Duration::from_secs(15);

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
    /// Did not answer in time, or the invitation was taken back.
    Missed,
}

/// What a participant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes the invitation.
    Accept,
    /// Refuses it.
    Decline(DeclineReason),
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
            // What was missed can still be answered with a word.
            (Self::Missed, Step::Write) => Ok(Self::Connected),
            (Self::Ringing | Self::Declined, Step::Decline(_)) => Ok(Self::Declined),
            (Self::Connected | Self::Ringing | Self::Missed | Self::Left, Step::Leave) => Ok(Self::Left),
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
            Self::Missed => "missed",
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
        let all = [Self::Ringing, Self::Connected, Self::Declined, Self::Left, Self::Missed];
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
            Self::Decline(_) => "decline",
            Self::Write => "write",
            Self::Leave => "leave",
        })
    }
}

/// A conversation as one of its participants sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// Who began it.
    pub creator: SipUri,
    /// What it belongs to.
    pub thread: ThreadId,
    /// What it is about.
    pub subject: Subject,
    /// How much it matters.
    pub importance: Importance,
    /// When it began.
    pub created_at: Timestamp,
    /// Where it stands for the person who looks.
    pub state: ConversationState,
    /// More than two people were ever in it or asked into it, or it is a meeting.
    pub conference: bool,
    /// The meeting that it is, while that can be joined.
    pub meeting: Option<MeetingUri>,
    /// The meeting that it was is over for everybody.
    pub ended: bool,
    /// The person who looks is not woken for it.
    pub muted: bool,
    /// Everybody who takes or took part or was asked, the creator first, the person who looks among them.
    pub participants: Vec<Participant>,
}

/// A participant of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub person: Contact,
    /// Where they stand.
    pub participation: Participation,
    /// They are writing.
    pub writes: bool,
}

impl Conversation {
    /// Where that person stands in it.
    pub fn participation_of(&self, person: &SipUri) -> Option<Participation> {
        let found = self.participants.iter().find(|participant| participant.person.uri == *person);
        found.map(|participant| participant.participation)
    }

    /// Everybody but that person.
    pub fn others<'a>(&'a self, person: &'a SipUri) -> impl Iterator<Item = &'a Participant> {
        self.participants.iter().filter(move |participant| participant.person.uri != *person)
    }
}

/// Where a conversation stands for one of its participants ("UCWA reference, conversation").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationState {
    /// They are asked, and have not answered.
    Incoming,
    /// They have asked, and nobody has answered.
    Connecting,
    /// They take part, with somebody or in a meeting.
    Connected,
    /// They do not take part, or nobody else does.
    Disconnected,
}

impl ConversationState {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
        }
    }

    /// Where it stands for a person in this position, given those of the others. In a meeting one may be alone.
    pub fn of(me: Participation, others: impl IntoIterator<Item = Participation>, meeting: bool) -> Self {
        match me {
            Participation::Ringing => Self::Incoming,
            Participation::Connected if meeting => Self::Connected,
            Participation::Connected => {
                others.into_iter().fold(Self::Disconnected, |state, other| match (state, other) {
                    (_, Participation::Connected) => Self::Connected,
                    (Self::Disconnected, Participation::Ringing) => Self::Connecting,
                    (state, _) => state,
                })
            }
            Participation::Declined | Participation::Left | Participation::Missed => Self::Disconnected,
        }
    }
}

/// Conversations to which a person was asked in vain, of those that are still told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MissedConversations {
    /// All of them.
    pub total: u32,
    /// Those that the person has not acknowledged.
    pub unread: u32,
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
    /// How it looks, where it was written so.
    pub html: Option<Html>,
    /// When it was committed.
    pub sent_at: Timestamp,
}

/// Which message of a conversation is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageName {
    /// The newest that there is.
    Newest,
    /// The one with this number.
    Number(MessageId),
    /// The one that this person has called so.
    Said {
        /// Who.
        by: SipUri,
        /// The name.
        as_what: ClientMessageId,
    },
}

/// What became of a message for one of those to whom it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub to: Contact,
    /// What.
    pub state: DeliveryState,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits for a device of the person.
    Pending,
    /// A device of the person has it.
    Delivered,
    /// The person has read it.
    Read,
    /// No device has fetched it in time.
    Failed,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Plain,
    /// As HTML, which is cleaned before anybody sees it.
    Html,
}

/// Cleaned HTML of 1 to 8,192 bytes; what it says is the text of the message. `Debug` prints its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Html(String);

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
    /// HTML that costs more to read than it can say.
    #[error("a message in HTML has at most 512 tags")]
    TooManyTags,
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
        within_bounds(text).map(Self)
    }
}

impl Html {
    /// The HTML, for the people it was written to.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Html({} bytes)", self.0.len())
    }
}

impl FromStr for Html {
    type Err = InvalidMessageText;

    fn from_str(html: &str) -> Result<Self, InvalidMessageText> {
        within_bounds(html).map(Self)
    }
}

fn within_bounds(text: &str) -> Result<String, InvalidMessageText> {
    match text.len() {
        0 => Err(InvalidMessageText::Empty),
        length if length > MAX_TEXT => Err(InvalidMessageText::TooLong(length)),
        _ => Ok(text.to_owned()),
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
        let decline = Step::Decline(DeclineReason::Local);
        let declined = Participation::Ringing.after(decline).unwrap();
        assert_eq!(declined.after(decline), Ok(Participation::Declined));
    }

    #[test]
    fn a_declined_or_ended_conversation_takes_no_message() {
        assert!(Participation::Declined.after(Step::Write).is_err());
        assert!(Participation::Left.after(Step::Write).is_err());
        let error = Participation::Left.after(Step::Accept).unwrap_err();
        assert_eq!(error.to_string(), "a participant who is `left` can not accept");
    }

    #[test]
    fn what_was_missed_can_be_answered_and_not_accepted() {
        assert_eq!(Participation::Missed.after(Step::Write), Ok(Participation::Connected));
        assert!(Participation::Missed.after(Step::Accept).is_err());
    }

    #[test]
    fn a_conversation_stands_where_its_participants_do() {
        use Participation::{Connected, Declined, Left, Missed, Ringing};
        let state = |me, others: &[_]| ConversationState::of(me, others.iter().copied(), false);
        assert_eq!(state(Ringing, &[Connected]), ConversationState::Incoming);
        assert_eq!(state(Connected, &[Ringing, Declined]), ConversationState::Connecting);
        assert_eq!(state(Connected, &[Connected, Ringing]), ConversationState::Connected);
        assert_eq!(state(Connected, &[Missed, Left, Declined]), ConversationState::Disconnected);
        assert_eq!(state(Left, &[Connected]), ConversationState::Disconnected);
        assert_eq!(ConversationState::of(Connected, [], true), ConversationState::Connected);
        assert_eq!(ConversationState::of(Left, [Connected], true), ConversationState::Disconnected);
    }

    #[test]
    fn a_message_is_bounded_and_not_printed() {
        assert_eq!("".parse::<MessageText>(), Err(InvalidMessageText::Empty));
        assert_eq!("x".repeat(8193).parse::<MessageText>(), Err(InvalidMessageText::TooLong(8193)));
        assert_eq!(format!("{:?}", "secret".parse::<MessageText>().unwrap()), "MessageText(6 bytes)");
    }
}
