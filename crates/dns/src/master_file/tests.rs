use proptest::prelude::*;

use super::*;
use crate::zone::TYPE_DNAME;

const HEAD: &str = "@ 300 IN SOA ns hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns\n";
const TYPE_TXT: u16 = 16;

fn read(lines: &str) -> Result<Zone, MasterFileError> {
    Zone::from_master_file(&format!("{HEAD}{lines}"), Some("office.test."))
}

/// The data of the records of one set, without type, class, TTL and length.
fn data(zone: &Zone, key: &[u8], record_type: u16) -> Vec<Vec<u8>> {
    let set = zone.node(key).unwrap().set(record_type).unwrap();
    set.records.iter().map(|record| record[10..].to_vec()).collect()
}

fn refused(lines: &str) -> (usize, String) {
    let error = read(lines).map(drop).unwrap_err();
    (error.line, error.fault.to_string())
}

#[test]
fn dname_is_read_and_kept_as_what_it_is() {
    let zone = read("old 60 IN dname new\n\t60 TXT \"a DNAME b\"\n").unwrap();
    let node = zone.node(b"\x03old\x06office\x04test\0").unwrap();
    assert_eq!(node.set(TYPE_DNAME).unwrap().target(), Some(&b"\x03new\x06office\x04test\0"[..]));
    assert!(node.set(TYPE_TXT).is_some());
}

#[test]
fn parentheses_comments_and_quotes_end_where_they_should() {
    let lines = "a 60 IN TXT ( \"(\" ; )\n DNAME )\nb 60 IN TXT \"x\\\"\n DNAME\"\n; ANAME and DNAME\nc 60 IN TXT x\"\nold DNAME new\n";
    let zone = read(lines).unwrap();
    let text = |key: &[u8]| data(&zone, key, TYPE_TXT).remove(0);
    assert_eq!(text(b"\x01a\x06office\x04test\0"), b"\x01(\x05DNAME");
    assert_eq!(text(b"\x01b\x06office\x04test\0"), b"\x09x\"\n DNAME");
    assert!(zone.node(b"\x03old\x06office\x04test\0").unwrap().set(TYPE_DNAME).is_some());
}

#[test]
fn a_decimal_escape_is_one_byte_in_texts_and_names() {
    let zone = read("t 60 IN TXT \"a\\228\\\"\\\\\" b\\059c\nx\\.y 60 IN A 192.0.2.1\n").unwrap();
    assert_eq!(data(&zone, b"\x01t\x06office\x04test\0", TYPE_TXT)[0], b"\x04a\xe4\"\\\x03b;c");
    assert!(zone.node(b"\x03x.y\x06office\x04test\0").is_some());
    for bad in ["\\25", "\\256", "a\\2b1"] {
        assert_eq!(refused(&format!("t 60 TXT {bad}\n")).0, 3, "{bad}");
    }
}

#[test]
fn no_file_is_read_wherever_the_directive_stands() {
    for directive in ["$INCLUDE", "$include"] {
        let refused = read(&format!("{directive} /etc/hostname\n")).unwrap_err();
        assert!(matches!(refused.fault, Fault::Include));
    }
    for before in ["$ORIGIN office.test. ", "$TTL 300 ", "$ORIGIN office.test. (\n) "] {
        let refused = read(&format!("{before}$INCLUDE /etc/hostname\n")).unwrap_err();
        assert!(matches!(refused.fault, Fault::TooMuch(_)), "{before}");
    }
}

#[test]
fn what_is_left_out_is_taken_from_before() {
    let text = "$TTL 1h\n$ORIGIN test.\noffice SOA ns.office hm.office 1 2h 600 1w 60\n\tNS ns.office\n$ORIGIN office\nwww A 192.0.2.1\n 60 IN A 192.0.2.2\n IN 1d TXT x\n";
    let zone = Zone::from_master_file(text, None).unwrap();
    let node = zone.node(b"\x03www\x06office\x04test\0").unwrap();
    assert_eq!((node.set(1).unwrap().records.len(), node.set(1).unwrap().ttl()), (2, 3600));
    assert_eq!(node.set(TYPE_TXT).unwrap().ttl(), 86_400);
}

