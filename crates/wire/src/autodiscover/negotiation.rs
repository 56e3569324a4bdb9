//! Which form a client gets.

use crate::accept;

/// A form of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `AutodiscoverResponse` in XML.
    Xml,
    /// The same in JSON, with a list of links and tokens.
    TokenJson,
    /// The list and `_links` in one JSON object, for a client that does not say which it reads.
    BothJson,
    /// `_links` in JSON.
    UcwaJson,
    /// `resource` and `link` in XML.
    UcwaXml,
    /// The same under the type that UCWA clients have of their own.
    UcwaVendorXml,
}

impl Format {
    /// The form that the `Accept` header of a request asks for (RFC 9110 §12.5.1); both kinds of JSON in
    /// one when it asks for nothing in particular. A version that is not known gets version 1: there is no other. Of types with the
    /// same weight a named one is taken before a wildcard, and then the first.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let mut best = ((0, false), Self::BothJson);
        for (media_type, weight) in accept::ranges(accept.unwrap_or("*/*")) {
            let rank = (weight, !media_type.contains('*'));
            if let Some(format) = Self::of(&media_type).filter(|_| weight > 0 && rank > best.0) {
                best = (rank, format);
            }
        }
        best.1
    }

    fn of(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/vnd.microsoft.rtc.autodiscover+xml" => Self::Xml,
            "application/vnd.microsoft.rtc.autodiscover+json" => Self::TokenJson,
            "*/*" | "application/*" | "text/html" => Self::BothJson,
            "application/json" | "application/vnd.microsoft.com.ucwa+json" => Self::UcwaJson,
            "application/xml" => Self::UcwaXml,
            "application/vnd.microsoft.com.ucwa+xml" => Self::UcwaVendorXml,
            _ => return None,
        })
    }

    /// The `Content-Type` of this form.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "application/vnd.microsoft.rtc.autodiscover+xml; v=1",
            Self::TokenJson | Self::BothJson => "application/vnd.microsoft.rtc.autodiscover+json; v=1",
            Self::UcwaJson => "application/json",
            Self::UcwaXml => "application/xml",
            Self::UcwaVendorXml => "application/vnd.microsoft.com.ucwa+xml",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_of_clients_gets_its_form() {
        let negotiate = |accept| Format::negotiate(Some(accept));
        assert_eq!(negotiate("application/vnd.microsoft.rtc.autodiscover+xml;v=1"), Format::Xml);
        assert_eq!(negotiate("Application/vnd.microsoft.rtc.autodiscover+JSON;v=2"), Format::TokenJson);
        assert_eq!(negotiate("application/vnd.microsoft.com.ucwa+xml"), Format::UcwaVendorXml);
        assert_eq!(negotiate("application/xml"), Format::UcwaXml);
        assert_eq!(negotiate("application/vnd.microsoft.com.ucwa+json"), Format::UcwaJson);
        assert_eq!(negotiate("application/json"), Format::UcwaJson);
        assert_eq!(negotiate("text/html,application/xhtml+xml,*/*;q=0.8"), Format::BothJson);
        assert_eq!(negotiate("image/png"), Format::BothJson);
        assert_eq!(Format::negotiate(None), Format::BothJson);
    }

    #[test]
    fn weights_count() {
        let accept = "application/json;q=0.1, application/vnd.microsoft.rtc.autodiscover+xml;v=1;q=0.9";
        assert_eq!(Format::negotiate(Some(accept)), Format::Xml);
        assert_eq!(Format::negotiate(Some("application/json;q=0, application/xml;Q=0.5")), Format::UcwaXml);
        assert_eq!(Format::negotiate(Some("application/json;q=0")), Format::BothJson);
        assert_eq!(Format::negotiate(Some("application/json;q=NaN, application/xml;q=9")), Format::UcwaXml);
    }

    #[test]
    fn a_named_type_goes_before_a_wildcard() {
        let accept = "*/*, application/vnd.microsoft.rtc.autodiscover+xml;v=1";
        assert_eq!(Format::negotiate(Some(accept)), Format::Xml);
    }
}
