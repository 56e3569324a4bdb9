use std::fmt;

use md5::{Digest, Md5};

use super::{
    Format, NAMESPACE,
    json::{self, Object},
    link::Link,
    value::{Value, property},
};
use crate::xml::Writer;

/// A resource: properties, links and the resources embedded in it. What is given twice under one name is what was
/// given last.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    rel: String,
    href: String,
    properties: Vec<(String, Value)>,
    links: Vec<(String, Slot<Link>)>,
    embedded: Vec<(String, Slot<Resource>)>,
    etag: Option<String>,
}

/// What stands under a name.
#[derive(Clone, PartialEq, Eq)]
enum Slot<T> {
    One(T),
    /// Of a name that may repeat: a list also where it is empty.
    Many(Vec<T>),
}

impl<T> Slot<T> {
    fn items(&self) -> &[T] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }

    fn write(&self, out: &mut String, write: impl Fn(&mut String, &T)) {
        match self {
            Self::One(item) => write(out, item),
            Self::Many(items) => json::array(out, items, write),
        }
    }
}

impl Resource {
    /// A resource of that kind at that place.
    pub fn new(rel: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            rel: rel.into(),
            href: href.into(),
            properties: Vec::new(),
            links: Vec::new(),
            embedded: Vec::new(),
            etag: None,
        }
    }

    /// With a property.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        put(&mut self.properties, name.into(), value.into());
        self
    }

    /// With a property where there is a value for it.
    #[must_use]
    pub fn optional(self, name: impl Into<String>, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.property(name, value),
            None => self,
        }
    }

    /// With what `with` adds, where that holds.
    #[must_use]
    pub fn when(self, holds: bool, with: impl FnOnce(Self) -> Self) -> Self {
        if holds { with(self) } else { self }
    }

    /// With a link.
    #[must_use]
    pub fn link(self, rel: impl Into<String>, href: impl Into<String>) -> Self {
        self.linked(Link::new(rel, href))
    }

    /// With a link that says what it leads to.
    #[must_use]
    pub fn titled_link(
        self,
        rel: impl Into<String>,
        href: impl Into<String>,
        title: impl Into<String>,
    ) -> Self {
        self.linked(Link::new(rel, href).titled(title))
    }

    /// With a link to a resource of a later revision than the first ("Versioning").
    #[must_use]
    pub fn revised_link(self, rel: impl Into<String>, href: impl Into<String>, revision: u32) -> Self {
        self.linked(Link::new(rel, href).revised(revision))
    }

    fn linked(mut self, link: Link) -> Self {
        put(&mut self.links, link.rel.clone(), Slot::One(link));
        self
    }

    /// With the links of a name that may repeat; their own names are not looked at.
    #[must_use]
    pub fn links(mut self, rel: impl Into<String>, links: impl IntoIterator<Item = Link>) -> Self {
        put(&mut self.links, rel.into(), Slot::Many(links.into_iter().collect()));
        self
    }

    /// With another resource in it, under the name of its kind.
    #[must_use]
    pub fn embed(self, resource: Self) -> Self {
        self.embed_as(resource.rel.clone(), resource)
    }

    /// With another resource in it, under another name.
    #[must_use]
    pub fn embed_as(mut self, rel: impl Into<String>, resource: Self) -> Self {
        put(&mut self.embedded, rel.into(), Slot::One(resource));
        self
    }

    /// With the resources of a name that may repeat.
    #[must_use]
    pub fn embed_all(mut self, rel: impl Into<String>, resources: Vec<Self>) -> Self {
        put(&mut self.embedded, rel.into(), Slot::Many(resources));
        self
    }

    /// With the entity tag of the properties and links that it has now; what is embedded does not count ("the ETag
    /// of a resource is not affected by its embedded resources").
    #[must_use]
    pub fn etagged(mut self) -> Self {
        let mut own = String::new();
        json::object(&mut own, |object| self.write_own(object));
        let digest: [u8; 16] = Md5::digest(own.as_bytes()).into();
        self.etag = Some(u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]).to_string());
        self
    }

    /// The entity tag, without quotes.
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Its kind.
    pub fn rel(&self) -> &str {
        &self.rel
    }

    /// Its place.
    pub fn href(&self) -> &str {
        &self.href
    }

    /// The document in that form.
    pub fn write(&self, format: Format) -> String {
        if format.is_json() { self.to_json() } else { self.to_xml() }
    }

    /// The JSON document, on one line.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    /// The XML document.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        self.write_xml(&mut writer, &self.rel, true);
        writer.finish()
    }

    pub(super) fn write_json(&self, out: &mut String) {
        json::object(out, |object| {
            self.write_own(object);
            if !self.embedded.is_empty() {
                object.member("_embedded", |out| write_embedded(out, &self.embedded));
            }
            object.text("rel", &self.rel);
            if let Some(etag) = &self.etag {
                object.text("etag", etag);
            }
        });
    }

    fn write_own(&self, object: &mut Object<'_>) {
        for (name, value) in &self.properties {
            object.member(name, |out| value.write_json(out));
        }
        object.member("_links", |out| {
            json::object(out, |links| {
                links.member("self", |out| json::object(out, |link| link.text("href", &self.href)));
                for (rel, slot) in &self.links {
                    links.member(rel, |out| slot.write(out, |out, link| link.write_json(out)));
                }
            });
        });
    }

    /// Writes the element; `rel` is the name under which it stands, which a reader can not see in what it is.
    pub(super) fn write_xml(&self, writer: &mut Writer, rel: &str, root: bool) {
        let namespace = root.then_some(("xmlns", NAMESPACE));
        let attributes: Vec<_> = [("rel", rel), ("href", &self.href)].into_iter().chain(namespace).collect();
        writer.element("resource", &attributes, |w| {
            for (rel, slot) in &self.links {
                slot.items().iter().for_each(|link| link.write_xml(w, "link", rel, None, |_| {}));
            }
            if rel != self.rel {
                property(w, "rel", &self.rel);
            }
            for (name, value) in &self.properties {
                value.write_xml(w, name);
            }
            if let Some(etag) = &self.etag {
                property(w, "etag", etag);
            }
            for (rel, slot) in &self.embedded {
                slot.items().iter().for_each(|resource| resource.write_xml(w, rel, false));
            }
        });
    }
}

