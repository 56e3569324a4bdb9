//! Signed zones: every signature is checked by another implementation, every proof by what it says.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime},
};

use fulmar_dns::{Catalog, Publisher, Snapshot, Transport, Zone, answer, run};
use fulmar_domain::{
    DnsName, Office, Timestamp,
    custom_zone::Sides,
    dnssec::{Pkcs8, Signatures, SignedZone},
    office::OfficeIntent,
};
use fulmar_store::Store;
use hickory_server::proto::{
    dnssec::{
        Verifier,
        rdata::{DNSKEY, DNSSECRData, RRSIG},
    },
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType},
    serialize::binary::{BinDecodable, BinEncodable},
};
use tokio_util::sync::CancellationToken;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const MADE: Signatures = Signatures { made_at: Timestamp::from_millis(1_800_000_000_000) };
const DAY: Duration = Duration::from_secs(24 * 3600);

const PARENT: &str = "\
WWW 300 A 192.0.2.1
www 300 AAAA 2001:db8::1
alias 300 CNAME WWW
away 300 CNAME x.wild.B.test.
old 300 DNAME new
host.new 300 A 192.0.2.2
*.wild 300 A 192.0.2.3
*.wild 300 MX 10 Mail
a.b.c.wild 300 TXT deep
_sip._tls 300 SRV 0 0 5061 Web
lab 300 NS ns.lab
ns.lab 300 A 192.0.2.9
safe 300 NS ns.example.
safe 300 DS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
odd 300 TYPE1234 \\# 3 abcdef
odd 300 NAPTR 1 2 S A \"\" Target.Example.
";

fn zone(origin: &str, lines: &str) -> Zone {
    let text = format!("@ 300 IN SOA NS.{origin} hm 1 3600 600 604800 60\n@ 300 IN NS ns\n{lines}");
    Zone::from_master_file(&text, Some(origin)).unwrap()
}

/// `a.test` and below it `sub.a.test`, and `b.test` with a wildcard.
fn signed() -> Snapshot {
    let zones = [
        zone("a.test.", PARENT),
        zone("sub.a.test.", "ns 60 A 192.0.2.7\nwww 60 A 192.0.2.8\n"),
        zone("b.test.", "*.wild 60 A 192.0.2.4\n"),
    ];
    let snapshot = Snapshot::same_everywhere(Catalog::from_iter(zones));
    let keys = snapshot.new_keys(&[]).unwrap();
    assert_eq!(keys.len(), 3);
    assert!(snapshot.new_keys(&keys).unwrap().is_empty());
    snapshot.signed(&keys, MADE).unwrap()
}

fn asked(snapshot: &Snapshot, name: &str, record_type: RecordType, dnssec_ok: bool) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record_type));
    let mut edns = Edns::new();
    edns.set_dnssec_ok(dnssec_ok).set_max_payload(1232);
    message.edns = Some(edns);
    let mut out = Vec::new();
    answer(snapshot, HERE, Transport::Udp, &message.to_bytes().unwrap(), &mut out);
    Message::from_bytes(&out).unwrap()
}

fn key(snapshot: &Snapshot, zone: &Name) -> DNSKEY {
    let response = asked(snapshot, &zone.to_ascii(), RecordType::DNSKEY, false);
    match &response.answers[0].data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => key.clone(),
        other => panic!("{other:?}"),
    }
}

fn rrsig(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(rrsig)) => Some(rrsig),
        _ => None,
    }
}

/// The sets of a section as `owner TYPE`, with ` signed` behind those whose signature is good. A signature that is
/// not, or that covers nothing, fails.
fn sets(snapshot: &Snapshot, records: &[Record]) -> Vec<String> {
    let mut sets: BTreeMap<(Name, RecordType), Vec<&Record>> = BTreeMap::new();
    for record in records.iter().filter(|record| rrsig(record).is_none()) {
        sets.entry((record.name.clone(), record.record_type())).or_default().push(record);
    }
    let mut shown: BTreeMap<_, String> =
        sets.keys().map(|key| (key.clone(), format!("{} {}", key.0, key.1))).collect();
    for (record, rrsig) in records.iter().filter_map(|record| Some((record, rrsig(record)?))) {
        let covered = (record.name.clone(), rrsig.input().type_covered);
        let set = sets.get(&covered).unwrap_or_else(|| panic!("{covered:?} is not there"));
        assert!(set.iter().all(|covered| covered.ttl == record.ttl), "RFC 4034 §3");
        let key = key(snapshot, &rrsig.input().signer_name);
        key.verify_rrsig(&record.name, DNSClass::IN, rrsig, set.iter().copied()).unwrap();
        shown.get_mut(&covered).unwrap().push_str(" signed");
    }
    shown.into_values().collect()
}

