//! Offers notifications to Firebase.

use std::sync::Arc;

use fulmar_domain::{
    Timestamp,
    device::FcmToken,
    push::{Notification, Outcome},
};
use http::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use serde_json::json;
use tokio::time::timeout;

use super::{
    Settings,
    message::body,
    settings::ServiceAccount,
    table::{self, TABLE},
};
use crate::{
    access::{AccessTokens, Grant},
    answer::Answer,
    error::SendError,
    transport::{ANSWER_TIMEOUT, Reach, Transport},
};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// RFC 7523 §2.1
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The life of what asks for a token, in seconds: as long as it may be.
const LIFETIME: i64 = 3600;

/// Sends notifications to Firebase with one set of settings. Changed settings take a new client.
pub struct Client {
    transport: Transport,
    send: String,
    account: ServiceAccount,
    tokens: AccessTokens,
}

impl Client {
    /// A client that has not connected yet. Needs a tokio runtime.
    pub fn new(settings: Settings) -> Self {
        let Settings { send, account, tls } = settings;
        let tokens = AccessTokens::of(account.token_endpoint.clone());
        Self { transport: Transport::to_many(tls, Reach::Anywhere), send, account, tokens }
    }

    /// Offers a notification once and tells what Firebase made of it. Takes at most half a minute.
    pub async fn send(&self, notification: &Notification, to: &FcmToken, now: Timestamp) -> Outcome {
        let body = body(notification, to, now).to_string();
        let grant = Grant { transport: &self.transport, form: || self.account.form(now), now };
        let offered = self.tokens.send_with(grant, &TABLE, |token| self.post(token, body.clone(), now));
        let offered = timeout(ANSWER_TIMEOUT, offered).await;
        offered.unwrap_or(Err(SendError::TimedOut(ANSWER_TIMEOUT))).unwrap_or_else(SendError::into_outcome)
    }

    async fn post(&self, token: Arc<str>, body: String, now: Timestamp) -> Result<Answer, SendError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.send)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))
            .map_err(SendError::Request)?;
        let (head, body) = self.transport.exchange(request).await?;
        Ok(table::read(head.status, &head.headers, &body, now))
    }
}

impl ServiceAccount {
    fn form(&self, now: Timestamp) -> Result<String, SendError> {
        let issued = now.as_millis().div_euclid(1000);
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_endpoint,
            "iat": issued,
            "exp": issued + LIFETIME,
        });
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let assertion = self.key.token(&header, &claims).map_err(SendError::Sign)?;
        let pairs = [("grant_type", GRANT), ("assertion", &assertion)];
        Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    }
}
