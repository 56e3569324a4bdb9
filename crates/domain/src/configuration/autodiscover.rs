use std::{fmt, str::FromStr};

use thiserror::Error;

use super::{Configuration, Expected, Object, Parameters, Value, list, one, port, texts};
use crate::{DnsName, HttpsUrl, InvalidHttpsUrl};

/// What Autodiscover documents say beside what follows from the office.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutodiscoverConfiguration {
    /// Links that are added to the Domain and User documents.
    pub web_links: Vec<WebLink>,
    /// The host that desks outside are sent to, where it is not the box.
    pub external_sip_client_access_fqdn: Option<DnsName>,
    /// The port that desks outside are sent to, where it is not the office's.
    pub external_sip_client_access_port: Option<u16>,
}

/// A link that an administrator adds to documents, written `Token=https://host/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebLink {
    /// What clients look for: 1 to 64 letters, digits, `-`, `_`, `.` and `/`.
    pub token: String,
    /// Where it leads.
    pub href: HttpsUrl,
}

/// Why a text is no link.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidWebLink {
    /// Not `Token=URL`.
    #[error("`{0}` is not a link such as `External/Portal=https://portal.office.example/start`")]
    NotALink(String),
    /// The box makes this link.
    #[error("the link `{0}` is made by the box")]
    Taken(String),
    /// The URL leads nowhere.
    #[error(transparent)]
    Href(#[from] InvalidHttpsUrl),
}

/// The links that follow from the office; compared without the side that stands before them.
const OWN: [&str; 10] =
    ["Redirect", "Domain", "User", "OAuth", "Self", "Autodiscover", "AuthBroker", "Mcx", "Ucwa", "XFrame"];

impl Parameters for AutodiscoverConfiguration {
    fn values(&self) -> Vec<(&'static str, Value)> {
        let optional = |value: Option<String>| Value::List(value.into_iter().collect());
        let fqdn = self.external_sip_client_access_fqdn.as_ref();
        vec![
            ("WebLinks", texts(&self.web_links)),
            ("ExternalSipClientAccessFqdn", optional(fqdn.map(ToString::to_string))),
            (
                "ExternalSipClientAccessPort",
                optional(self.external_sip_client_access_port.map(|p| p.to_string())),
            ),
        ]
    }

    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected> {
        match name {
            "WebLinks" => self.web_links = list(words)?,
            "ExternalSipClientAccessFqdn" => {
                let read = |word: &str| word.parse().ok().map(Some);
                self.external_sip_client_access_fqdn =
                    one(words, None, read, "the name of a host, such as `sip.office.example`")?;
            }
            _ => {
                let read = |word: &str| port(word).map(Some);
                self.external_sip_client_access_port = one(words, None, read, "a port, 1 to 65535")?;
            }
        }
        Ok(())
    }
}

impl Configuration for AutodiscoverConfiguration {
    const OBJECT: Object = Object::Autodiscover;
}

impl FromStr for WebLink {
    type Err = InvalidWebLink;

    fn from_str(text: &str) -> Result<Self, InvalidWebLink> {
        let refused = || InvalidWebLink::NotALink(text.chars().take(128).collect());
        let (token, href) = text.split_once('=').ok_or_else(refused)?;
        let valid = (1..=64).contains(&token.len())
            && token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
        if !valid {
            return Err(refused());
        }
        let bare = match token.split_once('/') {
            Some((side, bare)) if ["internal", "external"].contains(&side.to_ascii_lowercase().as_str()) => {
                bare
            }
            _ => token,
        };
        if OWN.iter().any(|own| own.eq_ignore_ascii_case(bare)) {
            return Err(InvalidWebLink::Taken(token.to_owned()));
        }
        Ok(Self { token: token.to_owned(), href: href.parse()? })
    }
}

impl fmt::Display for WebLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.token, self.href)
    }
}
