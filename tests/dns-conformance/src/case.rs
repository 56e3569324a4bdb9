use std::{collections::BTreeSet, fmt};

use anyhow::{Context, Result, bail};
use hickory_server::proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{Name, Record, RecordType},
    serialize::{
        binary::{BinDecodable, BinEncodable, BinEncoder, NameEncoding},
        txt::Parser,
    },
};
use serde::Deserialize;

/// A zone, a question and the right answer.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// The number in the dataset.
    pub id: u64,
    /// Master-file lines, the SOA first.
    pub zone: Vec<String>,
    name: String,
    #[serde(rename = "type")]
    record_type: String,
    rcode: String,
    aa: bool,
    answer: Vec<String>,
    authority: Vec<String>,
}

/// An answer, in a form in which two can be compared.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    rcode: String,
    aa: bool,
    answer: BTreeSet<Comparable>,
    authority: BTreeSet<Comparable>,
}

/// Owner in lower case, type, TTL, and the data as it stands in a message.
type Comparable = (String, u16, u32, Vec<u8>);

/// The reader of the library knows no DNAME; ANAME has data of the same form.
const DNAME: u16 = 39;
const ANAME: u16 = 65305;

impl Case {
    /// The apex of the zone.
    ///
    /// # Errors
    /// When the zone has no lines.
    pub fn origin(&self) -> Result<&str> {
        self.zone.first().and_then(|soa| soa.split_whitespace().next()).context("the zone is empty")
    }

    /// Whether DNAME records have a part in it.
    pub fn mentions_dname(&self) -> bool {
        self.record_type == "DNAME" || self.zone.iter().any(|line| line.contains(" DNAME "))
    }

    pub(crate) fn query(&self) -> Result<Vec<u8>> {
        let mut message = Message::new((self.id % 65_536) as u16, MessageType::Query, OpCode::Query);
        message
            .add_query(Query::query(Name::from_ascii(&self.name)?, self.record_type.parse::<RecordType>()?));
        Ok(message.to_bytes()?)
    }

    /// Whether this is the right answer: the authority section counts for referrals and negative answers.
    pub fn is_answered_by(&self, got: &Answer) -> bool {
        let Ok(wanted) = self.wanted() else { return false };
        let negative = wanted.answer.is_empty() || wanted.rcode == "NXDOMAIN";
        let head = (&got.rcode, got.aa, &got.answer) == (&wanted.rcode, wanted.aa, &wanted.answer);
        head && (!negative || got.authority == wanted.authority)
    }

    fn wanted(&self) -> Result<Answer> {
        let section = |lines: &[String]| lines.iter().map(|line| parse(line)).collect::<Result<_>>();
        let (answer, authority) = (section(&self.answer)?, section(&self.authority)?);
        Ok(Answer { rcode: self.rcode.clone(), aa: self.aa, answer, authority })
    }
}

impl Answer {
    /// Reads a message.
    ///
    /// # Errors
    /// When the bytes are no response that was not truncated.
    pub fn read(message: &[u8]) -> Result<Self> {
        let message = Message::from_bytes(message)?;
        if message.metadata.message_type != MessageType::Response || message.metadata.truncation {
            bail!("the message is no whole response");
        }
        let section = |records: &[Record]| records.iter().map(comparable).collect::<Result<_>>();
        Ok(Self {
            rcode: format!("{:?}", message.metadata.response_code).to_uppercase(),
            aa: message.metadata.authoritative,
            answer: section(&message.answers)?,
            authority: section(&message.authorities)?,
        })
    }
}

fn parse(line: &str) -> Result<Comparable> {
    let line = line.replacen(" DNAME ", " ANAME ", 1);
    let (_, sets) = Parser::new(line, None, Some(Name::root())).parse()?;
    let set = sets.into_values().next().context("the line has no record")?;
    comparable(set.record().context("the line has no record")?)
}

fn comparable(record: &Record) -> Result<Comparable> {
    let mut data = Vec::new();
    let mut encoder = BinEncoder::new(&mut data);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    record.data.emit(&mut encoder)?;
    let record_type = match u16::from(record.record_type()) {
        ANAME => DNAME,
        other => other,
    };
    Ok((record.name.to_lowercase().to_string(), record_type, record.ttl, data))
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "case {}: {} {}", self.id, self.name, self.record_type)?;
        for line in &self.zone {
            writeln!(f, "    {line}")?;
        }
        writeln!(f, "  wanted: {} aa={}", self.rcode, self.aa)?;
        for line in self.answer.iter().chain(&self.authority) {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  got: {} aa={}", self.rcode, self.aa)?;
        for (owner, record_type, ttl, data) in self.answer.iter().chain(&self.authority) {
            writeln!(f, "    {owner} {ttl} IN {} {}", RecordType::from(*record_type), data.escape_ascii())?;
        }
        Ok(())
    }
}
