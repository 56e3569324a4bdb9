//! The Autodiscover service: Root, Domain and User.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::NotAuthenticated;
use fulmar_domain::{Office, office::Side};
use fulmar_http::{PeerAddr, Problem};
use fulmar_wire::autodiscover::{AccessLocation, Document, Format, SipAccess};

use crate::{
    Phones,
    challenge::{caller, challenge, domain_of_request},
};

/// Where to go on. The address in `sipuri` is not looked at: nobody learns here who works in the office.
pub(crate) async fn root(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    tell(&phones, peer, &headers, Document::root).await
}

/// The same without TLS: go on where TLS is. Never a redirect by status, which clients do not follow.
pub(crate) async fn redirect(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    tell(&phones, peer, &headers, Document::redirect).await
}

/// What holds for the whole SIP domain.
pub(crate) async fn domain(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    tell(&phones, peer, &headers, Document::domain).await
}

/// A document that anybody may read, about the domain that was asked.
async fn tell(
    phones: &Phones,
    peer: PeerAddr,
    headers: &HeaderMap,
    document: fn(AccessLocation, &str) -> Document,
) -> Result<Response, Problem> {
    let office = office(phones).await?;
    let origin = office.web_origin(domain_of_request(&office, headers));
    Ok(answer(&document(location(&office, peer), &origin), headers))
}

/// What holds for the person whose ticket is presented.
pub(crate) async fn user(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let caller = match caller(&phones, &headers).await {
        Ok(caller) => caller,
        Err(error @ (NotAuthenticated::NoTicket | NotAuthenticated::Expired)) => {
            return Ok(challenge(&office, &headers, &error.to_string()));
        }
        Err(NotAuthenticated::Disabled) => return Ok(StatusCode::FORBIDDEN.into_response()),
        Err(NotAuthenticated::Store(error)) => return Err(failed(&error)),
    };
    let domain = caller.account.uri.domain();
    let registrar = SipAccess { fqdn: office.hosts(domain).sip.to_string(), port: office.ports().sip };
    let document = Document::user(location(&office, peer), &office.web_origin(domain), registrar);
    Ok(answer(&document, &headers))
}

/// The office, or what somebody is told who finds the box before it is set up.
pub(crate) async fn office(phones: &Phones) -> Result<Office, Problem> {
    match phones.app.store().office().await {
        Ok(Some((office, _))) => Ok(office),
        Ok(None) => {
            let detail =
                "this box is not set up yet: an administrator has to tell it the office's SIP domain";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "A phone could not be answered.");
    Problem::internal()
}

fn location(office: &Office, PeerAddr(peer): PeerAddr) -> AccessLocation {
    match office.side_of(peer.ip()) {
        Side::Inside => AccessLocation::Internal,
        Side::Outside => AccessLocation::External,
    }
}

fn answer(document: &Document, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::negotiate(accept);
    let mut response = document.write(format).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, format.content_type()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "-1"),
        (header::VARY, "Accept"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
