//! A box and its clearing house, over real TLS, with the stand-in for Apple behind the house.

#![expect(clippy::unwrap_used, reason = "what fails while a test is set up ends the test")]

use std::{
    collections::BTreeSet,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::Router;
use fulmar_domain::{
    PushId, Timestamp,
    device::{Provider, PushRegistration},
    push::{
        ApnsAuth, ApnsSettings, HouseAddress, Notification, Outcome, PairedHouse, PairingCode, Quota, Subject,
    },
};
use fulmar_http::{
    Mutual,
    authority::{Authority, Leaf},
    serve::{self, Places, Stop},
    tls::LiveCertificate,
    trust::Trust,
};
use fulmar_push::{
    Clients,
    house::{self, Client, PairError},
};
use fulmar_standins::apns::{ApnsStandin, Behaviour, Config, Credential, ProviderKey, Refusal};
use fulmar_store::{Store, TicketDigest};
use http::StatusCode;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

const DEVICE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const UNKNOWN: &str =
    "The domain of the message is not configured and does not appear to belong to a federated partner";

fn now() -> Timestamp {
    Timestamp::from_millis(0) + SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn notification() -> Notification {
    Notification {
        id: PushId(1),
        registration: PushRegistration::Apns(DEVICE.parse().unwrap()),
        subject: Subject::Message { from: "Anna".into(), preview: None },
        badge: 3,
        collapse_id: "message-17".into(),
        expires_at: now() + Duration::from_secs(3600),
        attempts: 0,
    }
}

/// A box with a key for Apple, at which others are paired.
struct House {
    store: Store,
    apns: ApnsStandin,
    address: HouseAddress,
    authority: Authority,
    live: LiveCertificate,
    stop: CancellationToken,
    served: JoinHandle<()>,
    _dir: TempDir,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let key = ProviderKey::make("TEAM000001", "KEY0000001").unwrap();
        let key_pem = key.pem().to_owned();
        let config = Config::new(Credential::Token(key)).unwrap();
        let topic = config.topic.clone();
        let apns = ApnsStandin::start(config).await.unwrap();
        let auth = ApnsAuth::Token { team_id: "TEAM000001".into(), key_id: "KEY0000001".into(), key_pem };
        let trust_anchors_pem = Some(apns.ca_pem().to_owned());
        let settings = ApnsSettings { endpoint: apns.endpoint(), topic, auth, trust_anchors_pem };
        store.set_apns_settings(settings, now()).await.unwrap();
        let authority = Authority::open_or_create(dir.path(), SystemTime::now()).unwrap();
        let live = LiveCertificate::new(&leaf(&authority, "one.test")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string().parse().unwrap();
        let boxes = house::router(Clients::new(store.clone()));
        let mutual = Mutual::new(house::PROTOCOL, &live, boxes).unwrap();
        let stop = CancellationToken::new();
        let end = Stop { signal: stop.clone(), drain: Duration::ZERO };
        let config = live.server_config().unwrap();
        let serve = serve::tls(listener, config, Router::new(), Some(mutual), end, Places::new(64));
        let served = tokio::spawn(serve);
        Self { store, apns, address, authority, live, stop, served, _dir: dir }
    }

    async fn invite(&self, name: &str, random: &[u8; 10], lives: Duration) -> PairingCode {
        let trust = Trust::new(self.authority.certificate_pem(), self.live.clone()).unwrap();
        let code = PairingCode::new(&trust.digest(), *random);
        let (ticket, name) = (code.ticket(), name.parse().unwrap());
        let digest = TicketDigest::of(ticket.reveal().as_bytes());
        let number = ticket.number().to_owned();
        assert!(self.store.invite_box(name, number, digest, now() + lives).await.unwrap());
        code
    }

    async fn pair(&self, code: &PairingCode) -> Result<PairedHouse, PairError> {
        house::pair(self.address.clone(), code).await
    }

    async fn paired(&self) -> (PairedHouse, Client) {
        let code = self.invite("oslo", b"0123456789", Duration::from_secs(900)).await;
        let paired = self.pair(&code).await.unwrap();
        let client = Client::new(&paired).unwrap();
        (paired, client)
    }
}

fn leaf(authority: &Authority, name: &str) -> Leaf {
    authority.current_or_issue(&BTreeSet::from([name.to_owned()]), SystemTime::now()).unwrap()
}

fn said(outcome: &Outcome) -> &str {
    outcome.reason().unwrap_or_default()
}

#[tokio::test]
async fn what_a_box_hands_over_is_sent_and_written_down() {
    let house = House::new().await;
    let (paired, client) = house.paired().await;
    assert_eq!((paired.name.as_str(), &*paired.services), ("oslo", &[Provider::Apns][..]));
    assert_eq!(client.send(&notification(), now()).await, Outcome::Accepted);
    assert_eq!(client.send(&notification(), now()).await, Outcome::Accepted);
    let shown = house.apns.shown();
    assert_eq!(shown.len(), 1, "both are one alert");
    let ledger = house.store.house_ledger(None, 9).await.unwrap();
    assert_eq!(ledger.len(), 2);
    let row = (ledger[0].from.as_str(), ledger[0].provider, ledger[0].outcome.as_str(), ledger[0].attempt);
    assert_eq!(row, ("oslo", Provider::Apns, "accepted", 1));
}

#[tokio::test]
async fn hundreds_at_a_time_share_a_connection() {
    let house = House::new().await;
    let (_, client) = house.paired().await;
    let client = Arc::new(client);
    let sending = (0..300).map(|number| {
        let client = Arc::clone(&client);
        let notification = Notification { collapse_id: format!("message-{number}"), ..notification() };
        tokio::spawn(async move { client.send(&notification, now()).await })
    });
    for sent in sending.collect::<Vec<_>>() {
        assert_eq!(sent.await.unwrap(), Outcome::Accepted);
    }
    assert_eq!(house.apns.shown().len(), 300);
}

#[tokio::test]
async fn what_the_service_says_comes_back() {
    let house = House::new().await;
    let (_, client) = house.paired().await;
    let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
    let unregistered =
        Refusal { timestamp: Some(1_700_000_000_000), ..Refusal::new(StatusCode::GONE, "Unregistered") };
    house.apns.script([
        Behaviour::Refuse(unregistered),
        Behaviour::Refuse(Refusal::new(StatusCode::BAD_REQUEST, "BadTopic")),
        Behaviour::Refuse(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests")),
    ]);
    let gone = Outcome::Gone { reason: "Unregistered".into(), since: Some(at(1_700_000_000)) };
    assert_eq!(client.send(&notification(), now()).await, gone);
    let ours = client.send(&notification(), now()).await;
    assert!(matches!(ours, Outcome::OursToFix { .. }));
    assert!(said(&ours).starts_with("Push Notification request was rejected: what 127.0.0.1:"), "{ours:?}");
    assert!(said(&ours).ends_with("has to mend: BadTopic"), "{ours:?}");
    let retry = Outcome::Retry { reason: "TooManyRequests".into(), after: None };
    assert_eq!(client.send(&notification(), now()).await, retry);
    let ledger = house.store.house_ledger(None, 9).await.unwrap();
    let words: Vec<_> = ledger.iter().map(|row| (row.outcome.as_str(), row.reason.as_str())).collect();
    assert_eq!(words, [("retry", "TooManyRequests"), ("ours_to_fix", "BadTopic"), ("gone", "Unregistered")]);
}

#[tokio::test]
async fn beyond_its_quota_a_box_is_told_when_to_come_again() {
    let house = House::new().await;
    let (paired, client) = house.paired().await;
    let number = |number| NonZeroU32::new(number).unwrap();
    let quota = Quota { per_minute: number(6), per_day: number(2) };
    house.store.set_box_quota(paired.name.clone(), quota).await.unwrap();
    for _ in 0..2 {
        assert_eq!(client.send(&notification(), now()).await, Outcome::Accepted);
    }
    let throttled = client.send(&notification(), now()).await;
    let Outcome::Unavailable { after: Some(after), .. } = &throttled else { panic!("{throttled:?}") };
    assert!(said(&throttled).contains("the quota of this box: 6 a minute, 2 a day"), "{throttled:?}");
    assert!(*after > Duration::from_secs(3600) && *after <= Duration::from_secs(43_200), "{after:?}");
    let (boxes, _) = house.store.house_boxes(now()).await.unwrap();
    assert_eq!((boxes[0].today.accepted, boxes[0].today.throttled), (2, 1));
    assert_eq!(house.apns.received().len(), 2);
}

#[tokio::test]
async fn a_box_that_was_removed_is_refused_over_its_open_connection() {
    let house = House::new().await;
    let (paired, client) = house.paired().await;
    assert_eq!(client.send(&notification(), now()).await, Outcome::Accepted);
    house.store.remove_box(paired.name).await.unwrap();
    let refused = client.send(&notification(), now()).await;
    assert!(
        matches!(refused, Outcome::OursToFix { .. }) && said(&refused).starts_with(UNKNOWN),
        "{refused:?}"
    );
    assert_eq!(house.apns.received().len(), 1);
}

#[tokio::test]
async fn a_house_that_is_silent_is_a_server_time_out() {
    let house = House::new().await;
    let (_, client) = house.paired().await;
    house.stop.cancel();
    house.served.await.unwrap();
    let silent = client.send(&notification(), now()).await;
    assert!(matches!(silent, Outcome::Unavailable { .. }), "{silent:?}");
    assert!(said(&silent).starts_with("504 (Server time-out): 127.0.0.1:"), "{silent:?}");
}

#[tokio::test]
async fn another_certificate_of_the_house_does_not_end_the_pairing() {
    let house = House::new().await;
    let (paired, before) = house.paired().await;
    house.live.show(&leaf(&house.authority, "two.test"), None).unwrap();
    assert_eq!(before.send(&notification(), now()).await, Outcome::Accepted);
    let after = Client::new(&paired).unwrap();
    assert_eq!(after.send(&notification(), now()).await, Outcome::Accepted);
}

#[tokio::test]
async fn another_house_at_the_same_place_is_not_believed() {
    let (house, another) = (House::new().await, House::new().await);
    let (paired, _) = house.paired().await;
    let moved = Client::new(&PairedHouse { address: another.address.clone(), ..paired }).unwrap();
    let refused = moved.send(&notification(), now()).await;
    assert!(said(&refused).contains("invalid peer certificate"), "{refused:?}");
    assert!(matches!(refused, Outcome::OursToFix { .. }), "{refused:?}");
    let code = house.invite("bergen", b"abcdefghij", Duration::from_secs(900)).await;
    let refused = house::pair(another.address.clone(), &code).await.unwrap_err();
    assert!(matches!(refused, PairError::Another(_)), "{refused:?}");
    assert_eq!(another.store.house_boxes(now()).await.unwrap().0, []);
}

#[tokio::test]
async fn a_code_that_is_no_good_is_refused_with_the_reason() {
    let house = House::new().await;
    let told = async |code: &PairingCode| house.pair(code).await.unwrap_err().to_string();
    let code = house.invite("oslo", b"0123456789", Duration::from_secs(900)).await;
    house.pair(&code).await.unwrap();
    assert!(told(&code).await.contains("was used already"));
    let late = house.invite("bergen", b"abcdefghij", Duration::ZERO).await;
    assert!(told(&late).await.contains("is too old"));
    house.invite("turku", b"klmnopqrst", Duration::from_secs(900)).await;
    let trust = Trust::new(house.authority.certificate_pem(), house.live.clone()).unwrap();
    let wrong = PairingCode::new(&trust.digest(), *b"klmnoXXXXX");
    for _ in 0..4 {
        assert!(told(&wrong).await.contains("is not one that was given out here"));
    }
    assert!(told(&wrong).await.contains("tried wrongly too often"));
    let right = PairingCode::new(&trust.digest(), *b"klmnopqrst");
    assert!(told(&right).await.contains("tried wrongly too often"));
}

#[tokio::test]
async fn codes_can_not_be_tried_without_end() {
    let house = House::new().await;
    let trust = Trust::new(house.authority.certificate_pem(), house.live.clone()).unwrap();
    let mut refused = 0;
    for guess in 0..100 {
        let told = house.pair(&PairingCode::new(&trust.digest(), [guess; 10])).await.unwrap_err().to_string();
        if told.contains("too many codes were tried") {
            break;
        }
        assert!(told.contains("is not one that was given out here"), "{guess}: {told}");
        refused += 1;
    }
    assert!((30..60).contains(&refused), "{refused}");
}

#[tokio::test]
async fn a_start_of_the_house_gives_no_box_a_new_day() {
    let house = House::new().await;
    let (paired, client) = house.paired().await;
    let number = |number| NonZeroU32::new(number).unwrap();
    let quota = Quota { per_minute: number(60), per_day: number(1) };
    house.store.set_box_quota(paired.name.clone(), quota).await.unwrap();
    assert_eq!(client.send(&notification(), now()).await, Outcome::Accepted);
    let boxes = house::router(Clients::new(house.store.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let mutual = Mutual::new(house::PROTOCOL, &house.live, boxes).unwrap();
    let end = Stop { signal: house.stop.clone(), drain: Duration::ZERO };
    let config = house.live.server_config().unwrap();
    tokio::spawn(serve::tls(listener, config, Router::new(), Some(mutual), end, Places::new(4)));
    let after = Client::new(&PairedHouse { address, ..paired }).unwrap();
    let throttled = after.send(&notification(), now()).await;
    assert!(said(&throttled).contains("the quota of this box"), "{throttled:?}");
}

#[tokio::test]
async fn a_box_learns_what_its_house_sends_to() {
    let house = House::new().await;
    let (mut paired, _) = house.paired().await;
    paired.services = vec![Provider::Fcm];
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    store.set_push_house(paired, now()).await.unwrap();
    let mut settings = store.push_settings_generation();
    settings.mark_unchanged();
    tokio::spawn(house::follow(store.clone(), CancellationToken::new()));
    settings.changed().await.unwrap();
    assert_eq!(store.push_house().await.unwrap().unwrap().services, [Provider::Apns]);
}
