//! The DNS records that follow from an office, before they are bytes.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::{DnsName, Timestamp};

/// One zone as one side sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The SIP domain, or the one name of the box that the zone is for.
    pub apex: DnsName,
    /// Every record, the SOA first.
    pub records: Vec<Record>,
}

/// A resource record of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The owner name.
    pub owner: DnsName,
    /// Seconds that a resolver may keep it.
    pub ttl: u32,
    /// Type and content.
    pub data: RecordData,
}

/// The record types that an office needs (RFC 1035 §3.3, RFC 3596, RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordData {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name server of the zone.
    Ns(DnsName),
    /// The start of authority.
    Soa(Soa),
    /// Where a service is.
    Srv {
        /// Lower is tried first.
        priority: u16,
        /// Share among equals.
        weight: u16,
        /// TCP port.
        port: u16,
        /// Host; never an alias.
        target: DnsName,
    },
    /// One text of at most 255 octets.
    Txt(String),
}

impl RecordData {
    /// The name of the type.
    pub fn record_type(&self) -> &'static str {
        match self {
            Self::A(_) => "A",
            Self::Aaaa(_) => "AAAA",
            Self::Ns(_) => "NS",
            Self::Soa(_) => "SOA",
            Self::Srv { .. } => "SRV",
            Self::Txt(_) => "TXT",
        }
    }
}

/// As it stands in a master file, with absolute names.
impl fmt::Display for RecordData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::A(address) => address.fmt(f),
            Self::Aaaa(address) => address.fmt(f),
            Self::Ns(server) => write!(f, "{server}."),
            Self::Srv { priority, weight, port, target } => {
                write!(f, "{priority} {weight} {port} {target}.")
            }
            Self::Txt(text) => write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Soa(Soa { mname, rname, serial, refresh, retry, expire, minimum }) => {
                write!(f, "{mname}. {rname}. {serial} {refresh} {retry} {expire} {minimum}")
            }
        }
    }
}

/// The content of a start of authority (RFC 1035 §3.3.13); times in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soa {
    /// Primary name server.
    pub mname: DnsName,
    /// Mailbox of the person responsible, `@` written as a dot.
    pub rname: DnsName,
    /// Grows with every published change (RFC 1982).
    pub serial: Serial,
    /// How often secondaries look.
    pub refresh: u32,
    /// How soon they look again after a failure.
    pub retry: u32,
    /// When they give the zone up.
    pub expire: u32,
    /// How long "there is no such name" may be kept (RFC 2308 §4).
    pub minimum: u32,
}

/// Which change of the office a set of zones comes from; grows by one with every commit that changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl Generation {
    /// The zone serial: the second in which the office was set up, plus the generation, so that a box that was
    /// reset and set up again does not go back in serial space.
    pub fn serial(self, set_up_at: Timestamp) -> Serial {
        // Both are cut down to the circle, on which adding goes on as if they had not been.
        Serial(low_half((set_up_at.as_millis() / 1000).cast_unsigned()).wrapping_add(low_half(self.0)))
    }
}

fn low_half(number: u64) -> u32 {
    let [.., a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// The serial of a zone. It goes in a circle, so that one of two is newer only within half of it (RFC 1982).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl Serial {
    /// Whether a zone with this serial replaces one with the `other`. Of two that are opposite each other on the
    /// circle neither does (RFC 1982 §3.2).
    pub fn is_newer_than(self, other: Self) -> bool {
        (1..1 << 31).contains(&self.0.wrapping_sub(other.0))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The most by which a serial may move at once (RFC 1982 §3.1).
    const LONGEST_STEP: u32 = (1 << 31) - 1;

    #[test]
    fn serials_are_compared_around_the_circle() {
        for (newer, older) in [(1, 0), (44, 0), (100, 44), (0, u32::MAX), (5, 0xffff_fff0), (LONGEST_STEP, 0)]
        {
            assert!(Serial(newer).is_newer_than(Serial(older)), "{newer} {older}");
            assert!(!Serial(older).is_newer_than(Serial(newer)), "{older} {newer}");
        }
        assert!(!Serial(7).is_newer_than(Serial(7)));
    }

    #[test]
    fn of_two_opposite_serials_none_is_newer() {
        assert!(!Serial(1 << 31).is_newer_than(Serial(0)) && !Serial(0).is_newer_than(Serial(1 << 31)));
    }

    proptest! {
        #[test]
        fn a_step_makes_a_serial_newer(serial: u32, step in 1..=LONGEST_STEP) {
            let (before, after) = (Serial(serial), Serial(serial.wrapping_add(step)));
            prop_assert!(after.is_newer_than(before) && !before.is_newer_than(after));
        }

        #[test]
        fn the_serial_of_a_later_generation_is_newer(
            set_up_at: i64, generation in 0..=u64::MAX - u64::from(LONGEST_STEP), step in 1..=LONGEST_STEP,
        ) {
            let serial = |generation| Generation(generation).serial(Timestamp::from_millis(set_up_at));
            let (before, after) = (serial(generation), serial(generation + u64::from(step)));
            prop_assert!(after.is_newer_than(before) && !before.is_newer_than(after));
        }

        #[test]
        fn a_box_that_was_reset_and_set_up_again_does_not_go_back(
            set_up_at in 0..4_000_000_000_000_i64, generation in 1..100_000_u64, later in 100_001..1_000_000_000_i64,
        ) {
            let before = Generation(generation).serial(Timestamp::from_millis(set_up_at));
            let again = Timestamp::from_millis(set_up_at + later * 1000);
            prop_assert!(Generation(1).serial(again).is_newer_than(before));
        }
    }
}
