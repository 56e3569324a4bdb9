//! UCWA as its public reference has it, row by row: what is asked, the status, and the shape of what is answered. Where
//! its pages contradict each other, the captures in the task pages count ("Send an IM", "Receive an IM").

mod applications;
mod batch;
mod channel;
mod communication;
mod conferences;
mod conversations;
mod forms;
mod groups;
mod invitations;
mod me;
mod meetings;
mod messages;
mod missed;
mod people;
mod photos;
mod subscriptions;
mod walk;

use std::time::Duration;

use fulmar_suite::{Kind, Office, PASSWORD, uri};
use fulmar_support::ucwa::{Answer, Application, Event, Resource};
use fulmar_wire::Secret;
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

const APPLICATIONS: &str = "/ucwa/oauth/v1/applications";
const JSON: (&str, &str) = ("content-type", "application/json");
const TEXT: (&str, &str) = ("content-type", "text/plain");
const PATIENCE: Duration = Duration::from_secs(40);

async fn office() -> Office {
    Office::new(Kind::InProcess).await.unwrap()
}

/// An office with anna, who has an application that is not available yet.
async fn anna() -> (Office, Application) {
    let office = office().await;
    let anna = office.application("anna", "a-1").await.unwrap();
    (office, anna)
}

/// Somebody who is available and has been told so.
async fn available(office: &Office, name: &str) -> Application {
    let mut application = office.application(name, "e-1").await.unwrap();
    application.make_available("Online").await.unwrap();
    application.event("updated", "communication").await.unwrap();
    application.waiting().for_each(drop);
    application
}

async fn anna_and_ben() -> (Office, Application, Application) {
    let office = office().await;
    let (anna, ben) = (available(&office, "anna").await, available(&office, "ben").await);
    (office, anna, ben)
}

/// A ticket that no application has used.
async fn fresh_ticket(office: &Office, name: &str) -> Secret {
    let user = format!(
        "https://web.office.test:{}/Autodiscover/AutodiscoverService.svc/root/oauth/user",
        office.https().port()
    );
    let network = office.network().unwrap();
    let (address, password) = (uri(name).unwrap(), Secret::from(PASSWORD));
    fulmarctl::phone::ticket(&network, &user, &address, &password).await.unwrap()
}

async fn post(application: &Application, href: &str, body: &Value) -> Answer {
    application.ask(Method::POST, href, &[JSON], &body.to_string()).await.unwrap()
}

async fn get(application: &Application, href: &str) -> Answer {
    application.ask(Method::GET, href, &[], "").await.unwrap()
}

/// Posts nothing.
async fn act(application: &Application, href: &str) -> Answer {
    application.ask(Method::POST, href, &[], "").await.unwrap()
}

/// An error: its status, code and subcode. It has to be in the form of UCWA.
fn refusal(answer: &Answer) -> (u16, String, String) {
    assert_eq!(answer.reply.header("content-type"), Some("application/json; charset=utf-8"), "{answer:?}");
    (answer.status(), answer.body.text("code").to_owned(), answer.body.text("subcode").to_owned())
}

fn as_refusal(status: u16, code: &str, subcode: &str) -> (u16, String, String) {
    (status, code.to_owned(), subcode.to_owned())
}

/// A place below that application.
fn at(application: &Application, path: &str) -> String {
    format!("{}/{path}", application.href())
}

/// An event as a line: `SENDER KIND REL`, and where it is said `in REL`.
fn line(event: &Event) -> String {
    let within = if event.within().is_empty() { String::new() } else { format!(" in {}", event.within()) };
    format!("{} {} {}{within}", event.sender, event.kind, event.rel)
}

/// What somebody is told up to an event with this line, which comes last.
async fn told(application: &mut Application, last: &str) -> Vec<Event> {
    let deadline = Instant::now() + PATIENCE;
    let mut events: Vec<Event> = Vec::new();
    while !events.iter().any(|event| line(event) == last) {
        let fetched = timeout(deadline - Instant::now(), application.fetch()).await;
        let lines = || events.iter().map(line).collect::<Vec<_>>();
        fetched.unwrap_or_else(|_| panic!("no `{last}`: {:#?}", lines())).unwrap();
        events.extend(application.waiting());
    }
    events
}

/// Fails unless these lines are there, in this order; others may be between them.
fn in_order(events: &[Event], wanted: &[&str]) {
    let lines: Vec<String> = events.iter().map(line).collect();
    let mut rest = lines.iter();
    for line in wanted {
        assert!(rest.any(|found| found == line), "no `{line}` in its place: {lines:#?}");
    }
}

/// The resource in the first event with this line.
fn embedded(events: &[Event], wanted: &str) -> Resource {
    let found = events.iter().find(|event| line(event) == wanted);
    found.unwrap_or_else(|| panic!("no `{wanted}`")).resource().unwrap()
}

fn rels(resource: &Resource) -> Vec<&str> {
    resource.0["_links"].as_object().unwrap().keys().map(String::as_str).collect()
}

fn has_links(resource: &Resource, wanted: &[&str]) {
    let there = rels(resource);
    for rel in wanted {
        assert!(there.contains(rel), "no link `{rel}`: {:#}", resource.0);
    }
}

/// Asks ben for a conversation on behalf of anna; where the invitation is.
async fn invite(anna: &Application, first: Option<&str>) -> String {
    let mut wanted = json!({
        "importance": "Normal",
        "sessionContext": "33dc0ef6-0570-4467-bb7e-49fcbea8e944",
        "subject": "Task Sample",
        "telemetryId": null,
        "to": "sip:ben@office.test",
        "operationId": "5028e824-2268-4b14-9e59-1abad65ff393",
    });
    if let Some(first) = first {
        wanted["_links"] = json!({ "message": { "href": format!("data:text/plain;charset=utf-8,{first}") } });
    }
    let start = anna.follow(&["communication"]).await.unwrap().link("startMessaging").unwrap().to_owned();
    let answer = post(anna, &start, &wanted).await;
    assert_eq!((answer.status(), answer.reply.body.len()), (201, 0), "{answer:?}");
    answer.location().unwrap().to_owned()
}

/// A conversation between the two, as each sees its messaging. What led to it has been told.
async fn conversation(anna: &mut Application, ben: &mut Application) -> (Resource, Resource) {
    invite(anna, None).await;
    let invitation = ben.invitation().await.unwrap();
    assert_eq!(act(ben, invitation.link("accept").unwrap()).await.status(), 204);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (application, events) in [(&mut *anna, &mut ours), (&mut *ben, &mut theirs)] {
        *events = told(application, "communication completed messagingInvitation").await;
    }
    let messaging = |events: &[Event]| {
        let connected = events.iter().rev().find(|event| event.is("updated", "messaging")).unwrap();
        connected.resource().unwrap()
    };
    (messaging(&ours), messaging(&theirs))
}
