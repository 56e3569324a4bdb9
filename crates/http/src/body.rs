use std::time::Duration;

use axum::{
    extract::{FromRequest, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use thiserror::Error;

use crate::Problem;

/// The longest body of a request, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// How long a body may take to arrive.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The whole body of a request: at most [`MAX_BODY`] bytes that arrived within 15 seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundedBody(pub Bytes);

/// Why there is no body to look at. A surface with an error form of its own maps these to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// Longer than [`MAX_BODY`].
    #[error("the body is longer than 65536 bytes")]
    TooLarge,
    /// It did not arrive in time.
    #[error("the body did not arrive within 15 seconds")]
    TimedOut,
    /// The connection broke, or the framing is wrong.
    #[error("the body is not complete")]
    Broken,
}

impl BodyError {
    /// The fitting status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        Problem::new(self.status(), self.to_string()).into_response()
    }
}

impl<S: Sync> FromRequest<S> for BoundedBody {
    type Rejection = BodyError;

    async fn from_request(request: Request, _: &S) -> Result<Self, BodyError> {
        let body = Limited::new(request.into_body(), MAX_BODY).collect();
        let body = tokio::time::timeout(BODY_TIMEOUT, body).await.map_err(|_| BodyError::TimedOut)?;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() { BodyError::TooLarge } else { BodyError::Broken }
        })?;
        Ok(Self(body.to_bytes()))
    }
}
