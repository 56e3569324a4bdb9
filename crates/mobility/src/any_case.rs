//! Both spellings of these paths occur in the wild, and the original compared them without case. Clients that put
//! paths together write slashes twice.

use axum::{
    Router,
    extract::Request,
    http::{Uri, uri::PathAndQuery},
};
use tower::{Layer, util::MapRequestLayer};

/// Serves `router`, whose routes are in lower case, for paths in any case and with doubled slashes.
pub(crate) fn serve(router: Router) -> Router {
    Router::new().fallback_service(MapRequestLayer::new(lower).layer(router))
}

fn lower(mut request: Request) -> Request {
    if let Some(uri) = lowered(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The query keeps its case. `None` when there is nothing to change.
fn lowered(uri: &Uri) -> Option<Uri> {
    if !uri.path().bytes().any(|byte| byte.is_ascii_uppercase()) && !uri.path().contains("//") {
        return None;
    }
    let mut path = uri.path().to_ascii_lowercase();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    let path_and_query = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_lowered_and_the_query_kept() {
        let uri = lowered(&Uri::from_static("https://a.test/Mcx/McxService.svc?sid=AbC")).unwrap();
        assert_eq!(uri.to_string(), "https://a.test/mcx/mcxservice.svc?sid=AbC");
        assert_eq!(lowered(&Uri::from_static("/mcx")), None);
    }

    #[test]
    fn slashes_are_one() {
        let uri = lowered(&Uri::from_static("//ucwa///v1/?a=//")).unwrap();
        assert_eq!(uri.to_string(), "/ucwa/v1/?a=//");
    }
}
