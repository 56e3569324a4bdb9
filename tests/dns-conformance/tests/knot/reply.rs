//! A reply in a form in which two can be compared.

use std::fmt;

use hickory_server::proto::{
    op::Message,
    rr::{Record, RecordType},
    serialize::binary::{BinDecodable, BinEncodable, BinEncoder, NameEncoding},
};

/// AA and TC, in the first byte of flags.
const AA: u8 = 0x04;
const TC: u8 = 0x02;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The first byte of flags without AA and TC: QR, the opcode and RD.
    pub(crate) head: u8,
    pub(crate) authoritative: bool,
    pub(crate) truncated: bool,
    /// RA, Z, AD and CD.
    pub(crate) flags: u8,
    /// With the upper bits of the OPT record.
    pub(crate) rcode: u16,
    /// As it was written.
    pub(crate) question: Vec<u8>,
    pub(crate) answer: Vec<Comparable>,
    pub(crate) authority: Vec<Comparable>,
    pub(crate) additional: Vec<Comparable>,
    /// Version, flags and the longest message.
    pub(crate) edns: Option<(u8, bool, u16)>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Comparable {
    /// In lower case, in wire form.
    pub(crate) owner: Vec<u8>,
    pub(crate) record_type: u16,
    pub(crate) ttl: u32,
    /// Names in it in lower case, nothing compressed.
    pub(crate) data: Vec<u8>,
}

impl Reply {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let message = Message::from_bytes(bytes).map_err(|error| error.to_string())?;
        let edns = message.edns.as_ref();
        let extended = edns.map_or(0, |edns| u16::from(edns.rcode_high()));
        let asked = if bytes[5] == 0 { 12 } else { end_of_question(bytes) };
        Ok(Self {
            head: bytes[2] & !(AA | TC),
            authoritative: bytes[2] & AA != 0,
            truncated: bytes[2] & TC != 0,
            flags: bytes[3] & 0xf0,
            rcode: extended << 4 | u16::from(bytes[3] & 0x0f),
            question: bytes[12..asked].to_vec(),
            answer: section(&message.answers),
            authority: section(&message.authorities),
            additional: section(&message.additionals),
            edns: edns.map(|edns| (edns.version(), edns.flags().dnssec_ok, edns.max_payload())),
        })
    }
}

fn end_of_question(bytes: &[u8]) -> usize {
    let mut at = 12;
    while bytes[at] != 0 {
        at += usize::from(bytes[at]) + 1;
    }
    at + 5
}

fn section(records: &[Record]) -> Vec<Comparable> {
    let mut records: Vec<Comparable> = records.iter().map(comparable).collect();
    records.sort();
    records
}

fn comparable(record: &Record) -> Comparable {
    let (owner, data) = (encoded(&record.name), encoded(&record.data));
    Comparable { owner, record_type: u16::from(record.record_type()), ttl: record.ttl, data }
}

fn encoded(part: &impl BinEncodable) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::UncompressedLowercase);
    part.emit(&mut encoder).unwrap();
    bytes
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rcode, authoritative, truncated, flags, edns, .. } = self;
        writeln!(f, "  rcode {rcode} aa {authoritative} tc {truncated} flags {flags:#x} edns {edns:?}")?;
        let sections =
            [("answer", &self.answer), ("authority", &self.authority), ("additional", &self.additional)];
        for (section, records) in sections {
            for Comparable { owner, record_type, ttl, data } in records {
                let record_type = RecordType::from(*record_type);
                let (owner, data) = (owner.escape_ascii(), data.escape_ascii());
                writeln!(f, "    {section}: {owner} {ttl} {record_type} {data}")?;
            }
        }
        Ok(())
    }
}
