//! The web ticket service: a password for a ticket, by OAuth and by WS-Trust.

mod ntlm;
pub(crate) mod ws_trust;

use std::time::Duration;

use axum::{
    Extension,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::SignInError;
use fulmar_http::{BodyError, BoundedBody, PeerAddr};
use fulmar_wire::oauth::{OAuthError, PasswordGrant, Token};

use crate::Phones;

/// The password grant (RFC 6749 §4.3).
pub(crate) async fn oauth(
    State(phones): State<Phones>,
    Extension(PeerAddr(peer)): Extension<PeerAddr>,
    body: Result<BoundedBody, BodyError>,
) -> Response {
    let refuse = |status, error: OAuthError| json(status, error.to_json());
    let grant = match body.map(|BoundedBody(body)| PasswordGrant::parse(&body)) {
        Ok(Ok(grant)) => grant,
        Ok(Err(error)) => return refuse(StatusCode::BAD_REQUEST, error),
        Err(error) => return refuse(error.status(), OAuthError::InvalidRequest),
    };
    let password = grant.password.reveal().to_owned();
    match phones.app.sign_in(&grant.username, password, peer.ip()).await {
        Ok(issued) => {
            let expires_in = issued.expires_at.since(issued.created_at).as_secs();
            json(StatusCode::OK, Token { ticket: issued.ticket.into(), expires_in }.to_json())
        }
        Err(SignInError::Refused) => refuse(StatusCode::BAD_REQUEST, OAuthError::InvalidGrant),
        Err(SignInError::TooManyAttempts { retry_after }) => {
            let refused = refuse(StatusCode::TOO_MANY_REQUESTS, OAuthError::TemporarilyUnavailable);
            later(refused, retry_after)
        }
        Err(error @ (SignInError::Hash(_) | SignInError::Random(_) | SignInError::Store(_))) => {
            log(&error);
            refuse(StatusCode::INTERNAL_SERVER_ERROR, OAuthError::ServerError)
        }
    }
}

fn log(error: &SignInError) {
    tracing::error!(error = error as &dyn std::error::Error, "A ticket could not be issued.");
}

fn json(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::PRAGMA, "no-cache")];
    (status, headers, body).into_response()
}

fn later(mut response: Response, wait: Duration) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}
