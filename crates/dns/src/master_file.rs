//! Zones from master files (RFC 1035 §5), and records from lines of them.
//!
//! Every type that is written with a name in `data` is read, and any other as bytes (RFC 3597). `$ORIGIN` and
//! `$TTL` are known (RFC 2308 §4); `$INCLUDE` would read any file of the box and is refused. What is wrong is
//! said with its line, and nothing is left out: a record that can not be served refuses the zone.

mod data;
mod lexer;
mod name;
mod number;

use fulmar_domain::office::RECORD_TTL;
use hickory_server::proto::{
    rr::{Name, Record},
    serialize::binary::{BinDecodable, BinDecoder},
};
use thiserror::Error;

use self::{
    data::Kind,
    lexer::{Entry, Lexer, Word},
    number::seconds,
};
use crate::zone::{InvalidZone, Zone};

/// Where a text is not a zone that can be served, and why.
#[derive(Debug, Error)]
#[error("line {line}: {fault}")]
pub struct MasterFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong in a line of a master file.
#[derive(Debug, Error)]
pub enum Fault {
    /// `(` within parentheses.
    #[error("`(` stands within parentheses")]
    Nested,
    /// `)` alone.
    #[error("`)` stands without a `(` before it")]
    NotOpened,
    /// `(` alone.
    #[error("`(` is never closed")]
    NotClosed,
    /// A text without its end.
    #[error("a text in quotes does not end")]
    Quotes,
    /// A backslash and what is no character.
    #[error("a backslash takes a character, or three digits up to 255, behind it")]
    Escape,
    /// Not a name of at most 255 bytes, of labels of 1 to 63.
    #[error("`{0}` is not a name")]
    NotAName(String),
    /// A relative name, relative to nothing.
    #[error("`{0}` is relative to an origin, but none is given")]
    NoOrigin(String),
    /// A blank at the beginning, and no record before.
    #[error("there is no record before whose owner this could have")]
    NoOwner,
    /// A directive that is not known, or of another form.
    #[error("`{0}` is not a directive that is known here")]
    Directive(String),
    /// `$INCLUDE`.
    #[error("`$INCLUDE` is not allowed")]
    Include,
    /// Neither the record nor anything before it says how long it may be kept.
    #[error("the record has no TTL: give one, or begin with `$TTL`")]
    NoTtl,
    /// Neither seconds nor a number with units.
    #[error("`{0}` is not a time in seconds, such as `3600` or `1h`")]
    Ttl(String),
    /// Another class than IN.
    #[error("the class `{0}` is not served")]
    Class(String),
    /// The record ends too soon.
    #[error("the record has no type")]
    NoType,
    /// No type of records.
    #[error("`{0}` is not a type of records")]
    UnknownType(String),
    /// What signing makes.
    #[error(
        "`{0}` records come from signing: the box signs zones by itself, so give it the zone without them"
    )]
    Signed(String),
    /// A type whose data is read as bytes only.
    #[error("the data of `{0}` is read as bytes only: `\\# 4 0a000001`")]
    OnlyBytes(String),
    /// The data ends too soon.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A part of the data.
    #[error("`{text}` is not {wanted}")]
    Field {
        /// What should stand there.
        wanted: &'static str,
        /// What does.
        text: String,
    },
    /// The data does not end.
    #[error("`{0}` stands behind the end of the record")]
    TooMuch(String),
    /// The length and the digits do not agree.
    #[error("there are not {0} bytes")]
    Length(u16),
    /// A text longer than its length can say.
    #[error("a text has {0} bytes, but 255 at most are possible")]
    LongText(usize),
    /// Data longer than its length can say.
    #[error("the data is longer than 65535 bytes")]
    TooLong,
    /// Data that is not of its type.
    #[error("the data is not that of a `{record_type}` record: {reason}")]
    Data {
        /// The type.
        record_type: String,
        /// Why.
        reason: String,
    },
    /// A directive where only records may stand.
    #[error("`{0}` is not a record: each line is one, and none depends on those before it")]
    NotARecord(String),
    /// The box has records of its own there.
    #[error("the records of `{0}` follow from the office, and nothing can be added to them")]
    Generated(String),
    /// A delegation or a DNAME above names of the box.
    #[error("it would hide `{0}`, which follows from the office")]
    Hides(String),
    /// An imported zone is asked for the name.
    #[error("the name lies in the zone `{0}`, which was imported: change it there")]
    Imported(String),
    /// The box proves its names to a public authority there.
    #[error("at names that begin with `_acme-challenge` the box proves its own names to a public authority")]
    Proof,
    /// The SOA is that of another zone than the text was said to be.
    #[error("this is the zone `{0}`, and not the one that it was said to be")]
    OtherZone(String),
    /// The records are no zone.
    #[error(transparent)]
    Zone(#[from] InvalidZone),
}

