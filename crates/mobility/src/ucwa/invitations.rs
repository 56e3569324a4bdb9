//! Asking somebody for a conversation, and being asked.

use fulmar_app::{Command, Said};
use fulmar_domain::{
    SipUri,
    conversation::{Conversation, Participation, Step},
};
use fulmar_wire::ucwa::Resource;

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    conversation::{self, State},
    hrefs::Hrefs,
    messaging,
};

/// `POST messagingInvitations`.
pub(super) async fn start(asker: Asker, given: Given) -> Result<Answer, Refused> {
    asker.available()?;
    let to: SipUri = given.parsed("to")?;
    let first = match messaging::first_message(&given)? {
        Some(text) => Some(Said { client_id: asker.app.client_message_id(None)?, text }),
        None => None,
    };
    let conversation = asker.execute(Command::OpenConversation(to, first)).await?;
    let conversation = conversation.ok_or_else(Refused::no_application)?;
    Ok(Answer::CreatedAt(asker.hrefs.invitation(&conversation)))
}

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    let conversation = conversation::named(&asker).await?;
    Ok(Answer::Found(resource(&conversation, &asker.account.uri, &asker.hrefs)))
}

pub(super) async fn accept(asker: Asker) -> Result<Answer, Refused> {
    take(asker, Step::Accept).await
}

pub(super) async fn decline(asker: Asker) -> Result<Answer, Refused> {
    take(asker, Step::Decline).await
}

pub(super) async fn cancel(asker: Asker) -> Result<Answer, Refused> {
    take(asker, Step::Leave).await
}

async fn take(asker: Asker, step: Step) -> Result<Answer, Refused> {
    asker.execute(Command::StepConversation(asker.conversation()?, step)).await?;
    Ok(Answer::Done)
}

/// The invitation with which a conversation began, as `me` sees it.
pub(super) fn resource(conversation: &Conversation, me: &SipUri, hrefs: &Hrefs) -> Resource {
    let place = hrefs.invitation(&conversation.id);
    let incoming = conversation.creator != *me;
    let state = match State::of(conversation, me) {
        State::Incoming | State::Connecting => "Connecting",
        State::Connected => "Connected",
        State::Disconnected => match conversation.participation_of(me) {
            Some(Participation::Declined) => "Declined",
            _ => "Failed",
        },
    };
    let open = state == "Connecting";
    let from = conversation.participants.iter().find(|p| p.person.uri == conversation.creator);
    let to = conversation.others(&conversation.creator).next().map_or(me, |other| &other.person.uri);
    let resource = Resource::new("messagingInvitation", &place)
        .property("direction", if incoming { "Incoming" } else { "Outgoing" })
        .property("importance", "Normal")
        .property("threadId", conversation.id.as_str())
        .property("operationId", conversation.id.as_str())
        .property("state", state)
        .property("subject", "")
        .titled_link(
            "from",
            hrefs.participant(&conversation.id, &conversation.creator),
            from.map_or("", |from| from.person.display_name.as_str()),
        )
        .link("to", if incoming { hrefs.at("me") } else { hrefs.contact(to) })
        .link("conversation", hrefs.conversation(&conversation.id))
        .link("messaging", hrefs.messaging(&conversation.id))
        .when(open && incoming, |resource| {
            resource.link("accept", format!("{place}/accept")).link("decline", format!("{place}/decline"))
        })
        .when(open && !incoming, |resource| resource.link("cancel", format!("{place}/cancel")));
    match from {
        Some(from) => resource.embed_as("from", conversation::participant(from, conversation, me, hrefs)),
        None => resource,
    }
}
