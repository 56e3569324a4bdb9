//! When the zones of the box are signed, and what their parents are told of it.

use std::{fmt, time::Duration};

use crate::{DnsName, Timestamp, certificate::EARLIEST, custom_zone::Sides};

/// How long signatures are valid from the moment for which they are made.
const VALIDITY: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long before that moment they are valid already, for clocks that are late.
const LEAD: Duration = Duration::from_secs(3600);
/// With less than this left they are made anew, so that a secondary has days to fetch them (RFC 6781 §4.4.2).
const LEAST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The signatures of all zones, which are made for one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// That moment.
    pub made_at: Timestamp,
}

/// What the clock says of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They are good.
    Good,
    /// They are to be made anew.
    Due,
    /// The clock is wrong: nothing is signed before it is right.
    WrongClock,
}

impl Signatures {
    /// From when they are valid.
    pub fn inception(self) -> Timestamp {
        self.made_at - LEAD
    }

    /// Until when they are valid.
    pub fn expiration(self) -> Timestamp {
        self.made_at + VALIDITY
    }

    /// What is to be done with them.
    pub fn standing(self, now: Timestamp) -> Standing {
        if now < EARLIEST {
            Standing::WrongClock
        } else if now < self.inception() || self.expiration().since(now) < LEAST {
            Standing::Due
        } else {
            Standing::Good
        }
    }
}

/// What the parent of a zone holds of its key (RFC 4034 §5): a digest with SHA-256 (RFC 4509) of a key for ECDSA
/// with P-256 and SHA-256 (RFC 6605).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ds {
    /// The key tag (RFC 4034 appendix B).
    pub key_tag: u16,
    /// The digest.
    pub digest: [u8; 32],
}

impl Ds {
    /// The number of the key's algorithm.
    pub const ALGORITHM: u8 = 13;
    /// The number of the digest's.
    pub const DIGEST_TYPE: u8 = 2;
}

/// As it stands in a master file.
impl fmt::Display for Ds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.key_tag, Self::ALGORITHM, Self::DIGEST_TYPE)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A zone that is served with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedZone {
    /// The zone.
    pub apex: DnsName,
    /// Who sees it.
    pub sides: Sides,
    /// What its parent is told.
    pub ds: Ds,
    /// How long its signatures are valid.
    pub valid_until: Timestamp,
}

/// The key pair of a zone as PKCS #8. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Pkcs8(pub Vec<u8>);

impl fmt::Debug for Pkcs8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkcs8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn signatures_are_made_anew_in_time() {
        let made_at = EARLIEST + DAY;
        let signatures = Signatures { made_at };
        for (now, standing) in [
            (made_at - LEAD - SECOND, Standing::Due),
            (made_at - LEAD, Standing::Good),
            (made_at + 7 * DAY, Standing::Good),
            (made_at + 7 * DAY + SECOND, Standing::Due),
            (made_at + 20 * DAY, Standing::Due),
            (EARLIEST - SECOND, Standing::WrongClock),
        ] {
            assert_eq!(signatures.standing(now), standing, "{now:?}");
        }
    }

    #[test]
    fn a_ds_is_printed_as_in_a_master_file() {
        let ds = Ds { key_tag: 7, digest: [0xab; 32] };
        assert_eq!(ds.to_string(), format!("7 13 2 {}", "AB".repeat(32)));
    }
}
