//! The intent of an office, and everything that follows from it.
//!
//! Zones, certificate names and the addresses in Autodiscover documents are generated from this one object.
//! Nobody edits a record to make discovery work, so the three can not disagree.

use std::{collections::BTreeSet, net::IpAddr};

use thiserror::Error;

use crate::{
    DnsName, InvalidDnsName, Timestamp,
    zone::{Generation, Record, RecordData, Soa, Zone},
};

/// Seconds that a generated record may be kept: short enough that a moved box is found within minutes.
pub const RECORD_TTL: u32 = 300;
/// Seconds that the absence of a name may be kept.
pub const NEGATIVE_TTL: u32 = 60;

/// What the office wants: whose phones, reached where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Office {
    domains: Vec<DnsName>,
    inside: BTreeSet<IpAddr>,
    outside: BTreeSet<IpAddr>,
    ports: Ports,
    set_up_at: Timestamp,
}

/// The ports under which phones reach the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Autodiscover, tickets and mobility.
    pub https: u16,
    /// Registrar for desks, over TLS.
    pub sip: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self { https: 443, sip: 5061 }
    }
}

/// From which side of the office's router somebody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The office network.
    Inside,
    /// Everywhere else.
    Outside,
}

/// Why an office can not be as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidOffice {
    /// There is nothing to be found by.
    #[error("an office needs at least one SIP domain")]
    NoDomain,
    /// The same SIP domain twice.
    #[error("the SIP domain `{0}` is listed twice")]
    DuplicateDomain(DnsName),
    /// One SIP domain inside another: their zones would overlap.
    #[error("the SIP domain `{inner}` lies within `{outer}`")]
    NestedDomain {
        /// The longer one.
        inner: DnsName,
        /// The one that holds it.
        outer: DnsName,
    },
    /// Nothing to answer with inside.
    #[error("an office needs an inside address")]
    NoInsideAddress,
    /// An address at which nobody can be reached.
    #[error("`{0}` is not the address of a host")]
    NotAHost(IpAddr),
    /// A generated name would exceed the limits of DNS.
    #[error("the SIP domain `{domain}` leaves no room for the names below it")]
    DomainTooLong {
        /// The domain.
        domain: DnsName,
        /// The limit that was hit.
        source: InvalidDnsName,
    },
}

/// The hosts of one SIP domain. All are the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// `lyncdiscover`: what phones ask for from anywhere.
    pub discover: DnsName,
    /// `lyncdiscoverinternal`: what phones ask for first; exists inside only.
    pub discover_internal: DnsName,
    /// The host in every link that a phone is given; also the name server.
    pub web: DnsName,
    /// The registrar of the desks.
    pub sip: DnsName,
}

impl Office {
    /// An office of these SIP domains (the first is the primary one), reached at these addresses.
    ///
    /// # Errors
    /// [`InvalidOffice`] names the first thing that is wrong.
    pub fn new(
        domains: Vec<DnsName>,
        inside: BTreeSet<IpAddr>,
        outside: BTreeSet<IpAddr>,
        ports: Ports,
        set_up_at: Timestamp,
    ) -> Result<Self, InvalidOffice> {
        if domains.is_empty() {
            return Err(InvalidOffice::NoDomain);
        }
        for (i, domain) in domains.iter().enumerate() {
            check_domain(domain, &domains[..i])?;
        }
        if inside.is_empty() {
            return Err(InvalidOffice::NoInsideAddress);
        }
        if let Some(bad) = inside.iter().chain(&outside).find(|a| a.is_unspecified() || a.is_multicast()) {
            return Err(InvalidOffice::NotAHost(*bad));
        }
        Ok(Self { domains, inside, outside, ports, set_up_at })
    }

    /// The SIP domains, the primary one first.
    pub fn domains(&self) -> &[DnsName] {
        &self.domains
    }

    /// The addresses that one side is answered with. Without an outside address, outside has none.
    pub fn addresses(&self, side: Side) -> &BTreeSet<IpAddr> {
        match side {
            Side::Inside => &self.inside,
            Side::Outside => &self.outside,
        }
    }

    /// The ports under which phones reach the box.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// When the office was set up.
    pub fn set_up_at(&self) -> Timestamp {
        self.set_up_at
    }

