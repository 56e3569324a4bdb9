//! Hands notifications to the house that this box is paired with.
//!
//! What an administrator reads of a failure begins with the words that the original used for it, because that is what
//! they look for.

use std::time::Duration;

use bytes::Bytes;
use fulmar_domain::{
    Timestamp,
    device::Provider,
    push::{HouseAddress, Notification, Outcome, PairedHouse},
};
use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    ConfigError, HOUSE, NOTIFICATIONS,
    message::{self, HouseBody, OutcomeBody},
    tls::{self, Known},
};
use crate::{
    answer::{retry_after, word},
    error::{SendError, in_words},
    transport::Transport,
};

/// How long the house may take: longer than the service behind it may, and shorter than a claim lasts.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// There was no answer, or none that says what became of the notification.
const NO_ANSWER: &str = "504 (Server time-out)";
/// The house does not know this box.
const UNKNOWN: &str =
    "The domain of the message is not configured and does not appear to belong to a federated partner";
/// The house refused.
const REJECTED: &str = "Push Notification request was rejected";

/// Sends to one house. Another pairing takes another client.
pub struct Client {
    transport: Transport,
    address: HouseAddress,
    services: Vec<Provider>,
}

/// What the house says of a request that it does not carry out (RFC 9457).
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    detail: String,
}

impl Client {
    /// A client that has not connected yet. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`ConfigError`]; nothing that was kept by [`super::pair()`] is one.
    pub fn new(house: &PairedHouse) -> Result<Self, ConfigError> {
        let known = Known::authority(&house.authority_pem)?;
        let tls = tls::config(known, &house.certificate_pem, &house.key_pem)?;
        Ok(Self {
            transport: Transport::mutual(tls),
            address: house.address.clone(),
            services: house.services.clone(),
        })
    }

    /// Whether the house sends to this service.
    pub(crate) fn sends_to(&self, provider: Provider) -> bool {
        self.services.contains(&provider)
    }

    /// Hands a notification over once and tells what came of it. Takes at most 40 seconds.
    pub async fn send(&self, notification: &Notification, now: Timestamp) -> Outcome {
        let body = match message::write(notification) {
            Ok(body) => body,
            Err(error) => return Outcome::OursToFix { reason: error.to_string() },
        };
        match self.ask(Method::POST, NOTIFICATIONS, body).await {
            Ok((status, headers, body)) => self.read(status, &headers, &body, now),
            Err(error) => {
                let outcome = error.into_outcome();
                let reason = outcome.reason().unwrap_or_default();
                let reason = format!("{NO_ANSWER}: {}: {reason}", self.address);
                match outcome {
                    Outcome::OursToFix { .. } => Outcome::OursToFix { reason },
                    _ => Outcome::Unavailable { reason, after: None },
                }
            }
        }
    }

    /// To which services the house sends now.
    pub(super) async fn services(&self) -> Result<Vec<Provider>, String> {
        let answer = self.ask(Method::GET, HOUSE, Vec::new()).await;
        let (status, _, body) = answer.map_err(|error| in_words(&error))?;
        if status != StatusCode::OK {
            return Err(detail(status, &body));
        }
        let body: HouseBody = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        Ok(body.services())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), SendError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address.origin()))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(SendError::Request)?;
        let answer = timeout(ANSWER_TIMEOUT, self.transport.exchange(request)).await;
        let (head, body) = answer.unwrap_or(Err(SendError::TimedOut(ANSWER_TIMEOUT)))?;
        Ok((head.status, head.headers, body))
    }

    fn read(&self, status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
        let (house, after) = (&self.address, retry_after(headers, now));
        if status == StatusCode::OK {
            let outcome = serde_json::from_slice(body).ok().and_then(OutcomeBody::read);
            let lost =
                || Outcome::Retry { reason: format!("{NO_ANSWER}: {house}: the answer is not whole"), after };
            return match outcome.unwrap_or_else(lost) {
                Outcome::OursToFix { reason } => {
                    Outcome::OursToFix { reason: format!("{REJECTED}: what {house} has to mend: {reason}") }
                }
                outcome => outcome,
            };
        }
        let detail = detail(status, body);
        match status {
            StatusCode::FORBIDDEN => Outcome::OursToFix { reason: format!("{UNKNOWN}: {house}: {detail}") },
            // What it says of this one it would say of any other.
            StatusCode::TOO_MANY_REQUESTS => {
                Outcome::Unavailable { reason: format!("{house}: {detail}"), after }
            }
            status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
                Outcome::OursToFix { reason: format!("{REJECTED}: {house}: {detail}") }
            }
            _ => Outcome::Unavailable { reason: format!("{NO_ANSWER}: {house}: {detail}"), after },
        }
    }
}

/// What the house said, or its status.
pub(super) fn detail(status: StatusCode, body: &[u8]) -> String {
    let Problem { detail } = serde_json::from_slice(body).unwrap_or_default();
    let bounded: String = detail.chars().filter(|character| !character.is_control()).take(200).collect();
    if bounded.is_empty() { word(&format!("HTTP status {}", status.as_u16())) } else { bounded }
}
