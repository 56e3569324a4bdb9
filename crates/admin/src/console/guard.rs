//! Who asks: the cookie of a session, and whether the question comes from a page of the console itself.

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use fulmar_app::CONSOLE_SESSION_LIFETIME;
use fulmar_domain::AdministratorName;
use fulmar_http::Problem;

use super::Console;
use crate::json::store_failed;

/// The prefix makes browsers keep it to this host and to TLS (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-fulmar";

/// An administrator who is signed in. Who is not is led to the sign-in.
pub(super) struct SignedIn {
    pub(super) name: AdministratorName,
    pub(super) secret: String,
}

impl FromRequestParts<Console> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let signed_in = <Self as OptionalFromRequestParts<Console>>::from_request_parts(parts, console).await;
        let signed_in = signed_in.map_err(IntoResponse::into_response)?;
        signed_in.ok_or_else(|| Redirect::to("/").into_response())
    }
}

impl OptionalFromRequestParts<Console> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Option<Self>, Problem> {
        let Some(secret) = secret(&parts.headers) else { return Ok(None) };
        let name = console.app.administrator_of(&secret).await.map_err(store_failed)?;
        Ok(name.map(|name| Self { name, secret }))
    }
}

fn secret(headers: &HeaderMap) -> Option<String> {
    let texts = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// Keeps the secret of a session in the browser.
pub(super) fn cookie(secret: &str) -> String {
    let age = CONSOLE_SESSION_LIFETIME.as_secs();
    format!("{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={age}")
}

/// Forgets it there.
pub(super) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Lets no page of others change anything in the name of whoever looks at it: browsers say where a request comes
/// from (Fetch Metadata, `Sec-Fetch-Site`; before it RFC 6454, `Origin`). Who says neither is no browser.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) || is_own(&request) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::FORBIDDEN, "the request comes from a page of another site").into_response()
}

fn is_own(request: &Request) -> bool {
    let said = |name| request.headers().get(name).map(HeaderValue::as_bytes);
    match (said("sec-fetch-site"), said("origin")) {
        (Some(site), _) => site == b"same-origin" || site == b"none",
        (None, Some(origin)) => {
            let host =
                request.uri().authority().map(|host| host.as_str().as_bytes()).or_else(|| said("host"));
            host.is_some_and(|host| origin.strip_prefix(b"https://") == Some(host))
        }
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_own_with(headers: &[(&str, &str)]) -> bool {
        let request =
            headers.iter().fold(Request::post("/sign-out"), |r, (name, value)| r.header(*name, *value));
        is_own(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn only_pages_of_the_console_and_what_is_no_browser_may_post() {
        let host = ("host", "box.office.test:9443");
        assert!(is_own_with(&[host]));
        assert!(is_own_with(&[host, ("origin", "https://box.office.test:9443")]));
        assert!(is_own_with(&[host, ("origin", "null"), ("sec-fetch-site", "same-origin")]));
        for origin in ["https://box.office.test", "http://box.office.test:9443", "https://evil.test", "null"]
        {
            assert!(!is_own_with(&[host, ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            let own = ("origin", "https://box.office.test:9443");
            assert!(!is_own_with(&[host, own, ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(secret(&headers), None);
        headers.append("cookie", HeaderValue::from_static("a=b; __Host-fulmarx=no"));
        headers.append("cookie", HeaderValue::from_static("c=d;__Host-fulmar=yes; e=f"));
        assert_eq!(secret(&headers).as_deref(), Some("yes"));
    }
}
