//! The intent of an office, and everything that follows from it.
//!
//! Zones, certificate names, the addresses in Autodiscover documents and the text for the provider are generated
//! from this one object. Nobody edits a record to make discovery work, so they can not disagree.

mod hosts;
mod mode;
mod network;
mod records;
mod resolver;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use thiserror::Error;

use crate::{DnsName, InvalidDnsName, Timestamp};

pub use hosts::{Hosts, InvalidWebHost, WebHost};
pub use mode::{InvalidMode, Mode};
pub use network::{InvalidNetwork, Network, Networks};
pub use records::{NEGATIVE_TTL, RECORD_TTL};
pub use resolver::{DNS_PORT, InvalidResolver, parse_resolver};

/// The most resolvers that are asked in turn: after so many no client waits any more.
pub const MAX_RESOLVERS: usize = 8;

/// What is asked for: whose phones, reached where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeIntent {
    /// SIP domains, the primary one first.
    pub domains: Vec<DnsName>,
    /// Addresses of the box in the office network.
    pub inside: BTreeSet<IpAddr>,
    /// Addresses at which it is reached from everywhere else.
    pub outside: BTreeSet<IpAddr>,
    /// How the outside finds it.
    pub mode: Mode,
    /// The name of the host in links.
    pub web_host: WebHost,
    /// Who is inside.
    pub networks: Networks,
    /// Who is asked for the names of others, on behalf of those inside, in this order. None: nobody.
    pub resolvers: Vec<SocketAddr>,
    /// The ports that phones and desks reach.
    pub ports: Ports,
}

/// An office that can be: an [`OfficeIntent`] without contradictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Office {
    intent: OfficeIntent,
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

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Inside, Self::Outside];

    /// The word for it, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "outside",
        }
    }
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
    /// Nothing to answer with outside.
    #[error("with the mode `{0}` an office needs an outside address; with `office-only` it needs none")]
    NoOutsideAddress(Mode),
    /// An outside address that nobody would be told.
    #[error(
        "with the mode `office-only` nobody outside is told the address `{0}`: \
         leave it out, or choose the mode `records-at-provider` or `delegated`"
    )]
    OutsideAddress(IpAddr),
    /// An address at which nobody can be reached.
    #[error("`{0}` is not the address of a host")]
    NotAHost(IpAddr),
    /// Nobody could be told the inside addresses.
    #[error("an office needs at least one inside network")]
    NoInsideNetwork,
    /// The box would ask itself.
    #[error("the resolver `{0}` is the box itself")]
    OwnResolver(SocketAddr),
    /// Nobody waits for so many.
    #[error("{0} resolvers are too many: {MAX_RESOLVERS} at most are asked")]
    TooManyResolvers(usize),
    /// Nobody can connect there.
    #[error("`0` is not a port that phones and desks can reach")]
    NoPort,
    /// A generated name would exceed the limits of DNS.
    #[error("the SIP domain `{domain}` leaves no room for the names below it")]
    DomainTooLong {
        /// The domain.
        domain: DnsName,
        /// The limit that was hit.
        source: InvalidDnsName,
    },
}

impl OfficeIntent {
    /// An office that is reached from its own network only; all else is as by default.
    pub fn office_only(domains: Vec<DnsName>, inside: BTreeSet<IpAddr>) -> Self {
        Self {
            domains,
            inside,
            outside: BTreeSet::new(),
            mode: Mode::OfficeOnly,
            web_host: WebHost::default(),
            networks: Networks::default(),
            resolvers: Vec::new(),
            ports: Ports::default(),
        }
    }
}

impl Office {
    /// An office as it was asked for.
    ///
    /// # Errors
    /// [`InvalidOffice`] names the first thing that is wrong.
    pub fn new(intent: OfficeIntent, set_up_at: Timestamp) -> Result<Self, InvalidOffice> {
        check_domains(&intent.domains, &intent.web_host)?;
        check_addresses(&intent)?;
        if intent.networks.is_empty() {
            return Err(InvalidOffice::NoInsideNetwork);
        }
        check_resolvers(&intent)?;
        if intent.ports.https == 0 || intent.ports.sip == 0 {
            return Err(InvalidOffice::NoPort);
        }
        Ok(Self { intent, set_up_at })
    }

    /// What was asked for.
    pub fn intent(&self) -> &OfficeIntent {
        &self.intent
    }

    /// The SIP domains, the primary one first.
    pub fn domains(&self) -> &[DnsName] {
        &self.intent.domains
    }

