//! The chain from end to end, as a person would tell it.

use std::time::Duration;

use fulmar_suite::{Kind, Office, uri};
use fulmar_wire::mcx::{Command, PeopleCommand, PeopleEvent};
use fulmarctl::phone::Phone;

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const TEXT: &str = "Lunch at one, by bike?";

/// Anna knows only her address and password. Her phone finds the box by DNS, verifies the certificate, signs in
/// and sleeps. Ben writes. Anna's phone gets one push without the text, polls, reads the message; Ben sees it
/// delivered. While Anna looks at her phone, it is not pushed.
async fn anna_sleeps_and_ben_writes(office: Office) {
    let mut anna = office.sign_in("anna", "annas-phone").await.unwrap();
    sleep(&mut anna).await;
    let mut ben = office.sign_in("ben", "bens-phone").await.unwrap();

    let conversation = ben.invite(&uri("anna").unwrap(), "m-1", TEXT).await.unwrap();

    let shown = office.apns.wait_for_shown(1).await.unwrap();
    assert_eq!(shown[0].device, TOKEN);
    let payload = shown[0].payload.to_string();
    assert!(payload.contains("ben") && !payload.contains("Lunch"), "{payload}");

    let message = anna.message().await.unwrap();
    assert_eq!((message.text.reveal(), message.from.as_str()), (TEXT, "sip:ben@office.test"));
    anna.fetch(Duration::ZERO).await.unwrap();
    ben.delivered("m-1").await.unwrap();

    wake(&mut anna).await;
    ben.say(&conversation, "m-2", "At the gate.").await.unwrap();
    assert_eq!(anna.message_in(&conversation).await.unwrap().text.reveal(), "At the gate.");
    anna.fetch(Duration::ZERO).await.unwrap();
    ben.delivered("m-2").await.unwrap();
    assert_eq!(office.apns.received().len(), 1, "one push for the message that came while the phone slept");
}

async fn sleep(phone: &mut Phone) {
    let registration = Command::RegisterPush { provider: "apns".into(), token: TOKEN.into() };
    phone.perform(registration).await.unwrap();
    phone.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
}

async fn wake(phone: &mut Phone) {
    phone.perform(Command::SetApplicationState { state: "foreground".into() }).await.unwrap();
}

#[tokio::test]
async fn anna_sleeps_and_ben_writes_in_process() {
    anna_sleeps_and_ben_writes(Office::new(Kind::InProcess).await.unwrap()).await;
}

#[tokio::test]
async fn anna_sleeps_and_ben_writes_to_the_binary() {
    anna_sleeps_and_ben_writes(Office::new(Kind::Binary).await.unwrap()).await;
}

#[tokio::test]
async fn colleagues_see_each_other_come_and_go() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (mut anna, mut ben) =
        (office.sign_in("anna", "p").await.unwrap(), office.sign_in("ben", "p").await.unwrap());
    anna.perform(Command::People(PeopleCommand::QueryContactList)).await.unwrap();
    let contacts = anna
        .until("contacts", |event| match event {
            fulmar_wire::mcx::Event::People(PeopleEvent::ContactList { contacts, .. }) => {
                Some(contacts.len())
            }
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(contacts, 2);
    let uris = vec!["sip:ben@office.test".to_owned()];
    anna.perform(Command::People(PeopleCommand::SubscribePresence { uris })).await.unwrap();
    let busy = PeopleCommand::PublishSelfPresence {
        availability: Some("6500".into()),
        activity: None,
        note: Some("in a <meeting>".into()),
        location: None,
    };
    ben.perform(Command::People(busy)).await.unwrap();
    presence(&mut anna, 6500, "in a <meeting>").await;
    ben.command(Command::TerminateSession).await.unwrap();
    presence(&mut anna, 18500, "in a <meeting>").await;
}

async fn presence(phone: &mut Phone, wanted: u16, wanted_note: &str) {
    phone
        .until("presence", |event| match event {
            fulmar_wire::mcx::Event::People(PeopleEvent::UserPresence { presence, .. }) => {
                (presence.availability == wanted && presence.note == wanted_note).then_some(())
            }
            _ => None,
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_invitation_is_declined_and_a_person_is_seen_writing() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (mut anna, mut ben) =
        (office.sign_in("anna", "p").await.unwrap(), office.sign_in("ben", "p").await.unwrap());
    let first = ben.invite(&uri("anna").unwrap(), "m-1", "Hello").await.unwrap();
    let (conf_id, from) = anna.invitation().await.unwrap();
    assert_eq!((conf_id.as_str(), from.as_str()), (first.as_str(), "sip:ben@office.test"));
    anna.perform(Command::AcceptImSession { conf_id: first.clone() }).await.unwrap();
    state(&mut ben, &first, "connected").await;
    anna.perform(Command::NotifyComposing { conf_id: first.clone(), state: None }).await.unwrap();
    ben.until("composing", |event| matches!(event, fulmar_wire::mcx::Event::Composing { .. }).then_some(()))
        .await
        .unwrap();
    let second = ben.invite(&uri("anna").unwrap(), "m-2", "And this?").await.unwrap();
    anna.perform(Command::DeclineImSession { conf_id: second.clone(), reason: None }).await.unwrap();
    state(&mut ben, &second, "declined").await;
    assert!(ben.say(&second, "m-3", "But").await.unwrap_err().to_string().contains("wrongState"));
}

async fn state(phone: &mut Phone, conversation: &str, wanted: &str) {
    phone
        .until("a change of state", |event| match event {
            fulmar_wire::mcx::Event::ImSessionState { conf_id, state, .. } => {
                (conf_id == conversation && state == wanted).then_some(())
            }
            _ => None,
        })
        .await
        .unwrap();
}
