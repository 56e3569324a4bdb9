use anyhow::{Context, Result};
use serde_json::Value;

use super::Resource;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `added`, `updated`, `deleted`, `started` or `completed`.
    pub kind: String,
    /// What kind of resource it is about.
    pub rel: String,
    /// Which.
    pub href: String,
    /// The rel of the resource that tells of it.
    pub sender: String,
    /// The event as it came.
    pub body: Value,
}

/// Where the channel leads after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Led {
    /// On.
    Next,
    /// On, and what was known is to be asked for again: nobody was there for long.
    Resume,
    /// Back to what is known, because the place that was asked for is none.
    Resync,
}

impl Event {
    /// Whether it is of that kind about that sort of resource.
    pub fn is(&self, kind: &str, rel: &str) -> bool {
        self.kind == kind && self.rel == rel
    }

    /// The resource, where the event holds it.
    ///
    /// # Errors
    /// When it does not.
    pub fn resource(&self) -> Result<Resource> {
        let embedded = Resource(self.body.clone()).embedded(&self.rel);
        embedded.with_context(|| format!("no `{}` is embedded in {}", self.rel, self.body))
    }

    /// `Success` or `Failure` of what is completed; empty for the rest.
    pub fn status(&self) -> &str {
        self.body["status"].as_str().unwrap_or_default()
    }

    /// Why something failed: the subcode.
    pub fn subcode(&self) -> &str {
        self.body["reason"]["subcode"].as_str().unwrap_or_default()
    }

    /// The rel within which the resource was added or deleted; empty when it is not said.
    pub fn within(&self) -> &str {
        self.body["in"]["rel"].as_str().unwrap_or_default()
    }
}

/// The events of an answer in their order, where it leads, and where that is.
pub(super) fn read(document: &Resource) -> Result<(Vec<Event>, Led, String)> {
    let senders = document.0["sender"].as_array().context("the answer has no list of senders")?;
    let mut events = Vec::new();
    for sender in senders {
        let of = sender["events"].as_array().with_context(|| format!("a sender without events: {sender}"))?;
        for body in of {
            events.push(event(sender, body).with_context(|| format!("this is no event: {body}"))?);
        }
    }
    let ways = [("resync", Led::Resync), ("resume", Led::Resume), ("next", Led::Next)];
    let led = ways.iter().find_map(|(rel, led)| Some((*led, document.link(rel).ok()?.to_owned())));
    let (led, href) = led.context("the answer leads nowhere")?;
    Ok((events, led, href))
}

fn event(sender: &Value, body: &Value) -> Option<Event> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Event {
        kind: text(&body["type"])?,
        rel: text(&body["link"]["rel"])?,
        href: text(&body["link"]["href"])?,
        sender: text(&sender["rel"])?,
        body: body.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_in_its_order() {
        let event = |kind: &str| json!({ "link": { "rel": "me", "href": "/me" }, "type": kind });
        let mut document = json!({
            "_links": { "self": { "href": "/e?ack=1" }, "next": { "href": "/e?ack=2" } },
            "sender": [{ "rel": "me", "href": "/me", "events": [event("added"), event("deleted")] }],
        });
        let (events, led, next) = read(&Resource(document.clone())).unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!((kinds, led, next.as_str()), (vec!["added", "deleted"], Led::Next, "/e?ack=2"));
        document["_links"]["resync"] = json!({ "href": "/e?ack=1" });
        assert_eq!(read(&Resource(document.clone())).unwrap().1, Led::Resync);
        document["sender"][0]["events"][0] = json!({ "type": "added" });
        assert!(read(&Resource(document)).unwrap_err().to_string().starts_with("this is no event"));
    }
}
