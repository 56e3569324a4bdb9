//! What a session is told, in order.

use std::{str::FromStr, time::Duration};

use thiserror::Error;

use crate::{
    ConversationId, MessageId, RequestId, SipUri, Timestamp,
    contacts::{ContactList, GroupId, GroupName, ListChange},
    conversation::{Conversation, ConversationState, Message, MissedConversations, Participation},
    id::{ClientMessageId, MeetingId, SubscriptionId},
    invitation::Invitation,
    meeting::Meeting,
    presence::{Changed, Presence},
    push::TestOutcome,
    search::Found,
    subscription::SubscriptionChange,
};

/// An event with its number in the session's log; numbers grow by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Position in the log, from 1.
    pub eid: u64,
    /// When it was queued, or the oldest of those that it stands for.
    pub queued_at: Timestamp,
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
    /// The list of this person, as it is when the event is read.
    ContactList(ContactList),
    /// What was found, when the event is read.
    Found {
        /// The command that looked for it.
        request: RequestId,
        /// Who.
        found: Found,
    },
    /// A group of this person's list is new, has another name or is gone.
    GroupChanged {
        /// Which.
        group: GroupId,
        /// What happened to it.
        change: ListChange,
        /// Its name, while it is there.
        name: Option<GroupName>,
    },
    /// Somebody came into a group of this person's list, or went out of it.
    ContactChanged {
        /// Who.
        contact: SipUri,
        /// The group; `None` for the list as a whole.
        group: Option<GroupId>,
        /// Came or went.
        change: ListChange,
    },
    /// The presence of somebody this session subscribed to, as it is when the event is read.
    PresenceChanged {
        /// Whose.
        of: SipUri,
        /// What has changed since this session last fetched it.
        changed: Changed,
        /// What others see.
        presence: Presence,
    },
    /// The presence of the session's own person, as it is when the event is read.
    SelfPresenceChanged {
        /// What has changed since this session last fetched it.
        changed: Changed,
        /// What others see.
        presence: Presence,
    },
    /// A subscription of this session began, will end or has ended.
    SubscriptionChanged {
        /// The session's name for it.
        subscription: SubscriptionId,
        /// What happened to it.
        change: SubscriptionChange,
    },
    /// This session follows these people in a subscription of its own, or in none of them any more.
    FollowingChanged {
        /// Whom.
        people: Vec<SipUri>,
        /// Came or went.
        change: ListChange,
    },
    /// Somebody asks this person for a conversation, or this person somebody, on this device or on another. The
    /// invitation is as it stands when the event is read.
    Invited(Box<Invitation>),
    /// An invitation was answered, taken back or missed.
    InvitationEnded(Box<Invitation>),
    /// A conversation of this person, as it is when the event is read.
    Conversation(Box<Conversation>),
    /// A meeting that this person plans, as it is when the event is read.
    Meeting {
        /// Which.
        id: MeetingId,
        /// `None` when it is there no more.
        meeting: Option<Box<Meeting>>,
    },
    /// How many conversations the person has missed, when the event is read.
    MissedConversations(MissedConversations),
    /// More happened than is kept for this session: it is to look again at everything but what happens in
    /// conversations, of which nothing is lost.
    Resync,
    /// A participant was asked, came, refused, missed it or went.
    ParticipantChanged {
        /// Where.
        conversation: ConversationId,
        /// Who.
        who: SipUri,
        /// Where they stand now.
        participation: Participation,
        /// Where the conversation stands for this person when the event is read.
        state: ConversationState,
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
    /// Somebody has read what was said to them up to this message: it is this person's, or this person has read it on
    /// one of their devices.
    MessageRead {
        /// The newest that they have read of its sender.
        message: Message,
        /// Who has read it.
        by: SipUri,
    },
    /// A message of this person has reached no device of the recipient in time, and is forgotten.
    MessageFailed {
        /// Where it was said.
        conversation: ConversationId,
        /// The sender's own name for it.
        client_id: ClientMessageId,
        /// Who has not got it.
        to: SipUri,
    },
    /// A participant is writing, or is not any more.
    Composing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        who: SipUri,
        /// Whether.
        writes: bool,
    },
    /// This person has muted a conversation, or not any more, on this device or on another.
    Muted {
        /// Which.
        conversation: ConversationId,
        /// Whether.
        muted: bool,
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

impl Event {
    /// How long it may wait for others to be told with (UCWA reference, events).
    pub fn class(&self) -> Class {
        match self {
            Self::RequestSucceeded { .. }
            | Self::RequestFailed { .. }
            | Self::Invited(_)
            | Self::InvitationEnded(_)
            | Self::MissedConversations(_)
            | Self::Conversation(_)
            | Self::Meeting { .. }
            | Self::Resync
            | Self::ParticipantChanged { .. }
            | Self::MessageReceived(_)
            | Self::MessageSent(_)
            | Self::MessageDelivered { .. }
            | Self::MessageRead { .. }
            | Self::MessageFailed { .. }
            | Self::Composing { .. }
            | Self::Muted { .. }
            | Self::MadeAvailable
            | Self::Found { .. }
            | Self::GroupChanged { .. }
            | Self::PushTested { .. } => Class::High,
            Self::ContactChanged { group: Some(GroupId::Delegates), .. } => Class::Low,
            Self::ContactChanged { .. } => Class::High,
            Self::ContactList(_)
            | Self::PresenceChanged { .. }
            | Self::SelfPresenceChanged { .. }
            | Self::SubscriptionChanged { .. }
            | Self::FollowingChanged { .. } => Class::Medium,
        }
    }
}

/// The weight of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It is told at once, with everything that was queued before it.
    High,
    /// It may wait for some seconds.
    Medium,
    /// It may wait for longer.
    Low,
}

