//! The clearing house: a box with keys that sends the notifications of boxes without. "House" is the one that sends,
//! "box" here is one that hands over.

use std::{fmt, net::IpAddr, str::FromStr};

use thiserror::Error;

use super::Quota;
use crate::{DnsName, Timestamp, device::Provider};

/// A word of 1 to 40 lower-case letters, digits and `-`, by which the house knows a box.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxName(String);

/// The text can not name a box.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` can not name a box: it is a word of 1 to 40 letters, digits and `-`, such as `branch-oslo`")]
pub struct InvalidBoxName(String);

impl BoxName {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BoxName {
    type Err = InvalidBoxName;

    fn from_str(text: &str) -> Result<Self, InvalidBoxName> {
        let name = text.to_ascii_lowercase();
        let valid = (1..=40).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-');
        if valid { Ok(Self(name)) } else { Err(InvalidBoxName(text.chars().take(64).collect())) }
    }
}

impl fmt::Display for BoxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The alphabet of RFC 4648 §6.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// How many characters stand for the authority of the house, and as many for the ticket.
const HALF: usize = 16;
/// How many characters of the ticket say which invitation is meant.
const NUMBER: usize = 4;

/// What a house gives to one box, once: 80 bits of the SHA-256 of the certificate of its own authority, by which the box
/// knows the house, and a ticket, by which the house knows the box. 32 characters of base32 in groups of four.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode(String);

/// The second half of a code: 20 bits that say which invitation is meant, and a secret of 60.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingTicket(String);

/// The text is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "that is no code of a clearing house: it has eight groups of four letters and digits (A to Z, 2 to 7)"
)]
pub struct InvalidPairingCode;

impl PairingCode {
    /// The code of a house whose authority has a certificate with this SHA-256.
    pub fn new(authority: &[u8; 32], random: [u8; 10]) -> Self {
        Self(format!("{}{}", prefix(authority), base32(random)))
    }

    /// Whether a certificate with this SHA-256 is that of the house's authority.
    pub fn is_of(&self, authority: &[u8; 32]) -> bool {
        self.0.starts_with(&prefix(authority))
    }

    /// What proves to the house who was invited.
    pub fn ticket(&self) -> PairingTicket {
        PairingTicket(self.0.get(HALF..).unwrap_or_default().to_owned())
    }
}

impl PairingTicket {
    /// Which invitation is meant; no secret.
    pub fn number(&self) -> &str {
        self.0.get(..NUMBER).unwrap_or_default()
    }

    /// All of it, for the house only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for PairingCode {
    type Err = InvalidPairingCode;

    /// Takes it in either case, with and without what stands between the groups.
    fn from_str(text: &str) -> Result<Self, InvalidPairingCode> {
        normal(text, 2 * HALF).map(Self)
    }
}

impl FromStr for PairingTicket {
    type Err = InvalidPairingCode;

    fn from_str(text: &str) -> Result<Self, InvalidPairingCode> {
        normal(text, HALF).map(Self)
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.0.chars().enumerate() {
            let gap = if index > 0 && index.is_multiple_of(4) { "-" } else { "" };
            write!(f, "{gap}{character}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(…)")
    }
}

impl fmt::Debug for PairingTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingTicket(…)")
    }
}

fn normal(text: &str, length: usize) -> Result<String, InvalidPairingCode> {
    let kept = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase());
    let code: String = kept.take(length + 1).collect();
    let valid = code.len() == length && code.bytes().all(|b| ALPHABET.contains(&b));
    if valid { Ok(code) } else { Err(InvalidPairingCode) }
}

fn prefix(digest: &[u8; 32]) -> String {
    let mut first = [0; 10];
    first.copy_from_slice(&digest[..10]);
    base32(first)
}

/// 80 bits in 16 characters (RFC 4648 §6).
fn base32(bytes: [u8; 10]) -> String {
    let bits = bytes.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let digits = (0..HALF).rev().map(|place| (bits >> (5 * place) & 31) as usize);
    digits.map(|digit| char::from(ALPHABET[digit])).collect()
}

/// Where a house is reached: a name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseAddress {
    host: String,
    port: u16,
}

/// The text says no place where a house could be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}` is no address of a clearing house, such as `lync.office.example` or `lync.office.example:8443`"
)]
pub struct InvalidHouseAddress(String);

impl HouseAddress {
    /// https without a path.
    pub fn origin(&self) -> String {
        format!("https://{}:{}", self.host, self.port)
    }
}

impl FromStr for HouseAddress {
    type Err = InvalidHouseAddress;

    fn from_str(text: &str) -> Result<Self, InvalidHouseAddress> {
        let invalid = || InvalidHouseAddress(text.chars().take(253).collect());
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| invalid())?)
            }
            _ => (text, 443),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = match bare.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(address)) => address.to_string(),
            Err(_) => host.parse::<DnsName>().map_err(|_| invalid())?.to_string(),
        };
        if port == 0 { Err(invalid()) } else { Ok(Self { host, port }) }
    }
}

