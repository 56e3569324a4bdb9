//! Zones from master files (RFC 1035 §5).

use hickory_server::proto::{
    rr::{RData, Record, RecordType, rdata::NULL},
    serialize::{
        binary::{BinEncodable, BinEncoder, NameEncoding},
        txt::{ParseError, Parser},
    },
};
use thiserror::Error;

use crate::zone::{InvalidZone, TYPE_DNAME, Zone};

/// Why a text is not a zone that can be served.
#[derive(Debug, Error)]
pub enum MasterFileError {
    /// The text is not a master file.
    #[error("can not read the master file")]
    Syntax(#[from] ParseError),
    /// `$INCLUDE` would read any file of the box. It may not even stand in a comment or a text.
    #[error("`$INCLUDE` is not allowed")]
    Include,
    /// A type that is in no standard.
    #[error("records of type `ANAME` are not served")]
    Aname,
    /// The records are not a zone.
    #[error("the records are not a zone")]
    Zone(#[from] InvalidZone),
}

impl Zone {
    /// Reads a master file. Names that are not absolute end in `origin`, or in that of an `$ORIGIN` line.
    ///
    /// # Errors
    /// [`MasterFileError`]
    pub fn from_master_file(text: &str, origin: Option<&str>) -> Result<Self, MasterFileError> {
        let origin = origin.map(str::parse).transpose().map_err(ParseError::from)?;
        // The reader takes it in the middle of a line too, behind an `$ORIGIN` or a `$TTL`, and follows absolute paths.
        if text.contains("$INCLUDE") {
            return Err(MasterFileError::Include);
        }
        let (_, sets) = Parser::new(readable(text)?, None, origin).parse()?;
        let records =
            sets.into_values().flat_map(|set| set.records_without_rrsigs().cloned().collect::<Vec<_>>());
        let records = records.map(with_dname).collect::<Result<Vec<_>, InvalidZone>>()?;
        Ok(Self::new(records)?)
    }
}

/// The reader does not know DNAME, but it knows ANAME, whose data has the same form: one name.
const STAND_IN: &str = "ANAME";

/// The text as the reader can read it.
fn readable(text: &str) -> Result<String, MasterFileError> {
    let mut readable = String::with_capacity(text.len() + 1);
    let mut place = Place::Outside;
    for line in text.lines() {
        match type_field(line).filter(|_| place == Place::Outside) {
            Some(kind) if kind.eq_ignore_ascii_case(STAND_IN) => return Err(MasterFileError::Aname),
            Some(kind) if kind.eq_ignore_ascii_case("DNAME") => {
                let start = kind.as_ptr() as usize - line.as_ptr() as usize;
                readable.extend([&line[..start], STAND_IN, &line[start + kind.len()..]]);
            }
            _ => readable.push_str(line),
        }
        readable.push('\n');
        place = place.after(line);
    }
    Ok(readable)
}

/// Where a line begins or ends: only outside does the next one begin a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Quotes,
    Parentheses,
}

impl Place {
    fn after(self, line: &str) -> Self {
        let (mut place, mut field_begins) = (self, true);
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            let before = place;
            place = match (before, c) {
                (Self::Quotes, '"') | (Self::Parentheses, ')') => Self::Outside,
                (Self::Outside, '"') if field_begins => Self::Quotes,
                (Self::Outside, '(') if field_begins => Self::Parentheses,
                (Self::Outside | Self::Parentheses, ';') => break,
                _ => before,
            };
            if (before, c) == (Self::Quotes, '\\') {
                chars.next();
            }
            field_begins = c.is_whitespace() || before != place;
        }
        place
    }
}

/// The type in a line that begins a record: the first field after the owner that is neither TTL nor class.
fn type_field(line: &str) -> Option<&str> {
    if line.starts_with(['$', ';']) {
        return None;
    }
    let has_owner = !line.starts_with([' ', '\t']);
    line.split_ascii_whitespace().skip(usize::from(has_owner)).find(|field| {
        let is_ttl = field.starts_with(|c: char| c.is_ascii_digit());
        !is_ttl && !["IN", "CH", "HS"].iter().any(|class| field.eq_ignore_ascii_case(class))
    })
}

