//! What a handler gives, and how it is written.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use fulmar_app::{Busy, CommandError, InitiateSessionError, NotAuthenticated, StoreError};
use fulmar_domain::{event::Failure, session::SessionEnd};
use fulmar_http::BodyError;
use fulmar_wire::ucwa::{Code, EventsDocument, Format, InvalidField, Reason, Resource, Subcode};

use crate::tickets::later;

/// The version of the service, and the latest revision of its resources: one below the first that the reference shows
/// as too high ("Versioning").
const VERSION: u32 = 3;

/// An answer that is no error.
pub(super) enum Answer {
    /// 200 with a resource.
    Found(Resource),
    /// 201 with a resource, which is also where it can be found.
    Created(Resource),
    /// 201 with the place alone.
    CreatedAt(String),
    /// 200 with what happened.
    Events(EventsDocument),
    /// 204.
    Done,
}

/// Why there is no such answer.
pub(super) enum Refused {
    /// An error in the words of the service.
    Because(Reason),
    /// A 401 that says where tickets are to be had.
    Challenge(Box<Response>),
}

/// What is written once it is known in which form.
#[derive(Clone)]
enum Document {
    Resource(Arc<Resource>),
    Events(Arc<EventsDocument>),
    Reason(Arc<Reason>),
}

impl Refused {
    pub(super) fn new(code: Code, subcode: impl Into<Option<Subcode>>) -> Self {
        Self::Because(Reason::new(code, subcode, ""))
    }

    pub(super) fn because(code: Code, subcode: impl Into<Option<Subcode>>, message: &str) -> Self {
        Self::Because(Reason::new(code, subcode, message))
    }

    /// A parameter that is missing or wrong.
    pub(super) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        let reason = Reason::new(Code::BadRequest, Subcode::ParameterValidationFailure, "");
        Self::Because(reason.parameter(name, problem.to_string()))
    }

    /// The box failed; the log says why.
    pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "A request of a phone failed.");
        Self::because(Code::ServiceFailure, None, "the box failed: send the same again")
    }

    fn busy(busy: Busy) -> Self {
        Self::because(Code::ServiceUnavailable, None, &busy.to_string())
    }

    /// There is no application any more ("Application lifetime").
    pub(super) fn ended(how: Option<SessionEnd>) -> Self {
        let (subcode, message) = match how {
            Some(SessionEnd::Expired) => (
                Subcode::InactiveApplicationExpired,
                "the application was silent for too long: sign in again",
            ),
            Some(SessionEnd::Displaced) => {
                (Subcode::TooManyApplications, "this person has signed in on too many devices since")
            }
            None => return Self::no_application(),
        };
        Self::because(Code::Gone, subcode, message)
    }

    pub(super) fn no_application() -> Self {
        Self::because(
            Code::NotFound,
            Subcode::ApplicationNotFound,
            "there is no such application, or it has ended: make a new one",
        )
    }
}

/// Whether what is to be changed is what the client has seen: else 428 without an `If-Match`, or 412 ("Resources that
/// can be updated").
pub(super) fn unchanged(headers: &HeaderMap, resource: &Resource) -> Result<(), Refused> {
    let Some(expected) = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()) else {
        return Err(Refused::new(Code::PreconditionRequired, None));
    };
    let same = resource.etag().is_some_and(|tag| fulmar_wire::ucwa::etag_matches(expected, tag));
    if same { Ok(()) } else { Err(Refused::new(Code::PreconditionFailed, None)) }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoSuchPerson => Self::new(Code::NotFound, Subcode::DestinationNotFound),
            Failure::NoSuchConversation => Self::new(Code::NotFound, Subcode::ConversationNotFound),
            Failure::NoSuchInvitation | Failure::NoSuchMessage => {
                Self::new(Code::NotFound, Subcode::ResourceNotFound)
            }
            Failure::WrongState => {
                Self::because(Code::Conflict, None, "the conversation does not allow that now")
            }
            Failure::NoPushRegistration => Self::new(Code::Conflict, None),
            Failure::NoSuchGroup | Failure::NoSuchSubscription => {
                Self::new(Code::NotFound, Subcode::ResourceNotFound)
            }
            Failure::NoSuchMeeting => Self::new(Code::NotFound, Subcode::DestinationNotFound),
            Failure::NotAdmitted => Self::new(Code::Forbidden, Subcode::InviteesOnly),
            Failure::Outdated => Self::new(Code::PreconditionFailed, None),
            Failure::InvalidPlan => Self::new(Code::BadRequest, Subcode::ParameterValidationFailure),
            Failure::AlreadyExists => Self::new(Code::Conflict, Subcode::AlreadyExists),
            Failure::NotAPicture => Self::new(Code::BadRequest, Subcode::ParameterValidationFailure),
            Failure::NotSupported => Self::new(Code::Forbidden, Subcode::OperationNotSupported),
            Failure::TooManyConversations => Self::new(Code::Conflict, Subcode::TooManyConversations),
            Failure::TooManyParticipants => Self::new(Code::Conflict, Subcode::TooManyParticipants),
            // "myGroupMemberships2"
            Failure::TooManyContacts => Self::new(Code::Conflict, Subcode::LimitExceeded),
            Failure::TooManyGroups => Self::new(Code::Conflict, Subcode::TooManyGroups),
            Failure::LimitExceeded => Self::new(Code::Forbidden, Subcode::LimitExceeded),
        }
    }
}

