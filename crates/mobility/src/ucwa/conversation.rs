//! A conversation, those who take part, and how it is left.

use fulmar_app::Command;
use fulmar_domain::{
    SipUri,
    conversation::{Conversation, ConversationState, MessageName, Participant, Participation, Step},
    invitation::Importance,
};
use fulmar_wire::ucwa::{Code, Link, Resource, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::Asker,
    hrefs::Hrefs,
};

/// The word for where a conversation stands ("ConversationState").
fn word(state: ConversationState, conference: bool) -> &'static str {
    match state {
        ConversationState::Incoming => "Incoming",
        ConversationState::Connecting if conference => "Conferencing",
        ConversationState::Connected if conference => "Conferenced",
        ConversationState::Connecting => "Connecting",
        ConversationState::Connected => "Connected",
        ConversationState::Disconnected => "Disconnected",
    }
}

/// The conversation that the path names.
pub(super) async fn named(asker: &Asker) -> Result<Conversation, Refused> {
    let (store, now) = (asker.app.store(), asker.app.now());
    let found = store.conversation(asker.account.id, &asker.conversation()?, now).await?;
    found.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ConversationNotFound))
}

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    let conversation = named(&asker).await?;
    Ok(Answer::Found(resource(&conversation, &asker.account.uri, &asker.hrefs)))
}

/// `DELETE conversation`, `POST terminate`: leaves it. Who has declined is not in it.
pub(super) async fn leave(asker: Asker) -> Result<Answer, Refused> {
    let conversation = named(&asker).await?;
    if conversation.participation_of(&asker.account.uri) != Some(Participation::Declined) {
        asker.execute(Command::StepConversation(conversation.id, Step::Leave)).await?;
    }
    Ok(Answer::Done)
}

/// `POST userAcknowledged`: the person knows of it, missed or not, and has read what was said in it.
pub(super) async fn acknowledge(asker: Asker) -> Result<Answer, Refused> {
    let conversation = asker.conversation()?;
    asker.execute(Command::MarkRead(conversation.clone(), MessageName::Newest)).await?;
    asker.execute(Command::AcknowledgeMissed(Some(conversation))).await?;
    Ok(Answer::Done)
}

pub(super) async fn participants(asker: Asker) -> Result<Answer, Refused> {
    let conversation = named(&asker).await?;
    let href = format!("{}/participants", asker.hrefs.conversation(&conversation.id));
    let link = |participant: &Participant| link("participant", participant, &conversation, &asker.hrefs);
    let links: Vec<_> = conversation.participants.iter().filter(|p| is_there(p)).map(link).collect();
    Ok(Answer::Found(Resource::new("participants", href).links("participant", links)))
}

pub(super) async fn show_participant(asker: Asker) -> Result<Answer, Refused> {
    let (conversation, person) = (named(&asker).await?, asker.person()?);
    let found = conversation.participants.iter().find(|participant| participant.person.uri == person);
    let found = found.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))?;
    Ok(Answer::Found(participant(found, &conversation, &asker.account.uri, &asker.hrefs)))
}

pub(super) async fn show_participant_messaging(asker: Asker) -> Result<Answer, Refused> {
    let (conversation, person) = (named(&asker).await?, asker.person()?);
    let href = format!("{}/messaging", asker.hrefs.participant(&conversation.id, &person));
    let participant = asker.hrefs.participant(&conversation.id, &person);
    Ok(Answer::Found(Resource::new("participantMessaging", href).link("participant", participant)))
}

/// Whether anybody can come: to one of several nobody comes any more whose meeting is over.
pub(super) fn may_grow(conversation: &Conversation) -> bool {
    !conversation.conference || conversation.meeting.is_some()
}

/// Whether there is a meeting to see for who looks: it can be joined, and they are in it.
pub(super) fn has_meeting(conversation: &Conversation) -> bool {
    conversation.meeting.is_some() && conversation.state == ConversationState::Connected
}

