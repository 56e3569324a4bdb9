use roxmltree::Node;

use crate::{
    XmlError,
    mcx::{
        Event, NAMESPACE,
        event::{number, read, write},
    },
    xml::{self, Writer},
};

/// The answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// The session.
    pub sid: String,
    /// Milliseconds that the next poll is held.
    pub poll_wait_time: u64,
    /// What to acknowledge with the next poll: the number of the last event here, or what this poll said.
    pub ack_id: u64,
    /// Milliseconds of silence after which the session ends.
    pub session_timeout: u64,
    /// In the order of their numbers.
    pub events: Vec<Numbered>,
}

/// An event with its number. Numbers grow; one that is missing was made worthless by a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The number.
    pub eid: u64,
    /// What happened.
    pub event: Event,
}

impl Events {
    /// The document.
    pub fn to_xml(&self) -> String {
        let attributes = [
            ("sid", self.sid.as_str()),
            ("pollWaitTime", &self.poll_wait_time.to_string()),
            ("ackId", &self.ack_id.to_string()),
            ("sessionTimeout", &self.session_timeout.to_string()),
            ("xmlns", NAMESPACE),
        ];
        let mut writer = Writer::new();
        writer.element("mcxEvents", &attributes, |w| {
            for Numbered { eid, event } in &self.events {
                write(w, &eid.to_string(), event);
            }
        });
        writer.finish()
    }

    /// Reads the document.
    ///
    /// # Errors
    /// [`XmlError`] when it is not one.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        xml::read_answer(body, |root| {
            let events = root.has_tag_name((NAMESPACE, "mcxEvents")).then(|| read_all(root)).flatten();
            events.ok_or_else(|| XmlError::Unexpected("the document is not `mcxEvents`".into()))
        })
    }
}

fn read_all(root: Node<'_, '_>) -> Option<Events> {
    let events = root.children().filter(Node::is_element);
    let events = events.map(|node| Some(Numbered { eid: number(node, "eid")?, event: read(node)? }));
    Some(Events {
        sid: root.attribute("sid")?.into(),
        poll_wait_time: number(root, "pollWaitTime")?,
        ack_id: number(root, "ackId")?,
        session_timeout: number(root, "sessionTimeout")?,
        events: events.collect::<Option<_>>()?,
    })
}
