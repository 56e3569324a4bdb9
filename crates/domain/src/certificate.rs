//! Which certificate the box shows, and when it asks a public authority for another.
//!
//! The names are always those of the office's intent. Whatever stands in front, the certificate of the box's own
//! authority covers them all and is shown for the names that the other does not.

mod renewal;

use std::{collections::BTreeSet, fmt, str::FromStr};

use thiserror::Error;

use crate::{
    DnsName, Office, Timestamp,
    office::{Mode, Side},
};

pub use renewal::{EARLIEST, Failures, Held, Next, Reason, next_order, retry_after};

/// Where the certificate in front comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The box's own authority: nothing stands in front.
    Own,
    /// An administrator uploaded it.
    Uploaded,
    /// A public authority issued it and renews it (RFC 8555).
    Acme,
}

/// The text is no source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a source of certificates: choose `own`, `uploaded` or `acme`")]
pub struct InvalidSource(String);

impl Source {
    /// The word for it, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Uploaded => "uploaded",
            Self::Acme => "acme",
        }
    }
}

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let found = [Self::Own, Self::Uploaded, Self::Acme].into_iter().find(|s| s.as_str() == text);
        found.ok_or_else(|| InvalidSource(text.chars().take(64).collect()))
    }
}

/// How the box proves to a public authority that a name is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// By a record in its zone (RFC 8555 §8.4).
    Dns01,
    /// By a text on port 80 (RFC 8555 §8.3).
    Http01,
    /// By a certificate on port 443 (RFC 8737).
    TlsAlpn01,
}

/// The text is no challenge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a challenge: choose `dns-01`, `http-01` or `tls-alpn-01`")]
pub struct InvalidChallenge(String);

impl Challenge {
    /// The name that RFC 8555 and RFC 8737 give it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns01 => "dns-01",
            Self::Http01 => "http-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }
}

impl FromStr for Challenge {
    type Err = InvalidChallenge;

    fn from_str(text: &str) -> Result<Self, InvalidChallenge> {
        let found = [Self::Dns01, Self::Http01, Self::TlsAlpn01].into_iter().find(|c| c.as_str() == text);
        found.ok_or_else(|| InvalidChallenge(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A public authority, as an administrator chose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeSettings {
    /// The https URL of its directory.
    pub directory: String,
    /// The mailbox to which it writes when something is wrong.
    pub contact: String,
    /// PEM certificates to trust in place of the public authorities when the directory is asked.
    pub trust_anchors_pem: Option<String>,
    /// What to prove names with; by default what the intent makes possible.
    pub challenge: Option<Challenge>,
}

/// Why no public authority can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoChallenge {
    /// Nobody outside can look.
    #[error(
        "the office is for its own network only (`office-only`), so no public authority can see its names: \
         use the box's own authority, or upload a certificate"
    )]
    OfficeOnly,
    /// Another answers for the zone.
    #[error(
        "outside, a provider answers for the domain (`records-at-provider`), so the box can not prove names \
         with `dns-01`: choose `http-01` or `tls-alpn-01`"
    )]
    NotOurZone,
}

impl AcmeSettings {
    /// What names are proved with, and which names can be: those that exist outside, and with DNS every one.
    /// For the others the certificate of the box's own authority is shown.
    ///
    /// # Errors
    /// [`NoChallenge`]
    pub fn plan(&self, office: &Office) -> Result<(Challenge, BTreeSet<DnsName>), NoChallenge> {
        let challenge = match (office.mode(), self.challenge) {
            (Mode::OfficeOnly, _) => return Err(NoChallenge::OfficeOnly),
            (Mode::RecordsAtProvider, Some(Challenge::Dns01)) => return Err(NoChallenge::NotOurZone),
            (_, Some(challenge)) => challenge,
            (Mode::Delegated, None) => Challenge::Dns01,
            (Mode::RecordsAtProvider, None) => Challenge::Http01,
        };
        let names = match challenge {
            Challenge::Dns01 => office.certificate_names(),
            Challenge::Http01 | Challenge::TlsAlpn01 => office.host_names(Side::Outside),
        };
        Ok((challenge, names))
    }
}

/// A certificate with its key, as it is kept.
#[derive(Clone)]
pub struct Kept {
    /// The certificate, then those that vouch for it, in PEM.
    pub chain_pem: String,
    /// Its key in PEM. A secret.
    pub key_pem: String,
    /// Since when it is kept.
    pub at: Timestamp,
}

/// An order that was begun and may be carried on after a restart.
#[derive(Clone)]
pub struct Order {
    /// Where the authority knows it.
    pub url: String,
    /// What it is for.
    pub names: BTreeSet<DnsName>,
    /// What names are proved with.
    pub challenge: Challenge,
    /// The key that the certificate will be for, in PEM. A secret.
    pub key_pem: String,
}

/// Where the record that proves `name` stands (RFC 8555 §8.4).
pub fn proof_name(name: &DnsName) -> Option<DnsName> {
    name.child("_acme-challenge").ok()
}

#[cfg(test)]
mod tests {
    use crate::office::OfficeIntent;

    use super::*;

    fn office(mode: Mode) -> Office {
        let domains = vec!["office.test".parse().unwrap()];
        let intent = OfficeIntent::office_only(domains, ["192.168.1.2".parse().unwrap()].into());
        let outside = match mode {
            Mode::OfficeOnly => BTreeSet::new(),
            _ => ["203.0.113.7".parse().unwrap()].into(),
        };
        Office::new(OfficeIntent { mode, outside, ..intent }, Timestamp::from_millis(0)).unwrap()
    }

    fn plan(mode: Mode, challenge: Option<Challenge>) -> Result<(Challenge, usize), NoChallenge> {
        let settings = AcmeSettings {
            directory: String::new(),
            contact: String::new(),
            trust_anchors_pem: None,
            challenge,
        };
        settings.plan(&office(mode)).map(|(challenge, names)| (challenge, names.len()))
    }

    #[test]
    fn the_intent_decides_how_names_are_proved_and_which() {
        assert_eq!(plan(Mode::Delegated, None), Ok((Challenge::Dns01, 4)));
        assert_eq!(plan(Mode::RecordsAtProvider, None), Ok((Challenge::Http01, 3)));
        assert_eq!(plan(Mode::Delegated, Some(Challenge::TlsAlpn01)), Ok((Challenge::TlsAlpn01, 3)));
        assert_eq!(plan(Mode::RecordsAtProvider, Some(Challenge::Dns01)), Err(NoChallenge::NotOurZone));
        assert_eq!(plan(Mode::OfficeOnly, None), Err(NoChallenge::OfficeOnly));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for source in [Source::Own, Source::Uploaded, Source::Acme] {
            assert_eq!(source.as_str().parse(), Ok(source));
        }
        for challenge in [Challenge::Dns01, Challenge::Http01, Challenge::TlsAlpn01] {
            assert_eq!(challenge.to_string().parse(), Ok(challenge));
        }
        assert!("mine".parse::<Source>().is_err() && "dns".parse::<Challenge>().is_err());
    }
}
