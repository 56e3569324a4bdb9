use super::{
    Format, NAMESPACE, Reason,
    json::{self, Object},
    link::Link,
    resource::Resource,
};
use crate::xml::Writer;

/// The answer to a pending GET ("Event channel details").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsDocument {
    href: String,
    links: Vec<Link>,
    senders: Vec<Sender>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sender {
    link: Link,
    events: Vec<Event>,
}

/// Something that happened to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    kind: Kind,
    link: Link,
    within: Option<Link>,
    status: Option<Status>,
    reason: Option<Reason>,
    embedded: Option<(String, Resource)>,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As asked.
    Success,
    /// Otherwise; the reference shows no word for it, and this is the one that pairs with its other.
    Failure,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Failure => "Failure",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Added,
    Updated,
    Deleted,
    Started,
    Completed,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Started => "started",
            Self::Completed => "completed",
        }
    }
}

impl EventsDocument {
    /// An answer to the poll at `href`, to be followed by one at `next`.
    pub fn new(href: impl Into<String>, next: impl Into<String>) -> Self {
        Self { href: href.into(), links: vec![Link::new("next", next)], senders: Vec::new() }
    }

    /// With the word that the client has been silent for so long that passing things were given up; the poll that
    /// follows is at `href`.
    #[must_use]
    pub fn resume(self, href: impl Into<String>) -> Self {
        self.linked("resume", href)
    }

    /// With the word that the poll acknowledged what it can not have seen; what is not acknowledged is at `href`.
    #[must_use]
    pub fn resync(self, href: impl Into<String>) -> Self {
        self.linked("resync", href)
    }

    fn linked(mut self, rel: &str, href: impl Into<String>) -> Self {
        self.links.push(Link::new(rel, href));
        self
    }

    /// Adds an event behind the others. It joins the last sender where that is its own: clients look at one.
    pub fn push(&mut self, sender_rel: &str, sender_href: &str, event: Event) {
        let link = Link::new(sender_rel, sender_href);
        match self.senders.last_mut().filter(|last| last.link == link) {
            Some(sender) => sender.events.push(event),
            None => self.senders.push(Sender { link, events: vec![event] }),
        }
    }

    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }

    /// The document in that form.
    pub fn write(&self, format: Format) -> String {
        if format.is_json() { self.to_json() } else { self.to_xml() }
    }

    /// The JSON document, on one line.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::object(&mut out, |document| {
            document.member("_links", |out| json::object(out, |links| self.write_links(links)));
            document.member("sender", |out| json::array(out, &self.senders, |out, s| s.write_json(out)));
        });
        out
    }

    fn write_links(&self, links: &mut Object<'_>) {
        links.member("self", |out| json::object(out, |link| link.text("href", &self.href)));
        for link in &self.links {
            links.member(&link.rel, |out| json::object(out, |object| link.write_members(object)));
        }
    }

    /// The XML document.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        writer.element("events", &[("href", &self.href), ("xmlns", NAMESPACE)], |w| {
            for link in &self.links {
                link.write_xml(w, "link", &link.rel, None, |_| {});
            }
            for Sender { link, events } in &self.senders {
                link.write_xml(w, "sender", &link.rel, None, |w| {
                    events.iter().for_each(|event| event.write_xml(w));
                });
            }
        });
        writer.finish()
    }
}

impl Sender {
    fn write_json(&self, out: &mut String) {
        json::object(out, |object| {
            object.text("rel", &self.link.rel);
            self.link.write_members(object);
            object.member("events", |out| json::array(out, &self.events, |out, e| e.write_json(out)));
        });
    }
}

impl Event {
    /// A resource is there.
    pub fn added(link: Link) -> Self {
        Self::new(Kind::Added, link)
    }

    /// It is not what it was.
    pub fn updated(link: Link) -> Self {
        Self::new(Kind::Updated, link)
    }

    /// It is gone.
    pub fn deleted(link: Link) -> Self {
        Self::new(Kind::Deleted, link)
    }

    /// An operation has begun.
    pub fn started(link: Link) -> Self {
        Self::new(Kind::Started, link)
    }

    /// It has ended.
    pub fn completed(link: Link) -> Self {
        Self::new(Kind::Completed, link)
    }

    fn new(kind: Kind, link: Link) -> Self {
        Self { kind, link, within: None, status: None, reason: None, embedded: None }
    }

    /// In which collection.
    #[must_use]
    pub fn within(mut self, rel: impl Into<String>, href: impl Into<String>) -> Self {
        self.within = Some(Link::new(rel, href));
        self
    }

    /// How the operation ended.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// With the resource as it is now, under the name of its kind.
    #[must_use]
    pub fn embed(self, resource: Resource) -> Self {
        self.embed_as(resource.rel().to_owned(), resource)
    }

    /// With the resource as it is now, under another name.
    #[must_use]
    pub fn embed_as(mut self, rel: impl Into<String>, resource: Resource) -> Self {
        self.embedded = Some((rel.into(), resource));
        self
    }

    fn write_json(&self, out: &mut String) {
        json::object(out, |object| {
            object.member("link", |out| write_link(out, &self.link));
            if let Some(within) = &self.within {
                object.member("in", |out| write_link(out, within));
            }
            if let Some(status) = self.status {
                object.text("status", status.as_str());
            }
            if let Some(reason) = &self.reason {
                object.member("reason", |out| reason.write_json(out));
            }
            if let Some((rel, resource)) = &self.embedded {
                object.member("_embedded", |out| {
                    json::object(out, |object| object.member(rel, |out| resource.write_json(out)));
                });
            }
            object.text("type", self.kind.as_str());
        });
    }

