//! Records and zones of the administrator's own, beside those that follow from the office.
//!
//! A record may stand at any name that the box does not use, and at the apex of a zone. An imported zone has the
//! serial of the generated ones, so that it grows with every change; the rest of its SOA is as it was written.
//! What was accepted once and does not fit the office any more is left out, and the log says so.

use fulmar_domain::{
    Office,
    custom_zone::{Content, CustomZone, ZoneFault},
    office::Side,
    zone::{self, Generation, Serial},
};
use hickory_server::proto::rr::{Name, RData, Record};

use crate::{
    Fault, MasterFileError,
    catalog::Catalog,
    master_file,
    records::{name, records},
    zone::{InvalidZone, TYPE_A, TYPE_AAAA, TYPE_DNAME, TYPE_NS, TYPE_SOA, Zone},
};

const TYPE_DS: u16 = 43;
/// The label at which the box proves its names to a public authority (RFC 8555 §8.4).
const PROOF: &[u8] = b"_acme-challenge";

/// Whether the text of `changed` can be served beside what follows from the office, and the others.
///
/// # Errors
/// The line of the first thing that is wrong, and why.
pub fn check(office: &Office, others: &[CustomZone], changed: &CustomZone) -> Result<(), ZoneFault> {
    let checked = match changed.content {
        Content::Zone => imported(changed, Serial(0)).map(drop),
        Content::Records => Side::ALL.into_iter().try_for_each(|side| {
            let zones = office.zones(side, Generation(0));
            let Some(zone) = zones.iter().find(|zone| is_for(changed, zone, side)) else { return Ok(()) };
            let mut extended = Extended::new(zone).map_err(|error| MasterFileError::new(1, error.into()))?;
            for other in others.iter().filter(|other| is_for(other, zone, side) && !changed.replaces(other)) {
                // Another that does not fit is not served either.
                let _ = extended.add(other);
            }
            extended.add(changed)?;
            others
                .iter()
                .filter(|other| is_within(other, zone, side))
                .try_for_each(|other| unanswered(changed, other))
        }),
    };
    checked.map_err(|MasterFileError { line, fault }| ZoneFault { line, reason: fault.to_string() })
}

/// The generated zones of one side with the custom records, and the imported zones.
pub(crate) fn catalog(
    (office, side): (&Office, Side),
    generated: &[zone::Zone],
    serial: Serial,
    custom: &[CustomZone],
) -> Result<Catalog, InvalidZone> {
    let mut zones = Vec::new();
    for zone in generated {
        let mut extended = Extended::new(zone)?;
        for list in custom.iter().filter(|custom| is_for(custom, zone, side)) {
            if let Err(error) = extended.add(list) {
                left_out(list, &error);
            }
        }
        zones.push(extended.zone);
    }
    for zone in custom.iter().filter(|zone| zone.content == Content::Zone && zone.sides.includes(side)) {
        match (zone.check_place(office, custom), imported(zone, serial)) {
            (Ok(()), Ok(zone)) => zones.push(zone),
            (Err(error), _) => left_out(zone, &error),
            (_, Err(error)) => left_out(zone, &error),
        }
    }
    Ok(zones.into_iter().collect())
}

fn left_out(zone: &CustomZone, error: &dyn std::fmt::Display) {
    let (apex, sides) = (&zone.apex, zone.sides);
    tracing::error!(zone = %apex, %sides, %error, "What was added does not fit the office any more and is left out.");
}

fn is_for(custom: &CustomZone, zone: &zone::Zone, side: Side) -> bool {
    custom.content == Content::Records && custom.apex == zone.apex && custom.sides.includes(side)
}

fn is_within(custom: &CustomZone, zone: &zone::Zone, side: Side) -> bool {
    custom.content == Content::Zone && custom.sides.includes(side) && custom.apex.is_within(&zone.apex)
}

/// Refuses records in whose place an imported zone answers.
fn unanswered(list: &CustomZone, imported: &CustomZone) -> Result<(), MasterFileError> {
    let apex = apex(imported)?;
    let records = master_file::lines(&list.text, list.apex.as_str())?;
    let below = records.iter().find(|(_, record)| {
        let delegation = record.name == apex && matches!(u16::from(record.record_type()), TYPE_NS | TYPE_DS);
        apex.zone_of(&record.name) && !delegation
    });
    below.map_or(Ok(()), |(line, _)| {
        Err(MasterFileError::new(*line, Fault::Imported(imported.apex.to_string())))
    })
}

