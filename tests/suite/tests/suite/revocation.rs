//! A device or a person that was revoked is refused with the next request, and with the poll that is held.

use std::time::{Duration, Instant};

use fulmar_suite::{Kind, Office};
use fulmar_wire::challenge::{TICKET_HEADER, TICKET_URL_HEADER};
use fulmarctl::{
    admin::{DeviceCommand, UserCommand, device, user},
    phone::{Phone, Reply},
};
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const DEVICES: &str = "/api/v1/people/anna@office.test/devices";

/// Long enough that a poll that was not ended is not taken for one that was.
const HELD: Duration = Duration::from_secs(60);
const PROMPT: Duration = Duration::from_secs(5);

/// A poll that waits for nothing, with the phone's ticket.
async fn ask(office: &Office, phone: &Phone, wait: Duration) -> Reply {
    let ticket = format!("cwt={}", phone.signed_in().ticket.reveal());
    let wait = wait.as_millis();
    let url = format!("{}?sid={}&ackId=0&wait={wait}", phone.signed_in().mcx_url, phone.sid());
    let headers = [(TICKET_HEADER, ticket.as_str())];
    office.network().unwrap().request(Method::GET, &url, &headers, "").await.unwrap()
}

fn challenged(reply: &Reply) {
    assert_eq!(reply.status, 401);
    assert!(reply.header(TICKET_URL_HEADER).unwrap().ends_with("/WebTicket/WebTicketService.svc"));
    let mut offered = reply.headers.get_all("www-authenticate").iter();
    assert!(offered.any(|value| value.as_bytes().starts_with(b"MsRtcOAuth")));
    let diagnostics = reply.header("x-ms-diagnostics").unwrap();
    assert!(diagnostics.starts_with("28020;") && diagnostics.contains("no valid security token"));
}

async fn refused(office: &Office, phone: &Phone) {
    challenged(&ask(office, phone, Duration::ZERO).await);
}

async fn served(office: &Office, phone: &Phone) {
    assert_eq!(ask(office, phone, Duration::ZERO).await.status, 200);
}

/// A poll of the phone, once the box holds it.
async fn hold(office: &Office, mut phone: Phone) -> JoinHandle<(Phone, String)> {
    // What waits from signing in is fetched first: it would answer the poll.
    phone.fetch(Duration::ZERO).await.unwrap();
    let held = tokio::spawn(async move {
        let error = phone.fetch(HELD).await.unwrap_err().to_string();
        (phone, error)
    });
    let port = office.addresses().console.unwrap().port();
    let url = format!("https://web.office.test:{port}/metrics");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let reply = office.network().unwrap().request(Method::GET, &url, &[], "").await.unwrap();
        if String::from_utf8_lossy(&reply.body).contains("fulmar_mcx_polls_active 1") {
            return held;
        }
        assert!(Instant::now() < deadline, "the poll is not held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn number_of_phone(office: &Office) -> i64 {
    let devices: Vec<Value> = office.admin().get(DEVICES).await.unwrap();
    assert_eq!(devices.len(), 2, "{devices:?}");
    assert!(devices.iter().all(|device| device["last_seen"].is_i64()), "{devices:?}");
    devices[0]["id"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_refused_at_once_and_the_other_goes_on() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let phone = office.sign_in("anna", "phone").await.unwrap();
    let tablet = office.sign_in("anna", "tablet").await.unwrap();
    let id = number_of_phone(&office).await;
    let held = hold(&office, phone).await;
    let revoked = Instant::now();
    let address = "anna@office.test".to_owned();
    let command = DeviceCommand::Revoke { address: address.clone(), id };
    device::run(&office.admin(), command, &mut Vec::new()).await.unwrap();
    let (phone, error) = held.await.unwrap();
    assert!(revoked.elapsed() < PROMPT, "{:?}", revoked.elapsed());
    assert!(error.starts_with("401") && error.contains("noTicket"), "{error}");
    refused(&office, &phone).await;
    served(&office, &tablet).await;
    let mut out = Vec::new();
    device::run(&office.admin(), DeviceCommand::List { address }, &mut out).await.unwrap();
    let listed = String::from_utf8(out).unwrap();
    assert!(listed.lines().count() == 1 && listed.contains("foreground  can not be woken"), "{listed}");
    office.power_cut().await.unwrap();
    refused(&office, &phone).await;
    served(&office, &tablet).await;
    let again = office.sign_in("anna", "phone").await.unwrap();
    served(&office, &again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_was_signed_out_is_refused_on_every_device() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let phone = office.sign_in("anna", "phone").await.unwrap();
    let tablet = office.sign_in("anna", "tablet").await.unwrap();
    let ben = office.sign_in("ben", "phone").await.unwrap();
    let held = hold(&office, phone).await;
    let asked = Instant::now();
    let command = UserCommand::SignOut { address: "anna@office.test".to_owned() };
    user::run(&office.admin(), command, &mut Vec::new()).await.unwrap();
    let (phone, error) = held.await.unwrap();
    assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
    assert!(error.starts_with("401"), "{error}");
    for phone in [&phone, &tablet] {
        refused(&office, phone).await;
    }
    served(&office, &ben).await;
    assert_eq!(office.admin().get::<Value>(DEVICES).await.unwrap(), json!([]));
    office.power_cut().await.unwrap();
    for phone in [&phone, &tablet] {
        refused(&office, phone).await;
    }
    served(&office, &ben).await;
}

#[tokio::test]
async fn a_device_that_is_not_there_or_somebody_elses_is_not_revoked() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let phone = office.sign_in("anna", "phone").await.unwrap();
    let devices: Vec<Value> = office.admin().get(DEVICES).await.unwrap();
    let id = devices[0]["id"].as_i64().unwrap();
    let delete = async |person: &str, id: i64| {
        let path = format!("/api/v1/people/{person}@office.test/devices/{id}");
        office.admin().change(Method::DELETE, &path, &()).await.map_err(|error| error.to_string())
    };
    for (person, id) in [("anna", id + 1), ("ben", id), ("nobody", id)] {
        let error = delete(person, id).await.unwrap_err();
        assert!(error.contains(&format!("has no device `{id}`")), "{error}");
    }
    served(&office, &phone).await;
    delete("anna", id).await.unwrap();
    assert!(delete("anna", id).await.is_err(), "it is signed out already");
    for path in ["devices", "sign-out"] {
        let path = format!("/api/v1/people/nobody@office.test/{path}");
        let method = if path.ends_with("devices") { Method::GET } else { Method::POST };
        let error = office.admin().change(method, &path, &()).await.unwrap_err().to_string();
        assert!(error.contains("nobody here has the address"), "{error}");
    }
}

#[tokio::test]
async fn a_person_who_is_let_in_again_needs_a_new_ticket() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let phone = office.sign_in("anna", "phone").await.unwrap();
    for disabled in [true, false] {
        let path = "/api/v1/people/anna@office.test/disabled";
        office.admin().change(Method::PUT, path, &json!({ "disabled": disabled })).await.unwrap();
    }
    refused(&office, &phone).await;
    served(&office, &office.sign_in("anna", "phone").await.unwrap()).await;
}