fn found(
    snapshot: &Snapshot,
    name: &str,
    record_type: RecordType,
) -> (ResponseCode, Vec<String>, Vec<String>) {
    let response = asked(snapshot, name, record_type, true);
    let (answers, authorities) = (sets(snapshot, &response.answers), sets(snapshot, &response.authorities));
    (response.metadata.response_code, answers, authorities)
}

/// Owner and next name of the NSEC records.
fn spans(snapshot: &Snapshot, name: &str, record_type: RecordType) -> Vec<(String, String)> {
    let response = asked(snapshot, name, record_type, true);
    let spans = response.authorities.iter().filter_map(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => {
            Some((record.name.to_string(), nsec.next_domain_name().to_string()))
        }
        _ => None,
    });
    spans.collect()
}

fn span(owner: &str, next: &str) -> (String, String) {
    (owner.into(), next.into())
}

#[test]
fn what_is_there_is_signed() {
    let snapshot = signed();
    for (name, record_type) in [
        ("a.test.", RecordType::SOA),
        ("a.test.", RecordType::NS),
        ("a.test.", RecordType::DNSKEY),
        ("www.a.test.", RecordType::A),
        ("www.a.test.", RecordType::NSEC),
        ("_sip._tls.a.test.", RecordType::SRV),
        ("odd.a.test.", RecordType::Unknown(1234)),
        ("odd.a.test.", RecordType::NAPTR),
        ("safe.a.test.", RecordType::DS),
    ] {
        let (code, answers, authorities) = found(&snapshot, name, record_type);
        assert_eq!(code, ResponseCode::NoError);
        assert!(answers.len() == 1 && answers[0].ends_with(" signed"), "{name}: {answers:?}");
        assert!(authorities.is_empty(), "{authorities:?}");
    }
    let everything = asked(&snapshot, "www.a.test.", RecordType::ANY, true);
    assert_eq!(everything.answers.len(), 2, "RFC 8482: one set, and what covers it");
}

#[test]
fn who_does_not_ask_for_signatures_gets_none() {
    let snapshot = signed();
    for (name, record_type, records) in [
        ("www.a.test.", RecordType::A, 1),
        ("x.wild.a.test.", RecordType::A, 1),
        ("none.a.test.", RecordType::A, 1),
        ("www.safe.a.test.", RecordType::A, 1),
    ] {
        let response = asked(&snapshot, name, record_type, false);
        assert_eq!(response.answers.len() + response.authorities.len(), records, "{name}");
    }
    let asked_for = asked(&snapshot, "www.a.test.", RecordType::RRSIG, false);
    assert_eq!(asked_for.answers.len(), 3, "A, AAAA, NSEC");
}

#[test]
fn signatures_are_valid_for_two_weeks_from_an_hour_before() {
    let response = asked(&signed(), "www.a.test.", RecordType::A, true);
    let input = rrsig(&response.answers[1]).unwrap().input().clone();
    assert_eq!(input.sig_inception.get(), 1_800_000_000 - 3600);
    assert_eq!(input.sig_expiration.get(), 1_800_000_000 + 14 * 86_400);
}

#[test]
fn what_is_not_there_is_proved() {
    let snapshot = signed();
    let nothing = ["a.test. SOA signed", "a.test. NSEC signed", "safe.a.test. NSEC signed"];
    let (code, answers, authorities) = found(&snapshot, "sex.a.test.", RecordType::A);
    assert_eq!((code, answers.len()), (ResponseCode::NXDomain, 0));
    assert!(nothing.iter().all(|set| authorities.iter().any(|found| found == set)), "{authorities:?}");
    assert_eq!(authorities.len(), nothing.len());
    let proof = spans(&snapshot, "sex.a.test.", RecordType::A);
    // No such name, and no wildcard.
    assert_eq!(proof, [span("safe.a.test.", "sub.a.test."), span("a.test.", "_sip._tls.a.test.")]);
    // One that proves both is there once.
    assert_eq!(spans(&snapshot, "0.a.test.", RecordType::A), [span("a.test.", "_sip._tls.a.test.")]);
    // The chain ends where it began.
    assert_eq!(spans(&snapshot, "zzz.a.test.", RecordType::A)[0], span("www.a.test.", "a.test."));
}

