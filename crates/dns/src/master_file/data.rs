//! Types, and their data as it is written in a master file.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::{Engine, engine::general_purpose::STANDARD};
use hickory_server::proto::{
    rr::{RData, RecordType},
    serialize::binary::{BinDecoder, BinEncodable, BinEncoder, NameEncoding, Restrict},
};

use super::{
    Fault,
    lexer::{Word, unescaped},
    name::name,
    number::{seconds, unsigned},
};

/// A part of a record's data.
#[derive(Clone, Copy)]
enum Field {
    Name,
    U8,
    U16,
    U32,
    /// Seconds, as a number or with units.
    Seconds,
    Ipv4,
    Ipv6,
    /// A text of at most 255 bytes.
    Text,
    /// One or more of them.
    Texts,
    /// A text that fills the rest, without a length before it.
    RestOfText,
    /// Hexadecimal digits that fill the rest.
    Hex,
    /// Base64 that fills the rest.
    Base64,
    /// Priority, target and parameters (RFC 9460).
    Service,
}

use Field::{Base64, Hex, Ipv4, Ipv6, Name, RestOfText, Seconds, Service, Text, Texts, U8, U16, U32};

/// The types that are written with a name. Others are written as `TYPE` and a number (RFC 3597).
const TYPES: &[(&str, u16, &[Field])] = &[
    ("A", 1, &[Ipv4]),
    ("NS", 2, &[Name]),
    ("CNAME", 5, &[Name]),
    ("SOA", 6, &[Name, Name, U32, Seconds, Seconds, Seconds, Seconds]),
    ("PTR", 12, &[Name]),
    ("HINFO", 13, &[Text, Text]),
    ("MX", 15, &[U16, Name]),
    ("TXT", 16, &[Texts]),
    ("RP", 17, &[Name, Name]),
    ("AFSDB", 18, &[U16, Name]),
    ("AAAA", 28, &[Ipv6]),
    ("LOC", 29, &[]),
    ("SRV", 33, &[U16, U16, U16, Name]),
    ("NAPTR", 35, &[U16, U16, Text, Text, Text, Name]),
    ("DNAME", 39, &[Name]),
    ("DS", 43, &[U16, U8, U8, Hex]),
    ("SSHFP", 44, &[U8, U8, Hex]),
    ("DNSKEY", 48, &[U16, U8, U8, Base64]),
    ("TLSA", 52, &[U8, U8, U8, Hex]),
    ("SMIMEA", 53, &[U8, U8, U8, Hex]),
    ("CDS", 59, &[U16, U8, U8, Hex]),
    ("CDNSKEY", 60, &[U16, U8, U8, Base64]),
    ("OPENPGPKEY", 61, &[Base64]),
    ("SVCB", 64, &[Service]),
    ("HTTPS", 65, &[Service]),
    ("SPF", 99, &[Texts]),
    ("URI", 256, &[U16, U16, RestOfText]),
    ("CAA", 257, &[U8, Text, RestOfText]),
];

/// What signing makes: the box signs by itself, and signatures of others would not fit what it answers.
const SIGNING: [(&str, u16); 4] = [("RRSIG", 46), ("NSEC", 47), ("NSEC3", 50), ("NSEC3PARAM", 51)];
/// Types of questions and messages, never of records in a zone (RFC 6895 §3.1).
const OPT: u16 = 41;
const META: std::ops::RangeInclusive<u16> = 128..=255;

/// A type that a zone can hold.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    code: u16,
    fields: Option<&'static [Field]>,
}

impl Kind {
    /// Reads a type, by name or as `TYPE` and a number.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let unknown = || Fault::UnknownType(text.to_owned());
        if let Some((signing, _)) = SIGNING.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Err(Fault::Signed((*signing).to_owned()));
        }
        if let Some((_, code, fields)) = TYPES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self { code: *code, fields: Some(*fields).filter(|fields| !fields.is_empty()) });
        }
        let number =
            text.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("TYPE")).and_then(|_| text.get(4..));
        let code = number.and_then(unsigned::<u16>).ok_or_else(unknown)?;
        if SIGNING.iter().any(|(_, signing)| *signing == code) {
            return Err(Fault::Signed(text.to_owned()));
        }
        if code == 0 || code == OPT || META.contains(&code) {
            return Err(unknown());
        }
        let known = TYPES.iter().find(|(_, known, fields)| *known == code && !fields.is_empty());
        Ok(Self { code, fields: known.map(|(.., fields)| *fields) })
    }

    /// Reads the data: as the type writes it, or as bytes (RFC 3597 §5).
    pub(super) fn data(self, words: &[Word<'_>], origin: Option<&[u8]>) -> Result<RData, Fault> {
        let bytes = match (words.first(), self.fields) {
            (Some(Word { text: "\\#", quoted: false }), _) => generic(&words[1..])?,
            (_, Some([Service])) => service(self.code, words)?,
            (_, Some(fields)) => fielded(fields, words, origin)?,
            (_, None) => return Err(Fault::OnlyBytes(self.printed())),
        };
        let length = u16::try_from(bytes.len()).map_err(|_| Fault::TooLong)?;
        let mut decoder = BinDecoder::new(&bytes);
        RData::read(&mut decoder, RecordType::from(self.code), Restrict::new(length))
            .map_err(|error| Fault::Data { record_type: self.printed(), reason: error.to_string() })
    }

    fn printed(self) -> String {
        let named = TYPES.iter().find(|(_, code, _)| *code == self.code);
        named.map_or_else(|| format!("TYPE{}", self.code), |(name, ..)| (*name).to_owned())
    }
}