    /// The addresses that one side is answered with. Without an outside address, outside has none.
    pub fn addresses(&self, side: Side) -> &BTreeSet<IpAddr> {
        match side {
            Side::Inside => &self.intent.inside,
            Side::Outside => &self.intent.outside,
        }
    }

    /// How the outside finds the box.
    pub fn mode(&self) -> Mode {
        self.intent.mode
    }

    /// The networks whose hosts are inside.
    pub fn networks(&self) -> &Networks {
        &self.intent.networks
    }

    /// The side on which an asking host stands.
    pub fn side_of(&self, address: IpAddr) -> Side {
        self.intent.networks.side_of(address)
    }

    /// Who is asked for the names of others, on behalf of those inside, in this order.
    pub fn resolvers(&self) -> &[SocketAddr] {
        &self.intent.resolvers
    }

    /// The ports under which phones reach the box.
    pub fn ports(&self) -> Ports {
        self.intent.ports
    }

    /// When the office was set up.
    pub fn set_up_at(&self) -> Timestamp {
        self.set_up_at
    }

    /// The SIP domain that `host` is, or lies within.
    pub fn domain_of(&self, host: &DnsName) -> Option<&DnsName> {
        self.domains().iter().find(|domain| host.is_within(domain))
    }

    /// The hosts of `domain`, which must be one of the SIP domains.
    pub fn hosts(&self, domain: &DnsName) -> Hosts {
        Hosts::of(domain, &self.intent.web_host)
    }

