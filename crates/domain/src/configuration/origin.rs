use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::DnsName;

/// The origin of a page in a browser, as the browser writes it (RFC 6454 §6.2): scheme, host, and the port where
/// it is not the usual one. In lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an origin such as `https://portal.office.example`: a scheme, a host and no path")]
pub struct InvalidOrigin(String);

impl Origin {
    /// As a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        read(text).ok_or_else(|| InvalidOrigin(text.chars().take(128).collect()))
    }
}

fn read(text: &str) -> Option<Origin> {
    let lower = text.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://")?;
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let (host, port) = match authority.split_once(':') {
        None => (authority, usual),
        Some((host, port)) => (host, super::port(port)?),
    };
    let host: DnsName = host.parse().ok().filter(|_| !host.ends_with('.'))?;
    Some(Origin(if port == usual {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    }))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let written = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        assert_eq!(written("HTTPS://Portal.Office.test:443"), Ok("https://portal.office.test".into()));
        assert_eq!(written("http://localhost:8080"), Ok("http://localhost:8080".into()));
        for bad in [
            "",
            "*",
            "null",
            "portal.office.test",
            "https://",
            "https://a.test/",
            "https://*.a.test",
            "https://a.test:0",
            "https://a.test:+1",
            "https://anna@a.test",
            "ftp://a.test",
            "https://a.test ; script-src *",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
