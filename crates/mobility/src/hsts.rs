//! Browsers are told to insist on TLS (RFC 6797), for as long as `HstsMaxAgeInSeconds` says.
//!
//! Only where they see a certificate from elsewhere: a browser that insists lets nobody past the warning about one of
//! the box's own authority.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};
use fulmar_app::{App, StoreError};
use fulmar_domain::configuration::WebServiceConfiguration;
use fulmar_http::tls::LiveCertificate;

use crate::{
    challenge::{domain_of_request, host_of_request},
    discovery::failed,
};

/// Says so in every answer of `router`, which is served over TLS with these certificates.
pub fn hsts(router: Router, app: App, live: LiveCertificate) -> Router {
    router.layer(middleware::from_fn_with_state((app, live), insist))
}

async fn insist(State((app, live)): State<(App, LiveCertificate)>, request: Request, next: Next) -> Response {
    let value = value(&app, &live, request.headers()).await;
    let mut response = next.run(request).await;
    match value {
        Ok(Some(value)) => drop(response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value)),
        Ok(None) => {}
        Err(error) => drop(failed(&error)),
    }
    response
}

async fn value(
    app: &App,
    live: &LiveCertificate,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, StoreError> {
    if !host_of_request(headers).is_some_and(|host| live.is_public_for(host.as_str())) {
        return Ok(None);
    }
    let Some((office, _)) = app.store().office().await? else { return Ok(None) };
    let configuration: WebServiceConfiguration =
        app.configuration(domain_of_request(&office, headers)).await?;
    let age = u64::try_from(configuration.hsts_max_age_in_seconds).ok();
    Ok(age.and_then(|age| HeaderValue::try_from(format!("max-age={age}")).ok()))
}
