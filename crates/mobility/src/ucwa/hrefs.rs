//! Where everything of an application is: paths relative to the host, as captures of the original show them.

use fulmar_domain::{
    ConversationId, DeviceId, InvitationId, MessageId, SipUri, application::ClientText, contacts::GroupId,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Where applications are made, and the same for clients that come with a ticket of the kind before OAuth.
pub(super) use fulmar_wire::autodiscover::{
    OAUTH_UCWA_PATH as APPLICATIONS, UCWA_PATH as TOKEN_APPLICATIONS,
};

/// The places of one application.
#[derive(Clone, Debug)]
pub(super) struct Hrefs {
    application: String,
    /// Which instance of the client asks, as a parameter; empty where it does not say.
    instance: String,
}

impl Hrefs {
    pub(super) fn new(device: DeviceId, instance: Option<&ClientText>) -> Self {
        let encoded =
            |instance: &ClientText| utf8_percent_encode(instance.as_str(), NON_ALPHANUMERIC).to_string();
        let instance = instance.map_or_else(String::new, |name| format!("instanceId={}", encoded(name)));
        Self { application: format!("{APPLICATIONS}/{device}"), instance }
    }

    /// The application itself. Of all that is in it, only its events are one instance's own ("Multi-Tab Support").
    pub(super) fn application(&self) -> String {
        match self.instance.as_str() {
            "" => self.application.clone(),
            instance => format!("{}?{instance}", self.application),
        }
    }

    /// What lies below the application.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.application)
    }

    /// The events after what the cursor stands for.
    pub(super) fn events(&self, cursor: u64) -> String {
        let instance = if self.instance.is_empty() { String::new() } else { format!("&{}", self.instance) };
        self.at(&format!("events?ack={cursor}{instance}"))
    }

    pub(super) fn contact(&self, person: &SipUri) -> String {
        self.at(&format!("people/{}", person.address()))
    }

    pub(super) fn photo(&self, person: &SipUri) -> String {
        self.at(&format!("photos/{}", person.address()))
    }

    /// The groups of the person's list.
    pub(super) fn groups(&self) -> String {
        self.at("people/groups")
    }

    pub(super) fn group(&self, group: GroupId) -> String {
        format!("{}/{group}", self.groups())
    }

    /// An invitation, by what it is called.
    pub(super) fn invitation(&self, rel: &str, invitation: &InvitationId) -> String {
        self.at(&format!("communication/{rel}s/{invitation}"))
    }

    pub(super) fn conversation(&self, conversation: &ConversationId) -> String {
        self.at(&format!("communication/conversations/{conversation}"))
    }

    pub(super) fn online_meeting(&self, conversation: &ConversationId) -> String {
        format!("{}/onlineMeeting", self.conversation(conversation))
    }

    pub(super) fn messaging(&self, conversation: &ConversationId) -> String {
        format!("{}/messaging", self.conversation(conversation))
    }

    pub(super) fn typing_participants(&self, conversation: &ConversationId) -> String {
        format!("{}/typingParticipants", self.messaging(conversation))
    }

    pub(super) fn message(&self, conversation: &ConversationId, message: MessageId) -> String {
        format!("{}/messages/{message}", self.messaging(conversation))
    }

    pub(super) fn participant(&self, conversation: &ConversationId, person: &SipUri) -> String {
        format!("{}/participants/{}", self.conversation(conversation), person.address())
    }
}