#[test]
fn every_type_that_has_a_name_is_read() {
    for (line, code, wanted) in [
        ("AAAA 2001:db8::1", 28, &b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"[..]),
        ("MX 10 mail", 15, b"\0\x0a\x04mail\x06office\x04test\0"),
        ("SRV 1 2 3 host.test.", 33, b"\0\x01\0\x02\0\x03\x04host\x04test\0"),
        ("CAA 0 issue \"ca.test; policy=ev\"", 257, b"\0\x05issueca.test; policy=ev"),
        ("TLSA 3 1 1 00ff 10", 52, b"\x03\x01\x01\x00\xff\x10"),
        ("DS 1 13 2 ABCD", 43, b"\0\x01\x0d\x02\xab\xcd"),
        ("SSHFP 4 2 0a0b", 44, b"\x04\x02\x0a\x0b"),
        (
            "NAPTR 1 2 U \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
            35,
            b"\0\x01\0\x02\x01U\x07E2U+sip\x0e!^.*$!sip:a@b!\0",
        ),
        ("URI 1 2 \"https://a.test/\"", 256, b"\0\x01\0\x02https://a.test/"),
        ("HINFO \"a b\" c", 13, b"\x03a b\x01c"),
        ("HTTPS 1 . alpn=h2", 65, b"\0\x01\0\0\x01\0\x03\x02h2"),
        ("TYPE65280 \\# 3 0a 0b0c", 65280, b"\x0a\x0b\x0c"),
        ("TYPE1 192.0.2.1", 1, b"\xc0\0\x02\x01"),
        ("A \\# 4 c0000201", 1, b"\xc0\0\x02\x01"),
        ("TYPE65280 \\# 0", 65280, b""),
    ] {
        let zone = read(&format!("x 60 {line}\n")).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(data(&zone, b"\x01x\x06office\x04test\0", code), [wanted], "{line}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (lines, line, words) in [
        ("a 60 IN ANAME b\n", 3, "`ANAME` is not a type"),
        ("ok 60 A 192.0.2.1\n\n; nothing\na 60 IN A 1.2.3\n", 6, "`1.2.3` is not an IPv4 address"),
        ("a 60 (\n A\n 1.2.3 )\n", 3, "`1.2.3` is not an IPv4 address"),
        ("a 60 A 192.0.2.1 more\n", 3, "`more` stands behind"),
        ("a 60 MX 10\n", 3, "a name is missing"),
        ("a 60 MX 70000 b\n", 3, "`70000` is not a number up to 65535"),
        ("a 60\n", 3, "no type"),
        ("a 99999999999 A 192.0.2.1\n", 3, "not a time"),
        ("a 60 CH A 192.0.2.1\n", 3, "class `CH`"),
        ("a..b 60 A 192.0.2.1\n", 3, "`a..b` is not a name"),
        ("b\u{fc}ro 60 A 192.0.2.1\n", 3, "is not a name"),
        ("a 60 TXT \"x\n\n", 3, "does not end"),
        ("a 60 TXT (\nx\n", 3, "never closed"),
        ("a 60 TXT x )\n", 3, "without a `(`"),
        ("a 60 TXT ((x))\n", 3, "within parentheses"),
        ("a 60 A \\# 3 c00002\n", 3, "not that of a `A` record"),
        ("a 60 A \\# 4 c00002\n", 3, "there are not 4 bytes"),
        ("a 60 LOC 52 N\n", 3, "read as bytes only"),
        ("a 60 TYPE255 \\# 0\n", 3, "not a type of records"),
        ("a 60 RRSIG x\n", 3, "without them"),
        ("a 60 TYPE47 \\# 0\n", 3, "without them"),
        ("$GENERATE 1-9 a A 192.0.2.1\n", 3, "`$GENERATE` is not a directive"),
        ("www.other.test. 60 IN A 192.0.2.1\nok 60 A 192.0.2.1\n", 3, "does not lie within the zone"),
        ("www 60 IN CNAME ns\nwww 60 IN A 192.0.2.1\nok 60 A 192.0.2.1\n", 4, "beside its alias"),
        ("www 60 IN CNAME ns\nWWW 60 IN CNAME other\n", 4, "beside its alias"),
        ("@ 60 SOA ns hm 2 3600 600 604800 60\n", 3, "exactly one SOA"),
    ] {
        let (at, fault) = refused(lines);
        assert!(at == line && fault.contains(words), "{lines}: line {at}: {fault}");
    }
}

#[test]
fn what_is_no_zone_is_refused() {
    let no_soa = Zone::from_master_file("@ 60 IN NS ns\n", Some("office.test."));
    assert!(matches!(no_soa.unwrap_err().fault, Fault::Zone(InvalidZone::Soa(0))));
    let no_server = Zone::from_master_file("@ 60 SOA ns hm 2 3600 600 604800 60\n", Some("office.test"));
    assert!(matches!(no_server.unwrap_err().fault, Fault::Zone(InvalidZone::NoNameServer)));
    assert!(matches!(
        Zone::from_master_file("a 60 A 192.0.2.1", None).unwrap_err().fault,
        Fault::NoOrigin(_)
    ));
    let no_owner = Zone::from_master_file(" 60 A 192.0.2.1", Some("a.test"));
    assert!(matches!(no_owner.unwrap_err().fault, Fault::NoOwner));
    let no_ttl = Zone::from_master_file("a A 192.0.2.1", Some("a.test"));
    assert!(matches!(no_ttl.unwrap_err().fault, Fault::NoTtl));
}

/// As a careful writer prints it.
fn printed(text: &[u8]) -> String {
    text.iter().map(|byte| format!("\\{byte:03}")).collect()
}

proptest! {
    #[test]
    fn every_text_reads_back(texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=255), 1..4)) {
        let words: Vec<String> = texts.iter().map(|text| format!("\"{}\"", printed(text))).collect();
        let zone = read(&format!("x 60 TXT {}\n", words.join(" "))).unwrap();
        let wanted: Vec<u8> =
            texts.iter().flat_map(|text| std::iter::once(text.len() as u8).chain(text.iter().copied())).collect();
        prop_assert_eq!(data(&zone, b"\x01x\x06office\x04test\0", TYPE_TXT), [wanted]);
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "([a-z.@$;()\"\\\\# \t\r\n0-9]|IN|TXT|DNAME|HTTPS|TYPE|\\$ORIGIN|\\$TTL|60|\\PC){0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn no_data_brings_the_reader_down(code in any::<u16>(), data in proptest::collection::vec(any::<u8>(), 0..80)) {
        let digits: String = data.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = read(&format!("x 60 TYPE{code} \\# {} {digits}\n", data.len()));
    }
}
