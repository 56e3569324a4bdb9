//! What surrounds every surface: the request log, counters, an answer to panics, and headers for browsers.

use std::{any::Any, panic::AssertUnwindSafe, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use crate::{PeerAddr, Problem};

/// Which surface a router is, in log and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Autodiscover, tickets and mobility.
    Phones,
    /// Pages and state for administrators.
    Console,
    /// The local socket of administrators.
    Admin,
}

impl Surface {
    fn as_str(self) -> &'static str {
        match self {
            Self::Phones => "phones",
            Self::Console => "console",
            Self::Admin => "admin",
        }
    }
}

/// Puts a router behind the edge. Unknown paths and wrong methods are problems too.
pub fn edge(router: Router, surface: Surface) -> Router {
    router
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method")
        })
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
