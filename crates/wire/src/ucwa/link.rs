use std::fmt;

use super::json::{self, Object};
use crate::xml::Writer;

/// A way to another resource.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    pub(super) rel: String,
    pub(super) href: String,
    title: Option<String>,
    revision: Option<u32>,
}

impl Link {
    /// A link of that name.
    pub fn new(rel: impl Into<String>, href: impl Into<String>) -> Self {
        Self { rel: rel.into(), href: href.into(), title: None, revision: None }
    }

    /// With the name of what it leads to; it may be empty.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// With a revision later than the first.
    #[must_use]
    pub fn revised(mut self, revision: u32) -> Self {
        self.revision = Some(revision);
        self
    }

    pub(super) fn write_json(&self, out: &mut String) {
        json::object(out, |object| self.write_members(object));
    }

    pub(super) fn write_members(&self, object: &mut Object<'_>) {
        object.text("href", &self.href);
        if let Some(title) = &self.title {
            object.text("title", title);
        }
        if let Some(revision) = self.revision {
            object.text("revision", &revision.to_string());
        }
    }

    /// Writes an element that is this link, with one more attribute and what `inside` puts into it.
    pub(super) fn write_xml(
        &self,
        writer: &mut Writer,
        element: &str,
        rel: &str,
        further: Option<(&str, &str)>,
        inside: impl FnOnce(&mut Writer),
    ) {
        let revision = self.revision.map(|revision| revision.to_string());
        let title = self.title.as_deref().map(|title| ("title", title));
        let revision = revision.as_deref().map(|revision| ("revision", revision));
        let attributes = [("rel", rel), ("href", &self.href)].into_iter();
        let attributes: Vec<_> = attributes.chain(title).chain(revision).chain(further).collect();
        writer.element(element, &attributes, inside);
    }
}

impl fmt::Debug for Link {
    /// Prints the name alone: the place may be a `data` URI with what people write to each other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.rel)
    }
}
