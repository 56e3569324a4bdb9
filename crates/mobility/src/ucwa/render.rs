//! What happened, in the words of UCWA. A step of the engine is a change of several resources here.

mod people;

use fulmar_domain::{
    ConversationId, MessageId, SipUri,
    conversation::{Conversation, ConversationState, Message, Participant, Participation},
    event::Event as Happened,
    invitation::{Direction, Invitation, InvitationKind, InvitationState},
    presence::Changed,
};
use fulmar_wire::ucwa::{Code, Event, EventsDocument, Link, Reason, Resource, Status, Subcode};

use super::{answer::Refused, asker::Asker, communication, conversation, invitations, messaging};

/// Puts events into a document.
pub(super) struct Renderer<'a> {
    asker: &'a Asker,
    document: EventsDocument,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(asker: &'a Asker, document: EventsDocument) -> Self {
        Self { asker, document }
    }

    pub(super) fn finish(self) -> EventsDocument {
        self.document
    }

    /// Adds what follows from one event of the engine.
    pub(super) async fn add(&mut self, event: Happened) -> Result<(), Refused> {
        match event {
            Happened::MadeAvailable => self.made_available(),
            Happened::PresenceChanged { of, changed, .. } => self.presence(&of, changed),
            Happened::SelfPresenceChanged { changed, .. } => self.self_presence(changed),
            Happened::GroupChanged { group, change, name } => self.group(group, name.as_ref(), change),
            Happened::ContactChanged { contact, group, change } => self.contact(&contact, group, change),
            Happened::SubscriptionChanged { subscription, change } => {
                self.subscription(&subscription, change);
            }
            Happened::FollowingChanged { people, change } => self.following(&people, change),
            Happened::Invited(invitation) => {
                if let Some(conversation) = self.find(&invitation.conversation).await? {
                    self.invited(&invitation, &conversation);
                }
            }
            Happened::InvitationEnded(invitation) => {
                if let Some(conversation) = self.find(&invitation.conversation).await? {
                    self.answered(&invitation, &conversation);
                    self.said_before_the_answer(&invitation).await?;
                }
            }
            Happened::ParticipantChanged { conversation, who, participation, .. } => {
                if let Some(conversation) = self.find(&conversation).await? {
                    self.participation(&conversation, &who, participation);
                }
            }
            Happened::Conversation(conversation) => self.conferenced(&conversation),
            Happened::MessageReceived(message) => {
                let me = self.asker.account.id;
                if !self.asker.app.store().came_before_the_answer(me, message.id).await? {
                    self.message(&message, messaging::message(&message, self.asker).await?);
                }
            }
            Happened::MessageSent(message) => {
                self.message(&message, messaging::sent(&message, self.asker).await?);
            }
            Happened::Composing { conversation, who, writes } => {
                self.typing(&conversation, &who, writes);
            }
            Happened::MessageDelivered { conversation, message, .. } => {
                self.receipt(&conversation, message).await?;
            }
            Happened::MissedConversations(_) => {
                let place = communication::missed_place(&self.asker.hrefs);
                self.of_communication(Event::updated(Link::new("missedItems", place)));
            }
            // Results of commands are answers here, what has failed is there no more, and there is no word for the rest.
            Happened::RequestSucceeded { .. }
            | Happened::RequestFailed { .. }
            | Happened::ContactList(_)
            | Happened::Found { .. }
            | Happened::MessageRead { .. }
            | Happened::MessageFailed { .. }
            | Happened::Meeting { .. }
            | Happened::Muted { .. }
            | Happened::Resync
            | Happened::PushTested { .. } => {}
        }
        Ok(())
    }

    async fn find(&self, id: &ConversationId) -> Result<Option<Conversation>, Refused> {
        let (store, now) = (self.asker.app.store(), self.asker.app.now());
        Ok(store.conversation(self.asker.account.id, id, now).await?)
    }

    fn made_available(&mut self) {
        let hrefs = &self.asker.hrefs;
        let communication = communication::resource(&self.asker.application, hrefs);
        let me = hrefs.at("me");
        self.document.push("me", &me, Event::updated(Link::new("me", &me)));
        for rel in ["presence", "note", "location"] {
            self.document.push("me", &me, Event::added(Link::new(rel, format!("{me}/{rel}"))));
        }
        self.of_communication(Event::updated(to(&communication)).embed(communication));
    }

    fn self_presence(&mut self, changed: Changed) {
        let me = self.asker.hrefs.at("me");
        let parts =
            [("presence", changed.availability), ("note", changed.note), ("location", changed.location)];
        for (rel, _) in parts.into_iter().filter(|(_, changed)| *changed) {
            self.document.push("me", &me, Event::updated(Link::new(rel, format!("{me}/{rel}"))));
        }
    }

    /// Somebody asks, is asked, or comes by themselves.
    fn invited(&mut self, invitation: &Invitation, conversation: &Conversation) {
        match (invitation.kind, invitation.direction) {
            (InvitationKind::Participant, Direction::Outgoing) => {
                let invitation = invitations::resource(invitation, conversation, self.asker);
                self.of_communication(Event::started(to(&invitation)).embed(invitation));
            }
            // What is done when it is told begins like everything else.
            (InvitationKind::Join, _) => {
                let invitation = Invitation { state: InvitationState::Ringing, ..invitation.clone() };
                let conversation =
                    Conversation { state: ConversationState::Connecting, ..conversation.clone() };
                self.began(&invitation, &conversation);
            }
            _ => self.began(invitation, conversation),
        }
    }

    /// A conversation is there, and how it came about.
    fn began(&mut self, invitation: &Invitation, conversation: &Conversation) {
        let (me, hrefs) = (&self.asker.account.uri, &self.asker.hrefs);
        let invitation = invitations::resource(invitation, conversation, self.asker);
        let resource = conversation::resource(conversation, me, hrefs);
        let messaging = messaging::resource(conversation, self.asker);
        self.of_communication(Event::started(to(&invitation)).embed(invitation));
        self.of_communication(Event::added(to(&resource)).embed(resource));
        let is_there = |participant: &&Participant| {
            participant.person.uri == *me || participant.participation == Participation::Connected
        };
        for participant in conversation.participants.iter().filter(is_there) {
            self.participant(conversation, participant);
        }
        self.of_conversation(&conversation.id, Event::updated(to(&messaging)).embed(messaging));
    }

    /// An invitation has ended, well or not.
    fn answered(&mut self, invitation: &Invitation, conversation: &Conversation) {
        let resource = invitations::resource(invitation, conversation, self.asker);
        let ended = Event::completed(to(&resource)).embed(resource);
        self.of_communication(match why(invitation, conversation) {
            None => ended.status(Status::Success),
            Some((code, subcode)) => ended.status(Status::Failure).reason(Reason::new(code, subcode, "")),
        });
    }

    /// What was said to somebody who has not answered yet is told once the invitation has ended.
    async fn said_before_the_answer(&mut self, invitation: &Invitation) -> Result<(), Refused> {
        if invitation.direction == Direction::Outgoing {
            return Ok(());
        }
        let (store, me) = (self.asker.app.store(), self.asker.account.id);
        for message in store.said_before_the_answer(me, invitation.id.clone()).await? {
            self.message(&message, messaging::message(&message, self.asker).await?);
        }
        Ok(())
    }

    fn typing(&mut self, conversation: &ConversationId, who: &SipUri, writes: bool) {
        let hrefs = &self.asker.hrefs;
        let link = Link::new("participant", hrefs.participant(conversation, who));
        let event = if writes { Event::added(link) } else { Event::deleted(link) };
        self.of_conversation(
            conversation,
            event.within("typingParticipants", hrefs.typing_participants(conversation)),
        );
    }

    fn message(&mut self, message: &Message, resource: Resource) {
        let event = Event::completed(to(&resource)).status(Status::Success).embed(resource);
        self.of_conversation(&message.conversation, event);
    }

    /// Something is known of what the person has said. That it waits for somebody is nothing new.
    async fn receipt(&mut self, conversation: &ConversationId, id: MessageId) -> Result<(), Refused> {
        let (store, me) = (self.asker.app.store(), self.asker.account.id);
        let Some(message) = store.message(me, conversation, id).await? else { return Ok(()) };
        if let Some(resource) = messaging::receipt(&message, self.asker).await? {
            self.of_conversation(conversation, Event::updated(to(&resource)).embed(resource));
        }
        Ok(())
    }

    /// Somebody is there.
    fn participant(&mut self, conversation: &Conversation, participant: &Participant) {
        let (me, hrefs) = (&self.asker.account.uri, &self.asker.hrefs);
        let event = if participant.person.uri == *me {
            let resource = conversation::participant(participant, conversation, me, hrefs);
            let link = conversation::link("localParticipant", participant, conversation, hrefs);
            Event::added(link).embed_as("localParticipant", resource)
        } else {
            Event::added(conversation::link("participant", participant, conversation, hrefs))
        };
        self.of_conversation(&conversation.id, event);
    }

    fn participation(&mut self, conversation: &Conversation, who: &SipUri, now: Participation) {
        match now {
            Participation::Ringing => {}
            Participation::Connected => self.connected(conversation, who),
            Participation::Declined | Participation::Left | Participation::Missed => {
                self.gone(conversation, who);
            }
        }
    }

    /// Somebody takes part.
    fn connected(&mut self, conversation: &Conversation, who: &SipUri) {
        let (me, hrefs) = (&self.asker.account.uri, &self.asker.hrefs);
        let resource = conversation::resource(conversation, me, hrefs);
        let messaging = messaging::resource(conversation, self.asker);
        self.of_communication(Event::updated(to(&resource)).embed(resource));
        if let Some(participant) =
            conversation.participants.iter().find(|p| p.person.uri == *who && who != me)
        {
            self.participant(conversation, participant);
        }
        // Once it is under way, it is news of the one who comes only.
        let others = conversation.others(me).filter(|other| conversation::is_there(other)).count();
        let is_news = |participant: &&Participant| {
            let uri = &participant.person.uri;
            let is_there = uri == me || conversation::is_there(participant);
            is_there && (who == me || others <= 1 || uri == who)
        };
        for participant in conversation.participants.iter().filter(is_news) {
            let place = hrefs.participant(&conversation.id, &participant.person.uri);
            let rel = if participant.person.uri == *me { "localParticipant" } else { "participant" };
            let added = Event::added(Link::new("participantMessaging", format!("{place}/messaging")));
            self.of_conversation(&conversation.id, added.within(rel, place));
        }
        if who == me {
            self.meeting(conversation);
        }
        self.of_conversation(&conversation.id, Event::updated(to(&messaging)).embed(messaging));
    }

    /// A conversation of two has become one of several.
    fn conferenced(&mut self, conversation: &Conversation) {
        let resource = conversation::resource(conversation, &self.asker.account.uri, &self.asker.hrefs);
        self.of_communication(Event::updated(to(&resource)).embed(resource));
        self.meeting(conversation);
    }

    /// There is a meeting to see.
    fn meeting(&mut self, conversation: &Conversation) {
        if conversation::has_meeting(conversation) {
            let hrefs = &self.asker.hrefs;
            let added = Event::added(Link::new("onlineMeeting", hrefs.online_meeting(&conversation.id)));
            let added = added.within("conversation", hrefs.conversation(&conversation.id));
            self.of_conversation(&conversation.id, added);
        }
    }

    /// Somebody does not take part, or no longer; between two that is the end of the conversation, and not of a meeting.
    fn gone(&mut self, conversation: &Conversation, who: &SipUri) {
        let (me, hrefs) = (&self.asker.account.uri, &self.asker.hrefs);
        let others = conversation.others(me).filter(|other| conversation::is_there(other)).count();
        let messaging = messaging::resource(conversation, self.asker);
        if who != me {
            let gone = Link::new("participant", hrefs.participant(&conversation.id, who));
            self.of_conversation(&conversation.id, Event::deleted(gone));
        }
        if who != me && (others > 0 || conversation.meeting.is_some()) {
            return;
        }
        self.of_conversation(&conversation.id, Event::updated(to(&messaging)).embed(messaging));
        let deleted = Event::deleted(Link::new("conversation", hrefs.conversation(&conversation.id)));
        self.of_communication(if conversation.ended {
            deleted.reason(Reason::new(Code::Informational, Subcode::Ended, ""))
        } else {
            deleted
        });
    }

    fn of_communication(&mut self, event: Event) {
        self.document.push("communication", &self.asker.hrefs.at("communication"), event);
    }

    fn of_conversation(&mut self, conversation: &ConversationId, event: Event) {
        self.document.push("conversation", &self.asker.hrefs.conversation(conversation), event);
    }
}

/// Why an invitation came to nothing for the one who looks.
fn why(invitation: &Invitation, conversation: &Conversation) -> Option<(Code, Subcode)> {
    let (mine, theirs) = match invitation.direction {
        Direction::Incoming => (Code::LocalFailure, Code::RemoteFailure),
        Direction::Outgoing => (Code::RemoteFailure, Code::LocalFailure),
    };
    match invitation.state {
        InvitationState::Accepted if invitation.elsewhere => {
            Some((Code::Informational, Subcode::ConnectedElsewhere))
        }
        InvitationState::Ringing | InvitationState::Accepted => None,
        InvitationState::Declined => Some((mine, Subcode::Declined)),
        InvitationState::Cancelled if conversation.ended => Some((Code::Informational, Subcode::Ended)),
        InvitationState::Cancelled => Some((theirs, Subcode::Canceled)),
        InvitationState::Missed if invitation.direction == Direction::Incoming => {
            Some((mine, Subcode::Missed))
        }
        InvitationState::Missed => Some((mine, Subcode::Timeout)),
    }
}

/// A link to a resource.
fn to(resource: &Resource) -> Link {
    Link::new(resource.rel(), resource.href())
}
