//! The Autodiscover service: Root, Domain and User.

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::{NotAuthenticated, StoreError};
use fulmar_domain::{
    DnsName, Office, SipUri,
    configuration::{AutodiscoverConfiguration, ExposedWebUrl, McxConfiguration, WebLink},
    office::Side,
};
use fulmar_http::{PeerAddr, Problem};
use fulmar_wire::autodiscover::{AccessLocation, Document, Format, Link, SipAccess, UserServices};

use crate::{
    Phones,
    challenge::{caller, challenge, domain_of_request},
    xframe,
};

/// Which server answered, as the original's servers said it.
const SERVER: HeaderName = HeaderName::from_static("x-ms-server-fqdn");

/// Where to go on. The address in `sipuri` is not looked at: nobody learns here who works in the office.
pub(crate) async fn root(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let domain = domain_of_request(&office, &headers);
    let origin = office.web_origin(domain);
    let mut document = Document::root(location(&office, peer), &origin);
    if !xframe::allowed(&phones, domain).await.map_err(|error| failed(&error))?.is_empty() {
        document = document.with_xframe(&origin);
    }
    Ok(answer(&office, domain, &document, &headers))
}

/// The same without TLS: go on where TLS is. Never a redirect by status, which clients do not follow.
pub(crate) async fn redirect(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let domain = domain_of_request(&office, &headers);
    let document = Document::redirect(location(&office, peer), &office.web_origin(domain));
    Ok(answer(&office, domain, &document, &headers))
}

/// What holds for the whole SIP domain.
pub(crate) async fn domain(
    State(phones): State<Phones>,
    Extension(peer): Extension<PeerAddr>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let domain = domain_of_request(&office, &headers);
    let document = Document::domain(location(&office, peer), &office.web_origin(domain));
    let autodiscover = phones.app.configuration(domain).await.map_err(|error| failed(&error))?;
    Ok(answer(&office, domain, &document.with_links(web_links(autodiscover)), &headers))
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
    let location = location(&office, peer);
    let document = match &caller.account.homed_at {
        Some(root) => Document::user_elsewhere(location, root.to_string()),
        None => {
            let document = of_person(&phones, &office, location, &caller.account.uri).await;
            document.map_err(|error| failed(&error))?
        }
    };
    Ok(answer(&office, domain, &document, &headers))
}

async fn of_person(
    phones: &Phones,
    office: &Office,
    location: AccessLocation,
    person: &SipUri,
) -> Result<Document, StoreError> {
    let domain = person.domain();
    let hosts = office.hosts(domain);
    let origin = office.web_origin(domain);
    let autodiscover: AutodiscoverConfiguration = phones.app.configuration(domain).await?;
    let mcx: McxConfiguration = phones.app.configuration(domain).await?;
    let mobility_origin = match (mcx.exposed_web_url, location) {
        (ExposedWebUrl::External, _) => Some(origin.clone()),
        (ExposedWebUrl::Internal, AccessLocation::Internal) => {
            Some(office.origin_at(&hosts.discover_internal))
        }
        (ExposedWebUrl::Internal, AccessLocation::External) => None,
    };
    let enabled = phones.app.mobility_policy(person).await?.enable_mobility;
    let sip_internal = SipAccess { fqdn: hosts.sip.to_string(), port: office.ports().sip };
    let sip_external = SipAccess {
        fqdn: autodiscover.external_sip_client_access_fqdn.as_ref().unwrap_or(&hosts.sip).to_string(),
        port: autodiscover.external_sip_client_access_port.unwrap_or(office.ports().sip),
    };
    let mobility_origin = mobility_origin.as_deref().filter(|_| enabled);
    let services = UserServices { sip_internal, sip_external, mobility_origin };
    let mut document = Document::user(location, &origin, services);
    if !xframe::allowed(phones, domain).await?.is_empty() {
        document = document.with_xframe(&origin);
    }
    Ok(document.with_links(web_links(autodiscover)))
}

fn web_links(autodiscover: AutodiscoverConfiguration) -> impl Iterator<Item = Link> {
    let link = |WebLink { token, href }| Link { token, href: href.to_string() };
    autodiscover.web_links.into_iter().map(link)
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

pub(crate) fn failed(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "A phone could not be answered.");
    Problem::internal()
}

fn location(office: &Office, PeerAddr(peer): PeerAddr) -> AccessLocation {
    match office.side_of(peer.ip()) {
        Side::Inside => AccessLocation::Internal,
        Side::Outside => AccessLocation::External,
    }
}

fn answer(office: &Office, domain: &DnsName, document: &Document, headers: &HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::negotiate(accept);
    let mut response = document.write(format).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, format.content_type()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "-1"),
        (header::VARY, "Accept"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if let Ok(server) = HeaderValue::try_from(office.hosts(domain).web.as_str()) {
        response.headers_mut().insert(SERVER, server);
    }
    response
}