fn apex(custom: &CustomZone) -> Result<Name, MasterFileError> {
    let failed = |source| InvalidZone::Encode { name: custom.apex.to_string(), source };
    name(&custom.apex).map_err(failed).map_err(|error| MasterFileError::new(1, error.into()))
}

/// A generated zone, and what was added to it.
struct Extended<'a> {
    generated: &'a zone::Zone,
    records: Vec<Record>,
    zone: Zone,
}

impl<'a> Extended<'a> {
    fn new(generated: &'a zone::Zone) -> Result<Self, InvalidZone> {
        let records = records(generated)?;
        Ok(Self { generated, zone: Zone::new(records.clone())?, records })
    }

    /// Adds all records of a list, or none.
    fn add(&mut self, list: &CustomZone) -> Result<(), MasterFileError> {
        let generated = records(self.generated).map_err(|error| MasterFileError::new(1, error.into()))?;
        let added = master_file::lines(&list.text, list.apex.as_str())?;
        for (line, record) in &added {
            contradiction(&generated, record)
                .map_or(Ok(()), |fault| Err(MasterFileError::new(*line, fault)))?;
        }
        let all: Vec<Record> =
            self.records.iter().chain(added.iter().map(|(_, record)| record)).cloned().collect();
        self.zone = Zone::new(all.clone()).map_err(|error| master_file::at_line(error, &added))?;
        self.records = all;
        Ok(())
    }
}

/// Why a record can not stand beside the generated ones, of which the first is the SOA.
fn contradiction(generated: &[Record], record: &Record) -> Option<Fault> {
    let (owner, record_type) = (&record.name, u16::from(record.record_type()));
    if owner.iter().next().is_some_and(|label| label.eq_ignore_ascii_case(PROOF)) {
        return Some(Fault::Proof);
    }
    let is_apex = generated.first().is_some_and(|soa| soa.name == *owner);
    let is_address = |record_type| matches!(record_type, TYPE_A | TYPE_AAAA);
    let taken =
        generated.iter().filter(|own| own.name == *owner).map(|own| u16::from(own.record_type())).any(
            |own| {
                let same = own == record_type || is_address(own) && is_address(record_type);
                !is_apex || record_type == TYPE_SOA || same && record_type != TYPE_NS
            },
        );
    if taken {
        return Some(Fault::Generated(owner.to_string()));
    }
    let cuts = record_type == TYPE_DNAME || record_type == TYPE_NS && !is_apex;
    let hidden = generated.iter().find(|own| cuts && own.name != *owner && owner.zone_of(&own.name));
    hidden.map(|own| Fault::Hides(own.name.to_string()))
}