fn with_dname(mut record: Record) -> Result<Record, InvalidZone> {
    let RData::ANAME(target) = &record.data else { return Ok(record) };
    let mut data = Vec::new();
    let mut encoder = BinEncoder::new(&mut data);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    let name = record.name.to_string();
    target.0.emit(&mut encoder).map_err(|source| InvalidZone::Encode { name, source })?;
    record.data = RData::Unknown { code: RecordType::from(TYPE_DNAME), rdata: NULL::with(data) };
    Ok(record)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "@ 300 IN SOA ns hostmaster 1 3600 600 604800 60\n@ 300 IN NS ns\n";

    fn read(lines: &str) -> Result<Zone, MasterFileError> {
        Zone::from_master_file(&format!("{HEAD}{lines}"), Some("office.test."))
    }

    #[test]
    fn dname_is_read_and_kept_as_what_it_is() {
        let zone = read("old 60 IN dname new\n\t60 TXT \"a DNAME b\"\n").unwrap();
        let node = zone.node(b"\x03old\x06office\x04test\0").unwrap();
        assert_eq!(node.set(TYPE_DNAME).unwrap().target(), Some(&b"\x03new\x06office\x04test\0"[..]));
        assert!(node.set(16).is_some());
    }

    #[test]
    fn only_the_type_of_a_record_is_taken_for_dname() {
        let lines = "a 60 IN TXT ( \"(\" ; )\n DNAME )\nb 60 IN TXT \"x\\\"\n DNAME\"\n; ANAME and DNAME\nc 60 IN TXT x\"\nold DNAME new\n";
        let zone = read(lines).unwrap();
        let text = |key: &[u8]| zone.node(key).unwrap().set(16).unwrap().records[0].clone();
        assert!(text(b"\x01a\x06office\x04test\0").ends_with(b"\x05DNAME"));
        assert!(text(b"\x01b\x06office\x04test\0").ends_with(b"x\"\n DNAME"));
        assert!(zone.node(b"\x03old\x06office\x04test\0").unwrap().set(TYPE_DNAME).is_some());
    }

    #[test]
    fn no_file_is_read_wherever_the_directive_stands() {
        for before in ["", "$ORIGIN office.test. ", "$TTL 300 ", "\t", "$ORIGIN office.test. (\n) "] {
            let zone = read(&format!("{before}$INCLUDE /etc/hostname\n"));
            assert!(matches!(zone, Err(MasterFileError::Include)), "{before}");
        }
        assert!(matches!(read("$include /etc/hostname\n"), Err(MasterFileError::Syntax(_))));
    }

    #[test]
    fn what_can_not_be_read_or_is_no_standard_is_refused() {
        assert!(matches!(read("a 60 IN ANAME b\n"), Err(MasterFileError::Aname)));
        assert!(matches!(read("a 60 IN A 1.2.3\n"), Err(MasterFileError::Syntax(_))));
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        let outside = read("www.other.test. 60 IN A 192.0.2.1\n");
        assert!(matches!(outside, Err(MasterFileError::Zone(InvalidZone::OutOfZone(_)))));
        let beside = read("www 60 IN CNAME ns\nwww 60 IN A 192.0.2.1\n");
        assert!(matches!(beside, Err(MasterFileError::Zone(InvalidZone::Alias(_)))), "{beside:?}");
        let text = "@ 60 IN NS ns\n";
        let no_soa = Zone::from_master_file(text, Some("office.test."));
        assert!(matches!(no_soa, Err(MasterFileError::Zone(InvalidZone::Soa(0)))));
    }

    proptest! {
        #[test]
        fn no_text_brings_the_reader_down(text in "([a-z.@$;()\"\\\\ \t\r\n]|IN|TXT|DNAME|\\$ORIGIN|\\$TTL|60|\\PC){0,60}") {
            let _ = read(&text);
        }
    }
}
