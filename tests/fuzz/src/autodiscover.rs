use fulmar_wire::autodiscover::{Document, Format};

pub(crate) fn documents(bytes: &[u8]) {
    for (content_type, format) in [("text/xml", Format::Xml), ("application/json", Format::TokenJson)] {
        if let Ok(document) = Document::parse(content_type, bytes) {
            let again = Document::parse(content_type, document.write(format).as_bytes());
            assert_eq!(again, Ok(document), "{content_type}");
        }
    }
}
