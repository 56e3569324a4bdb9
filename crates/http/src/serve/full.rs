//! What a client is told for whom there is no place.
//!
//! A connection that is not accepted looks like a box that is switched off. So it is accepted, and its requests are
//! answered with a 503, for some at a time and a few seconds each. Beyond that there is no answer but the end of the
//! connection: a handshake costs more than the box has left then.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::Problem;

/// The most connections at a time that are told that there is no place.
const TOLD_AT_A_TIME: usize = 64;
/// How long telling one of them may take, its handshake included.
pub(super) const TELLING: Duration = Duration::from_secs(5);
/// When they are asked to come again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("30");
/// How often the log says so.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Full(Arc<Shared>);

struct Shared {
    telling: Arc<Semaphore>,
    logged: Mutex<Option<Instant>>,
}

impl Full {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared { telling: Arc::new(Semaphore::new(TOLD_AT_A_TIME)), logged: Mutex::default() }))
    }

    /// Notes that there was no place for a connection. It may be told so while it keeps what this returns.
    pub(super) fn turn_away(&self) -> Option<OwnedSemaphorePermit> {
        let telling = Arc::clone(&self.0.telling).try_acquire_owned().ok();
        let how = if telling.is_some() { "told" } else { "closed" };
        metrics::counter!("fulmar_http_connections_refused_total", "how" => how).increment(1);
        let mut logged = self.0.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|before| before.elapsed() >= LOGGED_EVERY) {
            *logged = Some(Instant::now());
            tracing::warn!("The box is full: connections are refused. `phones.connections` is the limit.");
        }
        telling
    }
}

/// Every request is refused, and is the last of its connection.
pub(super) fn router() -> Router {
    Router::new().fallback(refuse)
}

async fn refuse() -> Response {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the box is full: try again later");
    let headers =
        [(header::RETRY_AFTER, RETRY_AFTER), (header::CONNECTION, HeaderValue::from_static("close"))];
    (headers, problem).into_response()
}
