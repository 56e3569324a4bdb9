//! Tickets by WS-Trust. Who asks is said by HTTP at the address of the service, and in the message below `/Auth`.

use std::net::IpAddr;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::{Busy, IssuedTicket, Proven, SignInError};
use fulmar_domain::{
    SipUri,
    configuration::{WebServiceConfiguration, WindowsAuth},
};
use fulmar_http::{BodyError, BoundedBody, Connection, PeerAddr, Problem};
use fulmar_wire::{
    Secret,
    challenge::{basic, credentials},
    ntlm::{Authenticate, Message},
    ws_trust::{Fault, FaultCode, InvalidRequest, TokenRequest, TokenResponse, UsernameToken, description},
};

use super::{later, log, ntlm};
use crate::{
    Phones,
    challenge::{NTLM, ask_for_password, domain_of_request},
    discovery::office,
};

/// Refusals are faults with this status, as SOAP 1.1 §6.2 has it.
const FAULT: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

/// Where the service is, as WSDL.
pub(crate) async fn describe(State(phones): State<Phones>, headers: HeaderMap) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let origin = office.web_origin(domain_of_request(&office, &headers));
    Ok(xml(StatusCode::OK, description(&origin)))
}

/// A ticket for whoever says in `Authorization` who they are. The body is read first: an answer to half a request
/// would cost the connection.
pub(crate) async fn by_http(
    State(phones): State<Phones>,
    Extension(PeerAddr(peer)): Extension<PeerAddr>,
    connection: Option<Extension<Connection>>,
    headers: HeaderMap,
    body: Result<BoundedBody, BodyError>,
) -> Response {
    let office = match office(&phones).await {
        Ok(office) => office,
        Err(problem) => return problem.into_response(),
    };
    let at = (&office, domain_of_request(&office, &headers));
    let is_on = match phones.app.configuration::<WebServiceConfiguration>(at.1).await {
        Ok(service) => service.use_windows_auth == WindowsAuth::Ntlm,
        Err(error) => return refuse(&error.into()),
    };
    let connection = connection.filter(|_| is_on).map(|Extension(connection)| connection);
    // Over HTTP/2 there is no connection to keep a challenge for.
    let ntlm = connection.is_some();
    let said = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let message = said.and_then(|said| Message::read(credentials(NTLM, said)?).ok());
    let proof = match (connection.zip(message), said.and_then(basic)) {
        (Some((connection, Message::Negotiate(negotiate))), _) => {
            return ntlm::challenge(&phones, at, &connection, negotiate)
                .unwrap_or_else(|error| refuse(&error));
        }
        (Some((connection, Message::Authenticate(answer))), _) => Proof::Ntlm(answer, connection),
        (None, Some((username, password))) => Proof::Password(username, password),
        (None, None) => return ask_for_password(at, said, ntlm),
    };
    let request = match read(body) {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    let proven = match proof {
        Proof::Password(username, password) => {
            phones.app.prove_password(&username, password.reveal().to_owned(), peer.ip()).await
        }
        Proof::Ntlm(answer, connection) => ntlm::prove(&phones, at, &connection, &answer, peer.ip()).await,
    };
    match proven {
        Ok(proven) => issue(&phones, &headers, &proven, request).await,
        Err(SignInError::Refused) => ask_for_password(at, said, ntlm),
        Err(error) => refuse(&error),
    }
}

/// How somebody says by HTTP who they are.
enum Proof {
    Password(String, Secret),
    Ntlm(Authenticate, Connection),
}

/// A ticket for a name and a password in the message.
pub(crate) async fn by_message(
    State(phones): State<Phones>,
    Extension(PeerAddr(peer)): Extension<PeerAddr>,
    headers: HeaderMap,
    body: Result<BoundedBody, BodyError>,
) -> Response {
    let request = match read(body) {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    let Some(token) = request.username_token.clone() else {
        return NoRequest::Invalid(InvalidRequest::Missing("UsernameToken")).into_response();
    };
    match prove(&phones, token, peer.ip()).await {
        Ok(proven) => issue(&phones, &headers, &proven, request).await,
        Err(error) => refuse(&error),
    }
}

async fn prove(phones: &Phones, token: UsernameToken, from: IpAddr) -> Result<Proven, SignInError> {
    let UsernameToken { username, password } = token;
    phones.app.prove_password(&username, password.reveal().to_owned(), from).await
}

fn read(body: Result<BoundedBody, BodyError>) -> Result<TokenRequest, NoRequest> {
    let BoundedBody(body) = body?;
    Ok(TokenRequest::parse(&body)?)
}

/// Why there is nothing to answer with a ticket.
enum NoRequest {
    Body(BodyError),
    Invalid(InvalidRequest),
}

impl From<BodyError> for NoRequest {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<InvalidRequest> for NoRequest {
    fn from(error: InvalidRequest) -> Self {
        Self::Invalid(error)
    }
}

impl IntoResponse for NoRequest {
    fn into_response(self) -> Response {
        match self {
            Self::Body(error) => fault(error.status(), FaultCode::InvalidRequest, error.to_string()),
            Self::Invalid(error) => fault(FAULT, FaultCode::InvalidRequest, error.to_string()),
        }
    }
}

/// The ticket, unless it is asked for in the name of somebody else.
async fn issue(phones: &Phones, headers: &HeaderMap, proven: &Proven, request: TokenRequest) -> Response {
    let claimed = request.claim.as_deref().map(str::parse::<SipUri>);
    if claimed.is_some_and(|claimed| claimed.as_ref() != Ok(proven.person())) {
        let reason = "the ticket is asked for in the name of somebody else".to_owned();
        return fault(FAULT, FaultCode::FailedAuthentication, reason);
    }
    let office = match office(phones).await {
        Ok(office) => office,
        Err(problem) => return problem.into_response(),
    };
    match phones.app.issue_ticket(proven).await {
        Ok(IssuedTicket { ticket, created_at, expires_at }) => {
            let response = TokenResponse {
                context: request.context,
                token_type: request.token_type,
                ticket: Secret::from(ticket),
                person: proven.person().to_string(),
                origin: office.web_origin(domain_of_request(&office, headers)),
                created: created_at.as_millis(),
                expires: expires_at.as_millis(),
            };
            xml(StatusCode::OK, response.to_xml())
        }
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &SignInError) -> Response {
    match error {
        SignInError::Refused => fault(FAULT, FaultCode::FailedAuthentication, error.to_string()),
        SignInError::TooManyAttempts { retry_after } => {
            later(fault(FAULT, FaultCode::RequestFailed, error.to_string()), *retry_after)
        }
        SignInError::Busy(busy) => {
            let refused = fault(StatusCode::SERVICE_UNAVAILABLE, FaultCode::RequestFailed, busy.to_string());
            later(refused, Busy::RETRY_AFTER)
        }
        SignInError::Hash(_) | SignInError::Random(_) | SignInError::Store(_) => {
            log(error);
            fault(FAULT, FaultCode::RequestFailed, "the box failed".to_owned())
        }
    }
}

fn fault(status: StatusCode, code: FaultCode, reason: String) -> Response {
    xml(status, Fault { code, reason }.to_xml())
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}