impl From<CommandError> for Refused {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::SessionEnded | CommandError::ForeignSession => Self::no_application(),
            CommandError::Busy(busy) => Self::busy(busy),
            CommandError::Random(_) | CommandError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<InitiateSessionError> for Refused {
    fn from(error: InitiateSessionError) -> Self {
        match error {
            InitiateSessionError::ForeignTicket => {
                Self::because(Code::Forbidden, None, "the token belongs to another application")
            }
            InitiateSessionError::TooManySessions => {
                Self::because(Code::Conflict, Subcode::TooManyApplications, &error.to_string())
            }
            InitiateSessionError::Busy(busy) => Self::busy(busy),
            InitiateSessionError::Random(_) | InitiateSessionError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::failed(&error)
    }
}

impl From<InvalidField> for Refused {
    fn from(InvalidField { name, problem }: InvalidField) -> Self {
        Self::parameter(name, problem)
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge => Code::EntityTooLarge,
            BodyError::TimedOut => Code::Timeout,
            BodyError::Broken => Code::BadRequest,
        };
        Self::because(code, None, &error.to_string())
    }
}

/// Those who are refused with a ticket in hand; who has none is challenged.
pub(super) fn kept_out(error: &NotAuthenticated) -> Refused {
    match error {
        NotAuthenticated::Store(_) => Refused::failed(error),
        NotAuthenticated::Disabled | NotAuthenticated::NoTicket | NotAuthenticated::Expired => {
            Refused::because(Code::Forbidden, None, &error.to_string())
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Found(resource) => with(StatusCode::OK, Document::Resource(Arc::new(resource))),
            Self::Created(resource) => {
                let place = resource.href().to_owned();
                let response = with(StatusCode::CREATED, Document::Resource(Arc::new(resource)));
                at(response, &place)
            }
            Self::CreatedAt(place) => at(StatusCode::CREATED.into_response(), &place),
            Self::Events(events) => with(StatusCode::OK, Document::Events(Arc::new(events))),
            Self::Done => StatusCode::NO_CONTENT.into_response(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Because(reason) => {
                let status = reason.code.status().and_then(|status| StatusCode::from_u16(status).ok());
                let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let response = with(status, Document::Reason(Arc::new(reason)));
                if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
                    later(response, Busy::RETRY_AFTER)
                } else {
                    response
                }
            }
            Self::Challenge(response) => *response,
        }
    }
}

fn with(status: StatusCode, document: Document) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(document);
    response
}

fn at(mut response: Response, place: &str) -> Response {
    if let Ok(place) = HeaderValue::from_str(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Writes what the handlers below gave, in the form that the client asks for: JSON where it asks for nothing that
/// there is ("Accept" is ignored then, RFC 9110 §12.5.1).
pub(super) async fn write(request: Request, next: Next) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::negotiate(accept).unwrap_or(Format::Json);
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = if asks_for_more(request.headers()) {
        Refused::new(Code::NotFound, Subcode::APIVersionNotSupported).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    headers.insert("x-ms-ucwaversion", HeaderValue::from(VERSION));
    let Some(document) = response.extensions_mut().remove::<Document>() else { return response };
    let (text, format) = match &document {
        Document::Resource(resource) => {
            if let Some(tag) = resource.etag() {
                if is_known(known.as_ref(), tag) {
                    return not_modified(response, tag);
                }
                put_etag(response.headers_mut(), tag);
            }
            (resource.write(format), format)
        }
        Document::Events(events) => (events.write(format), format),
        Document::Reason(reason) => (reason.write(format), format.of_errors()),
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    let (parts, _) = response.into_parts();
    Response::from_parts(parts, text.into())
}

/// Whether a client needs a later revision than there is ("Versioning").
fn asks_for_more(headers: &HeaderMap) -> bool {
    let wanted = headers.get("x-ms-requiresminresourceversion").and_then(|wanted| wanted.to_str().ok());
    let whole = wanted.and_then(|wanted| wanted.split('.').next()?.trim().parse::<u32>().ok());
    whole.is_some_and(|wanted| wanted > VERSION)
}

fn is_known(known: Option<&HeaderValue>, tag: &str) -> bool {
    let known = known.and_then(|known| known.to_str().ok());
    known.is_some_and(|known| fulmar_wire::ucwa::etag_matches(known, tag))
}

fn not_modified(mut response: Response, tag: &str) -> Response {
    put_etag(response.headers_mut(), tag);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

fn put_etag(headers: &mut HeaderMap, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
}