fn put<T>(list: &mut Vec<(String, T)>, name: String, value: T) {
    match list.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None => list.push((name, value)),
    }
}

fn write_embedded(out: &mut String, embedded: &[(String, Slot<Resource>)]) {
    json::object(out, |object| {
        for (rel, slot) in embedded {
            object.member(rel, |out| slot.write(out, |out, resource| resource.write_json(out)));
        }
    });
}

impl fmt::Debug for Resource {
    /// Prints no property and no link: some are what people write to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({} {})", self.rel, self.href)
    }
}

/// Whether an `If-Match` or `If-None-Match` header names that entity tag or any (RFC 9110 §13.1); a weak one counts,
/// and so does one without quotes.
pub fn etag_matches(header: &str, etag: &str) -> bool {
    header
        .split(',')
        .map(str::trim)
        .any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named).trim_matches('"') == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_written_as_the_captures_show() {
        let from = Resource::new("participant", "/a/p/ben").property("name", "Ben \"B\" <b>");
        let invitation = Resource::new("messagingInvitation", "/a/i/1")
            .property("direction", "Incoming")
            .property("recording", false)
            .property("participantCount", 2_u32)
            .property("timeStamp", Value::Date(1_364_327_898_968))
            .property("modalities", ["Messaging"])
            .optional("subject", None::<&str>)
            .titled_link("from", "/a/p/ben", "")
            .revised_link("accept", "/a/i/1/accept", 2)
            .embed_as("from", from);
        assert_eq!(
            invitation.to_json(),
            concat!(
                r#"{"direction":"Incoming","recording":false,"participantCount":2,"#,
                r#""timeStamp":"\/Date(1364327898968)\/","modalities":["Messaging"],"#,
                r#""_links":{"self":{"href":"/a/i/1"},"from":{"href":"/a/p/ben","title":""},"#,
                r#""accept":{"href":"/a/i/1/accept","revision":"2"}},"#,
                r#""_embedded":{"from":{"name":"Ben \"B\" <b>","_links":{"self":{"href":"/a/p/ben"}},"rel":"participant"}},"#,
                r#""rel":"messagingInvitation"}"#,
            )
        );
        assert_eq!(
            invitation.to_xml(),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><resource rel="messagingInvitation" href="/a/i/1" "#,
                r#"xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><link rel="from" href="/a/p/ben" title=""/>"#,
                r#"<link rel="accept" href="/a/i/1/accept" revision="2"/><property name="direction">Incoming</property>"#,
                r#"<property name="recording">false</property><property name="participantCount">2</property>"#,
                r#"<property name="timeStamp">2013-03-26T19:58:18.968Z</property>"#,
                r#"<propertyList name="modalities"><item>Messaging</item></propertyList>"#,
                r#"<resource rel="from" href="/a/p/ben"><property name="rel">participant</property>"#,
                r#"<property name="name">Ben "B" &lt;b&gt;</property></resource></resource>"#,
            )
        );
    }

    #[test]
    fn what_may_repeat_is_always_a_list() {
        let resource = Resource::new("myContacts", "/c").embed_all("contact", vec![]);
        let none = resource.clone().links("contact", []).to_json();
        assert!(none.contains(r#""contact":[]},"_embedded":{"contact":[]}"#), "{none}");
        let one = resource.links("contact", [Link::new("contact", "/ben")]).to_json();
        assert!(one.contains(r#""contact":[{"href":"/ben"}]}"#), "{one}");
    }

    #[test]
    fn the_last_of_two_values_of_a_name_counts() {
        let json = Resource::new("me", "/me").property("name", "a").property("name", "b").to_json();
        assert_eq!(json, r#"{"name":"b","_links":{"self":{"href":"/me"}},"rel":"me"}"#);
    }

    #[test]
    fn the_entity_tag_is_of_the_resource_alone_and_stands_last() {
        let plain = || Resource::new("application", "/a").property("culture", "en-US");
        let tagged = plain().etagged();
        let etag = tagged.etag().unwrap();
        assert!(etag.parse::<u32>().is_ok());
        assert!(tagged.to_json().ends_with(&format!(r#""rel":"application","etag":"{etag}"}}"#)));
        assert!(tagged.to_xml().ends_with(&format!(r#"<property name="etag">{etag}</property></resource>"#)));
        assert_eq!(plain().embed(Resource::new("me", "/me")).etagged().etag(), Some(etag));
        assert_ne!(plain().property("type", "Phone").etagged().etag(), Some(etag));
        assert_ne!(plain().link("me", "/me").etagged().etag(), Some(etag));
    }

    #[test]
    fn a_precondition_names_an_entity_tag_in_any_form() {
        for header in [r#""17""#, "17", r#"W/"17""#, r#""3", "17""#, "*"] {
            assert!(etag_matches(header, "17"), "{header}");
        }
        for header in [r#""1""#, "", r#""170""#] {
            assert!(!etag_matches(header, "17"), "{header}");
        }
    }

    #[test]
    fn nothing_of_the_content_is_printed() {
        let resource =
            Resource::new("message", "/m").property("a", "hush").link("plainMessage", "data:,hush");
        assert!(!format!("{resource:?} {:?}", Link::new("message", "data:,hush")).contains("hush"));
    }
}
