use crate::accept;

/// A form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/json`.
    Json,
    /// `application/xml`.
    Xml,
    /// The same JSON under UCWA's own type.
    VendorJson,
    /// The same XML under UCWA's own type.
    VendorXml,
}

impl Format {
    /// The order in which they are offered.
    const ALL: [Self; 4] = [Self::Json, Self::Xml, Self::VendorJson, Self::VendorXml];

    /// The form that an `Accept` header asks for (RFC 9110 §12.5.1); JSON when there is none. Of types with the
    /// same weight a named one is taken before a wildcard, and then the first. `None` is a 406.
    pub fn negotiate(accept: Option<&str>) -> Option<Self> {
        let ranges: Vec<_> = accept::ranges(accept.unwrap_or("*/*")).collect();
        let mut best = ((0, 0), None);
        for format in ranges.iter().filter_map(|(range, _)| Self::of(range)).chain(Self::ALL) {
            let fitting = ranges.iter().map(|(range, weight)| (format.fits(range), *weight));
            let (precision, weight) =
                fitting.filter(|(precision, _)| *precision > 0).max().unwrap_or_default();
            if weight > 0 && (weight, precision) > best.0 {
                best = ((weight, precision), Some(format));
            }
        }
        best.1
    }

    fn of(media_type: &str) -> Option<Self> {
        Some(match media_type {
            "application/json" => Self::Json,
            "application/xml" => Self::Xml,
            "application/vnd.microsoft.com.ucwa+json" | "application/vnd.microsoft.ucwa+json" => {
                Self::VendorJson
            }
            "application/vnd.microsoft.com.ucwa+xml" | "application/vnd.microsoft.ucwa+xml" => {
                Self::VendorXml
            }
            _ => return None,
        })
    }

    /// How closely a media range names this form; 0 when it does not.
    fn fits(self, range: &str) -> u8 {
        match range {
            "*/*" => 1,
            "application/*" => 2,
            named if Self::of(named) == Some(self) => 3,
            _ => 0,
        }
    }

    /// The `Content-Type` of this form.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Xml => "application/xml; charset=utf-8",
            Self::VendorJson => "application/vnd.microsoft.com.ucwa+json; charset=utf-8",
            Self::VendorXml => "application/vnd.microsoft.com.ucwa+xml; charset=utf-8",
        }
    }

    /// The form of an error: only under the plain types does a client know it as UCWA's own ("Errors and
    /// informational messages").
    #[must_use]
    pub fn of_errors(self) -> Self {
        if self.is_json() { Self::Json } else { Self::Xml }
    }

    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::VendorJson)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_asks_for() {
        let cases = [
            ("*/*", Some(Format::Json)),
            ("application/*", Some(Format::Json)),
            ("application/json", Some(Format::Json)),
            ("application/json, text/javascript, */*; q=0.01", Some(Format::Json)),
            ("Application/XML", Some(Format::Xml)),
            ("application/vnd.microsoft.com.ucwa+json", Some(Format::VendorJson)),
            ("application/vnd.microsoft.com.ucwa+xml; charset=utf-8", Some(Format::VendorXml)),
            ("application/vnd.microsoft.ucwa+xml", Some(Format::VendorXml)),
            ("application/xml, application/json", Some(Format::Xml)),
            ("application/xml;q=0.5, application/json;q=0.6", Some(Format::Json)),
            ("*/*, application/xml", Some(Format::Xml)),
            ("application/json;q=0, */*", Some(Format::Xml)),
            ("application/json;q=0", None),
            ("text/html", None),
            ("", None),
        ];
        for (accept, format) in cases {
            assert_eq!(Format::negotiate(Some(accept)), format, "{accept}");
        }
        assert_eq!(Format::negotiate(None), Some(Format::Json));
    }

    #[test]
    fn an_error_has_a_plain_type() {
        assert_eq!(Format::VendorJson.of_errors().content_type(), "application/json; charset=utf-8");
        assert_eq!(Format::VendorXml.of_errors().content_type(), "application/xml; charset=utf-8");
    }
}
