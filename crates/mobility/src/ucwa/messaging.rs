//! What is said in a conversation.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use fulmar_app::{Command, Said};
use fulmar_domain::{
    MessageId, SipUri,
    conversation::{
        Conversation, ConversationState, Delivery, DeliveryState, Format, Html, InvalidMessageText, Message,
        Participant, Participation,
    },
    event::Failure,
};
use fulmar_http::BoundedBody;
use fulmar_wire::ucwa::{
    Code, Input, Link, Resource, Subcode, Value,
    data_uri::{self, MessageFormat},
};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    conversation,
    hrefs::Hrefs,
    invitations,
};
use crate::Phones;

/// It has not reached a device of everybody to whom it was said ("Status").
const PENDING: &str = "Pending";
/// The most bytes of an operation's name ("operationId").
const MAX_OPERATION: usize = 50;

pub(super) async fn show(asker: Asker) -> Result<Answer, Refused> {
    let conversation = conversation::named(&asker).await?;
    Ok(Answer::Found(resource(&conversation, &asker)))
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
    Ok(Answer::Found(self::message(&message, &asker).await?))
}

pub(super) async fn typing(asker: Asker) -> Result<Answer, Refused> {
    asker.execute(Command::Compose(asker.conversation()?, true)).await?;
    Ok(Answer::Done)
}

/// `GET messages`: links to the newest that the person has said or was told, in their order.
pub(super) async fn list(asker: Asker) -> Result<Answer, Refused> {
    let conversation = conversation::named(&asker).await?.id;
    let newest = asker.app.store().newest_messages(asker.account.id, &conversation).await?;
    let link = |message| Link::new("message", asker.hrefs.message(&conversation, message));
    let place = format!("{}/messages", asker.hrefs.messaging(&conversation));
    let links: Vec<_> = newest.into_iter().map(link).collect();
    Ok(Answer::Found(Resource::new("messages", place).links("message", links)))
}

/// `GET typingParticipants`: who else is writing.
pub(super) async fn typing_participants(asker: Asker) -> Result<Answer, Refused> {
    let conversation = conversation::named(&asker).await?;
    let link = |writer: &Participant| conversation::link("participant", writer, &conversation, &asker.hrefs);
    let writers = conversation.others(&asker.account.uri).filter(|participant| participant.writes);
    let links: Vec<_> = writers.map(link).collect();
    let place = asker.hrefs.typing_participants(&conversation.id);
    Ok(Answer::Found(Resource::new("typingParticipants", place).links("participant", links)))
}

/// `POST addMessaging`: asks the other person of a conversation again.
pub(super) async fn add(asker: Asker, given: Given) -> Result<Answer, Refused> {
    let conversation = conversation::named(&asker).await?;
    let other =
        to_ask_again(&conversation, &asker.account.uri).ok_or(Failure::WrongState)?.person.uri.clone();
    let (operation, first) = (given.optional("operationId")?, first_message(&asker, &given)?);
    let made = asker.execute(Command::Invite(conversation.id.clone(), other, operation)).await?;
    if let Some(said) = first {
        asker.execute(Command::Say(conversation.id, said)).await?;
    }
    let invitation = made.invitation.ok_or_else(Refused::no_application)?;
    Ok(Answer::CreatedAt(asker.hrefs.invitation(invitations::MESSAGING, &invitation)))
}

