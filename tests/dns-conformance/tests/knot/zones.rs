//! The zones that both servers have: those of an office, as the publisher makes them, and such as an administrator
//! could import.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use fulmar_dns::Snapshot;
use fulmar_domain::{
    Office, Timestamp,
    custom_zone::{Content, CustomZone, Sides},
    office::{Mode, OfficeIntent, Side},
    zone::Generation,
};

const BY_HAND: [&str; 4] = ["rich.test", "child.rich.test", "elsewhere.test", "moved.test"];
/// Records of the administrator's beside those of the office.
const ADDED: &str = "@ 300 IN MX 10 sip\n@ 300 IN TXT \"v=spf1 mx -all\"\n*.guests 300 IN A 192.168.1.3\n\
                     a.b.lan 300 IN CNAME web\nsub 300 IN NS ns.sub\nns.sub 300 IN A 192.168.1.4\n";

/// A zone as Knot reads it.
pub(crate) struct ZoneFile {
    pub(crate) apex: String,
    pub(crate) text: String,
}

/// What we serve to the inside of an office, and the same for Knot.
pub(crate) fn of_office(mode: Mode) -> (Snapshot, Vec<ZoneFile>) {
    let addresses = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<BTreeSet<_>>();
    let domains = ["office.test", "branch.test"].map(|domain| domain.parse().unwrap());
    let intent = OfficeIntent {
        outside: addresses(if mode == Mode::OfficeOnly { &[] } else { &["203.0.113.7"] }),
        mode,
        ..OfficeIntent::office_only(domains.into(), addresses(&["192.168.1.2", "fd00::2"]))
    };
    let office = Office::new(intent, Timestamp::from_millis(1_700_000_000_000)).unwrap();
    let generation = Generation(3);
    let serial = generation.serial(office.set_up_at()).0.to_string();
    let by_hand = BY_HAND.map(|apex| {
        let text = fs::read_to_string(Path::new("data/zones").join(apex)).unwrap();
        custom(Content::Zone, apex, text.replace("SERIAL", &serial))
    });
    let mut added = by_hand.to_vec();
    if mode != Mode::RecordsAtProvider {
        added.push(custom(Content::Records, "office.test", ADDED.to_owned()));
    }
    let snapshot = Snapshot::of_office(&office, generation, &[], &added).unwrap();
    let mut files: Vec<ZoneFile> = office.zones(Side::Inside, generation).iter().map(generated).collect();
    for CustomZone { apex, text, .. } in added {
        let apex = apex.to_string();
        match files.iter_mut().find(|file| file.apex == apex) {
            Some(file) => file.text.push_str(&text),
            None => files.push(ZoneFile { apex, text }),
        }
    }
    (snapshot, files)
}

fn custom(content: Content, apex: &str, text: String) -> CustomZone {
    CustomZone { content, apex: apex.parse().unwrap(), sides: Sides::Both, text }
}

fn generated(zone: &fulmar_domain::zone::Zone) -> ZoneFile {
    let mut text = String::new();
    for record in &zone.records {
        let kind = record.data.record_type();
        writeln!(text, "{}. {} IN {kind} {}", record.owner, record.ttl, record.data).unwrap();
    }
    ZoneFile { apex: zone.apex.to_string(), text }
}

/// The owners of all records, as labels.
pub(crate) fn owners(zones: &[ZoneFile]) -> Vec<Vec<Vec<u8>>> {
    let of_zone = |zone: &ZoneFile| {
        let lines = zone.text.lines().filter(|line| !line.starts_with(['$', ';']));
        let words: BTreeSet<&str> = lines.filter_map(|line| line.split(' ').next()).collect();
        let absolute = |word: &str| match word {
            "@" => zone.apex.clone(),
            _ => word.strip_suffix('.').map_or_else(|| format!("{word}.{}", zone.apex), str::to_owned),
        };
        words.into_iter().map(|word| labels(&absolute(word))).collect::<Vec<_>>()
    };
    zones.iter().flat_map(of_zone).collect()
}

/// The labels of a name as it is written in a master file (RFC 1035 §5.1).
fn labels(name: &str) -> Vec<Vec<u8>> {
    let mut labels = vec![Vec::new()];
    let mut rest = name.as_bytes();
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'.', _) => {
                labels.push(Vec::new());
                rest = after;
                continue;
            }
            (b'\\', [b'0'..=b'9', _, _, ..]) => {
                (str::from_utf8(&after[..3]).unwrap().parse().unwrap(), &after[3..])
            }
            (b'\\', [escaped, after @ ..]) => (*escaped, after),
            _ => (*byte, after),
        };
        labels.last_mut().unwrap().push(byte);
        rest = after;
    }
    labels
}
