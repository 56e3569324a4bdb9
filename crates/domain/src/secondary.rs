//! Name servers elsewhere that keep a copy of the box's zones.

use std::{fmt, net::SocketAddr, str::FromStr};

use thiserror::Error;

use crate::{DnsName, Timestamp, office::Side, zone::Serial};

/// A secondary: it is told of changes, and may take the zones of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secondary {
    /// What the administrator calls it.
    pub name: SecondaryName,
    /// Where it is told of changes; where it has no key, the zones are also given to whoever asks from there.
    pub address: SocketAddr,
    /// Whose zones it keeps.
    pub side: Side,
    /// What its messages are signed with. Without one its address is all that it is known by.
    pub key: Option<TsigKey>,
}

/// A word of 1 to 40 lower-case letters, digits and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecondaryName(String);

/// The text can not name a secondary.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` can not name a secondary: it is a word of 1 to 40 letters, digits and `-`, such as `ns2`")]
pub struct InvalidSecondaryName(String);

/// A key that the box and one secondary share (RFC 8945).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsigKey {
    /// Both sides call it this.
    pub name: DnsName,
    /// How signatures are made.
    pub algorithm: TsigAlgorithm,
    /// As many random bytes as the algorithm's digest has.
    pub secret: TsigSecret,
}

/// The secret of a key. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct TsigSecret(pub Vec<u8>);

/// The algorithms of RFC 8945 §6 that are fit for use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TsigAlgorithm {
    /// The one that every server knows.
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// The text names no algorithm that is used here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not one of hmac-sha256, hmac-sha384, hmac-sha512")]
pub struct UnknownTsigAlgorithm(String);

/// What happened last between the box and a secondary over one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondaryState {
    /// The serial that was told last.
    pub notified: Option<Happened>,
    /// The serial that was taken last.
    pub transferred: Option<Happened>,
}

/// What is known of the dealings with a secondary since the box started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondaryReport {
    /// By the name of the zone.
    pub zones: Vec<(String, SecondaryState)>,
    /// The last of its messages that was refused.
    pub refused: Option<Refusal>,
}

/// A message of a secondary that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    pub problem: &'static str,
}

/// Something that went well or did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Timestamp,
    /// The serial of the zone it was about.
    pub serial: Serial,
    /// What went wrong, in words.
    pub problem: Option<String>,
}

impl SecondaryName {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecondaryName {
    type Err = InvalidSecondaryName;

    fn from_str(text: &str) -> Result<Self, InvalidSecondaryName> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let edges = text.starts_with('-') || text.ends_with('-');
        if plain && !edges && (1..=40).contains(&text.len()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidSecondaryName(text.chars().take(40).collect()))
        }
    }
}

impl fmt::Display for SecondaryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TsigSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TsigSecret")
    }
}

impl TsigAlgorithm {
    /// All of them, the usual one first.
    pub const ALL: [Self; 3] = [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// The name of the algorithm, which is a DNS name of one label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// Bytes of a digest, and of a key.
    pub fn digest_len(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }
}

impl FromStr for TsigAlgorithm {
    type Err = UnknownTsigAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownTsigAlgorithm> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text);
        known.ok_or_else(|| UnknownTsigAlgorithm(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secondaries_are_words() {
        assert_eq!("NS-2".parse::<SecondaryName>().unwrap().as_str(), "ns-2");
        for bad in ["", "-a", "a-", "a.b", "a b", &"a".repeat(41)] {
            assert!(bad.parse::<SecondaryName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn algorithms_are_read_by_their_names_and_old_ones_are_not() {
        for algorithm in TsigAlgorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        }
        assert!(
            "hmac-md5".parse::<TsigAlgorithm>().is_err() && "hmac-sha1".parse::<TsigAlgorithm>().is_err()
        );
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", TsigSecret(vec![7; 32])), "TsigSecret");
    }
}