#[test]
fn a_type_that_is_not_there_is_proved() {
    let snapshot = signed();
    for (name, record_type, proof) in [
        ("www.a.test.", RecordType::TXT, vec![span("www.a.test.", "a.test.")]),
        ("a.test.", RecordType::A, vec![span("a.test.", "_sip._tls.a.test.")]),
        ("a.test.", RecordType::DS, vec![span("a.test.", "_sip._tls.a.test.")]),
        ("lab.a.test.", RecordType::DS, vec![span("lab.a.test.", "host.new.a.test.")]),
        // Nothing but names below it: there is no record of its own (RFC 4035 §3.1.3.2).
        ("_tls.a.test.", RecordType::A, vec![span("a.test.", "_sip._tls.a.test.")]),
        ("c.wild.a.test.", RecordType::A, vec![span("*.wild.a.test.", "a.b.c.wild.a.test.")]),
        // RFC 4035 §3.1.3.4.
        (
            "x.wild.a.test.",
            RecordType::AAAA,
            vec![span("a.b.c.wild.a.test.", "www.a.test."), span("*.wild.a.test.", "a.b.c.wild.a.test.")],
        ),
    ] {
        let (code, answers, authorities) = found(&snapshot, name, record_type);
        assert_eq!((code, answers.len()), (ResponseCode::NoError, 0), "{name}");
        assert!(authorities.iter().all(|set| set.ends_with(" signed")), "{name}: {authorities:?}");
        assert_eq!(spans(&snapshot, name, record_type), proof, "{name}");
    }
    let denial = asked(&snapshot, "www.a.test.", RecordType::TXT, true);
    assert!(denial.authorities.iter().all(|record| record.ttl == 60), "RFC 9077");
}

#[test]
fn a_wildcard_is_signed_and_nothing_closer_is_there() {
    let snapshot = signed();
    let (_, answers, authorities) = found(&snapshot, "y.x.wild.a.test.", RecordType::A);
    assert_eq!(answers, ["y.x.wild.a.test. A signed"]);
    assert_eq!(authorities, ["a.b.c.wild.a.test. NSEC signed"]);
}

#[test]
fn aliases_are_signed_but_not_what_follows_from_a_dname() {
    let snapshot = signed();
    let (_, answers, authorities) = found(&snapshot, "alias.a.test.", RecordType::A);
    assert_eq!(answers, ["alias.a.test. CNAME signed", "WWW.a.test. A signed"]);
    assert!(authorities.is_empty());
    let (_, answers, authorities) = found(&snapshot, "host.old.a.test.", RecordType::A);
    let moved = ["old.a.test. DNAME signed", "host.new.a.test. A signed", "host.old.a.test. CNAME"];
    assert!(
        moved.iter().all(|set| answers.iter().any(|found| found.replace("TYPE39", "DNAME") == *set)),
        "{answers:?}"
    );
    assert!(authorities.is_empty());
    let (code, answers, authorities) = found(&snapshot, "none.old.a.test.", RecordType::A);
    assert_eq!((code, answers.len()), (ResponseCode::NXDomain, 2));
    assert!(authorities.contains(&"host.new.a.test. NSEC signed".to_owned()), "{authorities:?}");
    // Into a wildcard of another zone, with the proof of that one.
    let (_, answers, authorities) = found(&snapshot, "away.a.test.", RecordType::A);
    assert_eq!(answers, ["away.a.test. CNAME signed", "x.wild.B.test. A signed"]);
    assert_eq!(authorities, ["*.wild.b.test. NSEC signed"]);
}

