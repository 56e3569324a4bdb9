//! Bounded reading and careful writing of XML 1.0.

use roxmltree::{Document, Node, ParsingOptions};
use thiserror::Error;

use crate::{MAX_ANSWER, MAX_BODY};

/// Levels of elements below which a document is refused.
const MAX_DEPTH: usize = 32;
/// Elements and texts above which a document that the box reads is refused.
const MAX_NODES: u32 = 4096;
/// The same for a document that a client reads: a contact list has an element for each person.
const MAX_ANSWER_NODES: u32 = 65_536;
/// The most characters of a parser's complaint that are kept: it repeats names of the document.
const MAX_COMPLAINT: usize = 200;

/// Why a text is not a document that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// Longer than [`MAX_BODY`], or for a client than [`MAX_ANSWER`].
    #[error("a document of {0} bytes is too long")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the document is not UTF-8")]
    NotUtf8,
    /// Elements within elements within elements.
    #[error("the document has more than 32 levels")]
    TooDeep,
    /// Not well-formed, or with a document type.
    #[error("the document is not well-formed XML without a document type: {0}")]
    Malformed(String),
    /// Well-formed, and not what it should be.
    #[error("{0}")]
    Unexpected(String),
}

/// Reads a document that a client sent, and hands its root to `look`.
pub(crate) fn read<T>(
    bytes: &[u8],
    look: impl FnOnce(Node<'_, '_>) -> Result<T, XmlError>,
) -> Result<T, XmlError> {
    read_within(MAX_BODY, MAX_NODES, bytes, look)
}

/// Reads a document that the box sent, and hands its root to `look`.
pub(crate) fn read_answer<T>(
    bytes: &[u8],
    look: impl FnOnce(Node<'_, '_>) -> Result<T, XmlError>,
) -> Result<T, XmlError> {
    read_within(MAX_ANSWER, MAX_ANSWER_NODES, bytes, look)
}

fn read_within<T>(
    max_bytes: usize,
    nodes_limit: u32,
    bytes: &[u8],
    look: impl FnOnce(Node<'_, '_>) -> Result<T, XmlError>,
) -> Result<T, XmlError> {
    if bytes.len() > max_bytes {
        return Err(XmlError::TooLong(bytes.len()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| XmlError::Malformed(error.to_string().chars().take(MAX_COMPLAINT).collect()))?;
    // The parser and the walk keep no stack of levels, so a deep document does no harm until it is looked at.
    if document.descendants().any(|node| node.ancestors().nth(MAX_DEPTH + 1).is_some()) {
        return Err(XmlError::TooDeep);
    }
    look(document.root_element())
}

/// The first element below `node` of that local name, whatever its namespace.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The first element anywhere within `node` of that local name, whatever its namespace.
pub(crate) fn within<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.descendants().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// All the text below an element; comments do not count and do not split it.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|n| n.text()).collect()
}

/// A document in the making.
#[derive(Default)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { out: r#"<?xml version="1.0" encoding="utf-8"?>"#.into() }
    }

    /// An element with what `inside` puts into it; self-closed when that is nothing.
    pub(crate) fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            self.out.push(' ');
            self.out.push_str(key);
            self.out.push_str("=\"");
            escape(&mut self.out, value, true);
            self.out.push('"');
        }
        let open = self.out.len();
        self.out.push('>');
        let start = self.out.len();
        inside(self);
        if self.out.len() == start {
            self.out.truncate(open);
            self.out.push_str("/>");
        } else {
            self.out.push_str("</");
            self.out.push_str(name);
            self.out.push('>');
        }
        self
    }

    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Self {
        self.element(name, attributes, |_| {})
    }

    pub(crate) fn leaf(&mut self, name: &str, content: &str) -> &mut Self {
        self.element(name, &[], |w| w.text(content))
    }

    pub(crate) fn text(&mut self, text: &str) {
        escape(&mut self.out, text, false);
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}

/// Characters that XML 1.0 can not carry become U+FFFD (XML 1.0 §2.2).
fn escape(out: &mut String, text: &str, attribute: bool) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if attribute => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\n' | '\t' => out.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(document: &str) -> XmlError {
        read(document.as_bytes(), |_| Ok(())).unwrap_err()
    }

    #[test]
    fn entities_and_document_types_are_refused() {
        let laughs = r#"<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><a>&b;</a>"#;
        assert!(matches!(refused(laughs), XmlError::Malformed(_)));
        assert!(matches!(refused("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), XmlError::Malformed(_)));
    }

    #[test]
    fn deep_and_long_documents_are_refused() {
        assert!(matches!(refused(&"<a>".repeat(20_000)), XmlError::Malformed(_)));
        assert!(matches!(refused(&"x".repeat(MAX_BODY + 1)), XmlError::TooLong(_)));
        assert_eq!(read(b"<a>\xff</a>", |_| Ok(())), Err(XmlError::NotUtf8));
        let many = format!("<a>{}</a>", "<b/>".repeat(10_000));
        assert!(matches!(refused(&many), XmlError::Malformed(_)));
    }

    #[test]
    fn a_complaint_repeats_little_of_the_document() {
        let XmlError::Malformed(complaint) = refused(&format!("<a>&{};</a>", "x".repeat(60_000))) else {
            panic!("this is not well-formed")
        };
        assert!(complaint.len() <= MAX_COMPLAINT, "{} bytes", complaint.len());
    }

    #[test]
    fn a_client_reads_more_than_the_box() {
        let long = format!("<a>{}</a>", "x".repeat(MAX_BODY));
        assert!(matches!(refused(&long), XmlError::TooLong(_)));
        assert_eq!(read_answer(long.as_bytes(), |_| Ok(())), Ok(()));
        let longer = "x".repeat(MAX_ANSWER + 1);
        assert_eq!(read_answer(longer.as_bytes(), |_| Ok(())), Err(XmlError::TooLong(longer.len())));
    }

    #[test]
    fn nesting_up_to_the_limit_is_read() {
        let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        assert!(read(nested(MAX_DEPTH).as_bytes(), |_| Ok(())).is_ok());
        assert_eq!(refused(&nested(MAX_DEPTH + 1)), XmlError::TooDeep);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(attribute in "\\PC*", content in "[^\0-\u{1f}\u{fffe}\u{ffff}]*") {
            let mut writer = Writer::new();
            writer.element("a", &[("b", &attribute)], |w| w.text(&content));
            let back = read(writer.finish().as_bytes(), |root| {
                Ok((root.attribute("b").unwrap_or_default().to_owned(), text(root)))
            });
            prop_assert_eq!(back, Ok((attribute, content)));
        }

        #[test]
        fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = read(&bytes, |_| Ok(()));
        }
    }
}
