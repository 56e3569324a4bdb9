//! Recordings of public clients of UCWA that no package index has: what each asks, with places in braces that the
//! answers fill, and what it reads there. The other person is on a phone that speaks MCX.
//!
//! The form of a recording is told in `tests/clients/ucwa/README.md`.

mod steps;

use std::collections::HashMap;

use fulmar_suite::{Kind, Office, PASSWORD};
use fulmarctl::phone::{Network, Phone, Reply};
use http::Method;
use serde_json::{Map, Value, json};

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/ucwa/replay");
/// The web page for which Microsoft's library asks.
const PORTAL: &str = "https://portal.office.test";

/// A recording that is being replayed.
struct Replay {
    network: Network,
    /// What the answers filled in.
    known: HashMap<String, String>,
    /// Header fields of every request.
    headers: Map<String, Value>,
    /// Events that no step has waited for yet.
    events: Vec<Value>,
    ben: Phone,
    /// The conversation as ben's phone calls it.
    conversation: String,
}

async fn replay(name: &str) {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let origins = json!({ "CrossDomainAuthorizationList": [PORTAL] });
    let policy = "/api/v1/policies/WebServiceConfiguration/global";
    office.admin().change(Method::PUT, policy, &origins).await.unwrap();
    let text = std::fs::read_to_string(format!("{RECORDINGS}/{name}.json")).unwrap();
    let recording: Value = serde_json::from_str(&text).unwrap();
    let port = office.https().port();
    let known = [
        ("discovery", format!("https://lyncdiscoverinternal.office.test:{port}")),
        ("web", format!("https://web.office.test:{port}")),
        ("password", PASSWORD.to_owned()),
    ];
    let mut replay = Replay {
        network: office.network().unwrap(),
        known: known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        headers: recording["headers"].as_object().cloned().unwrap_or_default(),
        events: Vec::new(),
        ben: office.sign_in("ben", "phone").await.unwrap(),
        conversation: String::new(),
    };
    for step in recording["steps"].as_array().unwrap() {
        replay.step(step).await;
    }
}

impl Replay {
    async fn step(&mut self, step: &Value) {
        if let Some(request) = step["ask"].as_str() {
            let reply = self.ask(request, step).await;
            assert_eq!(reply.status, step["is"].as_u64().unwrap() as u16, "{step}: {:?}", reply.body);
            self.look(step, &steps::Found::new(&reply));
            for (part, wanted) in steps::parts(&reply, step).iter().zip(steps::list(&step["parts"])) {
                self.look(wanted, part);
            }
        } else if let Some(place) = step["poll"].as_str() {
            self.poll(place, step).await;
        } else {
            self.ben_does(step["ben"].as_str().unwrap(), step["text"].as_str().unwrap_or_default()).await;
        }
    }

    async fn ask(&self, request: &str, step: &Value) -> Reply {
        let (method, place) = request.split_once(' ').unwrap();
        let place = self.fill(place);
        let url = if place.starts_with('/') { self.fill("${web}") + &place } else { place };
        let of_step = step["headers"].as_object().into_iter().flatten();
        let headers: Vec<_> = self.headers.iter().chain(of_step).collect();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), self.fill(value.as_str().unwrap()))).collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = match &step["body"] {
            Value::Null => String::new(),
            Value::String(text) => self.fill(text),
            json => self.fill(&json.to_string()),
        };
        self.network.request(method.parse().unwrap(), &url, &headers, body).await.unwrap()
    }

    /// Asks for events as the client does until the one comes that it waits for.
    async fn poll(&mut self, place: &str, step: &Value) {
        for _ in 0..20 {
            let found = self.events.iter().position(|event| self.is_awaited(event, step));
            if let Some(position) = found {
                let event = self.events.remove(position);
                return self.look(step, &steps::Found::of(event));
            }
            let query = step["query"].as_str().unwrap_or_default();
            let request = format!("GET {}${{{place}}}{query}", step["before"].as_str().unwrap_or_default());
            let reply = self.ask(&request, step).await;
            assert_eq!(reply.status, 200, "{request}");
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let next = body["_links"]["next"]["href"].as_str().expect("every answer leads on");
            self.known.insert(place.to_owned(), next.to_owned());
            let senders = body["sender"].as_array().expect("every answer has senders");
            self.events
                .extend(senders.iter().flat_map(|sender| sender["events"].as_array().unwrap()).cloned());
        }
        panic!("it did not come: {step}; there were {:#?}", self.events);
    }

    fn is_awaited(&self, event: &Value, step: &Value) -> bool {
        let (kind, rel) = step["until"].as_str().unwrap().split_once(' ').unwrap();
        let mut conditions = step["where"].as_object().into_iter().flatten();
        let holds = |(place, value): (&String, &Value)| event.pointer(place) == Some(value);
        event["type"] == kind && event["link"]["rel"] == rel && conditions.all(holds)
    }

    /// Takes what the client reads and compares what it expects.
    fn look(&mut self, step: &Value, found: &steps::Found) {
        for (place, wanted) in step["expects"].as_object().into_iter().flatten() {
            assert_eq!(found.json.pointer(place), Some(wanted), "{place} in {:#}", found.json);
        }
        for (name, place) in step["reads"].as_object().into_iter().flatten() {
            let place = place.as_str().unwrap();
            let value = found.read(place).unwrap_or_else(|| panic!("no `{place}` in {:#}", found.json));
            self.known.insert(name.clone(), value);
        }
    }

    /// Puts what is known into the braces.
    fn fill(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |filled, part| {
            let (name, rest) = part.split_once('}').unwrap();
            filled + self.known.get(name).unwrap_or_else(|| panic!("`{name}` was not read")) + rest
        })
    }
}

#[tokio::test]
async fn the_bot_of_dadecoza() {
    replay("dadecoza-bot").await;
}

#[tokio::test]
async fn the_program_of_dadecoza_that_sends() {
    replay("dadecoza-send").await;
}

#[tokio::test]
async fn lyncbot_when_it_asks() {
    replay("lyncbot-out").await;
}

#[tokio::test]
async fn lyncbot_when_it_is_asked() {
    replay("lyncbot-in").await;
}

#[tokio::test]
async fn the_connector_of_orange() {
    replay("orange").await;
}

#[tokio::test]
async fn the_helper_library_of_microsoft() {
    replay("microsoft").await;
}
