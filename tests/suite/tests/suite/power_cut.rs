//! The box loses its power at a random moment while messages are sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fulmar_suite::{Kind, Office, uri};
use fulmar_wire::mcx::{Command, Event, Format, Instant};
use fulmarctl::phone::Phone;
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{sync::mpsc, task::JoinSet};

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const SENDERS: usize = 5;
const SENDS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_success_is_there_once_and_every_push_is_delivered() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let registration = Command::RegisterPush { provider: "apns".into(), token: TOKEN.into() };
    anna.perform(registration).await.unwrap();
    anna.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
    let mut senders = Vec::new();
    for device in 0..SENDERS {
        senders.push(office.sign_in("ben", &format!("desk-{device}")).await.unwrap());
    }
    let first = senders[0].invite(&uri("anna").unwrap(), "first", "first").await.unwrap();

    let (answered, mut successes) = mpsc::unbounded_channel();
    let mut sending = JoinSet::new();
    for (device, phone) in senders.into_iter().enumerate() {
        sending.spawn(send(device, phone, first.clone(), answered.clone()));
    }
    drop(answered);
    let survived = random(SENDERS * SENDS);
    let mut acknowledged = BTreeSet::from(["first".to_owned()]);
    while acknowledged.len() <= survived {
        let Some(message_id) = successes.recv().await else { break };
        acknowledged.insert(message_id);
    }
    tokio::time::sleep(Duration::from_millis(random(5) as u64)).await;
    office.power_cut().await.unwrap();
    sending.join_all().await;
    while let Some(message_id) = successes.recv().await {
        acknowledged.insert(message_id);
    }

    // Anna was not signed out: the session that she had goes on. Nothing is acknowledged by the first fetch.
    let messages = messages(&mut anna).await;
    for (message_id, count) in &messages {
        assert_eq!(*count, 1, "{message_id} is there more than once");
    }
    let there: BTreeSet<_> = messages.keys().cloned().collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "answered with success and lost after {survived} answers: {lost:?}");

    let shown = office.apns.wait_for_shown(there.len()).await.unwrap();
    let collapse_ids: BTreeSet<_> = shown.iter().map(|one| one.collapse_id.clone().unwrap()).collect();
    assert_eq!((shown.len(), collapse_ids.len()), (there.len(), there.len()));
}

/// Sends until all is sent or the box is gone, and tells what was answered with success.
async fn send(device: usize, mut phone: Phone, conf_id: String, answered: mpsc::UnboundedSender<String>) {
    for n in 0..SENDS {
        let message_id = format!("m-{device}-{n}");
        let message = Instant {
            message_id: message_id.clone(),
            format: Format::Plain,
            text: message_id.as_str().into(),
        };
        let conf_id = conf_id.clone();
        if phone.command(Command::SendMessage { conf_id, message }).await.is_ok() {
            let _ = answered.send(message_id);
        }
    }
}

async fn messages(phone: &mut Phone) -> BTreeMap<String, usize> {
    let mut messages = BTreeMap::new();
    // One fetch gives a hundred events, which is more than wait here.
    phone.fetch(Duration::ZERO).await.unwrap();
    while let Some(event) = phone.next_waiting() {
        if let Event::MessageReceived { message_id, text, .. } = event {
            assert_eq!(text.reveal(), message_id);
            *messages.entry(message_id).or_insert(0) += 1;
        }
    }
    messages
}

pub(super) fn random(below: usize) -> usize {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).unwrap();
    usize::from_le_bytes(bytes) % below
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_apple_delays_pushes_and_loses_none() {
    use fulmar_standins::apns::{Behaviour, Refusal};
    let office = Office::new(Kind::Binary).await.unwrap();
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let registration = Command::RegisterPush { provider: "apns".into(), token: TOKEN.into() };
    anna.perform(registration).await.unwrap();
    anna.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
    let mut ben = office.sign_in("ben", "desk").await.unwrap();
    let down = Refusal::new(http::StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
    office.apns.script([Behaviour::Refuse(down.clone()), Behaviour::Close, Behaviour::Refuse(down)]);
    let conversation = ben.invite(&uri("anna").unwrap(), "m-0", "hello").await.unwrap();
    for n in 1..5 {
        ben.say(&conversation, &format!("m-{n}"), "hello").await.unwrap();
    }
    let shown = office.apns.wait_for_shown(5).await.unwrap();
    assert_eq!(shown.len(), 5);
}