/// Whether somebody takes part, or is asked to.
pub(super) fn is_there(participant: &Participant) -> bool {
    matches!(participant.participation, Participation::Connected | Participation::Ringing)
}

pub(super) fn resource(conversation: &Conversation, me: &SipUri, hrefs: &Hrefs) -> Resource {
    let state = conversation.state;
    let place = hrefs.conversation(&conversation.id);
    let active =
        if state == ConversationState::Connected { vec!["Messaging".to_owned()] } else { Vec::new() };
    Resource::new("conversation", &place)
        .property("state", word(state, conversation.conference))
        .property("threadId", conversation.thread.as_str())
        .property("subject", conversation.subject.as_str())
        .property("activeModalities", active)
        .property("importance", importance(conversation.importance))
        .property("recording", false)
        .property("created", fulmar_wire::ucwa::Value::Date(conversation.created_at.as_millis()))
        .property("participantCount", count(conversation))
        .link("messaging", hrefs.messaging(&conversation.id))
        .titled_link("localParticipant", hrefs.participant(&conversation.id, me), name_of(me, conversation))
        .link("participants", format!("{place}/participants"))
        .link("userAcknowledged", format!("{place}/userAcknowledged"))
        .when(state == ConversationState::Connected && may_grow(conversation), |resource| {
            let add = format!("communication/participantInvitations?conversation={}", conversation.id);
            resource.link("addParticipant", hrefs.at(&add))
        })
        .when(has_meeting(conversation), |resource| {
            resource.link("onlineMeeting", hrefs.online_meeting(&conversation.id))
        })
        .etagged()
}

/// The word for how much something matters ("Importance").
pub(super) fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::Normal => "Normal",
        Importance::Urgent => "Urgent",
        Importance::Emergency => "Emergency",
    }
}

fn count(conversation: &Conversation) -> i64 {
    let there = conversation.participants.iter().filter(|participant| is_there(participant)).count();
    i64::try_from(there).unwrap_or(i64::MAX)
}

fn name_of<'a>(person: &SipUri, conversation: &'a Conversation) -> &'a str {
    let found = conversation.participants.iter().find(|participant| participant.person.uri == *person);
    found.map_or("", |participant| participant.person.display_name.as_str())
}

/// A link to somebody who takes part, with their name.
pub(super) fn link(rel: &str, participant: &Participant, conversation: &Conversation, hrefs: &Hrefs) -> Link {
    let place = hrefs.participant(&conversation.id, &participant.person.uri);
    Link::new(rel, place).titled(participant.person.display_name.as_str())
}

/// Somebody who takes part, as `me` sees them.
pub(super) fn participant(
    participant: &Participant,
    conversation: &Conversation,
    me: &SipUri,
    hrefs: &Hrefs,
) -> Resource {
    let person = &participant.person;
    let contact = hrefs.contact(&person.uri);
    Resource::new("participant", hrefs.participant(&conversation.id, &person.uri))
        .property("sourceNetwork", "SameEnterprise")
        .property("anonymous", false)
        .property("inLobby", false)
        .property("local", person.uri == *me)
        .property("name", person.display_name.as_str())
        .when(conversation.meeting.is_some(), |resource| {
            let organizer = conversation.meeting.as_ref().map(|meeting| &meeting.organizer);
            resource.property("organizer", organizer == Some(&person.uri))
        })
        .property("uri", person.uri.to_string())
        .link("conversation", hrefs.conversation(&conversation.id))
        .when(person.uri == *me, |resource| resource.link("me", hrefs.at("me")))
        .when(person.uri != *me, |resource| {
            let messaging = hrefs.participant(&conversation.id, &person.uri) + "/messaging";
            resource
                .link("contact", &contact)
                .link("contactPresence", format!("{contact}/presence"))
                .link("contactPhoto", hrefs.photo(&person.uri))
                .link("participantMessaging", messaging)
        })
}
