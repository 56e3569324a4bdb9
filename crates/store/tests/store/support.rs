//! An office with three people, for the tests of the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fulmar_domain::{
    Office, PushId, SessionId, Timestamp,
    event::{Event, Numbered},
    invitation::About,
    office::OfficeIntent,
    presence::{Arrival, DeviceType},
    push::{ApnsAuth, ApnsSettings, Next, Notification, Outcome},
};
use fulmar_store::{
    Actor, Attempted, Claimed, Credentials, NewAccount, NewSession, Opening, Room, Said, StartedSession,
    Store, StoreError, TicketDigest,
};
use tempfile::TempDir;

/// The time at which everything begins.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) dir: TempDir,
}

impl Bench {
    /// A turn of the worker that has room for this many.
    pub(crate) async fn turn(&self, ended: Vec<Attempted>, room: u32, now: Timestamp) -> Claimed {
        let room = Room { total: room, of: BTreeMap::new(), others: room };
        self.store.outbox_turn(ended, room, now).await.unwrap()
    }

    /// What is due, ten at most.
    pub(crate) async fn claim(&self, now: Timestamp) -> Vec<Notification> {
        self.turn(Vec::new(), 10, now).await.notifications
    }

    pub(crate) async fn ended(&self, id: PushId, outcome: &Outcome, next: Next, now: Timestamp) {
        self.turn(vec![Attempted { id, outcome: outcome.clone(), next }], 0, now).await;
    }

    /// Whether anything waits in the outbox.
    pub(crate) fn waits(&self) -> bool {
        let sql = rusqlite::Connection::open(self.dir.path().join("fulmar.db")).unwrap();
        let select = "SELECT EXISTS (SELECT 1 FROM notification WHERE state = 'pending')";
        sql.query_row(select, [], |row| row.get(0)).unwrap()
    }

    /// An office `office.test` with anna, ben and carla.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.set_office(office(&["office.test"])).await.unwrap();
        for name in ["anna", "ben", "carla"] {
            let uri = format!("{name}@office.test").parse().unwrap();
            let made = store.create_account(uri, name.parse().unwrap(), "hash".into(), NOON).await.unwrap();
            assert!(matches!(made, NewAccount::Created(_)));
        }
        store.set_apns_settings(apple(), NOON).await.unwrap();
        Self { store, dir }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn restart(&mut self) {
        let closed = tempfile::tempdir().unwrap();
        drop(std::mem::replace(&mut self.store, Store::open(closed.path()).unwrap()));
        self.store = Store::open(self.dir.path()).unwrap();
    }

    pub(crate) async fn credentials(&self, name: &str) -> Credentials {
        let uri = format!("{name}@office.test").parse().unwrap();
        self.store.credentials(&uri).await.unwrap().unwrap()
    }

    /// Signs `name` in on a device with a ticket of its own.
    pub(crate) async fn sign_in(&self, name: &str, device: &str, now: Timestamp) -> Actor {
        let credentials = self.credentials(name).await;
        let account = credentials.account.id;
        let digest = TicketDigest::of(format!("{name}/{device}").as_bytes());
        let _ = self.store.keep_ticket(digest, credentials, now + Duration::from_secs(3600)).await;
        let id: SessionId = format!("{name}-{device}-{}", now.as_millis()).parse().unwrap();
        let new = NewSession {
            id: id.clone(),
            account,
            endpoint: device.parse().unwrap(),
            device_name: device.into(),
            device_type: DeviceType::Mobile,
            arrival: Some(Arrival::default()),
        };
        let started = self.store.start_session(new, digest, now).await.unwrap();
        assert!(matches!(started, StartedSession::Started(_)), "{started:?}");
        Actor { account, session: id }
    }

    /// Everything that waits for a session after `ack`.
    /// Does what is done from time to time.
    pub(crate) async fn tidy(&self, now: Timestamp) -> Result<(), StoreError> {
        self.store.tidy(now).await?;
        self.store.forget_old(now).await
    }

    pub(crate) async fn events(&self, actor: &Actor, ack: u64, now: Timestamp) -> Vec<Numbered> {
        self.store.inbox(&actor.session, ack, now).await.unwrap().expect("the session lives").events
    }

    /// The texts of the messages of others that wait for a session.
    pub(crate) async fn texts(&self, actor: &Actor, now: Timestamp) -> Vec<String> {
        let events = self.events(actor, 0, now).await.into_iter();
        events
            .filter_map(|e| match e.event {
                Event::MessageReceived(message) => Some(message.text.reveal().to_owned()),
                _ => None,
            })
            .collect()
    }

    /// Acknowledges everything that waits for a session.
    pub(crate) async fn acknowledge(&self, actor: &Actor, now: Timestamp) {
        let last = self.events(actor, 0, now).await.last().map_or(0, |last| last.eid);
        assert!(self.store.acknowledge(&actor.session, last, now).await.unwrap());
    }
}

/// How the box speaks to Apple; nobody answers there.
pub(crate) fn apple() -> ApnsSettings {
    let (team_id, key_id) = ("TEAM000001".into(), "KEY0000001".into());
    ApnsSettings {
        endpoint: "https://127.0.0.1:2197".into(),
        topic: "test.office.app".into(),
        auth: ApnsAuth::Token { team_id, key_id, key_pem: "a key".into() },
        trust_anchors_pem: None,
    }
}

pub(crate) fn office(domains: &[&str]) -> Office {
    let inside = BTreeSet::from(["127.0.0.1".parse().unwrap()]);
    let domains = domains.iter().map(|d| d.parse().unwrap()).collect();
    Office::new(OfficeIntent::office_only(domains, inside), NOON).unwrap()
}

/// How a conversation `name` with `to` begins; the invitation has the same name.
pub(crate) fn opening(name: &str, to: &str, first: Option<Said>) -> Opening {
    Opening {
        id: name.parse().unwrap(),
        invitation: name.parse().unwrap(),
        with: format!("{to}@office.test").parse().unwrap(),
        about: About::default(),
        first,
    }
}

pub(crate) fn said(id: &str, text: &str) -> Said {
    Said { client_id: id.parse().unwrap(), text: text.parse().unwrap(), html: None }
}

pub(crate) fn after(seconds: u64) -> Timestamp {
    NOON + Duration::from_secs(seconds)
}
