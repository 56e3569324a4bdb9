//! What is said in a conversation.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use fulmar_app::{Command, Said};
use fulmar_domain::{
    MessageId,
    conversation::{Conversation, ConversationState, Format, Html, InvalidMessageText, Message},
};
use fulmar_http::BoundedBody;
use fulmar_wire::ucwa::{
    Code, Input, Resource, Subcode, Value,
    data_uri::{self, MessageFormat},
};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    conversation,
    hrefs::Hrefs,
};
use crate::Phones;

/// What may be written: those who take only text are given the text.
const FORMATS: [MessageFormat; 2] = [MessageFormat::Plain, MessageFormat::Html];
/// The most bytes of an operation's name ("operationId").
const MAX_OPERATION: usize = 50;

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    let conversation = conversation::named(&asker).await?;
    Ok(Answer::Found(resource(&conversation, &asker.hrefs)))
}

/// `POST messages`: says something. Clients also post to the message that they answer.
pub(super) async fn send(
    asker: Asker,
    Spoken { words, format, operation }: Spoken,
) -> Result<Answer, Refused> {
    let conversation = asker.conversation()?;
    let name = asker.app.client_message_id(operation.as_deref())?;
    let said = fulmar_app::said(name, format, &words).map_err(|error| unfit(&error))?;
    let made = asker.execute(Command::Say(conversation.clone(), said)).await?;
    let message = made.message.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ConversationNotFound))?;
    Ok(Answer::CreatedAt(asker.hrefs.message(&conversation, message)))
}

pub(super) async fn show_message(asker: Asker) -> Result<Answer, Refused> {
    let conversation = asker.conversation()?;
    let number = asker.named::<i64>("message", Subcode::ResourceNotFound)?;
    let message = asker.app.store().message(asker.account.id, &conversation, MessageId(number)).await?;
    let message = message.ok_or_else(|| Refused::new(Code::NotFound, Subcode::ResourceNotFound))?;
    Ok(Answer::Found(self::message(&message, &asker)))
}

pub(super) async fn typing(asker: Asker) -> Result<Answer, Refused> {
    asker.execute(Command::Compose(asker.conversation()?, true)).await?;
    Ok(Answer::Done)
}

/// Something said, as it was sent: the body is the text and nothing else.
pub(super) struct Spoken {
    words: String,
    format: Format,
    operation: Option<String>,
}

impl FromRequest<Phones> for Spoken {
    type Rejection = Refused;

    async fn from_request(request: Request, phones: &Phones) -> Result<Self, Refused> {
        let headers: HeaderMap = request.headers().clone();
        let query = request.uri().query().map(str::to_owned);
        let BoundedBody(body) = BoundedBody::from_request(request, phones).await?;
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let format = MessageFormat::of(content_type.unwrap_or(MessageFormat::Plain.media_type()));
        let format = format.map(self::format).ok_or_else(|| {
            let problem = "a message is `text/plain` or `text/html`";
            Refused::because(Code::UnsupportedMediaType, None, problem)
        })?;
        let words = String::from_utf8(body.into())
            .map_err(|_| Refused::because(Code::BadRequest, None, "a message is UTF-8"))?;
        let query =
            Input::parse(None, query.as_deref(), b"").map_err(|_| Refused::new(Code::BadRequest, None))?;
        let operation = match query.text("operationId")? {
            Some(operation) => Some(operation),
            None => query.text("operationContext")?,
        };
        if operation.is_some_and(|operation| operation.len() > MAX_OPERATION) {
            return Err(Refused::parameter("operationId", "this has at most 50 characters"));
        }
        Ok(Self { words, format, operation: operation.map(str::to_owned) })
    }
}

fn format(format: MessageFormat) -> Format {
    match format {
        MessageFormat::Plain => Format::Plain,
        MessageFormat::Html => Format::Html,
    }
}

fn unfit(error: &InvalidMessageText) -> Refused {
    let code = match error {
        InvalidMessageText::Empty => Code::BadRequest,
        InvalidMessageText::TooLong(_) => Code::EntityTooLarge,
    };
    Refused::because(code, None, &error.to_string())
}

/// What is said with an invitation: a link whose data is the text.
pub(super) fn first_message(asker: &Asker, given: &Given) -> Result<Option<Said>, Refused> {
    let Some(uri) = given.0.link("message") else { return Ok(None) };
    let message = data_uri::read(uri).map_err(|error| Refused::parameter("message", error))?;
    let words = message.text.reveal();
    if words.is_empty() {
        return Ok(None);
    }
    let said = fulmar_app::said(asker.app.client_message_id(None)?, format(message.format), words);
    said.map(Some).map_err(|error| Refused::parameter("message", error))
}

/// How one writes in a conversation now.
pub(super) fn resource(conversation: &Conversation, hrefs: &Hrefs) -> Resource {
    let state = conversation.state;
    let place = hrefs.messaging(&conversation.id);
    let word = match state {
        ConversationState::Connected => "Connected",
        ConversationState::Incoming | ConversationState::Connecting => "Connecting",
        ConversationState::Disconnected => "Disconnected",
    };
    let open = state != ConversationState::Disconnected;
    Resource::new("messaging", &place)
        .property("state", word)
        .when(state == ConversationState::Connected, |resource| {
            resource.property(
                "negotiatedMessageFormats",
                FORMATS.map(|format| format.as_str().to_owned()).to_vec(),
            )
        })
        .link("conversation", hrefs.conversation(&conversation.id))
        .when(open, |resource| {
            // Who writes takes part, and what is said to somebody who has not answered waits for them.
            resource
                .link("stopMessaging", format!("{place}/terminate"))
                .link("sendMessage", format!("{place}/messages"))
                .link("setIsTyping", format!("{place}/typing"))
        })
}

/// A message with its text, for those who have heard it.
pub(super) fn message(message: &Message, asker: &Asker) -> Resource {
    let (mine, hrefs) = (message.sender == asker.account.uri, &asker.hrefs);
    let formats = &asker.application.formats;
    let takes_html = formats.iter().any(|word| MessageFormat::read(word) == Some(MessageFormat::Html));
    let html = message.html.as_ref().filter(|_| takes_html).map(Html::reveal);
    let resource = without_text(message, if mine { "Outgoing" } else { "Incoming" }, hrefs)
        .link("contact", hrefs.contact(&message.sender))
        .link("participant", hrefs.participant(&message.conversation, &message.sender))
        .link("plainMessage", as_data(message));
    match html {
        Some(html) => resource.link("htmlMessage", data_uri::write(MessageFormat::Html, html)),
        None => resource,
    }
}

/// What the person has said, as an event tells it: without the text, as in captures of the original. There are
/// clients that answer whatever text they see.
pub(super) fn sent(message: &Message, hrefs: &Hrefs) -> Resource {
    without_text(message, "Outgoing", hrefs)
}

fn without_text(message: &Message, direction: &str, hrefs: &Hrefs) -> Resource {
    Resource::new("message", hrefs.message(&message.conversation, message.id))
        .property("direction", direction)
        .property("operationId", message.client_id.as_str())
        .property("status", "Succeeded")
        .property("timeStamp", Value::Date(message.sent_at.as_millis()))
        .link("messaging", hrefs.messaging(&message.conversation))
}

/// What was said, as a link that is the text itself (RFC 2397).
pub(super) fn as_data(message: &Message) -> String {
    data_uri::write(MessageFormat::Plain, message.text.reveal())
}
