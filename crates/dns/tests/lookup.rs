//! What is found in zones, where the dataset of `tests/dns-conformance` does not ask.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, Ipv4Addr};

use fulmar_dns::{Catalog, Disposition, Snapshot, Transport, Zone, answer};
use hickory_server::proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, Record, RecordType},
    serialize::binary::{BinDecodable, BinEncodable},
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn zone(origin: &str, lines: &str) -> Zone {
    let text = format!("@ 300 IN SOA ns hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns\n{lines}");
    Zone::from_master_file(&text, Some(origin)).unwrap()
}

fn snapshot(zones: impl IntoIterator<Item = Zone>) -> Snapshot {
    Snapshot::same_everywhere(Catalog::from_iter(zones))
}

fn query(name: &str, record_type: RecordType) -> Vec<u8> {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record_type));
    message.to_bytes().unwrap()
}

fn ask(snapshot: &Snapshot, name: &str, record_type: RecordType) -> Message {
    let mut out = Vec::new();
    answer(snapshot, HERE, Transport::Udp, &query(name, record_type), &mut out);
    Message::from_bytes(&out).unwrap()
}

fn owners(records: &[Record]) -> Vec<(String, RecordType)> {
    records.iter().map(|record| (record.name.to_string(), record.record_type())).collect()
}

