//! Addresses of web pages and services, as far as the office writes them.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::DnsName;

/// An absolute `https` URL with a host and a path, without user, fragment or what would need escaping in XML.
///
/// The path is never empty: some clients hang for ever at a URL that has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpsUrl {
    host: DnsName,
    port: u16,
    path_and_query: String,
}

/// The text is no URL that clients can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a URL such as `https://web.office.example/path`: https, a host and a path")]
pub struct InvalidHttpsUrl(String);

impl HttpsUrl {
    /// The host, which is a name: certificates do not name addresses.
    pub fn host(&self) -> &DnsName {
        &self.host
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }
}

impl FromStr for HttpsUrl {
    type Err = InvalidHttpsUrl;

    fn from_str(text: &str) -> Result<Self, InvalidHttpsUrl> {
        read(text).ok_or_else(|| InvalidHttpsUrl(text.chars().take(256).collect()))
    }
}

/// The longest URL that is taken.
const MAX_LENGTH: usize = 1024;

fn read(text: &str) -> Option<HttpsUrl> {
    let (scheme, rest) = text.get(..8).zip(text.get(8..)).filter(|_| text.len() <= MAX_LENGTH)?;
    let (authority, path) = rest.split_at(rest.find('/')?);
    let (host, port) = match authority.split_once(':') {
        None => (authority, 443),
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().ok()?),
        Some(_) => return None,
    };
    let is_name = host.bytes().any(|b| b.is_ascii_alphabetic());
    let clean = path.bytes().all(|b| b.is_ascii_graphic() && !br##""#<>\^`{|}'&"##.contains(&b));
    if !scheme.eq_ignore_ascii_case("https://") || !is_name || !clean || port == 0 {
        return None;
    }
    Some(HttpsUrl { host: host.parse().ok()?, port, path_and_query: path.to_owned() })
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, path_and_query } = self;
        match port {
            443 => write!(f, "https://{host}{path_and_query}"),
            port => write!(f, "https://{host}:{port}{path_and_query}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_has_a_host_and_a_path() {
        let url: HttpsUrl = "HTTPS://Web.Office.test:443/Root/x?a=b".parse().unwrap();
        assert_eq!(url.to_string(), "https://web.office.test/Root/x?a=b");
        assert_eq!((url.host().as_str(), url.path()), ("web.office.test", "/Root/x"));
        let other: HttpsUrl = "https://web.office.test:8443/".parse().unwrap();
        assert_eq!(other.to_string(), "https://web.office.test:8443/");
    }

    #[test]
    fn where_clients_would_hang_or_be_led_astray_is_refused() {
        for bad in [
            "",
            "https://web.office.test",
            "https://web.office.test?x",
            "http://web.office.test/",
            "//web.office.test/",
            "https:///root",
            "https://anna@web.office.test/",
            "https://192.0.2.1/",
            "https://[::1]/",
            "https://web.office.test:0/",
            "https://web.office.test:+1/",
            "https://web.office.test:65536/",
            "https://web.office.test/a b",
            "https://web.office.test/#top",
            "https://web.office.test/\"><script>",
            "https://wéb.office.test/",
        ] {
            assert!(bad.parse::<HttpsUrl>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_url_reads_back_as_it_was_written(text in "https://[a-z]{1,5}\\.test(:[0-9]{1,5})?/[a-zA-Z0-9/?=%.-]{0,20}") {
            if let Ok(url) = text.parse::<HttpsUrl>() {
                prop_assert_eq!(url.to_string().parse(), Ok(url));
            }
        }

        #[test]
        fn no_text_brings_the_reader_down(text in "(https://)?\\PC{0,40}") {
            let _ = text.parse::<HttpsUrl>();
        }
    }
}
