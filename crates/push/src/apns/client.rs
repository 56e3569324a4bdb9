//! The connection to Apple: one, shared by all requests, HTTP/2 only.
//!
//! hyper's pool opens a connection with the first request and another one when it has ended, whether by
//! GOAWAY, by an error or because pings stay unanswered. How many requests are in flight on it, the service
//! decides; further ones wait for their turn.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fulmar_domain::{
    Timestamp,
    push::{Notification, Outcome},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::timeout;

use super::{Settings, error::SendError, jwt::ProviderTokens, notification, reason::Answer};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a push may take from the call to the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often an idle connection is asked whether it lives, which also keeps a firewall from forgetting it.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// How long the answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read; Apple's have less than 100 bytes.
const MAX_ANSWER: usize = 4096;

/// Sends notifications to Apple with one set of settings. Changed settings take a new client.
pub struct Client {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
    topic: String,
    tokens: Option<ProviderTokens>,
    random: SystemRandom,
}

impl Client {
    /// A client that has not connected yet. Needs a tokio runtime.
    pub fn new(settings: Settings) -> Self {
        let Settings { endpoint, topic, tls, signer } = settings;
        let tokens = signer.map(ProviderTokens::new);
        Self { http: http_client(tls), endpoint, topic, tokens, random: SystemRandom::new() }
    }

    /// Offers a notification once and tells what Apple made of it. Takes at most half a minute.
    pub async fn send(&self, notification: &Notification, now: Timestamp) -> Outcome {
        let offered = timeout(ANSWER_TIMEOUT, self.offer(notification, now)).await;
        match offered.unwrap_or(Err(SendError::TimedOut(ANSWER_TIMEOUT))) {
            Ok(answer) => answer.into_outcome(),
            Err(error) => error.into_outcome(),
        }
    }

    async fn offer(&self, notification: &Notification, now: Timestamp) -> Result<Answer, SendError> {
        let Some(tokens) = &self.tokens else { return self.post(notification, None).await };
        let token = tokens.current(now).map_err(SendError::Sign)?;
        let answer = self.post(notification, Some(&token)).await?;
        if !answer.is_expired_provider_token() {
            return Ok(answer);
        }
        match tokens.replace(&token, now).map_err(SendError::Sign)? {
            Some(other) => self.post(notification, Some(&other)).await,
            None => Ok(answer),
        }
    }

    async fn post(&self, notification: &Notification, token: Option<&Arc<str>>) -> Result<Answer, SendError> {
        let apns_id = self.uuid()?;
        let token = token.map(AsRef::as_ref);
        let request = notification::request(notification, &self.endpoint, &self.topic, &apns_id, token)?;
        let response = self.http.request(request).await.map_err(SendError::Exchange)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(SendError::Body)?;
        Ok(Answer::read(status, &body.to_bytes()))
    }

    /// A random UUID (RFC 9562 §5.4).
    fn uuid(&self) -> Result<String, SendError> {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes).map_err(SendError::Random)?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = format!("{:032x}", u128::from_be_bytes(bytes));
        let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        Ok(groups.join("-"))
    }
}

fn http_client(tls: rustls::ClientConfig) -> legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http2().wrap_connector(tcp);
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(None)
        .http2_only(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build(connector)
}
