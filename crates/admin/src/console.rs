//! The console listener: pages behind a sign-in, and what machines look at.

mod guard;
mod pages;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use fulmar_app::App;
use fulmar_http::{Surface, edge};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

const STYLE: &str = include_str!("../../../web-ui/console/console.css");

/// What the handlers of the console have at hand.
#[derive(Clone)]
pub struct Console {
    /// The use cases.
    pub app: App,
    /// The generation of the office that DNS serves.
    pub published: watch::Receiver<u64>,
    /// The counters of the process.
    pub metrics: PrometheusHandle,
}

/// The pages, `/livez`, `/readyz` and `/metrics`.
pub fn console_router(console: Console) -> Router {
    let routes = Router::new()
        .route("/", get(pages::home))
        .route("/sign-in", post(pages::sign_in))
        .route("/sign-out", post(pages::sign_out))
        .route("/lockouts/forget", post(pages::forget))
        .route("/console.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], STYLE) }))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .layer(middleware::from_fn(guard::same_origin))
        .with_state(console);
    edge(routes, Surface::Console)
}

/// Ready: the store commits, and DNS serves the office as it is.
async fn ready(State(console): State<Console>) -> Response {
    match check(&console).await {
        Ok(()) => "ok\n".into_response(),
        Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")).into_response(),
    }
}

async fn check(console: &Console) -> Result<(), &'static str> {
    let store = console.app.store();
    store.check().await.map_err(|_| "the store does not commit")?;
    let office = store.office().await.map_err(|_| "the store can not be read")?;
    let generation = office.map_or(0, |(_, generation)| generation.0);
    if *console.published.borrow() < generation { Err("DNS serves an older office") } else { Ok(()) }
}

async fn metrics(State(console): State<Console>) -> impl IntoResponse {
    let format = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], console.metrics.render())
}
