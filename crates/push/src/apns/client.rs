//! Offers notifications to Apple: one connection, shared by all requests, HTTP/2 only.

use std::sync::Arc;

use fulmar_domain::{
    Timestamp,
    device::DeviceToken,
    push::{Notification, Outcome},
};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::time::timeout;

use super::{
    Settings, notification,
    table::{self, TABLE},
    tokens::ProviderTokens,
};
use crate::{
    answer::{Answer, Verdict},
    error::SendError,
    transport::{ANSWER_TIMEOUT, Transport},
};

/// Sends notifications to Apple with one set of settings. Changed settings take a new client.
pub struct Client {
    transport: Transport,
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
        Self { transport: Transport::kept(tls), endpoint, topic, tokens, random: SystemRandom::new() }
    }

    /// Offers a notification once and tells what Apple made of it. Takes at most half a minute.
    pub async fn send(&self, notification: &Notification, device: &DeviceToken, now: Timestamp) -> Outcome {
        let offered = timeout(ANSWER_TIMEOUT, self.offer(notification, device, now)).await;
        match offered.unwrap_or(Err(SendError::TimedOut(ANSWER_TIMEOUT))) {
            Ok(answer) => answer.into_outcome(&TABLE),
            Err(error) => error.into_outcome(),
        }
    }

    async fn offer(
        &self,
        notification: &Notification,
        device: &DeviceToken,
        now: Timestamp,
    ) -> Result<Answer, SendError> {
        let Some(tokens) = &self.tokens else { return self.post(notification, device, None).await };
        let token = tokens.current(now).map_err(SendError::Sign)?;
        let answer = self.post(notification, device, Some(&token)).await?;
        if answer.verdict(&TABLE) != Verdict::AnotherWay {
            return Ok(answer);
        }
        match tokens.replace(&token, now).map_err(SendError::Sign)? {
            Some(other) => self.post(notification, device, Some(&other)).await,
            None => Ok(answer),
        }
    }

    async fn post(
        &self,
        notification: &Notification,
        device: &DeviceToken,
        token: Option<&Arc<str>>,
    ) -> Result<Answer, SendError> {
        let apns_id = self.uuid()?;
        let token = token.map(AsRef::as_ref);
        let request =
            notification::request(notification, device, &self.endpoint, &self.topic, &apns_id, token)?;
        let (head, body) = self.transport.exchange(request).await?;
        Ok(table::read(head.status, &body))
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
