//! A conversation, those who take part, and how it is left.

use fulmar_app::Command;
use fulmar_domain::{
    SipUri,
    conversation::{Conversation, Participant, Participation, Step},
};
use fulmar_wire::ucwa::{Code, Link, Resource, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::Asker,
    hrefs::Hrefs,
};

/// Where a conversation stands, for one of those who take part ("ConversationState").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Incoming,
    Connecting,
    Connected,
    Disconnected,
}

impl State {
    pub(super) fn of(conversation: &Conversation, me: &SipUri) -> Self {
        let mut others = conversation.others(me).map(|participant| participant.participation);
        match conversation.participation_of(me) {
            Some(Participation::Ringing) => Self::Incoming,
            Some(Participation::Connected) => {
                let others: Vec<_> = others.by_ref().collect();
                if others.contains(&Participation::Connected) {
                    Self::Connected
                } else if others.contains(&Participation::Ringing) {
                    Self::Connecting
                } else {
                    Self::Disconnected
                }
            }
            Some(Participation::Declined | Participation::Left) | None => Self::Disconnected,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Incoming => "Incoming",
            Self::Connecting => "Connecting",
            Self::Connected => "Connected",
            Self::Disconnected => "Disconnected",
        }
    }
}

/// The conversation that the path names.
pub(super) async fn named(asker: &Asker) -> Result<Conversation, Refused> {
    let found = asker.app.store().conversation(asker.account.id, &asker.conversation()?).await?;
    found.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ConversationNotFound))
}

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    let conversation = named(&asker).await?;
    Ok(Answer::Found(resource(&conversation, &asker.account.uri, &asker.hrefs)))
}

/// `DELETE conversation`, `POST terminate`: leaves it.
pub(super) async fn leave(asker: Asker) -> Result<Answer, Refused> {
    asker.execute(Command::StepConversation(asker.conversation()?, Step::Leave)).await?;
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

/// Whether somebody takes part, or is asked to.
pub(super) fn is_there(participant: &Participant) -> bool {
    matches!(participant.participation, Participation::Connected | Participation::Ringing)
}

pub(super) fn resource(conversation: &Conversation, me: &SipUri, hrefs: &Hrefs) -> Resource {
    let state = State::of(conversation, me);
    let place = hrefs.conversation(&conversation.id);
    let active = if state == State::Connected { vec!["Messaging".to_owned()] } else { Vec::new() };
    Resource::new("conversation", &place)
        .property("state", state.word())
        .property("threadId", conversation.id.as_str())
        .property("subject", "")
        .property("activeModalities", active)
        .property("importance", "Normal")
        .property("recording", false)
        .property("created", fulmar_wire::ucwa::Value::Date(conversation.created_at.as_millis()))
        .property("participantCount", count(conversation))
        .link("messaging", hrefs.messaging(&conversation.id))
        .link("localParticipant", hrefs.participant(&conversation.id, me))
        .link("participants", format!("{place}/participants"))
        .etagged()
}

fn count(conversation: &Conversation) -> i64 {
    let there = conversation.participants.iter().filter(|participant| is_there(participant)).count();
    i64::try_from(there).unwrap_or(i64::MAX)
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
        .property("local", person.uri == *me)
        .property("name", person.display_name.as_str())
        .property("uri", person.uri.to_string())
        .link("conversation", hrefs.conversation(&conversation.id))
        .when(person.uri == *me, |resource| resource.link("me", hrefs.at("me")))
        .when(person.uri != *me, |resource| {
            let messaging = hrefs.participant(&conversation.id, &person.uri) + "/messaging";
            resource
                .link("contact", &contact)
                .link("contactPresence", format!("{contact}/presence"))
                .link("participantMessaging", messaging)
        })
}
