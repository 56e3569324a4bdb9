//! Offers notifications to the services that devices chose.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fulmar_domain::{
    Timestamp,
    device::Subscription,
    push::{Notification, Outcome, PrivateHost},
};
use tokio::time::timeout;

use super::{
    Settings,
    encryption::{SealError, seal},
    message,
    table::{self, TABLE},
    vapid::Vapid,
};
use crate::{
    answer::Answer,
    error::SendError,
    transport::{ANSWER_TIMEOUT, Reach, Transport},
};

/// Sends notifications to any service. Changed settings take a new client.
pub struct Client {
    /// To addresses in the world alone.
    world: Transport,
    /// To services that an administrator named.
    named: Transport,
    private_hosts: BTreeSet<PrivateHost>,
    vapid: Vapid,
}

impl Client {
    /// A client that has not connected yet. Needs a tokio runtime.
    pub fn new(settings: Settings) -> Self {
        let Settings { vapid, tls, private_hosts } = settings;
        let named = Transport::to_many(tls.clone(), Reach::Anywhere);
        Self { world: Transport::to_many(tls, Reach::World), named, private_hosts, vapid }
    }

    /// Offers a notification once and tells what the service made of it. Takes at most half a minute.
    pub async fn send(&self, notification: &Notification, to: &Subscription, now: Timestamp) -> Outcome {
        let sealed = match sealed(notification, to) {
            Ok(sealed) => sealed,
            Err(SealError::NoPoint) => {
                let reason = "the public key of the subscription is no point of the curve".to_owned();
                return Outcome::Gone { reason, since: None };
            }
            Err(SealError::Ring(cause)) => return SendError::Random(cause).into_outcome(),
        };
        let offered = timeout(ANSWER_TIMEOUT, self.post(notification, to, sealed, now)).await;
        match offered.unwrap_or(Err(SendError::TimedOut(ANSWER_TIMEOUT))) {
            Ok(answer) => answer.into_outcome(&TABLE),
            Err(error) => error.into_outcome(),
        }
    }

    async fn post(
        &self,
        notification: &Notification,
        to: &Subscription,
        sealed: Vec<u8>,
        now: Timestamp,
    ) -> Result<Answer, SendError> {
        let authorization = self.vapid.authorization(&to.endpoint.origin(), now).map_err(SendError::Sign)?;
        let request = message::request(&to.endpoint, &authorization, notification, sealed, now)
            .map_err(SendError::Request)?;
        let is_named = self.private_hosts.iter().any(|host| host.is_of(&to.endpoint));
        let transport = if is_named { &self.named } else { &self.world };
        let (head, body) = transport.exchange(request).await?;
        Ok(table::read(head.status, &head.headers, &body, now))
    }
}

fn sealed(notification: &Notification, to: &Subscription) -> Result<Vec<u8>, SealError> {
    let decoded = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::NoPoint);
    let (key, auth) = (decoded(to.key.as_str())?, decoded(to.auth.reveal())?);
    seal(&key, &auth, message::text(notification).as_bytes())
}
