//! The worker between a real store and the stand-in.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what fails while a test is set up ends the test"
)]

use std::{collections::BTreeSet, time::Duration};

use fulmar_domain::{
    Office, RequestId, Timestamp,
    device::PushRegistration,
    event::Event,
    invitation::About,
    office::OfficeIntent,
    presence::{Arrival, DeviceType},
    push::{ApnsAuth, ApnsSettings, StepName},
    session::Activity,
};
use fulmar_push::{Clients, ServicesLeftAlone, run};
use fulmar_standins::apns::{ApnsStandin, Behaviour, Config, Credential, ProviderKey, Refusal};
use fulmar_store::{
    Actor, Credentials, NewAccount, NewSession, Opening, Room, Said, StartedSession, Store, TicketDigest,
};
use http::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const DEVICE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

/// anna's phone sleeps, ben writes, and the stand-in plays Apple.
struct Setup {
    store: Store,
    standin: ApnsStandin,
    settings: ApnsSettings,
    anna: Actor,
    ben: Actor,
    left_alone: ServicesLeftAlone,
    stop: CancellationToken,
    worker: JoinHandle<()>,
    _dir: TempDir,
}

fn now() -> Timestamp {
    Timestamp::from_millis(0) + std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap()
}

fn rid(text: &str) -> RequestId {
    text.parse().unwrap()
}

async fn sign_in(store: &Store, name: &str) -> Actor {
    let uri = format!("{name}@office.test").parse().unwrap();
    let made = store.create_account(uri, name.parse().unwrap(), "hash".into(), now()).await.unwrap();
    let NewAccount::Created(account) = made else { panic!("{made:?}") };
    let ticket = TicketDigest::of(name.as_bytes());
    let proved = Credentials { account: account.clone(), password_hash: "hash".into(), lacks_nt_hash: false };
    assert!(store.keep_ticket(ticket, proved, now() + Duration::from_secs(3600)).await.unwrap());
    let session = NewSession {
        id: name.parse().unwrap(),
        account: account.id,
        endpoint: name.parse().unwrap(),
        device_name: name.into(),
        device_type: DeviceType::Mobile,
        arrival: Some(Arrival::default()),
    };
    let started = store.start_session(session, ticket, now()).await.unwrap();
    assert!(matches!(started, StartedSession::Started(_)));
    Actor { account: account.id, session: name.parse().unwrap() }
}

async fn sleeper(store: &Store, name: &str, device: &str) -> Actor {
    let sleeper = sign_in(store, name).await;
    let registration = PushRegistration::Apns(device.parse().unwrap());
    store.register_push(&sleeper, rid("r"), registration, now()).await.unwrap();
    store.set_activity(&sleeper, rid("s"), Activity::Background, now()).await.unwrap();
    sleeper
}

impl Setup {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let inside = BTreeSet::from(["127.0.0.1".parse().unwrap()]);
        let domains = vec!["office.test".parse().unwrap()];
        let office = Office::new(OfficeIntent::office_only(domains, inside), now()).unwrap();
        store.set_office(office).await.unwrap();
        let (anna, ben) = (sleeper(&store, "anna", DEVICE).await, sign_in(&store, "ben").await);

