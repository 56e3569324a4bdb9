//! A push service (RFC 8030) with the devices that subscribed at it.
//!
//! What is checked is what RFC 8030, RFC 8188, RFC 8291 and RFC 8292 demand, and what UnifiedPush does: a body of at most
//! 4,096 bytes, a key that says who pushes where the subscription is for one. The devices read what they are sent.

mod device;
mod vapid;

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

pub use crate::https::{Behaviour, Received};
use crate::{
    files::Files,
    https::{Desk, Reply, Server},
};
use device::Device;

const MAX_BODY: usize = 4096;
/// The file of the device that is kept.
const DEVICE: &str = "device.key";

/// A running stand-in. It ends when this is dropped.
pub struct WebPushStandin(Server<Service>);

/// What a device hands to those who are to push to it.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The push resource.
    pub endpoint: String,
    /// The device's public key, base64url.
    pub p256dh: String,
    /// What it shares, base64url.
    pub auth: String,
    /// What it keeps for itself, base64url; here for readers that others wrote.
    pub private_key: String,
}

/// A message as its device read it. A later one of the same topic takes the place of an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The push resource.
    pub endpoint: String,
    /// What makes two messages one.
    pub topic: Option<String>,
    /// The text.
    pub text: String,
}

impl WebPushStandin {
    /// Listens, and serves until the handle is dropped.
    pub async fn start() -> Result<Self> {
        Ok(Self(Server::start(Service::new).await?))
    }

    /// Listens there, with the authority and the one device that are kept in a directory; both are made if they are
    /// missing. Anybody may push to the device: what it takes for that is written down, as browsers do.
    pub async fn start_in(dir: &Path, listen: SocketAddr) -> Result<Self> {
        let files = Files::open(dir)?;
        let authority = files.authority("Web Push stand-in", "web-push-ca.pem", "web-push-ca-key.pem")?;
        let standin = Self(Server::start_as(authority, listen, Service::new).await?);
        let device = match files.read(DEVICE)? {
            Some(kept) => Device::read_back(&kept)?,
            None => Device::make(None)?,
        };
        files.write(DEVICE, &device.to_text())?;
        let Subscription { endpoint, p256dh, auth, .. } = standin.add(device);
        let subscription = json!({ "endpoint": endpoint, "keys": { "p256dh": p256dh, "auth": auth } });
        files.write("subscription.json", &format!("{subscription:#}\n"))?;
        Ok(standin)
    }

    /// The authority that vouches for it.
    pub fn ca_pem(&self) -> &str {
        self.0.ca_pem()
    }

    /// Subscribes a device for pushes of whoever has this key, or of anybody.
    pub fn subscribe(&self, vapid_key: Option<&str>) -> Result<Subscription> {
        Ok(self.add(Device::make(vapid_key)?))
    }

    fn add(&self, device: Device) -> Subscription {
        let mut state = self.0.shared.desk.state();
        let path = format!("/push/{}", state.devices.len() + 1);
        let endpoint = format!("{}{path}", self.0.origin());
        let subscription = Subscription {
            endpoint,
            p256dh: device.public_key(),
            auth: device.auth_secret(),
            private_key: device.private_key(),
        };
        state.devices.insert(path, device);
        subscription
    }

    /// Says what to do with the next requests, in the order of their arrival; those after them are judged.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.0.script(behaviours);
    }

    /// Says what to do with each request that no script covers, by the path of its push resource.
    pub fn decide(&self, decide: impl FnMut(&str) -> Behaviour + Send + 'static) {
        self.0.decide(decide);
    }

    /// Shows another certificate of the same authority from now on, and cuts all connections.
    pub fn swap_certificate(&self) -> Result<()> {
        self.0.swap_certificate()
    }

    /// How many requests have come, and how many messages the devices show now.
    pub fn counts(&self) -> (usize, usize) {
        (self.0.count(), self.0.shared.desk.state().shown.len())
    }

    /// Every request so far, refused ones too.
    pub fn received(&self) -> Vec<Received> {
        self.0.received()
    }

    /// What the devices show now.
    pub fn shown(&self) -> Vec<Shown> {
        self.0.shared.desk.state().shown.clone()
    }

    /// The request at this position, counted from 0, as soon as it is there. Waits without a bound; nothing when the
    /// stand-in has ended.
    pub async fn next_received(&self, position: usize) -> Option<Received> {
        self.0.next(position).await
    }

    /// Waits, at most ten seconds, until this many requests have come.
    pub async fn wait_for_received(&self, count: usize) -> Result<Vec<Received>> {
        self.0.wait(&format!("{count} requests"), |received| received.len() >= count).await?;
        Ok(self.received())
    }

    /// Waits, at most ten seconds, until the devices show this many messages.
    pub async fn wait_for_shown(&self, count: usize) -> Result<Vec<Shown>> {
        self.0.wait(&format!("{count} messages"), |_| self.shown().len() >= count).await?;
        Ok(self.shown())
    }
}

