//! What a person says of being woken holds on all their devices, and what an office says of what a screen shows.

use std::time::Duration;

use fulmar_suite::{Kind, Office, uri};
use fulmar_wire::mcx::{Command, Event};
use fulmarctl::phone::Phone;
use http::Method;
use serde_json::json;

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

async fn sleep(phone: &mut Phone) {
    let registration = Command::RegisterPush { provider: "apns".into(), token: TOKEN.into() };
    phone.perform(registration).await.unwrap();
    phone.perform(Command::SetApplicationState { state: "background".into() }).await.unwrap();
}

async fn muted(phone: &mut Phone, conversation: &str) -> bool {
    let told = phone.until("muting", |event| match event {
        Event::ImSessionMuted { conf_id, muted } if conf_id == conversation => Some(*muted),
        _ => None,
    });
    told.await.unwrap()
}

#[tokio::test]
async fn a_muted_conversation_is_quiet_and_all_devices_know() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut ben = office.sign_in("ben", "desk").await.unwrap();
    let (mut desk, mut phone) =
        (office.sign_in("anna", "desk").await.unwrap(), office.sign_in("anna", "phone").await.unwrap());
    let conversation = ben.invite(&uri("anna").unwrap(), "m-1", "Lunch?").await.unwrap();
    phone.message().await.unwrap();
    phone.fetch(Duration::ZERO).await.unwrap();
    sleep(&mut phone).await;
    desk.perform(Command::MuteImSession { conf_id: conversation.clone() }).await.unwrap();
    assert!(muted(&mut desk, &conversation).await);
    ben.say(&conversation, "m-2", "At one?").await.unwrap();
    desk.perform(Command::QueryImSessions { conf_id: Some(conversation.clone()) }).await.unwrap();
    let shown = desk.until("the conversation", |event| match event {
        Event::ImSession { muted, .. } => Some(*muted),
        _ => None,
    });
    assert!(shown.await.unwrap());
    assert_eq!(office.apns.received().len(), 0);
    phone.perform(Command::UnmuteImSession { conf_id: conversation.clone() }).await.unwrap();
    assert!(muted(&mut phone, &conversation).await, "as it was told first");
    assert!(!muted(&mut phone, &conversation).await);
}

#[tokio::test]
async fn a_notification_says_what_was_written_where_the_office_wants_it() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let path = "/api/v1/policies/PushNotificationConfiguration/global";
    office.admin().change(Method::PUT, path, &json!({ "EnableMessagePreviews": true })).await.unwrap();
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    sleep(&mut anna).await;
    let mut ben = office.sign_in("ben", "desk").await.unwrap();
    ben.invite(&uri("anna").unwrap(), "m-1", "Lunch at one,\nby bike?").await.unwrap();
    let shown = office.apns.wait_for_shown(1).await.unwrap();
    assert_eq!(shown[0].payload["aps"]["alert"]["body"], "Lunch at one, by bike?");
    let ledger: serde_json::Value = office.admin().get("/api/v1/push/ledger").await.unwrap();
    assert!(!ledger.to_string().contains("Lunch"), "{ledger}");
}
