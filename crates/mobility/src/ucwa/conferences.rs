//! Conversations of several: asking further people in, coming into a meeting, and the meeting that one is.

use fulmar_app::Command;
use fulmar_domain::{ConversationId, SipUri};
use fulmar_wire::ucwa::{Code, Resource, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    conversation, invitations, meetings,
};

/// What stands for the address of a meeting that is to begin at once ("startOnlineMeeting").
const AD_HOC: &str = "adhoc";

/// `POST onlineMeetingInvitations`: comes into a meeting, or begins one where none is named ("joinOnlineMeeting").
pub(super) async fn join(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let about = invitations::about(&given)?;
    let uri = given.optional::<String>("onlineMeetingUri")?.filter(|uri| !uri.eq_ignore_ascii_case(AD_HOC));
    let command = match uri {
        None => Command::StartMeeting(about),
        Some(uri) => {
            // What can not be the address of a meeting is the address of none.
            let uri = uri.parse().map_err(|_| Refused::new(Code::NotFound, Subcode::DestinationNotFound))?;
            Command::JoinMeeting(uri, about)
        }
    };
    let made = asker.execute_meeting(command).await?;
    let invitation = made.invitation.ok_or_else(Refused::no_application)?;
    Ok(Answer::CreatedAt(asker.hrefs.invitation(invitations::ONLINE_MEETING, &invitation)))
}

/// `POST participantInvitations`: asks somebody into a conversation ("addParticipant").
pub(super) async fn add_participant(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let to: SipUri = given.parsed("to")?;
    let operation = given.optional("operationId")?;
    let conversation: ConversationId = given.parsed("conversation")?;
    let made = asker.execute(Command::Invite(conversation, to, operation)).await?;
    let (store, id) = (asker.app.store(), made.invitation.ok_or_else(Refused::no_application)?);
    let invitation = store.invitation(&asker.application.session, id, asker.app.now()).await?;
    let invitation = invitation.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))?;
    Ok(Answer::CreatedAt(asker.hrefs.invitation(invitations::rel(&invitation), &invitation.id)))
}

/// `GET onlineMeeting` of a conversation.
pub(super) async fn show_meeting(asker: Asker) -> Result<Answer, Refused> {
    let none = || Refused::new(Code::NotFound, Subcode::ResourceNotFound);
    let conversation = conversation::named(&asker).await?;
    let uri = conversation.meeting.as_ref().filter(|_| conversation::has_meeting(&conversation));
    let id = uri.ok_or_else(none)?.id.clone();
    let meeting = asker.app.store().meeting(id, asker.app.now()).await?.ok_or_else(none)?;
    let hrefs = &asker.hrefs;
    let organizer = conversation.participants.iter().find(|p| p.person.uri == meeting.organizer);
    let name = organizer.map_or(meeting.organizer.user(), |organizer| organizer.person.display_name.as_str());
    let resource = Resource::new("onlineMeeting", hrefs.online_meeting(&conversation.id))
        .property("largeMeeting", meetings::DISABLED)
        .property("organizerName", name)
        .link("conversation", hrefs.conversation(&conversation.id))
        .link("organizer", hrefs.contact(&meeting.organizer));
    Ok(Answer::Found(meetings::described(resource, &meeting, &asker.office().await?)))
}
