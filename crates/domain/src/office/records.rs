//! The zones of an office, and what is entered at a provider.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    Mode, Office, Side,
    hosts::{Hosts, child},
};
use crate::{
    DnsName,
    zone::{Generation, Record, RecordData, Soa, Zone},
};

/// Seconds that a generated record may be kept: short enough that a moved box is found within minutes.
pub const RECORD_TTL: u32 = 300;
/// Seconds that the absence of a name may be kept.
pub const NEGATIVE_TTL: u32 = 60;

impl Office {
    /// The zones that the box answers for on one side.
    ///
    /// Inside, that is each SIP domain; but where the records of the domain are a provider's, every name of the
    /// box is a zone of its own, so that the other names of the domain stay what they are. Outside, it is each
    /// SIP domain that was delegated to the box, and nothing otherwise.
    pub fn zones(&self, side: Side, generation: Generation) -> Vec<Zone> {
        let zones = |domain| match (self.mode(), side) {
            (Mode::RecordsAtProvider, Side::Inside) => self.zones_by_name(domain, generation),
            (Mode::Delegated, _) | (Mode::OfficeOnly, Side::Inside) => {
                vec![self.zone(domain.clone(), domain, self.records(domain, side), generation)]
            }
            (Mode::RecordsAtProvider | Mode::OfficeOnly, Side::Outside) => Vec::new(),
        };
        self.domains().iter().flat_map(zones).collect()
    }

    /// The records that an administrator enters at the provider: those of the hosts and services themselves, or
    /// the delegation of each SIP domain with the addresses of its name server, or none.
    pub fn records_at_provider(&self) -> Vec<Record> {
        let records = |domain| match self.mode() {
            Mode::RecordsAtProvider => self.records(domain, Side::Outside),
            Mode::Delegated => self.delegation(domain),
            Mode::OfficeOnly => Vec::new(),
        };
        self.domains().iter().flat_map(records).collect()
    }

    fn delegation(&self, domain: &DnsName) -> Vec<Record> {
        let server = self.hosts(domain).web;
        let delegation = record(domain.clone(), RecordData::Ns(server.clone()));
        let glue = self.addresses(Side::Outside).iter().map(|address| record(server.clone(), at(*address)));
        std::iter::once(delegation).chain(glue).collect()
    }

    /// What one side is told about `domain`: the addresses of the hosts, and the services.
    fn records(&self, domain: &DnsName, side: Side) -> Vec<Record> {
        let hosts = self.hosts(domain);
        let addresses = self.addresses(side);
        let of_host =
            |host: &DnsName| addresses.iter().map(|a| record(host.clone(), at(*a))).collect::<Vec<_>>();
        let of_hosts = hosts.on(side).into_iter().flat_map(of_host);
        let of_services = services(side).iter().map(|service| {
            let (port, target) = (self.ports().sip, hosts.sip.clone());
            record(child(domain, service), RecordData::Srv { priority: 0, weight: 0, port, target })
        });
        of_hosts.chain(of_services).collect()
    }

    fn zones_by_name(&self, domain: &DnsName, generation: Generation) -> Vec<Zone> {
        let mut by_name: BTreeMap<DnsName, Vec<Record>> = BTreeMap::new();
        for record in self.records(domain, Side::Inside) {
            by_name.entry(record.owner.clone()).or_default().push(record);
        }
        by_name.into_iter().map(|(name, records)| self.zone(name, domain, records, generation)).collect()
    }

    fn zone(&self, apex: DnsName, domain: &DnsName, records: Vec<Record>, generation: Generation) -> Zone {
        let Hosts { web, .. } = self.hosts(domain);
        let soa = Soa {
            mname: web.clone(),
            rname: child(domain, "hostmaster"),
            serial: generation.serial(self.set_up_at()),
            refresh: 3600,
            retry: 600,
            expire: 604_800,
            minimum: NEGATIVE_TTL,
        };
        let head = [RecordData::Soa(soa), RecordData::Ns(web)].map(|data| record(apex.clone(), data));
        Zone { apex, records: head.into_iter().chain(records).collect() }
    }
}

fn record(owner: DnsName, data: RecordData) -> Record {
    Record { owner, ttl: RECORD_TTL, data }
}

fn services(side: Side) -> &'static [&'static str] {
    match side {
        Side::Inside => &["_sipinternaltls._tcp", "_sip._tls"],
        Side::Outside => &["_sip._tls", "_sipfederationtls._tcp"],
    }
}