    /// The SIP domain that `host` is, or lies within.
    pub fn domain_of(&self, host: &DnsName) -> Option<&DnsName> {
        self.domains.iter().find(|domain| host.is_within(domain))
    }

    /// The zones of one side, one for each SIP domain.
    pub fn zones(&self, side: Side, generation: Generation) -> Vec<Zone> {
        self.domains.iter().map(|domain| self.zone(domain, side, generation)).collect()
    }

    /// The names that the box's certificate must cover: every host that a zone of either side hands out.
    pub fn certificate_names(&self) -> BTreeSet<DnsName> {
        self.domains.iter().flat_map(|domain| Hosts::of(domain).all()).collect()
    }

    /// Scheme, host and port of the links handed to people of `domain`; the port only where it is not 443.
    pub fn web_origin(&self, domain: &DnsName) -> String {
        let host = Hosts::of(domain).web;
        match self.ports.https {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        }
    }

    fn zone(&self, domain: &DnsName, side: Side, generation: Generation) -> Zone {
        let hosts = Hosts::of(domain);
        let soa = Soa {
            mname: hosts.web.clone(),
            rname: child(domain, "hostmaster"),
            serial: generation.serial(self.set_up_at),
            refresh: 3600,
            retry: 600,
            expire: 604_800,
            minimum: NEGATIVE_TTL,
        };
        let mut zone = Zone { apex: domain.clone(), records: Vec::new() };
        let mut add = |owner: &DnsName, data| {
            zone.records.push(Record { owner: owner.clone(), ttl: RECORD_TTL, data });
        };
        add(domain, RecordData::Soa(soa));
        add(domain, RecordData::Ns(hosts.web.clone()));
        for host in hosts.on(side) {
            for address in self.addresses(side) {
                add(host, address_record(*address));
            }
        }
        for service in services(side) {
            let (port, target) = (self.ports.sip, hosts.sip.clone());
            add(&child(domain, service), RecordData::Srv { priority: 0, weight: 0, port, target });
        }
        zone
    }
}

impl Hosts {
    /// The hosts of `domain`, which must be a SIP domain of an [`Office`].
    pub fn of(domain: &DnsName) -> Self {
        Self {
            discover: child(domain, "lyncdiscover"),
            discover_internal: child(domain, "lyncdiscoverinternal"),
            web: child(domain, "web"),
            sip: child(domain, "sip"),
        }
    }

    fn all(self) -> [DnsName; 4] {
        [self.discover, self.discover_internal, self.web, self.sip]
    }

    fn on(&self, side: Side) -> Vec<&DnsName> {
        match side {
            Side::Inside => vec![&self.discover, &self.discover_internal, &self.web, &self.sip],
            Side::Outside => vec![&self.discover, &self.web, &self.sip],
        }
    }
}

impl Side {
    /// The side on which an asking host stands: loopback, link-local, private (RFC 1918) and unique local
    /// (RFC 4193) addresses are inside.
    pub fn of(address: IpAddr) -> Self {
        let inside = match address.to_canonical() {
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
        };
        if inside { Self::Inside } else { Self::Outside }
    }
}

fn services(side: Side) -> &'static [&'static str] {
    match side {
        Side::Inside => &["_sipinternaltls._tcp", "_sip._tls"],
        Side::Outside => &["_sip._tls", "_sipfederationtls._tcp"],
    }
}

fn address_record(address: IpAddr) -> RecordData {
    match address {
        IpAddr::V4(v4) => RecordData::A(v4),
        IpAddr::V6(v6) => RecordData::Aaaa(v6),
    }
}

/// The longest prefix that is put before a SIP domain; [`check_domain`] makes sure it fits.
const LONGEST_PREFIX: &str = "_sipfederationtls._tcp";

fn check_domain(domain: &DnsName, earlier: &[DnsName]) -> Result<(), InvalidOffice> {
    for other in earlier {
        if domain == other {
            return Err(InvalidOffice::DuplicateDomain(domain.clone()));
        }
        for (inner, outer) in [(domain, other), (other, domain)] {
            if inner.is_within(outer) {
                return Err(InvalidOffice::NestedDomain { inner: inner.clone(), outer: outer.clone() });
            }
        }
    }
    domain
        .child(LONGEST_PREFIX)
        .map(drop)
        .map_err(|source| InvalidOffice::DomainTooLong { domain: domain.clone(), source })
}