impl MasterFileError {
    pub(crate) fn new(line: usize, fault: Fault) -> Self {
        Self { line, fault }
    }
}

impl Zone {
    /// Reads a master file. Names that are not absolute end in `origin`, or in that of an `$ORIGIN` line.
    ///
    /// # Errors
    /// [`MasterFileError`] says the line of the first thing that is wrong, and why.
    pub fn from_master_file(text: &str, origin: Option<&str>) -> Result<Self, MasterFileError> {
        zone(&records(text, origin)?)
    }
}

/// The zone of records that stand in these lines.
pub(crate) fn zone(records: &[(usize, Record)]) -> Result<Zone, MasterFileError> {
    Zone::new(records.iter().map(|(_, record)| record.clone())).map_err(|error| at_line(error, records))
}

/// All records, with the lines in which they begin.
pub(crate) fn records(text: &str, origin: Option<&str>) -> Result<Vec<(usize, Record)>, MasterFileError> {
    read(Reader::default(), text, origin)
}

/// The records of a list: one a line, which depends on no other. Without a TTL they have that of generated ones.
pub(crate) fn lines(text: &str, origin: &str) -> Result<Vec<(usize, Record)>, MasterFileError> {
    let mut all = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let reader = Reader { default_ttl: Some(RECORD_TTL), ..Reader::default() };
        let found = read(reader, text, Some(origin)).map_err(|error| MasterFileError { line, ..error })?;
        if found.is_empty() && text.trim_start().starts_with('$') {
            return Err(MasterFileError::new(line, Fault::NotARecord(text.trim().to_owned())));
        }
        all.extend(found.into_iter().map(|(_, record)| (line, record)));
    }
    Ok(all)
}

fn read(
    mut reader: Reader,
    text: &str,
    origin: Option<&str>,
) -> Result<Vec<(usize, Record)>, MasterFileError> {
    if let Some(origin) = origin {
        let absolute = if origin.ends_with('.') { origin.to_owned() } else { format!("{origin}.") };
        let word = Word { text: &absolute, quoted: false };
        reader.origin = Some(name::name(word, None).map_err(|fault| MasterFileError { line: 1, fault })?);
    }
    let mut records = Vec::new();
    for entry in Lexer::new(text) {
        let entry = entry?;
        let line = entry.line;
        match reader.read(&entry).map_err(|fault| MasterFileError { line, fault })? {
            Some(record) => records.push((line, record)),
            None => continue,
        }
    }
    Ok(records)
}

/// What lines leave to the lines behind them.
#[derive(Default)]
struct Reader {
    origin: Option<Vec<u8>>,
    /// From `$TTL`.
    default_ttl: Option<u32>,
    /// Of the record before (RFC 1035 §5.1).
    last_ttl: Option<u32>,
    last_owner: Option<Name>,
}

