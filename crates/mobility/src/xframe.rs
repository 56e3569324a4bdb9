//! The page through which web pages of other origins ask the box, and who may.
//!
//! `CrossDomainAuthorizationList` is looked at in three places: browsers let nobody else frame the page, the page
//! answers nobody else, and a request that names another origin is refused.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use fulmar_app::StoreError;
use fulmar_domain::{
    DnsName,
    configuration::{Origin, WebServiceConfiguration},
};
use fulmar_http::Problem;
use fulmar_wire::challenge::{DIAGNOSTICS_HEADER, diagnostics};

use crate::{
    Phones,
    challenge::domain_of_request,
    discovery::{failed, office},
};

/// The script of the page.
pub(crate) const SCRIPT_PATH: &str = "/Autodiscover/XFrame/XFrame.js";
/// The origin of the page on whose behalf the frame asks.
const ORIGIN: HeaderName = HeaderName::from_static("x-ms-origin");
/// "Service does not allow a cross domain request from this origin."
const ORIGIN_NOT_ALLOWED: u32 = 28_070;

/// The page, if there is anybody whom it would answer.
pub(crate) async fn page(State(phones): State<Phones>, headers: HeaderMap) -> Result<Response, Problem> {
    let office = office(&phones).await?;
    let allowed = allowed(&phones, domain_of_request(&office, &headers)).await;
    let allowed = allowed.map_err(|error| failed(&error))?;
    if allowed.is_empty() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no web page may ask this box"));
    }
    let origins = allowed.iter().map(Origin::as_str).collect::<Vec<_>>().join(" ");
    let policy = format!(
        "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors {origins}; base-uri 'none'; \
         form-action 'none'"
    );
    let page = Html(include_str!("xframe.html").replace("{origins}", &origins));
    Ok(([(header::CONTENT_SECURITY_POLICY, policy)], page).into_response())
}

pub(crate) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("xframe.js"))
}

/// Refuses what is asked on behalf of an origin that is not on the list.
pub(crate) async fn check_origin(
    State(phones): State<Phones>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(origin) = request.headers().get(ORIGIN) else { return Ok(next.run(request).await) };
    let office = office(&phones).await?;
    let domain = domain_of_request(&office, request.headers());
    let origin: Option<Origin> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    let allowed = allowed(&phones, domain).await.map_err(|error| failed(&error))?;
    if origin.is_some_and(|origin| allowed.contains(&origin)) {
        return Ok(next.run(request).await);
    }
    let reason = "Service does not allow a cross domain request from this origin.";
    let mut refused = StatusCode::FORBIDDEN.into_response();
    let said = diagnostics(ORIGIN_NOT_ALLOWED, office.hosts(domain).web.as_str(), reason);
    if let Ok(said) = HeaderValue::try_from(said) {
        refused.headers_mut().insert(DIAGNOSTICS_HEADER, said);
    }
    Ok(refused)
}

/// The origins whose pages may ask about this SIP domain.
pub(crate) async fn allowed(phones: &Phones, domain: &DnsName) -> Result<Vec<Origin>, StoreError> {
    let configuration: WebServiceConfiguration = phones.app.configuration(domain).await?;
    Ok(configuration.cross_domain_authorization_list)
}