fn at(address: IpAddr) -> RecordData {
    match address {
        IpAddr::V4(v4) => RecordData::A(v4),
        IpAddr::V6(v6) => RecordData::Aaaa(v6),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        Timestamp,
        office::{Networks, OfficeIntent, Ports},
    };

    fn name(text: &str) -> DnsName {
        text.parse().unwrap()
    }

    fn office(mode: Mode) -> Office {
        let address = |text: &str| BTreeSet::from([text.parse().unwrap()]);
        let outside = if mode == Mode::OfficeOnly { BTreeSet::new() } else { address("203.0.113.7") };
        let intent = OfficeIntent::office_only(vec![name("office.test")], address("192.168.1.2"));
        let intent = OfficeIntent { mode, outside, ..intent };
        Office::new(intent, Timestamp::from_millis(1_700_000_000_000)).unwrap()
    }

    fn apexes(office: &Office, side: Side) -> Vec<String> {
        office.zones(side, Generation(1)).iter().map(|zone| zone.apex.to_string()).collect()
    }

    fn lines(records: &[Record]) -> Vec<String> {
        records.iter().map(|r| format!("{} {} {}", r.owner, r.data.record_type(), r.data)).collect()
    }

    fn owners_of_addresses(zones: &[Zone]) -> BTreeSet<DnsName> {
        let is_address = |r: &&Record| matches!(r.data, RecordData::A(_) | RecordData::Aaaa(_));
        zones.iter().flat_map(|z| &z.records).filter(is_address).map(|r| r.owner.clone()).collect()
    }

    #[test]
    fn the_internal_name_exists_inside_only() {
        for mode in Mode::ALL {
            let office = office(mode);
            let internal = name("lyncdiscoverinternal.office.test");
            let on = |side| owners_of_addresses(&office.zones(side, Generation(1)));
            assert!(on(Side::Inside).contains(&internal), "{mode}");
            assert!(!on(Side::Outside).contains(&internal), "{mode}");
            assert!(!office.host_names(Side::Outside).contains(&internal), "{mode}");
            assert!(office.records_at_provider().iter().all(|record| record.owner != internal), "{mode}");
        }
    }

    #[test]
    fn a_delegated_domain_is_answered_on_both_sides() {
        let office = office(Mode::Delegated);
        assert_eq!(apexes(&office, Side::Inside), ["office.test"]);
        assert_eq!(apexes(&office, Side::Outside), ["office.test"]);
        let delegation = ["office.test NS web.office.test.", "web.office.test A 203.0.113.7"];
        assert_eq!(lines(&office.records_at_provider()), delegation);
    }

    #[test]
    fn what_a_provider_answers_outside_the_box_does_not() {
        let office = office(Mode::RecordsAtProvider);
        assert!(apexes(&office, Side::Outside).is_empty());
        let entered = [
            "lyncdiscover.office.test A 203.0.113.7",
            "web.office.test A 203.0.113.7",
            "sip.office.test A 203.0.113.7",
            "_sip._tls.office.test SRV 0 0 5061 sip.office.test.",
            "_sipfederationtls._tcp.office.test SRV 0 0 5061 sip.office.test.",
        ];
        assert_eq!(lines(&office.records_at_provider()), entered);
    }

    #[test]
    fn inside_the_other_names_of_a_providers_domain_stay_what_they_are() {
        let office = office(Mode::RecordsAtProvider);
        let inside = office.zones(Side::Inside, Generation(1));
        let all: BTreeSet<_> =
            inside.iter().flat_map(|zone| &zone.records).map(|r| r.owner.clone()).collect();
        assert_eq!(all, inside.iter().map(|zone| zone.apex.clone()).collect());
        assert!(!all.contains(&name("office.test")));
        assert_eq!(inside.len(), 6);
    }

    #[test]
    fn an_office_for_itself_has_nothing_outside() {
        let office = office(Mode::OfficeOnly);
        assert_eq!(apexes(&office, Side::Inside), ["office.test"]);
        assert!(apexes(&office, Side::Outside).is_empty() && office.records_at_provider().is_empty());
        assert!(office.host_names(Side::Outside).is_empty());
    }

    proptest! {
        #[test]
        fn no_office_hands_out_a_name_without_a_certificate(
            labels in proptest::collection::btree_set("[a-z][a-z0-9]{0,20}", 1..4),
            web in "[a-z][a-z0-9]{0,20}", v4 in any::<u32>(), v6 in any::<u128>(),
            mode in proptest::sample::select(&Mode::ALL[..]),
        ) {
            let domains: Vec<DnsName> = labels.iter().map(|l| name(&format!("{l}.test"))).collect();
            let addresses: BTreeSet<IpAddr> = [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())].into();
            let intent = OfficeIntent {
                domains,
                outside: if mode == Mode::OfficeOnly { BTreeSet::new() } else { addresses.clone() },
                inside: addresses,
                mode,
                web_host: web.parse().unwrap_or_default(),
                networks: Networks::default(),
                resolvers: Vec::new(),
                ports: Ports::default(),
            };
            let made = Office::new(intent, Timestamp::from_millis(0));
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