/// How long a client lets events of less weight wait, so that its radio sleeps on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Those of [`Class::Medium`].
    pub medium: Duration,
    /// Those of [`Class::Low`].
    pub low: Duration,
}

impl Release {
    /// How long until these events are told, which is all at once; `None` where there are none.
    pub fn wait(&self, events: &[Numbered], now: Timestamp) -> Option<Duration> {
        let wait = |numbered: &Numbered| {
            let at_most = match numbered.event.class() {
                Class::High => Duration::ZERO,
                Class::Medium => self.medium,
                Class::Low => self.low,
            };
            at_most.saturating_sub(now.since(numbered.queued_at))
        };
        events.iter().map(wait).min()
    }
}

/// Why a well-formed command came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// There is nobody of that address here, or they are disabled.
    NoSuchPerson,
    /// This person does not take part in such a conversation.
    NoSuchConversation,
    /// This person has made no such invitation.
    NoSuchInvitation,
    /// The conversation has no such message.
    NoSuchMessage,
    /// The conversation does not allow that step now.
    WrongState,
    /// The device has not said where it is woken.
    NoPushRegistration,
    /// More conversations than a person may be in that they began.
    TooManyConversations,
    /// More people than may be in a conversation.
    TooManyParticipants,
    /// More people in groups than a person may have.
    TooManyContacts,
    /// More groups than a person may have.
    TooManyGroups,
    /// More of something else than a person or a session may have.
    LimitExceeded,
    /// There is no such group in the person's list.
    NoSuchGroup,
    /// This session has no such subscription.
    NoSuchSubscription,
    /// There is something of that name already.
    AlreadyExists,
    /// That is not for this person to change.
    NotSupported,
    /// That is no picture that the box takes.
    NotAPicture,
    /// There is no meeting of that address, or it is over.
    NoSuchMeeting,
    /// The meeting is not open to that person.
    NotAdmitted,
    /// It was changed since it was looked at.
    Outdated,
    /// A meeting can not be planned so.
    InvalidPlan,
}

impl Failure {
    const ALL: [Self; 20] = [
        Self::NoSuchPerson,
        Self::NoSuchConversation,
        Self::NoSuchInvitation,
        Self::NoSuchMessage,
        Self::WrongState,
        Self::NoPushRegistration,
        Self::TooManyConversations,
        Self::TooManyParticipants,
        Self::TooManyContacts,
        Self::TooManyGroups,
        Self::LimitExceeded,
        Self::NoSuchGroup,
        Self::NoSuchSubscription,
        Self::AlreadyExists,
        Self::NotSupported,
        Self::NotAPicture,
        Self::NoSuchMeeting,
        Self::NotAdmitted,
        Self::Outdated,
        Self::InvalidPlan,
    ];

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchPerson => "noSuchPerson",
            Self::NoSuchConversation => "noSuchConversation",
            Self::NoSuchInvitation => "noSuchInvitation",
            Self::NoSuchMessage => "noSuchMessage",
            Self::WrongState => "wrongState",
            Self::NoPushRegistration => "noPushRegistration",
            Self::TooManyConversations => "tooManyConversations",
            Self::TooManyParticipants => "tooManyParticipants",
            Self::TooManyContacts => "tooManyContacts",
            Self::TooManyGroups => "tooManyGroups",
            Self::LimitExceeded => "limitExceeded",
            Self::NoSuchGroup => "noSuchGroup",
            Self::NoSuchSubscription => "noSuchSubscription",
            Self::AlreadyExists => "alreadyExists",
            Self::NotSupported => "notSupported",
            Self::NotAPicture => "notAPicture",
            Self::NoSuchMeeting => "noSuchMeeting",
            Self::NotAdmitted => "notAdmitted",
            Self::Outdated => "outdated",
            Self::InvalidPlan => "invalidPlan",
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const RELEASE: Release = Release { medium: Duration::from_secs(5), low: Duration::from_secs(15) };

    fn queued(event: Event, seconds_ago: u64) -> Numbered {
        Numbered { eid: 1, queued_at: NOON - Duration::from_secs(seconds_ago), event }
    }

    fn wait(events: &[Numbered]) -> Option<u64> {
        RELEASE.wait(events, NOON).map(|wait| wait.as_secs())
    }

    #[test]
    fn what_weighs_less_waits_for_as_long_as_the_oldest_may() {
        let lists = [
            queued(Event::ContactList(ContactList::default()), 3),
            queued(Event::ContactList(ContactList::default()), 1),
        ];
        assert_eq!(wait(&lists), Some(2));
        assert_eq!(wait(&[queued(Event::ContactList(ContactList::default()), 60)]), Some(0));
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_heavy_event_takes_all_along() {
        let failed = Event::RequestFailed { request: "r".parse().unwrap(), failure: Failure::NoSuchPerson };
        assert_eq!(
            wait(&[queued(Event::ContactList(ContactList::default()), 0), queued(failed, 0)]),
            Some(0)
        );
    }

    #[test]
    fn after_the_clock_was_set_back_nothing_waits_longer_than_it_may() {
        let ahead = Numbered {
            eid: 1,
            queued_at: NOON + Duration::from_secs(3600),
            event: Event::ContactList(ContactList::default()),
        };
        assert_eq!(wait(&[ahead]), Some(5));
    }
}
