//! Offers notifications to WNS.

use std::sync::Arc;

use fulmar_domain::{
    DnsName, Timestamp,
    device::Endpoint,
    push::{Notification, Outcome, WnsSettings},
};
use http::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use tokio::time::timeout;

use super::{
    Settings,
    table::{self, TABLE},
    toast,
};
use crate::{
    access::{AccessTokens, Grant},
    answer::Answer,
    error::SendError,
    transport::{ANSWER_TIMEOUT, Reach, Transport},
};

/// Sends notifications to WNS with one set of settings. Changed settings take a new client.
pub struct Client {
    transport: Transport,
    tokens: AccessTokens,
    /// What asks for a token.
    form: String,
    channel_domain: DnsName,
}

impl Client {
    /// A client that has not connected yet. Needs a tokio runtime.
    pub fn new(settings: Settings) -> Self {
        let Settings { package_sid, secret, token_endpoint, channel_domain, tls } = settings;
        let pairs = [
            ("grant_type", "client_credentials"),
            ("client_id", &package_sid),
            ("client_secret", &secret),
            ("scope", "notify.windows.com"),
        ];
        Self {
            transport: Transport::to_many(tls, reach(&channel_domain)),
            tokens: AccessTokens::of(token_endpoint),
            form: form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish(),
            channel_domain,
        }
    }

    /// Offers a notification once and tells what WNS made of it. Takes at most half a minute.
    pub async fn send(&self, notification: &Notification, to: &Endpoint, now: Timestamp) -> Outcome {
        // Phones name their channels: the token of the app must not go to anybody else.
        if !is_within(to.host(), &self.channel_domain) {
            let reason = format!("the channel is not at a host of `{}`", self.channel_domain);
            return Outcome::OursToFix { reason };
        }
        let grant = Grant { transport: &self.transport, form: || Ok(self.form.clone()), now };
        let offered = self.tokens.send_with(grant, &TABLE, |token| self.post(token, notification, to, now));
        let offered = timeout(ANSWER_TIMEOUT, offered).await;
        offered.unwrap_or(Err(SendError::TimedOut(ANSWER_TIMEOUT))).unwrap_or_else(SendError::into_outcome)
    }

    async fn post(
        &self,
        token: Arc<str>,
        notification: &Notification,
        to: &Endpoint,
        now: Timestamp,
    ) -> Result<Answer, SendError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(to.reveal())
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "text/xml")
            .header("x-wns-type", "wns/toast")
            .header("x-wns-requestforstatus", "true")
            .header("x-wns-tag", toast::tag(&notification.collapse_id))
            .header("x-wns-ttl", notification.expires_at.since(now).as_secs())
            .body(Full::from(toast::document(notification)))
            .map_err(SendError::Request)?;
        let (head, _) = self.transport.exchange(request).await?;
        Ok(table::read(head.status, &head.headers, now))
    }
}

/// Microsoft's hosts are in the world; another domain was chosen by an administrator.
fn reach(channel_domain: &DnsName) -> Reach {
    match channel_domain.as_str() {
        WnsSettings::CHANNEL_DOMAIN => Reach::World,
        _ => Reach::Anywhere,
    }
}

fn is_within(host: &DnsName, domain: &DnsName) -> bool {
    host.as_str().strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_at_a_host_of_the_domain() {
        let within = |host: &str| is_within(&host.parse().unwrap(), &"notify.windows.com".parse().unwrap());
        assert!(within("db5.notify.windows.com") && within("notify.windows.com"));
        assert!(!within("evilnotify.windows.com") && !within("notify.windows.com.example"));
    }
}