/// The zone that a text is, with our serial.
fn imported(custom: &CustomZone, serial: Serial) -> Result<Zone, MasterFileError> {
    let mut records = master_file::records(&custom.text, Some(custom.apex.as_str()))?;
    let apex = apex(custom)?;
    for (line, record) in &mut records {
        if let RData::SOA(soa) = &mut record.data {
            if record.name != apex {
                return Err(MasterFileError::new(*line, Fault::OtherZone(record.name.to_string())));
            }
            soa.serial = serial.0;
        }
    }
    master_file::zone(&records)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fulmar_domain::{
        Timestamp,
        custom_zone::Sides,
        office::{Mode, OfficeIntent},
    };

    use super::*;
    use crate::{Snapshot, name::WireName};

    fn office() -> Office {
        let address = |text: &str| BTreeSet::from([text.parse().unwrap()]);
        let intent = OfficeIntent::office_only(vec!["office.test".parse().unwrap()], address("192.168.1.2"));
        let intent = OfficeIntent { outside: address("203.0.113.7"), mode: Mode::Delegated, ..intent };
        Office::new(intent, Timestamp::from_millis(0)).unwrap()
    }

    fn custom(content: Content, apex: &str, text: &str) -> CustomZone {
        CustomZone { content, apex: apex.parse().unwrap(), sides: Sides::Both, text: text.into() }
    }

    fn records(text: &str) -> CustomZone {
        custom(Content::Records, "office.test", text)
    }

    fn refused(text: &str) -> ZoneFault {
        check(&office(), &[], &records(text)).unwrap_err()
    }

    #[test]
    fn records_stand_at_names_that_the_box_does_not_use_and_at_the_apex() {
        let text = "printer A 192.168.1.9\n@ MX 10 mail\n@ NS ns2.example.\n; a comment\n\nwww 60 CNAME web\n\
                    lab NS ns.lab\n@ A 192.0.2.1\n";
        assert_eq!(check(&office(), &[], &records(text)), Ok(()));
    }

    #[test]
    fn what_contradicts_the_office_is_refused_with_its_line() {
        for (line, word) in [
            ("web AAAA 2001:db8::1", "follow from the office"),
            ("WEB TXT x", "follow from the office"),
            ("@ SOA ns hm 1 2 3 4 5", "follow from the office"),
            ("_tls NS ns.example.", "would hide"),
            ("@ DNAME other.test.", "would hide"),
            ("@ CNAME other.test.", "beside its alias"),
            ("_acme-challenge.printer TXT x", "proves"),
            ("printer.other.test. A 192.0.2.1", "not lie within"),
            ("printer A 192.0.2.300", "is not"),
            (" A 192.0.2.1", "no record before"),
            ("$ORIGIN test.", "$ORIGIN"),
            ("printer TXT ( a", "never closed"),
        ] {
            let fault = refused(&format!("a A 192.0.2.1\n{line}\n"));
            assert!(fault.line == 2 && fault.reason.contains(word), "{line}: {fault}");
        }
    }

    #[test]
    fn lists_of_one_zone_do_not_contradict_each_other() {
        let inside = CustomZone { sides: Sides::Inside, ..records("a A 192.0.2.1\n") };
        let fault = check(&office(), &[inside], &records("b A 192.0.2.1\na CNAME b\n")).unwrap_err();
        assert_eq!(fault.line, 2);
    }

    #[test]
    fn a_record_below_an_imported_zone_would_never_be_answered() {
        let lab = custom(Content::Zone, "lab.office.test", "");
        let text = "lab NS ns.lab\na A 192.0.2.1\nprinter.lab A 192.0.2.1\n";
        let fault = check(&office(), &[lab], &records(text)).unwrap_err();
        assert!(fault.line == 3 && fault.reason.contains("`lab.office.test`"), "{fault}");
    }

    #[test]
    fn a_set_that_no_message_holds_is_refused() {
        let head = "$TTL 60\n@ SOA ns hm 7 2 3 4 5\n@ NS ns\n";
        let zone = |count: u32| {
            let addresses = (0..count).map(|i| format!("many A 10.0.{}.{}\n", i / 256, i % 256));
            custom(Content::Zone, "other.test", &format!("{head}{}", addresses.collect::<String>()))
        };
        assert_eq!(check(&office(), &[], &zone(8192)), Ok(()));
        let fault = check(&office(), &[], &zone(8193)).unwrap_err();
        assert!(fault.reason.contains("more than 8192"), "{fault}");
    }

    #[test]
    fn an_imported_zone_has_our_serial_and_its_own_name() {
        let text = "$TTL 60\n@ SOA ns hm 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
        let zone = custom(Content::Zone, "other.test", text);
        assert_eq!(check(&office(), &[], &zone), Ok(()));
        assert_eq!(imported(&zone, Serial(42)).unwrap().serial(), Serial(42));
        let foreign = custom(Content::Zone, "other.test", &text.replace("@ SOA", "foreign.test. SOA"));
        assert_eq!(check(&office(), &[], &foreign).unwrap_err().line, 2);
    }

    #[test]
    fn what_does_not_fit_any_more_leaves_the_rest_alone() {
        let list = [
            records("web A 192.0.2.1\n"),
            CustomZone { sides: Sides::Inside, ..records("printer A 192.0.2.1\n") },
            custom(Content::Zone, "office.test", "@ 1 SOA ns hm 1 2 3 4 5\n@ NS ns\n"),
        ];
        let snapshot = Snapshot::of_office(&office(), Generation(1), &[], &list).unwrap();
        let apex = WireName::read(b"\x06office\x04test\0").unwrap();
        let sees = |side, key: &[u8]| {
            snapshot
                .seen_by(side)
                .zone_at(&apex)
                .unwrap()
                .node(key)
                .and_then(|node| node.set(TYPE_A))
                .is_some()
        };
        assert!(sees(Side::Inside, b"\x03web\x06office\x04test\0"));
        assert!(sees(Side::Inside, b"\x07printer\x06office\x04test\0"));
        assert!(!sees(Side::Outside, b"\x07printer\x06office\x04test\0"));
    }
}