/// Whom the person who is left alone in a conversation of two can ask again.
fn to_ask_again<'a>(conversation: &'a Conversation, me: &'a SipUri) -> Option<&'a Participant> {
    let left = conversation.state == ConversationState::Disconnected
        && conversation.meeting.is_none()
        && conversation.participation_of(me) == Some(Participation::Connected);
    let mut others = conversation.others(me);
    others.next().filter(|_| left && others.next().is_none())
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
        InvalidMessageText::Empty | InvalidMessageText::TooManyTags => Code::BadRequest,
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
pub(super) fn resource(conversation: &Conversation, asker: &Asker) -> Resource {
    let (state, me) = (conversation.state, &asker.account.uri);
    let place = asker.hrefs.messaging(&conversation.id);
    let word = match state {
        ConversationState::Connected => "Connected",
        ConversationState::Incoming | ConversationState::Connecting => "Connecting",
        ConversationState::Disconnected => "Disconnected",
    };
    let open = state != ConversationState::Disconnected;
    // What was missed is answered with a word.
    let missed = conversation.participation_of(me) == Some(Participation::Missed)
        && conversation::may_grow(conversation)
        && conversation.others(me).any(conversation::is_there);
    Resource::new("messaging", &place)
        .property("state", word)
        .when(state == ConversationState::Connected, |resource| {
            resource
                .property("negotiatedMessageFormats", asker.application.formats.clone())
                .link("typingParticipants", asker.hrefs.typing_participants(&conversation.id))
        })
        .link("conversation", asker.hrefs.conversation(&conversation.id))
        .when(open || missed, |resource| {
            // Who writes takes part, and what is said to somebody who has not answered waits for them.
            resource.link("sendMessage", format!("{place}/messages"))
        })
        .when(open, |resource| {
            resource
                .link("stopMessaging", format!("{place}/terminate"))
                .link("setIsTyping", format!("{place}/typing"))
        })
        .when(to_ask_again(conversation, me).is_some(), |resource| {
            resource.link("addMessaging", format!("{place}/addMessaging"))
        })
}

/// A message with its text, for those who have heard it.
pub(super) async fn message(message: &Message, asker: &Asker) -> Result<Resource, Refused> {
    let hrefs = &asker.hrefs;
    let resource = if message.sender == asker.account.uri {
        sent(message, asker).await?
    } else {
        without_text(message, "Incoming", "Succeeded", hrefs)
    };
    let resource = resource
        .link("contact", hrefs.contact(&message.sender))
        .link("participant", hrefs.participant(&message.conversation, &message.sender))
        .link("plainMessage", data_uri::write(MessageFormat::Plain, message.text.reveal()));
    Ok(match html(message, asker) {
        Some(html) => resource.link("htmlMessage", data_uri::write(MessageFormat::Html, html)),
        None => resource,
    })
}

/// How a message looks, for a client that takes it so.
fn html<'a>(message: &'a Message, asker: &Asker) -> Option<&'a str> {
    let formats = &asker.application.formats;
    let takes_html = formats.iter().any(|word| MessageFormat::read(word) == Some(MessageFormat::Html));
    message.html.as_ref().filter(|_| takes_html).map(Html::reveal)
}

/// What the person has said and what became of it, as an event tells it: without the text, as in captures of the
/// original. There are clients that answer whatever text they see.
pub(super) async fn sent(message: &Message, asker: &Asker) -> Result<Resource, Refused> {
    let (status, failed) = became(message, asker).await?;
    let resource = without_text(message, "Outgoing", status, &asker.hrefs);
    Ok(resource.when(!failed.is_empty(), |resource| resource.links("failedDeliveryParticipant", failed)))
}

/// The same once it waits for nobody any more.
pub(super) async fn receipt(message: &Message, asker: &Asker) -> Result<Option<Resource>, Refused> {
    let (status, _) = became(message, asker).await?;
    if status == PENDING { Ok(None) } else { sent(message, asker).await.map(Some) }
}

/// What became of something that the person has said ("Status"), and links to those who have not got it.
async fn became(message: &Message, asker: &Asker) -> Result<(&'static str, Vec<Link>), Refused> {
    let deliveries = asker.app.store().deliveries(asker.account.id, message.id).await?;
    let link = |delivery: &Delivery| {
        let place = asker.hrefs.participant(&message.conversation, &delivery.to.uri);
        Link::new("failedDeliveryParticipant", place).titled(delivery.to.display_name.as_str())
    };
    let is = |state| move |delivery: &&Delivery| delivery.state == state;
    let failed: Vec<_> = deliveries.iter().filter(is(DeliveryState::Failed)).map(link).collect();
    let status = match (failed.is_empty(), deliveries.iter().any(|d| is(DeliveryState::Pending)(&d))) {
        (false, _) => "Failed",
        (true, true) => PENDING,
        (true, false) => "Succeeded",
    };
    Ok((status, failed))
}

fn without_text(message: &Message, direction: &str, status: &str, hrefs: &Hrefs) -> Resource {
    Resource::new("message", hrefs.message(&message.conversation, message.id))
        .property("direction", direction)
        .property("operationId", message.client_id.as_str())
        .property("status", status)
        .property("timeStamp", Value::Date(message.sent_at.as_millis()))
        .link("messaging", hrefs.messaging(&message.conversation))
}

/// What was said, as one link that is the text itself (RFC 2397), in the form that the client takes.
pub(super) fn as_data(message: &Message, asker: &Asker) -> String {
    match html(message, asker) {
        Some(html) => data_uri::write(MessageFormat::Html, html),
        None => data_uri::write(MessageFormat::Plain, message.text.reveal()),
    }
}
