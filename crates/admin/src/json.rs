//! What requests hold, and errors, of the admin API.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::PathRejection},
    http::{StatusCode, request::Parts},
};
use fulmar_app::StoreError;
use fulmar_domain::{SipUri, custom_zone::MAX_TEXT};
use fulmar_http::{BoundedBody, Problem};
use serde::de::DeserializeOwned;

/// A JSON body. Fields that are not known are refused by its type.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = BoundedBody::from_request(request, state).await;
        let BoundedBody(body) = body.map_err(|error| Problem::new(error.status(), error.to_string()))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the body is not what this path takes: {error}"))
        })
    }
}

/// A text of at most as many bytes as its route allows.
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let text = String::from_request(request, state).await.map_err(|error| match error.status() {
            status @ StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(status, format!("the text is longer than {MAX_TEXT} bytes"))
            }
            status => Problem::new(status, error.body_text()),
        });
        text.map(Self)
    }
}

/// The parameters behind the `?`.
pub(crate) struct Parameters<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(parameters) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(parameters))
    }
}

/// The person that the path names.
pub(crate) struct Person(pub(crate) SipUri);

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let PathText(address) = PathText::from_request_parts(parts, state).await?;
        parsed(&address).map(Self)
    }
}

/// The one parameter of the path, as it was written.
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(text))
    }
}

/// A value that can not be what it was sent as.
pub(crate) fn unprocessable(error: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
}

pub(crate) fn parsed<T>(text: &str) -> Result<T, Problem>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(unprocessable)
}

/// A failure of the box: the log knows why.
pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "A request of an administrator failed.");
    Problem::internal()
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
pub(crate) fn store_failed(error: StoreError) -> Problem {
    failed(&error)
}