impl fmt::Display for HouseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => f.write_str(&self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

/// The house that this box is paired with.
#[derive(Clone, PartialEq, Eq)]
pub struct PairedHouse {
    /// Where it is.
    pub address: HouseAddress,
    /// The certificate of its authority, PEM.
    pub authority_pem: String,
    /// What it calls this box.
    pub name: BoxName,
    /// The services that it sends to, as it said last.
    pub services: Vec<Provider>,
    /// The certificate by which it knows this box, PEM.
    pub certificate_pem: String,
    /// Its key, PEM. A secret.
    pub key_pem: String,
}

impl fmt::Debug for PairedHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("PairedHouse");
        shown.field("address", &self.address).field("name", &self.name).field("services", &self.services);
        shown.finish_non_exhaustive()
    }
}

/// What came of a ticket that a box showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// The house knows the box by this name.
    Paired(BoxName),
    /// There is no such invitation, or its secret is another.
    Wrong,
    /// It was used before.
    Used,
    /// Its time is over.
    Late,
    /// There were too many wrong secrets for it.
    Ended,
}

/// A box that may hand notifications over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseBox {
    /// What the administrator calls it.
    pub name: BoxName,
    /// How much it may hand over.
    pub quota: Quota,
    /// Since when.
    pub paired_at: Timestamp,
    /// When it was heard of last.
    pub last_seen: Timestamp,
    /// What became of what it handed over since midnight UTC.
    pub today: HandOverCounts,
}

/// What became of notifications that were handed over, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandOverCounts {
    /// The service took them.
    pub accepted: u32,
    /// The registration was dead.
    pub gone: u32,
    /// Everything else that a service answered, or did not.
    pub failed: u32,
    /// They were beyond the quota, and not offered to anybody.
    pub throttled: u32,
}

/// A notification that a box handed over, as the house's ledger keeps it: neither for whom nor about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Which box.
    pub from: BoxName,
    /// When it was answered.
    pub at: Timestamp,
    /// For which service.
    pub provider: Provider,
    /// What came of it, in the word of [`super::Outcome::as_str`].
    pub outcome: String,
    /// The service's word.
    pub reason: String,
    /// Which attempt of the box it was, from 1.
    pub attempt: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_whose_it_is_and_survives_being_read_out() {
        let code = PairingCode::new(&[0xab; 32], *b"0123456789");
        let text = code.to_string();
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [4; 8]);
        for said in [text.clone(), text.to_lowercase(), text.replace('-', " "), text.replace('-', "")] {
            assert_eq!(said.parse(), Ok(code.clone()), "{said}");
        }
        assert!(code.is_of(&[0xab; 32]) && !code.is_of(&[0xac; 32]));
        // RFC 4648 §6, of the ASCII digits.
        assert_eq!(code.ticket().reveal(), "GAYTEMZUGU3DOOBZ");
        assert_eq!(code.ticket().number(), "GAYT");
        assert_eq!("GAYTEMZUGU3DOOBZ".parse(), Ok(code.ticket()));
        for bad in ["", &text[1..], &format!("{text}A"), &text.replace('G', "1"), &"ä".repeat(32)] {
            assert_eq!(bad.parse::<PairingCode>(), Err(InvalidPairingCode), "{bad}");
        }
        assert!(!format!("{code:?}{:?}", code.ticket()).contains("GAYT"));
    }

    #[test]
    fn a_house_is_at_a_name_or_an_address() {
        let origin = |text: &str| text.parse::<HouseAddress>().map(|address| address.origin()).ok();
        assert_eq!(origin("Lync.office.test").as_deref(), Some("https://lync.office.test:443"));
        assert_eq!(origin("localhost:8443").as_deref(), Some("https://localhost:8443"));
        assert_eq!(origin("127.0.0.1:99").as_deref(), Some("https://127.0.0.1:99"));
        assert_eq!(origin("2001:db8::1").as_deref(), Some("https://[2001:db8::1]:443"));
        assert_eq!(origin("[2001:db8::1]:99").as_deref(), Some("https://[2001:db8::1]:99"));
        for bad in ["", "a b", "host:0", "host:x", "https://host", "host/path", "user@host"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
        for text in ["lync.office.test", "localhost:8443", "[2001:db8::1]:99"] {
            assert_eq!(text.parse::<HouseAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_box_is_called_by_a_word() {
        assert_eq!("Branch-1".parse::<BoxName>().unwrap().as_str(), "branch-1");
        for bad in ["", "-a", "a-", "a b", "a.b", &"a".repeat(41)] {
            assert!(bad.parse::<BoxName>().is_err(), "{bad}");
        }
    }
}
