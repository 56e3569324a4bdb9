//! Phones that are woken by Firebase and WNS, as administrators set them up.

use fulmar_standins::{
    fcm::FcmStandin,
    wns::{PACKAGE_SID, SECRET, WnsStandin},
};
use fulmar_suite::{Kind, Office};
use fulmar_wire::mcx::{Command, Event};
use fulmarctl::phone::Phone;
use http::Method;
use serde_json::{Value, json};

const TOKEN: &str = "dGhpcyBpcyBhIHRva2Vu:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx";

async fn change(office: &Office, method: Method, service: &str, body: &Value) -> Result<Value, String> {
    let path = format!("/api/v1/push/{service}");
    office.admin().change(method, &path, body).await.map_err(|error| format!("{error:#}"))
}

async fn register(phone: &mut Phone, provider: &str, token: &str) {
    let command = Command::RegisterPush { provider: provider.into(), token: token.into() };
    phone.perform(command).await.unwrap();
}

async fn tested(phone: &mut Phone) -> (bool, String) {
    let given = phone.command(Command::TestPush).await.unwrap();
    let told = phone.until("the service's answer", |event| match event {
        Event::PushTested { rid, accepted, reason } if *rid == given => Some((*accepted, reason.clone())),
        _ => None,
    });
    told.await.unwrap()
}

#[tokio::test]
async fn a_phone_is_woken_through_firebase_while_its_settings_are_there() {
    let (office, firebase) =
        (Office::new(Kind::InProcess).await.unwrap(), FcmStandin::start().await.unwrap());
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    register(&mut anna, "fcm", TOKEN).await;
    let (accepted, reason) = tested(&mut anna).await;
    assert!(!accepted && reason.contains("push through Firebase is not set up"), "{reason}");

    let broken = json!({ "service_account": "{}" });
    let refused = change(&office, Method::PUT, "fcm", &broken).await.unwrap_err();
    assert!(refused.contains("not a JSON file with a `project_id`"), "{refused}");
    let settings = json!({
        "endpoint": firebase.endpoint(),
        "service_account": firebase.service_account(),
        "trust_anchors_pem": firebase.ca_pem(),
    });
    change(&office, Method::PUT, "fcm", &settings).await.unwrap();
    assert_eq!(tested(&mut anna).await, (true, String::new()));

    change(&office, Method::DELETE, "fcm", &json!({})).await.unwrap();
    assert!(!tested(&mut anna).await.0);
    let refused = change(&office, Method::DELETE, "fcm", &json!({})).await.unwrap_err();
    assert!(refused.contains("nobody is woken by Firebase"), "{refused}");
}

#[tokio::test]
async fn a_device_is_woken_through_wns_while_its_settings_are_there() {
    let (office, windows) = (Office::new(Kind::InProcess).await.unwrap(), WnsStandin::start().await.unwrap());
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    register(&mut anna, "wns", &windows.channel()).await;
    let mut settings = json!({
        "package_sid": PACKAGE_SID,
        "secret": SECRET,
        "token_endpoint": windows.token_endpoint(),
        "trust_anchors_pem": windows.ca_pem(),
    });
    change(&office, Method::PUT, "wns", &settings).await.unwrap();
    let (accepted, reason) = tested(&mut anna).await;
    assert!(!accepted && reason.contains("not at a host of `notify.windows.com`"), "{reason}");

    settings["channel_domain"] = "localhost".into();
    change(&office, Method::PUT, "wns", &settings).await.unwrap();
    register(&mut anna, "wns", &windows.channel()).await;
    assert_eq!(tested(&mut anna).await, (true, String::new()));
    settings["package_sid"] = "app".into();
    let refused = change(&office, Method::PUT, "wns", &settings).await.unwrap_err();
    assert!(refused.contains("`app` is not a package SID"), "{refused}");
    let path = "/api/v1/policies/PushNotificationConfiguration/global";
    let switch = |on: bool| json!({ "EnableMicrosoftPushNotificationService": on });
    office.admin().change(Method::PUT, path, &switch(false)).await.unwrap();
    let (accepted, reason) = tested(&mut anna).await;
    assert!(!accepted && reason.contains("has switched push through WNS off"), "{reason}");
    office.admin().change(Method::PUT, path, &switch(true)).await.unwrap();
    assert!(tested(&mut anna).await.0);
    change(&office, Method::DELETE, "wns", &json!({})).await.unwrap();
    assert!(!tested(&mut anna).await.0);
    office.admin().change(Method::PUT, path, &switch(false)).await.unwrap();
    let refused = office.admin().change(Method::PUT, path, &switch(true)).await.unwrap_err().to_string();
    assert!(refused.contains("while the box has no key for WNS"), "{refused}");
}
