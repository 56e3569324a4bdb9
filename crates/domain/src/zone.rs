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
    pub serial: u32,
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
    /// The zone serial: seconds of the day the office was set up, plus the generation, so that a box that was
    /// reset and set up again does not go back in serial space (RFC 1982).
    pub fn serial(self, set_up_at: Timestamp) -> u32 {
        let seconds = set_up_at.as_millis() / 1000;
        let sum = seconds.wrapping_add(i64::try_from(self.0).unwrap_or(0));
        u32::try_from(sum.rem_euclid(1 << 32)).unwrap_or(0)
    }
}