struct Service {
    origin: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By the path of their push resources.
    devices: HashMap<String, Device>,
    shown: Vec<Shown>,
    /// Where among them a device shows what has this topic.
    places: HashMap<(String, String), usize>,
}

impl State {
    fn show(&mut self, new: Shown) {
        let end = self.shown.len();
        let place = match &new.topic {
            Some(topic) => *self.places.entry((new.endpoint.clone(), topic.clone())).or_insert(end),
            None => end,
        };
        match self.shown.get_mut(place) {
            Some(old) => *old = new,
            None => self.shown.push(new),
        }
    }
}

/// A refusal: status and sentence.
type Refusal = (StatusCode, &'static str);

impl Service {
    fn new(port: u16) -> Self {
        Self { origin: format!("https://localhost:{port}"), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, request: &Received) -> Result<Shown, Refusal> {
        let state = self.state();
        let path = request.uri.path();
        let device = state.devices.get(path).ok_or((StatusCode::NOT_FOUND, "no such subscription"))?;
        if request.method != Method::POST {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "only POST"));
        }
        let topic = check_fields(&request.headers)?;
        vapid::check(&request.headers, device.vapid_key(), &self.origin)?;
        if request.body.is_empty() || request.body.len() > MAX_BODY {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "1 to 4096 bytes"));
        }
        let text =
            device.read(&request.body).ok_or((StatusCode::BAD_REQUEST, "the device can not read it"))?;
        Ok(Shown { endpoint: format!("{}{path}", self.origin), topic, text })
    }
}

impl Desk for Service {
    fn judge(&self, request: &Received) -> Reply {
        match self.take(request) {
            Ok(new) => {
                let location = format!("{}/message/1", self.origin);
                self.state().show(new);
                Reply(StatusCode::CREATED, vec![("location", location)], String::new())
            }
            Err((status, problem)) => Reply::says(status, problem),
        }
    }
}

/// RFC 8030 §5.2 to §5.4, RFC 8188 §2; the topic.
fn check_fields(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if field("content-encoding") != Some("aes128gcm") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content coding is not aes128gcm"));
    }
    if field("ttl").is_none_or(|ttl| ttl.parse::<u32>().is_err()) {
        return Err((StatusCode::BAD_REQUEST, "there is no TTL"));
    }
    if field("urgency").is_some_and(|urgency| !["very-low", "low", "normal", "high"].contains(&urgency)) {
        return Err((StatusCode::BAD_REQUEST, "there is no such urgency"));
    }
    let is_topic = |topic: &str| {
        (1..=32).contains(&topic.len())
            && topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match field("topic") {
        Some(topic) if !is_topic(topic) => Err((StatusCode::BAD_REQUEST, "the topic is none")),
        topic => Ok(topic.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] =
        [("content-encoding", "aes128gcm"), ("ttl", "60"), ("urgency", "high"), ("topic", "message-1")];

    /// The good fields with one changed; an empty value takes it away.
    fn changed(name: &str, value: &str) -> HeaderMap {
        let mut fields: HeaderMap =
            GOOD.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        fields.remove(name);
        if !value.is_empty() {
            fields.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        fields
    }

    #[test]
    fn every_wrong_field_is_refused() {
        assert_eq!(check_fields(&changed("topic", "message-1")), Ok(Some("message-1".to_owned())));
        assert_eq!(check_fields(&changed("topic", "")), Ok(None));
        assert!(check_fields(&changed("urgency", "")).is_ok());
        for (name, value, status) in [
            ("content-encoding", "aesgcm", 415),
            ("content-encoding", "", 415),
            ("ttl", "", 400),
            ("ttl", "soon", 400),
            ("urgency", "now", 400),
            ("topic", "a.b", 400),
            ("topic", &"x".repeat(33), 400),
        ] {
            let refused = check_fields(&changed(name, value)).map_err(|(status, _)| status.as_u16());
            assert_eq!(refused, Err(status), "{name}: {value}");
        }
    }

    #[test]
    fn who_pushes_has_to_be_said_where_the_subscription_is_for_one() {
        let nobody = HeaderMap::new();
        assert_eq!(vapid::check(&nobody, None, "https://localhost"), Ok(()));
        let status =
            |headers: &HeaderMap| vapid::check(headers, Some("k"), "https://localhost").map_err(|r| r.0);
        assert_eq!(status(&nobody), Err(StatusCode::UNAUTHORIZED));
        let with =
            |value: &str| [(http::header::AUTHORIZATION, value.parse().unwrap())].into_iter().collect();
        assert_eq!(status(&with("Basic eDp5")), Err(StatusCode::UNAUTHORIZED));
        assert_eq!(status(&with("vapid t=a.b.c,k=d")), Err(StatusCode::FORBIDDEN));
    }
}