    /// The names of the box on one side. Outside there are none where nobody outside is to find it.
    pub fn host_names(&self, side: Side) -> BTreeSet<DnsName> {
        if self.addresses(side).is_empty() {
            return BTreeSet::new();
        }
        self.domains()
            .iter()
            .flat_map(|domain| self.hosts(domain).on(side).into_iter().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// The names that the box's certificate must cover: every host that either side is told.
    pub fn certificate_names(&self) -> BTreeSet<DnsName> {
        Side::ALL.into_iter().flat_map(|side| self.host_names(side)).collect()
    }

    /// Scheme, host and port of the links handed to people of `domain`; the port only where it is not 443.
    pub fn web_origin(&self, domain: &DnsName) -> String {
        self.origin_at(&self.hosts(domain).web)
    }

    /// The same at another host of the box.
    pub fn origin_at(&self, host: &DnsName) -> String {
        match self.ports().https {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        }
    }
}

fn check_domains(domains: &[DnsName], web_host: &WebHost) -> Result<(), InvalidOffice> {
    if domains.is_empty() {
        return Err(InvalidOffice::NoDomain);
    }
    for (i, domain) in domains.iter().enumerate() {
        check_domain(domain, &domains[..i], web_host)?;
    }
    Ok(())
}

fn check_domain(domain: &DnsName, earlier: &[DnsName], web_host: &WebHost) -> Result<(), InvalidOffice> {
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
    [hosts::LONGEST_PREFIX, web_host.as_str()]
        .into_iter()
        .try_for_each(|prefix| domain.child(prefix).map(drop))
        .map_err(|source| InvalidOffice::DomainTooLong { domain: domain.clone(), source })
}

fn check_addresses(intent: &OfficeIntent) -> Result<(), InvalidOffice> {
    let OfficeIntent { inside, outside, mode, .. } = intent;
    if inside.is_empty() {
        return Err(InvalidOffice::NoInsideAddress);
    }
    if let Some(bad) = inside.iter().chain(outside).find(|a| a.is_unspecified() || a.is_multicast()) {
        return Err(InvalidOffice::NotAHost(*bad));
    }
    match (mode, outside.first()) {
        (Mode::OfficeOnly, Some(address)) => Err(InvalidOffice::OutsideAddress(*address)),
        (Mode::RecordsAtProvider | Mode::Delegated, None) => Err(InvalidOffice::NoOutsideAddress(*mode)),
        _ => Ok(()),
    }
}

fn check_resolvers(intent: &OfficeIntent) -> Result<(), InvalidOffice> {
    let OfficeIntent { resolvers, inside, outside, .. } = intent;
    if resolvers.len() > MAX_RESOLVERS {
        return Err(InvalidOffice::TooManyResolvers(resolvers.len()));
    }
    for resolver in resolvers {
        let address = resolver.ip();
        if address.is_unspecified() || address.is_multicast() {
            return Err(InvalidOffice::NotAHost(address));
        }
        if resolver.port() == DNS_PORT && (inside.contains(&address) || outside.contains(&address)) {
            return Err(InvalidOffice::OwnResolver(*resolver));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    fn intent(domains: &[&str]) -> OfficeIntent {
        let inside = BTreeSet::from(["192.168.1.2".parse().unwrap()]);
        OfficeIntent::office_only(domains.iter().map(|d| name(d)).collect(), inside)
    }

    fn office(intent: OfficeIntent) -> Result<Office, InvalidOffice> {
        Office::new(intent, Timestamp::from_millis(1_700_000_000_000))
    }

    #[test]
    fn overlapping_domains_are_refused() {
        let error = office(intent(&["a.test", "b.a.test"])).unwrap_err();
        assert_eq!(error, InvalidOffice::NestedDomain { inner: name("b.a.test"), outer: name("a.test") });
        let twice = office(intent(&["a.test", "A.test"]));
        assert_eq!(twice, Err(InvalidOffice::DuplicateDomain(name("a.test"))));
        assert_eq!(office(intent(&[])), Err(InvalidOffice::NoDomain));
    }

    #[test]
    fn a_domain_without_room_below_it_is_refused() {
        let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(40)].join(".");
        assert!(matches!(office(intent(&[&long])), Err(InvalidOffice::DomainTooLong { .. })));
        let domain = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(30)].join(".");
        let web_host = "w".repeat(63).parse().unwrap();
        assert!(office(intent(&[&domain])).is_ok());
        let asked = OfficeIntent { web_host, ..intent(&[&domain]) };
        assert!(matches!(office(asked), Err(InvalidOffice::DomainTooLong { .. })));
    }

    #[test]
    fn the_mode_and_the_outside_address_belong_together() {
        let address: IpAddr = "203.0.113.7".parse().unwrap();
        let outside = BTreeSet::from([address]);
        let asked = |mode, outside: &BTreeSet<IpAddr>| {
            office(OfficeIntent { mode, outside: outside.clone(), ..intent(&["office.test"]) })
        };
        assert_eq!(asked(Mode::OfficeOnly, &outside), Err(InvalidOffice::OutsideAddress(address)));
        for mode in [Mode::RecordsAtProvider, Mode::Delegated] {
            assert!(asked(mode, &outside).is_ok());
            assert_eq!(asked(mode, &BTreeSet::new()), Err(InvalidOffice::NoOutsideAddress(mode)));
        }
    }

    #[test]
    fn the_box_is_not_its_own_resolver() {
        let asked = |resolver: &str| {
            let resolvers = vec![resolver.parse().unwrap()];
            office(OfficeIntent { resolvers, ..intent(&["office.test"]) })
        };
        let own = "192.168.1.2:53".parse().unwrap();
        assert_eq!(asked("192.168.1.2:53"), Err(InvalidOffice::OwnResolver(own)));
        assert!(asked("192.168.1.2:5353").is_ok() && asked("192.168.1.1:53").is_ok());
        assert!(matches!(asked("0.0.0.0:53"), Err(InvalidOffice::NotAHost(_))));
        let resolvers = vec!["192.0.2.1:53".parse().unwrap(); MAX_RESOLVERS + 1];
        let many = office(OfficeIntent { resolvers, ..intent(&["office.test"]) });
        assert_eq!(many, Err(InvalidOffice::TooManyResolvers(MAX_RESOLVERS + 1)));
    }

    #[test]
    fn somebody_is_inside() {
        let networks = Networks::from_iter([]);
        let nobody = office(OfficeIntent { networks, ..intent(&["office.test"]) });
        assert_eq!(nobody, Err(InvalidOffice::NoInsideNetwork));
        let networks = Networks::from_iter(["198.51.100.0/24".parse().unwrap()]);
        let office = office(OfficeIntent { networks, ..intent(&["office.test"]) }).unwrap();
        assert_eq!(office.side_of("198.51.100.9".parse().unwrap()), Side::Inside);
        assert_eq!(office.side_of("192.168.1.9".parse().unwrap()), Side::Outside);
    }

    #[test]
    fn the_port_stands_in_links_only_when_it_is_not_443() {
        let origin = |https| {
            let ports = Ports { https, sip: 5061 };
            let office = office(OfficeIntent { ports, ..intent(&["office.test"]) }).unwrap();
            office.web_origin(&name("office.test"))
        };
        assert_eq!(origin(443), "https://web.office.test");
        assert_eq!(origin(8443), "https://web.office.test:8443");
        for ports in [Ports { https: 0, sip: 5061 }, Ports { https: 443, sip: 0 }] {
            assert_eq!(
                office(OfficeIntent { ports, ..intent(&["office.test"]) }),
                Err(InvalidOffice::NoPort)
            );
        }
    }
}
