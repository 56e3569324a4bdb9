//! The web ticket service: a password for a ticket, by OAuth and by WS-Trust.

mod ntlm;
pub(crate) mod ws_trust;

use std::time::Duration;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::{Busy, SignInError};
use fulmar_http::{BodyError, BoundedBody, PeerAddr, Problem};
use fulmar_wire::{
    challenge::{DIAGNOSTICS_HEADER, diagnostics},
    oauth::{OAuthError, PasswordGrant, Token},
};

use crate::{
    Phones,
    challenge::{NO_VALID_TOKEN, TYPE_NOT_ALLOWED, domain_of_request},
    discovery::office,
};

/// The password grant (RFC 6749 §4.3).
pub(crate) async fn oauth(
    State(phones): State<Phones>,
    Extension(PeerAddr(peer)): Extension<PeerAddr>,
    headers: HeaderMap,
    body: Result<BoundedBody, BodyError>,
) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let source = office.hosts(domain_of_request(&office, &headers)).web;
    let refuse = |status, error: OAuthError| refusal(status, error, source.as_str());
    let grant = match body.map(|BoundedBody(body)| PasswordGrant::parse(&body)) {
        Ok(Ok(grant)) => grant,
        Ok(Err(error)) => return Ok(refuse(StatusCode::BAD_REQUEST, error)),
        Err(error) => return Ok(refuse(error.status(), OAuthError::InvalidRequest)),
    };
    let password = grant.password.reveal().to_owned();
    Ok(match phones.app.sign_in(&grant.username, password, peer.ip()).await {
        Ok(issued) => {
            let expires_in = issued.expires_at.since(issued.created_at).as_secs();
            json(StatusCode::OK, Token { ticket: issued.ticket.into(), expires_in }.to_json())
        }
        Err(SignInError::Refused) => refuse(StatusCode::BAD_REQUEST, OAuthError::InvalidGrant),
        Err(SignInError::TooManyAttempts { retry_after }) => {
            let refused = refuse(StatusCode::TOO_MANY_REQUESTS, OAuthError::TemporarilyUnavailable);
            later(refused, retry_after)
        }
        Err(SignInError::Busy(_)) => {
            let refused = refuse(StatusCode::SERVICE_UNAVAILABLE, OAuthError::TemporarilyUnavailable);
            later(refused, Busy::RETRY_AFTER)
        }
        Err(error @ (SignInError::Hash(_) | SignInError::Random(_) | SignInError::Store(_))) => {
            log(&error);
            refuse(StatusCode::INTERNAL_SERVER_ERROR, OAuthError::ServerError)
        }
    })
}

/// A refusal that says in `X-Ms-diagnostics` too why.
fn refusal(status: StatusCode, error: OAuthError, source: &str) -> Response {
    let (id, reason) = match error {
        OAuthError::InvalidRequest => (NO_VALID_TOKEN, "the request is not a password grant"),
        OAuthError::InvalidGrant => (NO_VALID_TOKEN, "the address or the password is wrong"),
        OAuthError::UnsupportedGrantType => (TYPE_NOT_ALLOWED, "authentication type not allowed"),
        OAuthError::InvalidScope => (NO_VALID_TOKEN, "the scope can not be one"),
        OAuthError::TemporarilyUnavailable => {
            (NO_VALID_TOKEN, "too many attempts failed, or too many others sign in")
        }
        OAuthError::ServerError => (NO_VALID_TOKEN, "the server failed"),
    };
    let mut response = json(status, error.to_json());
    if let Ok(said) = HeaderValue::try_from(diagnostics(id, source, reason)) {
        response.headers_mut().insert(DIAGNOSTICS_HEADER, said);
    }
    response
}

fn log(error: &SignInError) {
    tracing::error!(error = error as &dyn std::error::Error, "A ticket could not be issued.");
}

fn json(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::PRAGMA, "no-cache")];
    (status, headers, body).into_response()
}

/// Says when to ask again.
pub(crate) fn later(mut response: Response, wait: Duration) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}
