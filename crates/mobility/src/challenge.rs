//! Who asks, and what somebody without a ticket is told.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fulmar_app::{Caller, NotAuthenticated};
use fulmar_domain::{DnsName, Office};
use fulmar_wire::{
    Secret,
    challenge::{
        BEARER, Challenge, DIAGNOSTICS_HEADER, TICKET_HEADER, TICKET_KINDS, TICKET_KINDS_HEADER,
        TICKET_URL_HEADER, credentials, diagnostics, presented,
    },
};

use crate::Phones;

/// "No valid security token", [MS-OCER].
pub(crate) const NO_VALID_TOKEN: u32 = 28_020;
/// "Authentication type not allowed", [MS-OCER].
pub(crate) const TYPE_NOT_ALLOWED: u32 = 28_029;
/// The scheme of [MS-NTHT].
pub(crate) const NTLM: &str = "NTLM";
const BASIC_SCHEME: &str = "Basic";
/// How a name and a password are asked for (RFC 7617).
const BASIC: &str = r#"Basic realm="Fulmar", charset="UTF-8""#;

/// The caller whose ticket a request presents.
pub(crate) async fn caller(phones: &Phones, headers: &HeaderMap) -> Result<Caller, NotAuthenticated> {
    phones.app.authenticate(ticket(headers).as_ref().map(Secret::reveal)).await
}

/// The ticket that a request presents.
pub(crate) fn ticket(headers: &HeaderMap) -> Option<Secret> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    presented(value(TICKET_HEADER), value(header::AUTHORIZATION.as_str()))
}

/// The headers of a 401: where tickets are to be had, and why the one presented is none. Some clients take the first
/// address that they see, so the one for passwords comes first.
pub(crate) fn challenge(office: &Office, headers: &HeaderMap, reason: &str) -> Response {
    let domain = domain_of_request(office, headers);
    let challenge = Challenge::at(&office.web_origin(domain));
    let source = office.hosts(domain).web;
    unauthorized([
        (header::WWW_AUTHENTICATE.as_str(), BEARER.to_owned()),
        (header::WWW_AUTHENTICATE.as_str(), challenge.www_authenticate()),
        (TICKET_URL_HEADER, challenge.ticket_url),
        (TICKET_KINDS_HEADER, TICKET_KINDS.to_owned()),
        (DIAGNOSTICS_HEADER, diagnostics(NO_VALID_TOKEN, source.as_str(), reason)),
    ])
}

/// The 401 of the ticket service: who asks for a ticket says by HTTP who they are. `authorization` is what was
/// said and did not do; `ntlm`, whether that is a way too. Clients take the strongest that is offered.
pub(crate) fn ask_for_password(
    (office, domain): (&Office, &DnsName),
    authorization: Option<&str>,
    ntlm: bool,
) -> Response {
    let source = office.hosts(domain).web;
    let (id, reason) = match authorization {
        None => (NO_VALID_TOKEN, "a name and a password are needed"),
        Some(said) if is_offered(said, ntlm) => (NO_VALID_TOKEN, "the address or the password is wrong"),
        Some(_) => (TYPE_NOT_ALLOWED, "authentication type not allowed"),
    };
    let offered = ntlm.then(|| (header::WWW_AUTHENTICATE.as_str(), NTLM.to_owned()));
    let diagnostics = diagnostics(id, source.as_str(), reason);
    let basic = [(header::WWW_AUTHENTICATE.as_str(), BASIC.to_owned()), (DIAGNOSTICS_HEADER, diagnostics)];
    unauthorized(offered.into_iter().chain(basic))
}

fn is_offered(authorization: &str, ntlm: bool) -> bool {
    credentials(BASIC_SCHEME, authorization).is_some() || ntlm && credentials(NTLM, authorization).is_some()
}

/// A 401 with these headers.
pub(crate) fn unauthorized(fields: impl IntoIterator<Item = (&'static str, String)>) -> Response {
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    let headers = response.headers_mut();
    for (name, value) in fields {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    response
}

/// The SIP domain that a request is about, by its host; the primary one when the host tells nothing.
pub(crate) fn domain_of_request<'a>(office: &'a Office, headers: &HeaderMap) -> &'a DnsName {
    let host = host_of_request(headers);
    host.and_then(|host| office.domain_of(&host)).unwrap_or(&office.domains()[0])
}

/// The name of the host that is asked, without its port.
pub(crate) fn host_of_request(headers: &HeaderMap) -> Option<DnsName> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    host.rsplit_once(':').map_or(host, |(host, _)| host).parse().ok()
}