#[test]
fn a_delegation_is_signed_or_proved_to_have_no_key() {
    let snapshot = signed();
    let (_, answers, authorities) = found(&snapshot, "www.lab.a.test.", RecordType::A);
    assert!(answers.is_empty());
    assert_eq!(authorities, ["lab.a.test. NS", "lab.a.test. NSEC signed"]);
    let referral = asked(&snapshot, "www.lab.a.test.", RecordType::A, true);
    assert!(!referral.metadata.authoritative);
    assert_eq!(sets(&snapshot, &referral.additionals), ["ns.lab.a.test. A"]);
    let bits: Vec<_> = referral
        .authorities
        .iter()
        .filter_map(|record| match &record.data {
            RData::DNSSEC(DNSSECRData::NSEC(nsec)) => Some(nsec.type_bit_maps().collect::<Vec<_>>()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(bits, [RecordType::NS, RecordType::RRSIG, RecordType::NSEC]);
    let (_, _, authorities) = found(&snapshot, "www.safe.a.test.", RecordType::A);
    assert_eq!(authorities, ["safe.a.test. NS", "safe.a.test. DS signed"]);
}

#[test]
fn a_zone_within_another_is_delegated_with_its_key() {
    let snapshot = signed();
    let (_, answers, _) = found(&snapshot, "sub.a.test.", RecordType::DS);
    assert_eq!(answers, ["sub.a.test. DS signed"]);
    let response = asked(&snapshot, "sub.a.test.", RecordType::DS, true);
    let RData::DNSSEC(DNSSECRData::DS(ds)) = &response.answers[0].data else { panic!("{response:?}") };
    let sub = Name::from_ascii("sub.a.test.").unwrap();
    assert!(ds.covers(&sub, &key(&snapshot, &sub)).unwrap());
    assert_eq!(rrsig(&response.answers[1]).unwrap().input().signer_name.to_ascii(), "a.test.");
    let (_, answers, _) = found(&snapshot, "www.sub.a.test.", RecordType::A);
    assert_eq!(answers, ["www.sub.a.test. A signed"]);
    let shown: Vec<SignedZone> = snapshot.signed_zones();
    assert_eq!(shown[2].ds.digest[..], *ds.digest());
    assert_eq!((shown[2].ds.key_tag, shown[2].sides), (ds.key_tag(), Sides::Both));
    assert_eq!(shown[2].valid_until, MADE.expiration());
}

#[test]
fn a_zone_without_a_key_is_not_signed_by_another() {
    let snapshot = || Snapshot::same_everywhere(Catalog::from_iter([zone("a.test.", "")]));
    let apex: DnsName = "a.test".parse().unwrap();
    for keys in [vec![], vec![(apex, Pkcs8(vec![1, 2, 3]))]] {
        assert!(snapshot().signed(&keys, MADE).unwrap_err().to_string().contains("`a.test`"));
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
async fn the_publisher_signs_renews_and_keeps_the_keys() {
    let dir = tempfile::tempdir().unwrap();
    let (store, publisher) = (Store::open(dir.path()).unwrap(), Publisher::default());
    let intent = OfficeIntent::office_only(vec!["office.test".parse().unwrap()], [HERE].into());
    store.set_office(Office::new(intent, now()).unwrap()).await.unwrap();
    tokio::spawn(run(store.clone(), publisher.clone(), CancellationToken::new()));
    let mut published = publisher.published();
    published.wait_for(|generation| *generation == 1).await.unwrap();
    assert!(publisher.snapshot().signed_zones().is_empty());

    // Made so long ago that they are made anew at once, which is another generation.
    store.sign_zones(Signatures { made_at: now() - 8 * DAY }).await.unwrap();
    published.wait_for(|generation| *generation == 3).await.unwrap();
    let zones = publisher.snapshot().signed_zones();
    assert_eq!(zones[0].apex.as_str(), "office.test");
    assert!(zones[0].valid_until.since(now()) > 13 * DAY);
    let ds = zones[0].ds;

    store.sign_no_zones().await.unwrap();
    published.wait_for(|generation| *generation == 4).await.unwrap();
    assert!(publisher.snapshot().signed_zones().is_empty());
    store.sign_zones(Signatures { made_at: now() }).await.unwrap();
    published.wait_for(|generation| *generation == 5).await.unwrap();
    assert_eq!(publisher.snapshot().signed_zones()[0].ds, ds);
}
