//! What a person can talk with, and the conversations that there are.

use axum::http::HeaderMap;
use fulmar_domain::application::Application;
use fulmar_wire::ucwa::{Link, Resource};

use super::{
    answer::{Answer, Refused, unchanged},
    asker::{Asker, Given},
    hrefs::Hrefs,
};

/// The property that a client sends back with every PUT ("Resources that can be updated").
pub(super) const RETURN_WITH_PUT: &str = "3a0e2f5c-7c19-4d0e-9b35-6a2d5c1f8e47";

pub(super) async fn show(asker: Asker) -> Answer {
    Answer::Found(resource(&asker.application, &asker.hrefs))
}

pub(super) fn resource(application: &Application, hrefs: &Hrefs) -> Resource {
    let modalities = if application.available { vec!["Messaging".to_owned()] } else { Vec::new() };
    Resource::new("communication", hrefs.at("communication"))
        .property(RETURN_WITH_PUT, "please pass this in a PUT request")
        .property("supportedModalities", modalities)
        .property("supportedMessageFormats", application.formats.clone())
        .link("conversations", hrefs.at("communication/conversations?filter=active"))
        .link("startMessaging", hrefs.at("communication/messagingInvitations"))
        .link("joinOnlineMeeting", hrefs.at("communication/onlineMeetingInvitations"))
        .link("startOnlineMeeting", hrefs.at("communication/onlineMeetingInvitations?onlineMeetingUri=adhoc"))
        .link("missedItems", missed_place(hrefs))
        .etagged()
}

/// `PUT communication`: what a client may change of it, which is nothing that this box looks at. The frame is kept:
/// a client that has an old state is told so ("Resources that can be updated").
pub(super) async fn update(asker: Asker, headers: HeaderMap, given: Given) -> Result<Answer, Refused> {
    let resource = resource(&asker.application, &asker.hrefs);
    unchanged(&headers, &resource)?;
    if !given.0.has(RETURN_WITH_PUT) {
        return Err(Refused::parameter(RETURN_WITH_PUT, "this is to be sent back as it came"));
    }
    Ok(Answer::Found(resource))
}

/// `GET conversations`: links to those that are active.
pub(super) async fn conversations(asker: Asker) -> Result<Answer, Refused> {
    let active = asker.app.store().active_conversations(asker.account.id, asker.app.now()).await?;
    let link = |id| Link::new("conversation", asker.hrefs.conversation(id));
    let links: Vec<_> = active.iter().map(|conversation| link(&conversation.id)).collect();
    let list = Resource::new("conversations", asker.hrefs.at("communication/conversations?filter=active"));
    Ok(Answer::Found(list.links("conversation", links)))
}

/// `GET missedItems`: there is no voice mail here, and no log of conversations beside the history.
pub(super) async fn missed_items(asker: Asker) -> Result<Answer, Refused> {
    let missed = asker.app.store().missed_conversations(asker.account.id, asker.app.now()).await?;
    let items = Resource::new("missedItems", missed_place(&asker.hrefs))
        .property("conversationLogsCount", 0_u32)
        .property("conversationLogsNotifications", "Disabled")
        .property("missedConversationsCount", missed.total)
        .property("unreadMissedConversationsCount", missed.unread)
        .property("unreadVoicemailsCount", 0_u32)
        .property("voiceMailsCount", 0_u32);
    Ok(Answer::Found(items))
}

pub(super) fn missed_place(hrefs: &Hrefs) -> String {
    hrefs.at("communication/missedItems")
}
