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
    /// `$INCLUDE` would read any file of the box.
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
        let text: String = text.lines().map(readable).collect::<Result<_, _>>()?;
        let (_, sets) = Parser::new(text, None, origin).parse()?;
        let records =
            sets.into_values().flat_map(|set| set.records_without_rrsigs().cloned().collect::<Vec<_>>());
        let records = records.map(with_dname).collect::<Result<Vec<_>, InvalidZone>>()?;
        Ok(Self::new(records)?)
    }
}

/// The reader does not know DNAME, but it knows ANAME, whose data has the same form: one name.
const STAND_IN: &str = "ANAME";

/// The line as the reader can read it.
fn readable(line: &str) -> Result<String, MasterFileError> {
    if line.trim_start().to_ascii_lowercase().starts_with("$include") {
        return Err(MasterFileError::Include);
    }
    let Some(kind) = type_field(line) else { return Ok(format!("{line}\n")) };
    if kind.eq_ignore_ascii_case(STAND_IN) {
        return Err(MasterFileError::Aname);
    }
    if !kind.eq_ignore_ascii_case("DNAME") {
        return Ok(format!("{line}\n"));
    }
    let start = kind.as_ptr() as usize - line.as_ptr() as usize;
    Ok(format!("{}{STAND_IN}{}\n", &line[..start], &line[start + kind.len()..]))
}

/// The type in a line that begins a record: the first field after the owner that is neither TTL nor class.
fn type_field(line: &str) -> Option<&str> {
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
    fn what_would_read_files_or_is_no_standard_is_refused() {
        assert!(matches!(read("$INCLUDE /etc/passwd\n"), Err(MasterFileError::Include)));
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
}
