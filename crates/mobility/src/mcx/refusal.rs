//! Answers to whole requests that are not 200, each with an `mcxError`.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::{Busy, NotAuthenticated};
use fulmar_http::BodyError;
use fulmar_wire::mcx::{CONTENT_TYPE, McxError};

use crate::{Phones, challenge::challenge, discovery::office, tickets::later};

/// Why a request as a whole is refused.
pub(super) enum Refusal {
    NoTicket(String),
    Disabled,
    HomedElsewhere,
    MobilityOff,
    ForeignTicket,
    Malformed(String),
    MediaType,
    Body(BodyError),
    NoSession,
    NoPhoto,
    Busy,
    Failed,
}

impl Refusal {
    /// The box failed; the log says why.
    pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "A request of a phone failed.");
        Self::Failed
    }

    fn say(&self) -> (StatusCode, &'static str, String) {
        let text = str::to_owned;
        match self {
            Self::NoTicket(reason) => (StatusCode::UNAUTHORIZED, "noTicket", reason.clone()),
            Self::Disabled => {
                (StatusCode::FORBIDDEN, "disabled", text("this person may not sign in any more"))
            }
            Self::HomedElsewhere => (
                StatusCode::FORBIDDEN,
                "homedElsewhere",
                text("this person is at home at another pool: Autodiscover says where"),
            ),
            Self::MobilityOff => (
                StatusCode::FORBIDDEN,
                "mobilityOff",
                text("the office has switched mobility off for this person"),
            ),
            Self::ForeignTicket => {
                (StatusCode::FORBIDDEN, "foreignTicket", text("the session is not the one of this ticket"))
            }
            Self::Malformed(reason) => (StatusCode::BAD_REQUEST, "malformed", reason.clone()),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupportedMediaType",
                text("the body is to be `text/xml`"),
            ),
            Self::Body(error @ BodyError::TooLarge) => (error.status(), "tooLarge", error.to_string()),
            Self::Body(error @ BodyError::TimedOut) => (error.status(), "timeout", error.to_string()),
            Self::Body(error @ BodyError::Broken) => (error.status(), "malformed", error.to_string()),
            Self::NoSession => {
                (StatusCode::NOT_FOUND, "noSession", text("the session has ended: sign in again"))
            }
            Self::NoPhoto => (StatusCode::NOT_FOUND, "noPhoto", text("there is no photo of that person")),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", Busy.to_string()),
            Self::Failed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "serviceFailure",
                text("the box failed: send the same again"),
            ),
        }
    }
}

impl From<NotAuthenticated> for Refusal {
    fn from(error: NotAuthenticated) -> Self {
        match error {
            NotAuthenticated::NoTicket | NotAuthenticated::Expired => Self::NoTicket(error.to_string()),
            NotAuthenticated::Disabled => Self::Disabled,
            NotAuthenticated::Store(error) => Self::failed(&error),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

/// The answer to a refused request.
pub(super) async fn answer(phones: &Phones, headers: &HeaderMap, refusal: Refusal) -> Response {
    let (status, code, reason) = refusal.say();
    let body = McxError { code: code.to_owned(), reason: reason.clone() }.to_xml();
    let mut response = (status, body).into_response();
    if let (Refusal::NoTicket(_), Ok(office)) = (&refusal, office(phones).await) {
        response.headers_mut().extend(challenge(&office, headers, &reason).headers().clone());
    }
    if matches!(refusal, Refusal::Busy | Refusal::Failed) {
        response = later(response, Busy::RETRY_AFTER);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}
