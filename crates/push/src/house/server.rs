//! The house: what boxes ask of it.
//!
//! | route | |
//! |---|---|
//! | `POST /push/v1/pairing` | a box shows its ticket, and is known by its key from then on |
//! | `GET /push/v1/house` | how the box is called, and to which services the house sends |
//! | `POST /push/v1/notifications` | one notification, answered with what the service said |
//!
//! Whoever comes has shown a certificate ([`PeerKey`]); who that is, is looked up with each request, so that a box which
//! was removed is refused over connections that it has open, too.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use fulmar_domain::push::{BoxName, Notification, Outcome, Pairing, PairingTicket, Quota};
use fulmar_http::{BoundedBody, PeerKey, Problem, Surface, edge};
use fulmar_store::{Store, StoreError, TicketDigest};

use super::{
    HOUSE, NOTIFICATIONS, PAIRING,
    limits::Limits,
    message::{self, HouseBody, NotTaken, OutcomeBody, PairingBody},
};
use crate::{Clients, worker::now};

/// The longest notification; an address has a thousand bytes at most.
const MAX_NOTIFICATION: usize = 8 * 1024;

#[derive(Clone)]
struct House {
    clients: Clients,
    limits: Arc<Limits>,
}

/// The routes, for connections over which a certificate was shown.
pub fn router(clients: Clients) -> Router {
    let house = House { clients, limits: Arc::new(Limits::new(now())) };
    let routes = Router::new()
        .route(PAIRING, post(pair))
        .route(HOUSE, get(show))
        .route(NOTIFICATIONS, post(hand_over))
        .with_state(house);
    edge(routes, Surface::Boxes)
}

impl House {
    fn store(&self) -> &Store {
        self.clients.store()
    }

    async fn known(&self, PeerKey(key): PeerKey) -> Result<(BoxName, Quota), Problem> {
        let known = self.store().box_with_key(key).await.map_err(failed)?;
        known.ok_or_else(|| {
            let detail = "this box is not paired with the clearing house, or was removed from it";
            Problem::new(StatusCode::FORBIDDEN, detail)
        })
    }

    async fn about(&self, name: &BoxName) -> Result<Json<HouseBody>, Problem> {
        let clients = self.clients.current().await.map_err(failed)?;
        Ok(Json(HouseBody::new(name, &clients.for_others())))
    }

    /// Sends with the house's own settings, and writes down what came of it.
    async fn send(self, from: BoxName, notification: Notification) -> Result<Outcome, StoreError> {
        let provider = notification.registration.provider();
        let outcome = self.clients.current().await?.send_own(&notification, now()).await;
        count(provider.as_str(), outcome.as_str());
        let attempt = notification.attempts.saturating_add(1);
        let recorded = self.store().record_hand_over(from, provider, &outcome, attempt, now()).await;
        if let Err(error) = recorded {
            let error = &error as &dyn Error;
            tracing::error!(error, "What became of a notification of another box could not be recorded.");
        }
        Ok(outcome)
    }
}

async fn pair(
    State(house): State<House>,
    Extension(PeerKey(key)): Extension<PeerKey>,
    BoundedBody(body): BoundedBody,
) -> Result<Response, Problem> {
    if let Err(wait) = house.limits.take_ticket(now()) {
        return Ok(too_many("too many codes were tried: try again later", wait));
    }
    let body: PairingBody = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("that is no ticket: {error}")))?;
    let ticket: PairingTicket = body
        .ticket
        .parse()
        .map_err(|error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{error}")))?;
    let digest = TicketDigest::of(ticket.reveal().as_bytes());
    let paired = house.store().pair_box(ticket.number().to_owned(), digest, key, now()).await;
    let (status, detail) = match paired.map_err(failed)? {
        Pairing::Paired(name) => {
            tracing::info!(box_name = %name, "A box was paired.");
            return Ok((StatusCode::CREATED, house.about(&name).await?).into_response());
        }
        Pairing::Wrong => (StatusCode::FORBIDDEN, "the code is not one that was given out here"),
        Pairing::Used => (StatusCode::CONFLICT, "the code was used already: a code is good once"),
        Pairing::Late => (StatusCode::GONE, "the code is too old: it was good for 15 minutes"),
        Pairing::Ended => (StatusCode::GONE, "the code was tried wrongly too often, and is good no more"),
    };
    tracing::warn!(detail, "A box was not paired.");
    Err(Problem::new(status, detail))
}

async fn show(
    State(house): State<House>,
    Extension(key): Extension<PeerKey>,
) -> Result<Json<HouseBody>, Problem> {
    let (name, _) = house.known(key).await?;
    house.store().heard_of_box(name.clone(), now()).await.map_err(failed)?;
    house.about(&name).await
}

async fn hand_over(
    State(house): State<House>,
    Extension(key): Extension<PeerKey>,
    BoundedBody(body): BoundedBody,
) -> Result<Response, Problem> {
    let (name, quota) = house.known(key).await?;
    if body.len() > MAX_NOTIFICATION {
        let detail = format!("a notification has at most {MAX_NOTIFICATION} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let notification = message::read(&body, &name, now()).map_err(|error| match error {
        error @ NotTaken::Form(_) => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        error @ NotTaken::Value(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    })?;
    if let Err(wait) = house.limits.take(house.store(), &name, quota, now()).await.map_err(failed)? {
        count(notification.registration.provider().as_str(), "throttled");
        house.store().count_throttled(name, now()).await.map_err(failed)?;
        let Quota { per_minute, per_day } = quota;
        let detail = format!("more than the quota of this box: {per_minute} a minute, {per_day} a day");
        return Ok(too_many(&detail, wait));
    }
    // A box that goes meanwhile takes nothing along: what was sent is written down.
    let sent = tokio::spawn(house.send(name, notification)).await.map_err(|_| Problem::internal())?;
    Ok(Json(OutcomeBody::new(&sent.map_err(failed)?)).into_response())
}

/// RFC 6585 §4; whole seconds, and not a second too early.
fn too_many(detail: &str, wait: Duration) -> Response {
    let seconds = wait.as_secs_f64().ceil();
    let retry_after =
        HeaderValue::from_str(&format!("{seconds:.0}")).unwrap_or(HeaderValue::from_static("60"));
    ([(header::RETRY_AFTER, retry_after)], Problem::new(StatusCode::TOO_MANY_REQUESTS, detail))
        .into_response()
}

fn count(provider: &'static str, outcome: &'static str) {
    metrics::counter!("fulmar_push_house_requests_total", "provider" => provider, "outcome" => outcome)
        .increment(1);
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn failed(error: StoreError) -> Problem {
    tracing::error!(error = &error as &dyn Error, "A request of another box failed.");
    Problem::internal()
}
