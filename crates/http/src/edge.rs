//! What surrounds every surface: the request log, counters, an answer to panics, and headers for browsers.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use crate::{MAX_BODY, PeerAddr, Problem};

/// Which surface a router is, in log and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Autodiscover, tickets and mobility.
    Phones,
    /// Pages and state for administrators.
    Console,
    /// The local socket of administrators.
    Admin,
    /// The clearing house, for other boxes.
    Boxes,
}

impl Surface {
    fn as_str(self) -> &'static str {
        match self {
            Self::Phones => "phones",
            Self::Console => "console",
            Self::Admin => "admin",
            Self::Boxes => "boxes",
        }
    }
}

/// Puts a router behind the edge: each request is logged and counted by its route, a panic is a problem, and so
/// are unknown paths and wrong methods. An answer that has one of the headers for browsers keeps its own.
pub fn edge(router: Router, surface: Surface) -> Router {
    router
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(move |request: Request, next: Next| observe(surface, request, next)))
}

async fn observe(surface: Surface, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    // The pattern, not the path: paths and queries may hold what is nobody's business.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<PeerAddr>().map(|PeerAddr(peer)| peer.ip());
    let mut response = catch(next.run(request)).await;
    add_headers(response.headers_mut());
    let status = response.status();
    let elapsed = begun.elapsed();
    let labels = [
        ("surface", surface.as_str().to_owned()),
        ("route", route.clone()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("fulmar_http_requests_total", &labels).increment(1);
    metrics::histogram!("fulmar_http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
    tracing::debug!(
        surface = surface.as_str(),
        %method,
        route,
        status = status.as_u16(),
        duration_ms = elapsed.as_secs_f64() * 1000.0,
        peer = peer.map(tracing::field::display),
        "A request was answered."
    );
    response
}

async fn catch(answer: impl Future<Output = Response>) -> Response {
    match CatchUnwind(Box::pin(answer)).await {
        Ok(response) => response,
        Err(panic) => {
            // A text that was put together may hold what was asked or stored.
            let message = panic.downcast_ref::<&str>().copied().unwrap_or("no message");
            tracing::error!(panic = message, "A handler panicked.");
            Problem::internal().into_response()
        }
    }
}

struct CatchUnwind<F>(std::pin::Pin<Box<F>>);

impl<F: Future> Future for CatchUnwind<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        let poll = AssertUnwindSafe(|| self.0.as_mut().poll(cx));
        match std::panic::catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    }
}

/// Nothing that the box says is to be sniffed, framed, kept by a cache, or told to others.
fn add_headers(headers: &mut header::HeaderMap) {
    let defaults = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        ),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::{body::Body, routing::get};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    /// Asks for a person's page, with a secret in the query and another in a header.
    fn ask() {
        let router = edge(Router::new().route("/people/{name}", get(|| async { "page" })), Surface::Console);
        let request = Request::get("/people/anna?token=secret-1").header("authorization", "secret-2");
        let request = request.body(Body::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(router.oneshot(request)).unwrap().status(), 200);
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn the_log_has_the_route_and_nothing_that_was_asked() {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, ask);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for part in ["A request was answered.", "method=GET", "route=\"/people/{name}\"", "status=200"] {
            assert!(log.contains(part), "{part}: {log}");
        }
        for part in ["anna", "secret"] {
            assert!(!log.contains(part), "{part}: {log}");
        }
    }

    #[test]
    fn requests_are_counted_by_route_and_status() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, ask);
        let counters = recorder.handle().render();
        let labels = r#"{surface="console",route="/people/{name}",status="200"}"#;
        assert!(counters.contains(&format!("fulmar_http_requests_total{labels} 1")), "{counters}");
        assert!(!counters.contains("anna"), "{counters}");
    }
}
