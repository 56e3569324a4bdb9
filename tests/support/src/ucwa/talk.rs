//! What a conversation between two takes, each step as the links lead.

use anyhow::Result;
use fulmar_domain::SipUri;
use fulmar_wire::{
    Secret,
    ucwa::data_uri::{self, MessageFormat},
};
use http::Method;
use serde_json::json;

use super::{Application, Event, Resource};

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it is.
    pub href: String,
    /// Where one answers: the messaging of its conversation.
    pub messaging: String,
    /// Where its sender is.
    pub participant: String,
    /// What was said.
    pub text: Secret,
}

impl Application {
    /// Asks somebody for a conversation and says something; the invitation.
    ///
    /// # Errors
    /// When the box refuses.
    pub async fn invite(&self, to: &SipUri, operation: &str, text: &str) -> Result<Resource> {
        let communication = self.follow(&["communication"]).await?;
        let message = data_uri::write(MessageFormat::Plain, text);
        let wanted = json!({
            "to": to.to_string(),
            "operationId": operation,
            "_links": { "message": { "href": message } },
        });
        let started = self.post(communication.link("startMessaging")?, &wanted).await?;
        self.get(started.location()?).await
    }

    /// Waits for an invitation of somebody else.
    ///
    /// # Errors
    /// When none comes.
    pub async fn invitation(&mut self) -> Result<Resource> {
        let incoming = |event: &Event| {
            let resource = event.resource().ok().filter(|_| event.is("started", "messagingInvitation"))?;
            (resource.text("direction") == "Incoming").then_some(resource)
        };
        self.until("an invitation", incoming).await
    }

    /// Waits until an invitation has ended, well or not.
    ///
    /// # Errors
    /// When it does not.
    pub async fn invitation_ended(&mut self, invitation: &str) -> Result<Event> {
        let ended = |event: &Event| {
            (event.is("completed", "messagingInvitation") && event.href == invitation).then(|| event.clone())
        };
        self.until("the end of the invitation", ended).await
    }

    /// The messaging of the conversation of an invitation.
    ///
    /// # Errors
    /// When the links do not lead there.
    pub async fn messaging_of(&self, invitation: &Resource) -> Result<Resource> {
        let conversation = self.get(invitation.link("conversation")?).await?;
        self.get(conversation.link("messaging")?).await
    }

    /// Says something in plain text; where the message is.
    ///
    /// # Errors
    /// When the box refuses.
    pub async fn say(&self, messaging: &Resource, text: &str) -> Result<String> {
        let headers = [("content-type", "text/plain; charset=utf-8")];
        let sent = self.ask(Method::POST, messaging.link("sendMessage")?, &headers, text).await?;
        Ok(sent.success()?.location()?.to_owned())
    }

    /// Waits for a message of somebody else.
    ///
    /// # Errors
    /// When none comes, or it is not one.
    pub async fn message(&mut self) -> Result<Message> {
        let incoming = |event: &Event| {
            let resource = event.resource().ok().filter(|_| event.is("completed", "message"))?;
            (resource.text("direction") == "Incoming").then_some(resource)
        };
        let message = self.until("a message", incoming).await?;
        Ok(Message {
            href: message.href()?.to_owned(),
            messaging: message.link("messaging")?.to_owned(),
            participant: message.link("participant")?.to_owned(),
            text: data_uri::read(message.link("plainMessage")?)?.text,
        })
    }
}