fn fielded(fields: &[Field], words: &[Word<'_>], origin: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    let mut words = words.iter();
    for field in fields {
        let word = words.next().ok_or_else(|| Fault::Missing(field.printed()))?;
        let wrong = || Fault::Field { wanted: field.printed(), text: word.text.to_owned() };
        match field {
            Name => out.extend(name(*word, origin)?),
            U8 => out.push(unsigned(word.text).ok_or_else(wrong)?),
            U16 => out.extend(unsigned::<u16>(word.text).ok_or_else(wrong)?.to_be_bytes()),
            U32 => out.extend(unsigned::<u32>(word.text).ok_or_else(wrong)?.to_be_bytes()),
            Seconds => out.extend(seconds(word.text).ok_or_else(wrong)?.to_be_bytes()),
            Ipv4 => out.extend(word.text.parse::<Ipv4Addr>().map_err(|_| wrong())?.octets()),
            Ipv6 => out.extend(word.text.parse::<Ipv6Addr>().map_err(|_| wrong())?.octets()),
            Text => out.extend(text(*word)?),
            Texts => {
                out.extend(text(*word)?);
                for word in words.by_ref() {
                    out.extend(text(*word)?);
                }
            }
            RestOfText => out.extend(bytes_of(*word)?),
            Hex => out.extend(hex(&joined(*word, words.by_ref())).ok_or_else(wrong)?),
            Base64 => out.extend(STANDARD.decode(joined(*word, words.by_ref())).map_err(|_| wrong())?),
            Service => return Err(wrong()),
        }
    }
    words.next().map_or(Ok(out), |word| Err(Fault::TooMuch(word.text.to_owned())))
}

/// Data as bytes: their number, and hexadecimal digits in any number of words.
fn generic(words: &[Word<'_>]) -> Result<Vec<u8>, Fault> {
    let [length, digits @ ..] = words else { return Err(Fault::Missing("the number of bytes")) };
    let length: u16 = unsigned(length.text)
        .ok_or_else(|| Fault::Field { wanted: "the number of bytes", text: length.text.to_owned() })?;
    let digits: String = digits.iter().map(|word| word.text).collect();
    let bytes = hex(&digits).ok_or(Fault::Field { wanted: "hexadecimal digits", text: digits })?;
    if bytes.len() == usize::from(length) { Ok(bytes) } else { Err(Fault::Length(length)) }
}

/// The library reads these, whose parameters are a grammar of their own.
fn service(code: u16, words: &[Word<'_>]) -> Result<Vec<u8>, Fault> {
    let record_type = RecordType::from(code);
    let refused = |reason: String| Fault::Data {
        record_type: record_type.to_string(),
        reason: reason.trim().to_owned(),
    };
    let written: Vec<&str> = words.iter().map(|word| word.text).collect();
    // A name that is not absolute would end in the root without a word.
    if written.get(1).is_some_and(|target| !target.ends_with('.')) {
        return Err(Fault::Field { wanted: "a name that ends in a dot", text: written[1].to_owned() });
    }
    let data =
        RData::try_from_str(record_type, &written.join(" ")).map_err(|error| refused(error.to_string()))?;
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).map_err(|error| refused(error.to_string()))?;
    Ok(bytes)
}

fn text(word: Word<'_>) -> Result<Vec<u8>, Fault> {
    let bytes = bytes_of(word)?;
    let length = u8::try_from(bytes.len()).map_err(|_| Fault::LongText(bytes.len()))?;
    Ok(std::iter::once(length).chain(bytes).collect())
}

fn bytes_of(word: Word<'_>) -> Result<Vec<u8>, Fault> {
    Ok(unescaped(word.text)?.into_iter().map(|(byte, _)| byte).collect())
}

fn joined<'a>(first: Word<'a>, rest: impl Iterator<Item = &'a Word<'a>>) -> String {
    std::iter::once(first.text).chain(rest.map(|word| word.text)).collect()
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

impl Field {
    fn printed(self) -> &'static str {
        match self {
            Name => "a name",
            U8 => "a number up to 255",
            U16 => "a number up to 65535",
            U32 => "a number up to 4294967295",
            Seconds => "a time in seconds",
            Ipv4 => "an IPv4 address",
            Ipv6 => "an IPv6 address",
            Text | Texts | RestOfText => "a text",
            Hex => "hexadecimal digits",
            Base64 => "base64",
            Service => "a priority and a target",
        }
    }
}
