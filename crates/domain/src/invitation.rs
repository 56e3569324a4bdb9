//! Invitations to conversations: what they say, how long they wait, how they end. The names and bounds of what they
//! say are those of the "UCWA reference, messagingInvitation".

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

use crate::{
    ConversationId, InvitationId, Timestamp, contacts::Contact, conversation::Message, meeting::MeetingUri,
};

/// How long an invitation waits for an answer. It waits as long as a notification of it can still wake a device.
pub const ANSWER_TIME: Duration = Duration::from_secs(30);

/// An invitation as one of the two people sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Which.
    pub id: InvitationId,
    /// For what.
    pub kind: InvitationKind,
    /// To what.
    pub conversation: ConversationId,
    /// The meeting that this is, while that can be joined.
    pub meeting: Option<MeetingUri>,
    /// Whether the person who looks was asked or asks.
    pub direction: Direction,
    /// Who asks.
    pub from: Contact,
    /// Who is asked.
    pub to: Contact,
    /// The inviter's own name for it; others do not see it.
    pub operation: Option<OperationId>,
    /// What it belongs to.
    pub thread: ThreadId,
    /// What it is about.
    pub subject: Subject,
    /// How much it matters.
    pub importance: Importance,
    /// What was said with it.
    pub first: Option<Message>,
    /// Where it stands.
    pub state: InvitationState,
    /// Why it was declined, where a reason was given.
    pub reason: Option<DeclineReason>,
    /// It was answered on another device of the person who looks.
    pub elsewhere: bool,
    /// When it ends without an answer.
    pub deadline: Timestamp,
}

/// What an inviter says of an invitation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What it is about.
    pub subject: Subject,
    /// How much it matters.
    pub importance: Importance,
    /// What it belongs to; the conversation names its thread itself where this is absent.
    pub thread: Option<ThreadId>,
    /// The inviter's own name for it.
    pub operation: Option<OperationId>,
}

/// From where an invitation is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// By whom it is for.
    Incoming,
    /// By whose it is.
    Outgoing,
}

/// The text is none of the words that there are.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}` is not {what}")]
pub struct UnknownWord {
    text: String,
    what: &'static str,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $what:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word on the wire and in the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { text: text.chars().take(32).collect(), what: $what }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// What somebody is asked for.
    InvitationKind: "a kind of invitation" {
        /// A conversation of two, for the first time or again.
        Conversation = "conversation",
        /// To come into one of several.
        Participant = "participant",
        /// Nobody is asked: who asks comes into a meeting.
        Join = "join",
    }
);

words!(
    /// Where an invitation stands.
    InvitationState: "a state of an invitation" {
        /// Waits for an answer.
        Ringing = "ringing",
        /// Taken: by a word, or by saying something.
        Accepted = "accepted",
        /// Refused.
        Declined = "declined",
        /// Taken back.
        Cancelled = "cancelled",
        /// Nobody answered in time.
        Missed = "missed",
    }
);

words!(
    /// Why somebody refuses. Both end the invitation for all of their devices.
    DeclineReason: "a reason to decline: use `local` or `global`" {
        /// Not here and now.
        Local = "local",
        /// Not at all.
        Global = "global",
    }
);

words!(
    /// How much something matters.
    #[derive(Default)]
    Importance: "an importance: use `normal`, `urgent` or `emergency`" {
        /// Like everything else.
        #[default]
        Normal = "normal",
        /// More than that.
        Urgent = "urgent",
        /// Most of all.
        Emergency = "emergency",
    }
);

/// The text is empty, too long, or has control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what} has {min} to {max} characters and no control characters")]
pub struct InvalidText {
    what: &'static str,
    min: usize,
    max: usize,
}

macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident: $what:literal $min:literal..=$max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                let fits = ($min..=$max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
                if fits {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidText { what: $what, min: $min, max: $max })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded_text!(
    /// What a conversation is about: at most 250 characters, none where it is empty.
    Subject: "a subject" 0..=250
);
bounded_text!(
    /// The inviter's own name for an invitation: 1 to 50 characters.
    OperationId: "an operation's name" 1..=50
);
bounded_text!(
    /// What ties conversations together in the eyes of their clients: 1 to 100 characters.
    ThreadId: "a thread's name" 1..=100
);

impl Default for Subject {
    /// None.
    fn default() -> Self {
        Self(String::new())
    }
}

impl InvitationState {
    /// Where it stands at `now`: one whose time is over was missed, whether that was noted already or not.
    pub fn at(self, deadline: Timestamp, now: Timestamp) -> Self {
        if self == Self::Ringing && deadline <= now { Self::Missed } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded_and_plain() {
        assert_eq!("".parse::<Subject>(), Ok(Subject::default()));
        assert!("x".repeat(250).parse::<Subject>().is_ok());
        let error = "x".repeat(251).parse::<Subject>().unwrap_err();
        assert_eq!(error.to_string(), "a subject has 0 to 250 characters and no control characters");
        assert!("a\nb".parse::<Subject>().is_err());
        assert!("".parse::<OperationId>().is_err());
        assert!("x".repeat(51).parse::<OperationId>().is_err());
        assert!("Ac7bUftwUcVMzgTzRl+OQchCsUn35Q==".parse::<ThreadId>().is_ok());
    }

    #[test]
    fn words_read_back_and_others_are_refused() {
        assert_eq!("urgent".parse(), Ok(Importance::Urgent));
        let error = "Urgent".parse::<Importance>().unwrap_err();
        assert_eq!(error.to_string(), "`Urgent` is not an importance: use `normal`, `urgent` or `emergency`");
    }

    #[test]
    fn an_invitation_is_missed_when_its_time_is_over() {
        let deadline = Timestamp::from_millis(1000);
        let at = |millis| InvitationState::Ringing.at(deadline, Timestamp::from_millis(millis));
        assert_eq!([at(999), at(1000)], [InvitationState::Ringing, InvitationState::Missed]);
        let later = Timestamp::from_millis(5000);
        assert_eq!(InvitationState::Accepted.at(deadline, later), InvitationState::Accepted);
    }
}