    fn write_xml(&self, writer: &mut Writer) {
        let status = self.status.map(|status| ("status", status.as_str()));
        self.link.write_xml(writer, self.kind.as_str(), &self.link.rel, status, |w| {
            if let Some(within) = &self.within {
                within.write_xml(w, "in", &within.rel, None, |_| {});
            }
            if let Some(reason) = &self.reason {
                reason.write_xml(w, &[]);
            }
            if let Some((rel, resource)) = &self.embedded {
                resource.write_xml(w, rel, false);
            }
        });
    }
}

fn write_link(out: &mut String, link: &Link) {
    json::object(out, |object| {
        object.text("rel", &link.rel);
        link.write_members(object);
    });
}

#[cfg(test)]
mod tests {
    use super::super::{Code, Subcode};
    use super::*;

    fn document() -> EventsDocument {
        let mut document = EventsDocument::new("/e?ack=1", "/e?ack=2");
        let me = Resource::new("participant", "/c/p/anna").property("local", true);
        document.push("me", "/me", Event::updated(Link::new("me", "/me")));
        document.push("me", "/me", Event::added(Link::new("note", "/me/note")));
        let added = Event::added(Link::new("localParticipant", "/c/p/anna").titled("Anna"));
        document.push("conversation", "/c", added.embed_as("localParticipant", me));
        let typing =
            Event::deleted(Link::new("participant", "/c/p/ben")).within("typingParticipants", "/c/t");
        document.push("conversation", "/c", typing);
        document
    }

    #[test]
    fn nothing_is_an_empty_list_with_a_link_to_go_on() {
        let document = EventsDocument::new("/e?ack=1", "/e?ack=2");
        assert!(document.is_empty());
        let json = r#"{"_links":{"self":{"href":"/e?ack=1"},"next":{"href":"/e?ack=2"}},"sender":[]}"#;
        assert_eq!(document.to_json(), json);
        let json: serde_json::Value = serde_json::from_str(&document.resync("/e?ack=9").to_json()).unwrap();
        assert_eq!(json["_links"]["resync"]["href"], "/e?ack=9");
        assert_eq!(json["_links"]["next"]["href"], "/e?ack=2");
    }

    #[test]
    fn events_of_one_sender_in_a_row_are_one_block() {
        assert_eq!(
            document().to_json(),
            concat!(
                r#"{"_links":{"self":{"href":"/e?ack=1"},"next":{"href":"/e?ack=2"}},"sender":["#,
                r#"{"rel":"me","href":"/me","events":[{"link":{"rel":"me","href":"/me"},"type":"updated"},"#,
                r#"{"link":{"rel":"note","href":"/me/note"},"type":"added"}]},"#,
                r#"{"rel":"conversation","href":"/c","events":["#,
                r#"{"link":{"rel":"localParticipant","href":"/c/p/anna","title":"Anna"},"#,
                r#""_embedded":{"localParticipant":{"local":true,"_links":{"self":{"href":"/c/p/anna"}},"rel":"participant"}},"#,
                r#""type":"added"},{"link":{"rel":"participant","href":"/c/p/ben"},"#,
                r#""in":{"rel":"typingParticipants","href":"/c/t"},"type":"deleted"}]}]}"#,
            )
        );
        let mut back = document();
        back.push("me", "/me", Event::updated(Link::new("me", "/me")));
        assert_eq!(back.to_json().matches(r#""events""#).count(), 3, "the order is kept");
    }

    #[test]
    fn the_xml_form_names_an_event_by_its_element() {
        assert_eq!(
            document().to_xml(),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><events href="/e?ack=1" "#,
                r#"xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><link rel="next" href="/e?ack=2"/>"#,
                r#"<sender rel="me" href="/me"><updated rel="me" href="/me"/><added rel="note" href="/me/note"/></sender>"#,
                r#"<sender rel="conversation" href="/c"><added rel="localParticipant" href="/c/p/anna" title="Anna">"#,
                r#"<resource rel="localParticipant" href="/c/p/anna"><property name="rel">participant</property>"#,
                r#"<property name="local">true</property></resource></added>"#,
                r#"<deleted rel="participant" href="/c/p/ben"><in rel="typingParticipants" href="/c/t"/></deleted>"#,
                r"</sender></events>",
            )
        );
    }

    #[test]
    fn a_failure_has_its_reason_in_both_forms() {
        let mut document = EventsDocument::new("/e", "/f");
        let reason = Reason::new(Code::RemoteFailure, Subcode::Timeout, "");
        let failed = Event::completed(Link::new("messagingInvitation", "/i/1"));
        document.push("communication", "/c", failed.status(Status::Failure).reason(reason));
        let json =
            r#""status":"Failure","reason":{"code":"RemoteFailure","subcode":"Timeout"},"type":"completed""#;
        assert!(document.to_json().contains(json), "{}", document.to_json());
        let xml = concat!(
            r#"<completed rel="messagingInvitation" href="/i/1" status="Failure">"#,
            r"<reason><code>RemoteFailure</code><subcode>Timeout</subcode></reason></completed>",
        );
        assert!(document.to_xml().contains(xml), "{}", document.to_xml());
    }
}
