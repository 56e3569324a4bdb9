//! Asking somebody for a conversation, and being asked.

use fulmar_app::Command;
use fulmar_domain::{
    SipUri,
    contacts::Contact,
    conversation::{Conversation, Step},
    invitation::{
        About, DeclineReason, Direction, Importance, Invitation, InvitationKind, InvitationState, Subject,
    },
};
use fulmar_wire::ucwa::{Code, Resource, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    conversation, messaging,
};

/// What an invitation to a conversation of two is called, one into a conversation that there is by who asks, and one
/// to a meeting by who comes.
pub(super) const MESSAGING: &str = "messagingInvitation";
const PARTICIPANT: &str = "participantInvitation";
pub(super) const ONLINE_MEETING: &str = "onlineMeetingInvitation";

/// `POST messagingInvitations`.
pub(super) async fn start(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let to: SipUri = given.parsed("to")?;
    let about = about(&given)?;
    let first = messaging::first_message(&asker, &given)?;
    let made = asker.execute(Command::OpenConversation(to, about, first)).await?;
    let invitation = made.invitation.ok_or_else(Refused::no_application)?;
    Ok(Answer::CreatedAt(asker.hrefs.invitation(MESSAGING, &invitation)))
}

pub(super) fn about(given: &Given) -> Result<About, Refused> {
    let importance = given.optional::<String>("importance")?.map(|word| word.to_ascii_lowercase());
    let importance = importance.map(|word| word.parse()).transpose();
    Ok(About {
        subject: given.optional::<Subject>("subject")?.unwrap_or_default(),
        importance: importance
            .map_err(|error| Refused::parameter("importance", error))?
            .unwrap_or(Importance::Normal),
        thread: given.optional("threadId")?,
        operation: given.optional("operationId")?,
    })
}

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    let invitation = named(&asker).await?;
    let (store, now) = (asker.app.store(), asker.app.now());
    let conversation = store.conversation(asker.account.id, &invitation.conversation, now).await?;
    let conversation =
        conversation.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ConversationNotFound))?;
    Ok(Answer::Found(resource(&invitation, &conversation, &asker)))
}

/// The invitation that the path names.
async fn named(asker: &Asker) -> Result<Invitation, Refused> {
    let id = asker.named("invitation", Subcode::ResourceNotFound)?;
    let session = &asker.application.session;
    let found = asker.app.store().invitation(session, id, asker.app.now()).await?;
    found.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))
}

pub(super) async fn accept(asker: Asker) -> Result<Answer, Refused> {
    take(&asker, Step::Accept).await
}

pub(super) async fn decline(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let reason = given.optional::<String>("reason")?;
    let global = reason.is_some_and(|reason| reason.eq_ignore_ascii_case("global"));
    take(&asker, Step::Decline(if global { DeclineReason::Global } else { DeclineReason::Local })).await
}

async fn take(asker: &Asker, step: Step) -> Result<Answer, Refused> {
    let invitation = named(asker).await?;
    asker.execute(Command::StepConversation(invitation.conversation, step)).await?;
    Ok(Answer::Done)
}

pub(super) async fn cancel(asker: Asker) -> Result<Answer, Refused> {
    asker.execute(Command::CancelInvitation(named(&asker).await?.id)).await?;
    Ok(Answer::Done)
}

/// The word for where an invitation stands ("InvitationState").
fn word(state: InvitationState) -> &'static str {
    match state {
        InvitationState::Ringing => "Connecting",
        InvitationState::Accepted => "Connected",
        InvitationState::Declined => "Declined",
        InvitationState::Cancelled => "Cancelled",
        InvitationState::Missed => "Failed",
    }
}

/// What an invitation is called by the one who looks.
pub(super) fn rel(invitation: &Invitation) -> &'static str {
    match (invitation.kind, invitation.direction) {
        (InvitationKind::Conversation, _) => MESSAGING,
        (InvitationKind::Participant, Direction::Outgoing) => PARTICIPANT,
        (InvitationKind::Participant, Direction::Incoming) | (InvitationKind::Join, _) => ONLINE_MEETING,
    }
}

pub(super) fn resource(invitation: &Invitation, conversation: &Conversation, asker: &Asker) -> Resource {
    let (hrefs, rel) = (&asker.hrefs, rel(invitation));
    let place = hrefs.invitation(rel, &invitation.id);
    let incoming = invitation.direction == Direction::Incoming;
    let open = invitation.state == InvitationState::Ringing;
    let Contact { uri: from, display_name } = &invitation.from;
    let Contact { uri: to, .. } = &invitation.to;
    let operation = invitation.operation.as_ref().map_or(invitation.id.as_str(), |name| name.as_str());
    let resource = Resource::new(rel, &place)
        .property("direction", if incoming { "Incoming" } else { "Outgoing" })
        .property("importance", conversation::importance(invitation.importance))
        .property("threadId", invitation.thread.as_str())
        .property("operationId", operation)
        .property("state", word(invitation.state))
        .property("subject", invitation.subject.as_str())
        .titled_link("from", hrefs.participant(&conversation.id, from), display_name.as_str())
        .link("conversation", hrefs.conversation(&conversation.id))
        .when(invitation.kind != InvitationKind::Join, |resource| {
            resource.link("to", if incoming { hrefs.at("me") } else { hrefs.contact(to) })
        })
        .when(rel == MESSAGING, |resource| resource.link("messaging", hrefs.messaging(&conversation.id)))
        .when(open && incoming, |resource| {
            resource.link("accept", format!("{place}/accept")).link("decline", format!("{place}/decline"))
        })
        .when(open && !incoming && invitation.kind != InvitationKind::Join, |resource| {
            resource.link("cancel", format!("{place}/cancel"))
        });
    let resource = match &invitation.first {
        Some(message) => resource.link("message", messaging::as_data(message, asker)),
        None => resource,
    };
    let resource = of_meeting(resource, invitation, conversation, asker);
    let me = if incoming { to } else { from };
    match conversation.participants.iter().find(|participant| participant.person.uri == *from) {
        Some(from) => resource.embed_as("from", conversation::participant(from, conversation, me, hrefs)),
        None => resource,
    }
}

/// What is said of an invitation that has to do with a meeting.
fn of_meeting(
    resource: Resource,
    invitation: &Invitation,
    conversation: &Conversation,
    asker: &Asker,
) -> Resource {
    let (hrefs, to) = (&asker.hrefs, &invitation.to.uri);
    match rel(invitation) {
        ONLINE_MEETING => {
            let resource = resource.property("availableModalities", vec!["Messaging".to_owned()]);
            match &invitation.meeting {
                Some(uri) => resource.property("onlineMeetingUri", uri.to_string()),
                None => resource,
            }
        }
        PARTICIPANT => {
            let resource = resource
                .property("to", to.to_string())
                .link("participant", hrefs.participant(&conversation.id, to));
            accepted(resource, invitation, conversation, asker)
        }
        _ if invitation.direction == Direction::Outgoing => {
            accepted(resource, invitation, conversation, asker)
        }
        _ => resource,
    }
}

/// With who has accepted, for the one who has asked.
fn accepted(
    resource: Resource,
    invitation: &Invitation,
    conversation: &Conversation,
    asker: &Asker,
) -> Resource {
    let (to, accepted) = (&invitation.to.uri, invitation.state == InvitationState::Accepted);
    match conversation.participants.iter().find(|p| accepted && p.person.uri == *to) {
        Some(who) => {
            let who = conversation::participant(who, conversation, &invitation.from.uri, &asker.hrefs);
            resource.embed_all("acceptedByParticipant", vec![who])
        }
        None => resource,
    }
}
