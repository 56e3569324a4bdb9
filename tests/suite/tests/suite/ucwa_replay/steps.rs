//! How clients read answers, and what the other person does.

use fulmar_suite::uri;
use fulmar_wire::mcx::{Command, Event};
use fulmarctl::phone::Reply;
use serde_json::Value;

use super::Replay;

/// What a client has before it.
pub(super) struct Found {
    pub(super) json: Value,
    /// The header fields as one text, as a client sees them that searches in it.
    headers: String,
    location: Option<String>,
}

impl Found {
    pub(super) fn new(reply: &Reply) -> Self {
        Self {
            json: serde_json::from_slice(&reply.body).unwrap_or_default(),
            headers: format!("{:?}", reply.headers).replace("\\\"", "\""),
            location: reply.header("location").map(str::to_owned),
        }
    }

    pub(super) fn of(json: Value) -> Self {
        Self { json, headers: String::new(), location: None }
    }

    /// `/a/b` is a place in the JSON, whose text is taken; before it may stand `json:` (all that is there), `guid:`
    /// (the name of the property that is to be sent back) or `parent:` (the text up to its last slash). `location`
    /// and `challenge` are in the header.
    pub(super) fn read(&self, place: &str) -> Option<String> {
        let text = |place: &str| self.json.pointer(place)?.as_str().map(str::to_owned);
        match place.split_once(':') {
            Some(("json", place)) => self.json.pointer(place).map(Value::to_string),
            Some(("parent", place)) => Some(text(place)?.rsplit_once('/')?.0.to_owned()),
            Some(("guid", place)) => {
                let mut properties = self.json.pointer(place)?.as_object()?.iter();
                let guid = properties.find(|(_, value)| *value == "please pass this in a PUT request")?;
                Some(guid.0.clone())
            }
            _ if place == "location" => self.location.clone(),
            _ if place == "challenge" => {
                let (_, rest) = self.headers.split_once("MsRtcOAuth href=\"")?;
                Some(rest.split_once('"')?.0.to_owned())
            }
            _ => text(place),
        }
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The parts of a batch's answer, with the eyes of Microsoft's library: it knows only this spelling, only JSON on one
/// line, and takes the header of a part to end with `Content-Type`.
pub(super) fn parts(reply: &Reply, step: &Value) -> Vec<Found> {
    if step["parts"].is_null() {
        return Vec::new();
    }
    let (_, boundary) = reply.header("content-type").unwrap().split_once("boundary=").unwrap();
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let parts: Vec<_> = text.split(&delimiter).filter(|part| part.contains("HTTP/1.1 ")).map(part).collect();
    assert_eq!(parts.len(), list(&step["parts"]).len(), "{text}");
    parts
}

fn part(text: &str) -> Found {
    let (_, answer) = text.split_once("HTTP/1.1 ").unwrap();
    assert!(answer.starts_with("200 "), "{answer}");
    let (header, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(header.lines().last().unwrap().starts_with("Content-Type: application/json"), "{header}");
    Found::of(serde_json::from_str(body.lines().next().unwrap()).unwrap())
}

impl Replay {
    pub(super) async fn ben_does(&mut self, what: &str, text: &str) {
        match what {
            "invites" => {
                self.conversation = self.ben.invite(&uri("anna").unwrap(), "b-1", text).await.unwrap();
            }
            "accepts" => {
                let (conf_id, from) = self.ben.invitation().await.unwrap();
                assert_eq!(from, "sip:anna@office.test");
                self.ben.perform(Command::AcceptImSession { conf_id: conf_id.clone() }).await.unwrap();
                self.conversation = conf_id;
            }
            "says" => self.ben.say(&self.conversation, "b-2", text).await.unwrap(),
            "hears" => {
                let heard = self.ben.message_in(&self.conversation).await.unwrap();
                assert_eq!(heard.text.reveal(), text);
            }
            "sees typing" => {
                let writes = |event: &Event| matches!(event, Event::Composing { .. }).then_some(());
                self.ben.until("the sign of writing", writes).await.unwrap();
            }
            "is left" => {
                let left = |event: &Event| {
                    let Event::ImSessionState { state, .. } = event else { return None };
                    (state == "left").then_some(())
                };
                self.ben.until("the end", left).await.unwrap();
            }
            other => panic!("ben can not `{other}`"),
        }
    }
}
