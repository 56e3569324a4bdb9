//! Asking somebody for a conversation, and being asked.

use fulmar_app::Command;
use fulmar_domain::{
    SipUri,
    contacts::Contact,
    conversation::{Conversation, Step},
    invitation::{About, DeclineReason, Direction, Importance, Invitation, InvitationState, Subject},
};
use fulmar_wire::ucwa::{Code, Resource, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    conversation, messaging,
};

/// `POST messagingInvitations`.
pub(super) async fn start(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let to: SipUri = given.parsed("to")?;
    let about = about(&given)?;
    let first = messaging::first_message(&asker, &given)?;
    let made = asker.execute(Command::OpenConversation(to, about, first)).await?;
    let invitation = made.invitation.ok_or_else(Refused::no_application)?;
    Ok(Answer::CreatedAt(asker.hrefs.invitation(&invitation)))
}

fn about(given: &Given) -> Result<About, Refused> {
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

pub(super) fn resource(invitation: &Invitation, conversation: &Conversation, asker: &Asker) -> Resource {
    let hrefs = &asker.hrefs;
    let place = hrefs.invitation(&invitation.id);
    let incoming = invitation.direction == Direction::Incoming;
    let open = invitation.state == InvitationState::Ringing;
    let Contact { uri: from, display_name } = &invitation.from;
    let Contact { uri: to, .. } = &invitation.to;
    let operation = invitation.operation.as_ref().map_or(invitation.id.as_str(), |name| name.as_str());
    let resource = Resource::new("messagingInvitation", &place)
        .property("direction", if incoming { "Incoming" } else { "Outgoing" })
        .property("importance", conversation::importance(invitation.importance))
        .property("threadId", invitation.thread.as_str())
        .property("operationId", operation)
        .property("state", word(invitation.state))
        .property("subject", invitation.subject.as_str())
        .titled_link("from", hrefs.participant(&conversation.id, from), display_name.as_str())
        .link("to", if incoming { hrefs.at("me") } else { hrefs.contact(to) })
        .link("conversation", hrefs.conversation(&conversation.id))
        .link("messaging", hrefs.messaging(&conversation.id))
        .when(open && incoming, |resource| {
            resource.link("accept", format!("{place}/accept")).link("decline", format!("{place}/decline"))
        })
        .when(open && !incoming, |resource| resource.link("cancel", format!("{place}/cancel")));
    let resource = match &invitation.first {
        Some(message) => resource.link("message", messaging::as_data(message, asker)),
        None => resource,
    };
    let me = if incoming { to } else { from };
    match conversation.participants.iter().find(|participant| participant.person.uri == *from) {
        Some(from) => resource.embed_as("from", conversation::participant(from, conversation, me, hrefs)),
        None => resource,
    }
}