impl Reader {
    /// The record of an entry; `None` for a directive.
    fn read(&mut self, entry: &Entry<'_>) -> Result<Option<Record>, Fault> {
        let [first, rest @ ..] = &entry.words[..] else { return Ok(None) };
        if first.text.starts_with('$') && !first.quoted {
            return self.directive(*first, rest).map(|()| None);
        }
        let (owner, rest) = if entry.begins_blank {
            (self.last_owner.clone().ok_or(Fault::NoOwner)?, &entry.words[..])
        } else {
            (decoded(&name::name(*first, self.origin.as_deref())?, first.text)?, rest)
        };
        self.last_owner = Some(owner.clone());
        let (ttl, rest) = ttl_and_class(rest)?;
        let [kind, data @ ..] = rest else { return Err(Fault::NoType) };
        let data = Kind::read(kind.text)?.data(data, self.origin.as_deref())?;
        let ttl = ttl.or(self.default_ttl).or(self.last_ttl).ok_or(Fault::NoTtl)?;
        self.last_ttl = Some(ttl);
        Ok(Some(Record::from_rdata(owner, ttl, data)))
    }

    fn directive(&mut self, directive: Word<'_>, words: &[Word<'_>]) -> Result<(), Fault> {
        match (directive.text.to_ascii_uppercase().as_str(), words) {
            ("$INCLUDE", _) => Err(Fault::Include),
            ("$ORIGIN", [origin]) => {
                self.origin = Some(name::name(*origin, self.origin.as_deref())?);
                Ok(())
            }
            ("$TTL", [ttl]) => {
                self.default_ttl = Some(seconds(ttl.text).ok_or_else(|| Fault::Ttl(ttl.text.to_owned()))?);
                Ok(())
            }
            ("$ORIGIN" | "$TTL", [_, word, ..]) => Err(Fault::TooMuch(word.text.to_owned())),
            _ => Err(Fault::Directive(directive.text.to_owned())),
        }
    }
}

/// TTL and class stand before the type, each or none, in either order.
fn ttl_and_class<'a, 'b>(mut words: &'b [Word<'a>]) -> Result<(Option<u32>, &'b [Word<'a>]), Fault> {
    let (mut ttl, mut class) = (None, false);
    while let [word, rest @ ..] = words {
        if ttl.is_none() && word.text.starts_with(|c: char| c.is_ascii_digit()) {
            ttl = Some(seconds(word.text).ok_or_else(|| Fault::Ttl(word.text.to_owned()))?);
        } else if !class && word.text.eq_ignore_ascii_case("IN") {
            class = true;
        } else if ["CH", "HS", "CS"].iter().any(|other| word.text.eq_ignore_ascii_case(other)) {
            return Err(Fault::Class(word.text.to_owned()));
        } else {
            break;
        }
        words = rest;
    }
    Ok((ttl, words))
}

fn decoded(wire: &[u8], text: &str) -> Result<Name, Fault> {
    Name::read(&mut BinDecoder::new(wire)).map_err(|_| Fault::NotAName(text.to_owned()))
}

/// The error with the line that is the reason for it.
pub(crate) fn at_line(error: InvalidZone, records: &[(usize, Record)]) -> MasterFileError {
    MasterFileError { line: line_of(&error, records), fault: Fault::Zone(error) }
}

/// The line of the record that is the reason, or of the last one where the reason is that one is missing.
fn line_of(error: &InvalidZone, records: &[(usize, Record)]) -> usize {
    let at = |name: &String| {
        let of_name =
            records.iter().rev().find(|(_, record)| record.name.to_string().eq_ignore_ascii_case(name));
        of_name.map(|(line, _)| *line)
    };
    let line = match error {
        InvalidZone::OutOfZone(name)
        | InvalidZone::Class(name)
        | InvalidZone::Alias(name)
        | InvalidZone::TooMany(name) => at(name),
        InvalidZone::Encode { name, .. } => at(name),
        InvalidZone::Soa(_) => {
            let mut soas =
                records.iter().filter(|(_, record)| u16::from(record.record_type()) == crate::zone::TYPE_SOA);
            soas.nth(1).map(|(line, _)| *line)
        }
        InvalidZone::NoNameServer => None,
    };
    line.or(records.last().map(|(line, _)| *line)).unwrap_or(1)
}

#[cfg(test)]
mod tests;