#[expect(clippy::expect_used, reason = "`check_domain` proved that the longest prefix fits")]
fn child(domain: &DnsName, prefix: &str) -> DnsName {
    domain.child(prefix).expect("a prefix no longer than the longest fits below a SIP domain")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    fn office(domains: &[&str], outside: &[IpAddr]) -> Result<Office, InvalidOffice> {
        Office::new(
            domains.iter().map(|d| name(d)).collect(),
            BTreeSet::from(["192.168.1.2".parse().unwrap()]),
            outside.iter().copied().collect(),
            Ports::default(),
            Timestamp::from_millis(1_700_000_000_000),
        )
    }

    fn owners_of_addresses(zones: &[Zone]) -> BTreeSet<DnsName> {
        let is_address = |r: &&Record| matches!(r.data, RecordData::A(_) | RecordData::Aaaa(_));
        zones.iter().flat_map(|z| &z.records).filter(is_address).map(|r| r.owner.clone()).collect()
    }

    #[test]
    fn the_internal_name_exists_inside_only() {
        let office = office(&["office.test"], &["203.0.113.7".parse().unwrap()]).unwrap();
        let internal = name("lyncdiscoverinternal.office.test");
        let on = |side| owners_of_addresses(&office.zones(side, Generation(1)));
        assert!(on(Side::Inside).contains(&internal));
        assert!(!on(Side::Outside).contains(&internal));
    }

    #[test]
    fn overlapping_domains_are_refused() {
        let error = office(&["a.test", "b.a.test"], &[]).unwrap_err();
        assert_eq!(error, InvalidOffice::NestedDomain { inner: name("b.a.test"), outer: name("a.test") });
        assert_eq!(office(&["a.test", "A.test"], &[]), Err(InvalidOffice::DuplicateDomain(name("a.test"))));
        assert_eq!(office(&[], &[]), Err(InvalidOffice::NoDomain));
    }

    #[test]
    fn a_domain_without_room_below_it_is_refused() {
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(40)].join(".");
        assert!(matches!(office(&[&long], &[]), Err(InvalidOffice::DomainTooLong { .. })));
    }

    #[test]
    fn the_port_stands_in_links_only_when_it_is_not_443() {
        let mut office = office(&["office.test"], &[]).unwrap();
        assert_eq!(office.web_origin(&name("office.test")), "https://web.office.test");
        office.ports.https = 8443;
        assert_eq!(office.web_origin(&name("office.test")), "https://web.office.test:8443");
    }

    #[test]
    fn private_addresses_are_inside() {
        for inside in
            ["127.0.0.1", "10.1.2.3", "192.168.0.9", "169.254.1.1", "::1", "fd00::1", "::ffff:10.0.0.1"]
        {
            assert_eq!(Side::of(inside.parse().unwrap()), Side::Inside, "{inside}");
        }
        for outside in ["203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "172.32.0.1"] {
            assert_eq!(Side::of(outside.parse().unwrap()), Side::Outside, "{outside}");
        }
    }

    proptest! {
        #[test]
        fn no_office_hands_out_a_name_without_a_certificate(
            labels in proptest::collection::btree_set("[a-z][a-z0-9]{0,20}", 1..4),
            v4 in any::<u32>(), v6 in any::<u128>(),
        ) {
            let domains: Vec<DnsName> = labels.iter().map(|l| name(&format!("{l}.test"))).collect();
            let addresses: BTreeSet<IpAddr> = [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())].into();
            let made = Office::new(
                domains, addresses.clone(), addresses, Ports::default(), Timestamp::from_millis(0),
            );
            prop_assume!(made.is_ok());
            let office = made.unwrap();
            let mut zones = office.zones(Side::Inside, Generation(1));
            zones.extend(office.zones(Side::Outside, Generation(1)));
            prop_assert_eq!(owners_of_addresses(&zones), office.certificate_names());
            for record in zones.iter().flat_map(|zone| &zone.records) {
                if let RecordData::Srv { target, .. } | RecordData::Ns(target) = &record.data {
                    prop_assert!(office.certificate_names().contains(target));
                }
            }
        }
    }
}
