//! Those who sleep, in one conversation with one who writes.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use fulmar_domain::SipUri;
use fulmar_standins::web_push::{Subscription, WebPushStandin};
use fulmar_suite::{Office, PASSWORD, uri};
use fulmar_wire::{
    Secret,
    mcx::{About, Command},
};
use fulmarctl::phone::{Network, Phone};
use http::Method;
use serde_json::json;

/// As many as a person may have.
pub(super) const PHONES: usize = 8;
/// How long one message may take, with all that happens.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes to all, and goes on until each message is answered with success.
pub(super) struct Sender {
    phone: Phone,
    network: Network,
    uri: SipUri,
    port: u16,
    conversation: String,
}

impl Sender {
    pub(super) async fn say(mut self, numbers: Range<usize>) -> Self {
        for number in numbers {
            let (id, begun) = (format!("m-{number}"), Instant::now());
            while let Err(error) = self.phone.say(&self.conversation, &id, "Still there?").await {
                assert!(begun.elapsed() < PATIENCE, "{error:#}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                // The session may have ended with the clock.
                let password = Secret::from(PASSWORD);
                let phone = Phone::sign_in(&self.network, &self.uri, &password, "desk", self.port).await;
                self.phone = phone.unwrap_or(self.phone);
            }
        }
        self
    }
}

/// Everybody is there, and all but the sender sleep. The tokens and endpoints of their devices.
pub(super) async fn gather(office: &Office, web: &WebPushStandin, sleepers: usize) -> (Vec<String>, Sender) {
    let mut phone = office.sign_in("ben", "desk").await.unwrap();
    let mut conversation: Option<String> = None;
    let mut devices = Vec::with_capacity(sleepers * PHONES);
    for number in 0..sleepers {
        let name = format!("sleeper{number}");
        let person = json!({ "address": format!("{name}@office.test"), "name": name, "password": PASSWORD });
        office.admin().change(Method::POST, "/api/v1/people", &person).await.unwrap();
        let to = format!("sip:{name}@office.test");
        let mut first = office.sign_in(&name, "phone-0").await.unwrap();
        let conf_id = match conversation.clone() {
            None => {
                let invite = Command::InitiateImSession { to, about: About::default(), first: None };
                phone.perform(invite).await.unwrap().unwrap()
            }
            Some(conf_id) => {
                let invite = Command::InviteParticipant { conf_id: conf_id.clone(), to, operation_id: None };
                phone.perform(invite).await.unwrap();
                conf_id
            }
        };
        first.perform(Command::AcceptImSession { conf_id: conf_id.clone() }).await.unwrap();
        devices.push(sleep(first, web, devices.len()).await);
        for device in 1..PHONES {
            let phone = office.sign_in(&name, &format!("phone-{device}")).await.unwrap();
            devices.push(sleep(phone, web, devices.len()).await);
        }
        conversation = Some(conf_id);
    }
    let (network, port) = (office.network().unwrap(), office.https().port());
    let conversation = conversation.unwrap();
    (devices, Sender { phone, network, uri: uri("ben").unwrap(), port, conversation })
}

/// Every other device is Apple's.
async fn sleep(mut phone: Phone, web: &WebPushStandin, number: usize) -> String {
    let (registration, known_as) = if number.is_multiple_of(2) {
        let token = format!("{number:064x}");
        (Command::RegisterPush { provider: "apns".into(), token: token.as_str().into() }, token)
    } else {
        let Subscription { endpoint, p256dh, auth, .. } = web.subscribe(phone.vapid_key()).unwrap();
        let known_as = endpoint.clone();
        (Command::RegisterWebPush { endpoint: endpoint.into(), p256dh, auth: auth.into() }, known_as)
    };
    phone.perform(registration).await.unwrap();
    phone.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
    known_as
}