#[test]
fn an_alias_is_followed_from_zone_to_zone() {
    let snapshot = snapshot([
        zone("a.test.", "www 60 IN CNAME web.b.test.\ngone 60 IN CNAME nobody.b.test.\n"),
        zone("b.test.", "web 60 IN A 192.0.2.1\n"),
    ]);
    let found = ask(&snapshot, "www.a.test.", RecordType::A);
    let wanted = [("www.a.test.".to_owned(), RecordType::CNAME), ("web.b.test.".to_owned(), RecordType::A)];
    assert_eq!(owners(&found.answers), wanted);
    let gone = ask(&snapshot, "gone.a.test.", RecordType::A);
    assert_eq!(gone.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(owners(&gone.authorities), [("b.test.".to_owned(), RecordType::SOA)]);
}

#[test]
fn an_alias_that_leaves_our_zones_is_left_to_the_client() {
    let snapshot = snapshot([zone("a.test.", "www 60 IN CNAME web.example.org.\n")]);
    let response = ask(&snapshot, "www.a.test.", RecordType::A);
    assert_eq!(response.metadata.response_code, ResponseCode::NoError);
    assert!(response.metadata.authoritative && response.authorities.is_empty());
    assert_eq!(response.answers.len(), 1);
}

#[test]
fn a_loop_of_aliases_ends_with_each_once() {
    let snapshot = snapshot([
        zone("a.test.", "x 60 IN CNAME y.b.test.\n"),
        zone("b.test.", "y 60 IN CNAME X.A.test.\n"),
    ]);
    assert_eq!(ask(&snapshot, "x.a.test.", RecordType::A).answers.len(), 2);
}

#[test]
fn a_chain_without_end_is_cut() {
    let mut lines: String = (0..40).map(|i| format!("c{i} 60 IN CNAME c{}\n", i + 1)).collect();
    lines.push_str("up 60 IN DNAME up.up\n");
    let snapshot = snapshot([zone("a.test.", &lines)]);
    for (name, answers) in [("c0.a.test.", 17), ("x.up.a.test.", 1 + 17)] {
        let mut out = Vec::new();
        answer(&snapshot, HERE, Transport::Tcp, &query(name, RecordType::A), &mut out);
        assert_eq!(Message::from_bytes(&out).unwrap().answers.len(), answers, "{name}");
    }
}

/// A record stands in a set once (RFC 2181 §5).
#[test]
fn a_dname_that_is_passed_twice_is_in_the_answer_once() {
    let lines = "moved 60 IN DNAME tree\na.tree 60 IN CNAME b.moved\nb.tree 60 IN A 192.0.2.1\n";
    let response = ask(&snapshot([zone("a.test.", lines)]), "a.moved.a.test.", RecordType::A);
    let types: Vec<u16> = response.answers.iter().map(|record| record.record_type().into()).collect();
    assert_eq!(types, [39, 5, 5, 5, 1]);
}

#[test]
fn who_asks_for_signatures_of_an_alias_is_not_told_of_its_target() {
    let snapshot = snapshot([zone("a.test.", "www 60 IN CNAME web\nweb 60 IN A 192.0.2.1\n")]);
    for record_type in [RecordType::RRSIG, RecordType::NSEC] {
        let response = ask(&snapshot, "www.a.test.", record_type);
        assert!(response.answers.is_empty() && response.authorities.len() == 1, "{response}");
    }
}

#[test]
fn the_ds_of_a_zone_is_its_parents_where_both_are_ours() {
    let ds = "sub 60 IN NS ns.sub\nsub 60 IN DS 1 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n";
    let snapshot = snapshot([zone("a.test.", ds), zone("sub.a.test.", ""), zone("lone.a.test.", "")]);
    assert_eq!(ask(&snapshot, "sub.a.test.", RecordType::DS).answers.len(), 1, "RFC 4035 §3.1.4.1");
    // The parent knows nothing of this one and would deny that its name exists.
    let lone = ask(&snapshot, "lone.a.test.", RecordType::DS);
    assert_eq!(lone.metadata.response_code, ResponseCode::NoError);
    assert_eq!(owners(&lone.authorities), [("lone.a.test.".to_owned(), RecordType::SOA)]);
}

#[test]
fn a_wildcard_stands_for_a_host_that_a_record_names() {
    let lines = "@ 60 IN MX 10 mail.hosts\n*.hosts 60 IN A 192.0.2.1\n@ 60 IN MX 20 mail.sub\nsub 60 IN NS ns\n*.sub 60 IN A 192.0.2.2\n";
    let response = ask(&snapshot([zone("a.test.", lines)]), "a.test.", RecordType::MX);
    let wanted = [("mail.hosts.a.test.".to_owned(), RecordType::A)];
    assert_eq!(owners(&response.additionals), wanted, "but below a cut it does not");
}

#[test]
fn the_addresses_of_a_service_come_with_it() {
    let lines = "@ 60 IN HTTPS 1 web.a.test. alpn=h2\nweb 60 IN A 192.0.2.1\nweb 60 IN AAAA 2001:db8::1\n";
    let response = ask(&snapshot([zone("a.test.", lines)]), "a.test.", RecordType::HTTPS);
    let web = |record_type| ("web.a.test.".to_owned(), record_type);
    assert_eq!(owners(&response.additionals), [web(RecordType::A), web(RecordType::AAAA)], "RFC 9460 §4.1");
}

#[test]
fn a_referral_has_glue_and_no_authority_of_ours() {
    let lines = "sub 60 IN NS ns.sub\nsub 60 IN NS ns.example.org.\nns.sub 60 IN A 192.0.2.1\nns.sub 60 IN AAAA 2001:db8::1\n";
    let snapshot = snapshot([zone("a.test.", lines)]);
    for name in ["sub.a.test.", "www.sub.a.test.", "ns.sub.a.test."] {
        let response = ask(&snapshot, name, RecordType::A);
        assert!(!response.metadata.authoritative && response.answers.is_empty(), "{name}");
        assert_eq!(response.authorities.len(), 2, "{name}");
        assert_eq!(owners(&response.additionals)[0].0, "ns.sub.a.test.");
        assert_eq!(response.additionals.len(), 2, "{name}");
    }
    let ds = ask(&snapshot, "sub.a.test.", RecordType::DS);
    assert!(ds.metadata.authoritative, "the DS of a zone is its parent's to deny (RFC 4035 §3.1.4.1)");
}

#[test]
fn a_referral_whose_glue_does_not_fit_is_truncated() {
    let mut lines = "sub 60 IN NS ns.sub\n".to_owned();
    lines.extend((0..40).map(|i| format!("ns.sub 60 IN A 192.0.2.{i}\n")));
    let response = ask(&snapshot([zone("a.test.", &lines)]), "www.sub.a.test.", RecordType::A);
    assert!(response.metadata.truncation && response.authorities.is_empty(), "RFC 9471 §2.3");
}

#[test]
fn help_that_does_not_fit_is_left_out() {
    let mut lines = "_sip._tls 60 IN SRV 0 0 5061 sip\n".to_owned();
    lines.extend((0..40).map(|i| format!("sip 60 IN A 192.0.2.{i}\n")));
    let response = ask(&snapshot([zone("a.test.", &lines)]), "_sip._tls.a.test.", RecordType::SRV);
    assert!(!response.metadata.truncation && response.additionals.is_empty());
    assert_eq!(response.answers.len(), 1);
}

#[test]
fn a_wildcard_does_not_stand_for_what_exists() {
    let lines = "* 60 IN A 192.0.2.9\nb.c 60 IN TXT x\n";
    let snapshot = snapshot([zone("a.test.", lines)]);
    for (name, code, answers) in [
        ("anything.a.test.", ResponseCode::NoError, 1),
        ("any.thing.a.test.", ResponseCode::NoError, 1),
        ("c.a.test.", ResponseCode::NoError, 0),
        ("b.c.a.test.", ResponseCode::NoError, 0),
        ("x.c.a.test.", ResponseCode::NXDomain, 0),
    ] {
        let response = ask(&snapshot, name, RecordType::A);
        assert_eq!((response.metadata.response_code, response.answers.len()), (code, answers), "{name}");
    }
}

#[test]
fn what_has_moved_is_named_anew_unless_the_name_grows_too_long() {
    let label = "n".repeat(63);
    let target = [label.as_str(); 3].join(".");
    let lines = format!("old 60 IN DNAME new\nwww.new 60 IN A 192.0.2.1\nshort 60 IN DNAME {target}\n");
    let snapshot = snapshot([zone("a.test.", &lines)]);
    let moved = ask(&snapshot, "WWW.old.a.test.", RecordType::A);
    let types: Vec<_> = moved.answers.iter().map(|record| u16::from(record.record_type())).collect();
    assert_eq!(types, [39, 5, 1]);
    let long = ask(&snapshot, &format!("{label}.short.a.test."), RecordType::A);
    assert_eq!(long.metadata.response_code, ResponseCode::YXDomain);
    assert_eq!(long.answers.len(), 1, "RFC 6672 §2.2");
}

#[test]
fn a_question_for_everything_gets_one_set() {
    let snapshot = snapshot([zone("a.test.", "www 60 IN A 192.0.2.1\nwww 60 IN AAAA 2001:db8::1\n")]);
    assert_eq!(ask(&snapshot, "www.a.test.", RecordType::ANY).answers.len(), 1);
}

#[test]
fn the_nearest_zone_answers() {
    let snapshot = snapshot([
        zone("a.test.", "www.b 60 IN A 192.0.2.1\n"),
        zone("b.a.test.", "www 60 IN A 192.0.2.2\n"),
    ]);
    let response = ask(&snapshot, "www.b.a.test.", RecordType::A);
    assert_eq!(response.answers[0].data.ip_addr().unwrap().to_string(), "192.0.2.2");
}

#[test]
fn responses_and_fragments_are_met_with_silence() {
    let (snapshot, mut out) = (snapshot([zone("a.test.", "")]), vec![1]);
    let question = query("a.test.", RecordType::SOA);
    let mut response = question.clone();
    response[2] |= 0x80;
    for message in [&question[..11], &[], &response] {
        let disposition = answer(&snapshot, HERE, Transport::Udp, message, &mut out);
        assert_eq!((disposition, out.len()), (Disposition::Ignored, 0));
    }
}

#[test]
fn what_is_malformed_behind_its_header_is_told_so() {
    let snapshot = snapshot([zone("a.test.", "")]);
    let question = query("a.test.", RecordType::SOA);
    let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    let with = |additional: u8, rest: &[u8]| {
        let mut message = [&question, rest].concat();
        message[11] = additional;
        message
    };
    let compressed = [&question[..12], &[0xc0, 12, 0, 1, 0, 1]].concat();
    for (message, why) in [
        (question[..20].to_vec(), "cut off"),
        (with(0, b"x"), "a byte too many"),
        (with(1, &[]), "a record too few"),
        (with(2, &[opt, opt].concat()), "two OPT records"),
        (with(1, &[&b"\x01a"[..], &opt].concat()), "an OPT record of a name"),
        (compressed, "a pointer in the question"),
    ] {
        let mut out = Vec::new();
        let disposition = answer(&snapshot, HERE, Transport::Udp, &message, &mut out);
        assert_eq!(disposition, Disposition::Answered(1), "{why}");
        assert_eq!(out[..2], question[..2], "{why}");
    }
    let mut out = Vec::new();
    assert_eq!(answer(&snapshot, HERE, Transport::Udp, &with(1, &opt), &mut out), Disposition::Answered(0));
}