        let key = ProviderKey::make("TEAM000001", "KEY0000001").unwrap();
        let key_pem = key.pem().to_owned();
        let auth = ApnsAuth::Token { team_id: "TEAM000001".into(), key_id: "KEY0000001".into(), key_pem };
        let config = Config::new(Credential::Token(key)).unwrap();
        let topic = config.topic.clone();
        let standin = ApnsStandin::start(config).await.unwrap();
        let trust_anchors_pem = Some(standin.ca_pem().to_owned());
        let settings = ApnsSettings { endpoint: standin.endpoint(), topic, auth, trust_anchors_pem };
        let (left_alone, stop) = (ServicesLeftAlone::default(), CancellationToken::new());
        let worker = tokio::spawn(run(Clients::new(store.clone()), left_alone.clone(), stop.clone()));
        Self { store, standin, settings, anna, ben, left_alone, stop, worker, _dir: dir }
    }

    async fn with_settings() -> Self {
        let setup = Self::new().await;
        setup.store.set_apns_settings(setup.settings.clone(), now()).await.unwrap();
        setup
    }

    async fn stop_worker(&mut self) {
        self.stop.cancel();
        (&mut self.worker).await.unwrap();
    }

    async fn write(&self, id: &str) {
        self.write_to("anna", id).await;
    }

    /// People with sleeping phones, each of whom is written to.
    async fn wake(&self, people: std::ops::Range<u32>) {
        for number in people {
            let name = format!("person-{number}");
            sleeper(&self.store, &name, &format!("{number:064x}")).await;
            self.write_to(&name, &name).await;
        }
    }

    async fn write_to(&self, name: &str, id: &str) {
        let first = Said { client_id: id.parse().unwrap(), text: "the text".parse().unwrap(), html: None };
        let opening = Opening {
            invitation: format!("i-{id}").parse().unwrap(),
            about: About::default(),
            id: id.parse().unwrap(),
            with: format!("{name}@office.test").parse().unwrap(),
            first: Some(first),
        };
        self.store.open_conversation(&self.ben, rid("w"), opening, now()).await.unwrap();
    }

    /// Waits until the newest step of the ledger is this one.
    async fn reached(&self, step: StepName) {
        let reached = async {
            loop {
                let newest = self.store.push_ledger(1).await.unwrap();
                if newest.first().is_some_and(|newest| newest.step == step) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the ledger does not get there");
    }
}

#[tokio::test]
async fn each_message_wakes_a_sleeping_phone_once_and_keeps_its_text() {
    let mut setup = Setup::with_settings().await;
    setup.write("m1").await;
    setup.write("m2").await;
    let received = setup.standin.wait_for_received(2).await.unwrap();
    assert!(!format!("{received:?}").contains("the text"));
    assert_eq!(setup.standin.wait_for_shown(2).await.unwrap().len(), 2);
    setup.stop_worker().await;
    assert_eq!(setup.standin.received().len(), 2);
    assert_eq!(setup.store.push_ledger(1).await.unwrap()[0].step, StepName::Accepted);
}

#[tokio::test]
async fn what_waits_for_settings_goes_out_when_they_are_entered() {
    let setup = Setup::new().await;
    setup.write("m1").await;
    assert_eq!(setup.store.push_ledger(1).await.unwrap(), []);
    setup.store.set_apns_settings(setup.settings.clone(), now()).await.unwrap();
    setup.standin.wait_for_shown(1).await.unwrap();
}

#[tokio::test]
async fn a_service_that_is_busy_is_asked_again_with_the_same_collapse_id() {
    let setup = Setup::with_settings().await;
    let busy = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
    setup.standin.script([Behaviour::Refuse(busy)]);
    setup.write("m1").await;
    let shown = setup.standin.wait_for_shown(1).await.unwrap();
    assert_eq!(setup.standin.received().len(), 2);
    assert_eq!(shown.len(), 1);
}

/// Five notifications find out that the service is down; those that come later wait, but for one at a time that asks.
#[tokio::test]
async fn a_service_that_is_down_is_asked_by_one_at_a_time() {
    let setup = Setup::with_settings().await;
    let down = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
    setup.standin.script(std::iter::repeat_n(Behaviour::Refuse(down), 7));
    setup.wake(0..5).await;
    setup.standin.wait_for_received(5).await.unwrap();
    setup.wake(5..25).await;
    let asked = setup.standin.wait_for_received(7).await.unwrap();
    let left_alone = setup.left_alone.list();
    assert_eq!(
        (left_alone[0].service.as_str(), left_alone[0].reason.as_str()),
        ("apns", "ServiceUnavailable")
    );
    assert!(asked.len() < 12, "{} were sent to a service that is down", asked.len());
    assert_eq!(setup.standin.wait_for_shown(25).await.unwrap().len(), 25);
    assert_eq!(setup.left_alone.list(), []);
}

#[tokio::test]
async fn a_lost_answer_makes_no_second_alert() {
    let setup = Setup::with_settings().await;
    setup.standin.script([Behaviour::Close]);
    setup.write("m1").await;
    setup.standin.wait_for_received(2).await.unwrap();
    setup.reached(StepName::Accepted).await;
    assert_eq!(setup.standin.shown().len(), 1);
}

#[tokio::test]
async fn a_dead_registration_is_forgotten() {
    let mut setup = Setup::with_settings().await;
    let gone = Refusal { timestamp: None, ..Refusal::new(StatusCode::GONE, "Unregistered") };
    setup.standin.script([Behaviour::Refuse(gone)]);
    setup.write("m1").await;
    setup.reached(StepName::Refused).await;
    assert!(!setup.store.session(&setup.anna.session, now()).await.unwrap().unwrap().has_push);
    setup.write("m2").await;
    setup.stop_worker().await;
    assert_eq!(setup.standin.received().len(), 1);
}

#[tokio::test]
async fn a_claim_that_nobody_finished_is_taken_up_again() {
    let mut setup = Setup::with_settings().await;
    setup.stop_worker().await;
    setup.write("m1").await;
    // A worker that died between claiming and recording.
    let room = Room { total: 9, others: 9, ..Room::default() };
    let claimed = setup.store.outbox_turn(Vec::new(), room, now()).await.unwrap();
    assert_eq!(claimed.notifications.len(), 1);
    tokio::spawn(run(Clients::new(setup.store.clone()), setup.left_alone.clone(), CancellationToken::new()));
    assert_eq!(setup.standin.wait_for_shown(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_person_who_asks_for_a_test_is_told_what_apple_said() {
    let setup = Setup::with_settings().await;
    let refused = Refusal::new(StatusCode::BAD_REQUEST, "BadDeviceToken");
    setup.standin.script([Behaviour::Refuse(refused)]);
    setup.store.test_push(&setup.anna, rid("t"), now()).await.unwrap();
    setup.reached(StepName::Refused).await;
    let inbox = setup.store.inbox(&setup.anna.session, 0, now()).await.unwrap().unwrap();
    let told = inbox.events.into_iter().find_map(|e| match e.event {
        Event::PushTested { outcome, .. } => Some((outcome.accepted, outcome.reason)),
        _ => None,
    });
    assert_eq!(told, Some((false, "BadDeviceToken".into())));
}
