//! A zone as it is served: every record set in the form in which it goes on the wire.

mod denial;
mod key;
mod signing;

use std::collections::HashMap;

use fulmar_domain::zone::Serial;
use hickory_server::proto::{
    ProtoError,
    rr::{DNSClass, Name, RData, Record, RecordType},
    serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder, NameEncoding},
};
use thiserror::Error;

use crate::name::{WireName, and_above};

pub(crate) use key::ZoneKey;
pub(crate) use signing::Signed;

pub(crate) const TYPE_A: u16 = 1;
pub(crate) const TYPE_NS: u16 = 2;
pub(crate) const TYPE_CNAME: u16 = 5;
pub(crate) const TYPE_SOA: u16 = 6;
pub(crate) const TYPE_MX: u16 = 15;
pub(crate) const TYPE_AAAA: u16 = 28;
pub(crate) const TYPE_SRV: u16 = 33;
pub(crate) const TYPE_DNAME: u16 = 39;
pub(crate) const TYPE_DS: u16 = 43;
pub(crate) const TYPE_RRSIG: u16 = 46;
pub(crate) const TYPE_NSEC: u16 = 47;
pub(crate) const TYPE_DNSKEY: u16 = 48;
pub(crate) const TYPE_SVCB: u16 = 64;
pub(crate) const TYPE_HTTPS: u16 = 65;

/// The most records of one name and type. No message holds so many, nor does any intent of an office.
const MAX_SET: usize = 8192;

/// Why a set of records is not a zone.
#[derive(Debug, Error)]
pub enum InvalidZone {
    /// A zone has one SOA record, at its apex.
    #[error("a zone needs exactly one SOA record, but this has {0}")]
    Soa(usize),
    /// The apex needs a name server.
    #[error("the apex of a zone needs an NS record")]
    NoNameServer,
    /// A record that is not the zone's.
    #[error("`{0}` does not lie within the zone")]
    OutOfZone(String),
    /// Only the class IN is served.
    #[error("`{0}` is of another class than IN")]
    Class(String),
    /// An alias has nothing beside it (RFC 1034 §3.6.2) and is one.
    #[error("`{0}` has other records beside its alias")]
    Alias(String),
    /// No message holds so many (RFC 1035 §4.2.2).
    #[error("`{0}` has more than {MAX_SET} records of one type")]
    TooMany(String),
    /// A record can not be put into a message.
    #[error("can not encode the records of `{name}`")]
    Encode {
        /// Their owner.
        name: String,
        /// Why.
        source: ProtoError,
    },
}

/// A zone.
#[derive(Clone, Debug)]
pub struct Zone {
    apex: Box<[u8]>,
    nodes: HashMap<Box<[u8]>, Node>,
    /// The SOA as it stands in negative answers: its TTL is the lesser of its own and its minimum (RFC 2308 §5).
    negative: RrSet,
    signed: Option<Signed>,
}

/// What there is at a name. A name with names below it exists even if it has no records (RFC 4592 §2.2.2).
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) sets: Vec<RrSet>,
}

/// The records of one name and type.
#[derive(Clone, Debug)]
pub(crate) struct RrSet {
    pub(crate) record_type: u16,
    /// Type, class, TTL, length and data of each record: all that follows the owner.
    pub(crate) records: Vec<Box<[u8]>>,
    /// The RRSIG record that covers them, in the same form.
    pub(crate) signature: Option<Box<[u8]>>,
}

/// Type, class, TTL and length: what stands before the data.
const DATA_OFFSET: usize = 10;

impl Node {
    pub(crate) fn set(&self, record_type: u16) -> Option<&RrSet> {
        self.sets.iter().find(|set| set.record_type == record_type)
    }

    /// All RRSIG records.
    pub(crate) fn signatures(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.iter().filter_map(|set| set.signature.as_deref())
    }
}

impl RrSet {
    /// A set of one record, of at most 65,535 bytes.
    fn one(record_type: u16, ttl: u32, data: &[u8]) -> Self {
        Self { record_type, records: vec![encoded(record_type, ttl, data)], signature: None }
    }

    /// The names that the records point at and whose addresses help whoever asks (RFC 1034 §4.3.2 step 6, RFC 9460
    /// §4.1).
    pub(crate) fn targets(&self) -> impl Iterator<Item = WireName> {
        let before = match self.record_type {
            TYPE_NS => Some(0),
            TYPE_MX | TYPE_SVCB | TYPE_HTTPS => Some(2),
            TYPE_SRV => Some(6),
            _ => None,
        };
        let targets = before.map(|before| {
            self.records
                .iter()
                .filter_map(move |record| WireName::read(record.get(DATA_OFFSET + before..)?).ok())
        });
        targets.into_iter().flatten()
    }

    /// The one name that is the data of an alias.
    pub(crate) fn target(&self) -> Option<&[u8]> {
        self.records.first().map(|record| &record[DATA_OFFSET..])
    }

    /// Seconds.
    pub(crate) fn ttl(&self) -> u32 {
        self.records
            .first()
            .map_or(0, |record| u32::from_be_bytes([record[4], record[5], record[6], record[7]]))
    }
}

impl Zone {
    /// A zone of these records. Equal ones count once; the TTL of a set is that of its first record.
    pub(crate) fn new(records: impl IntoIterator<Item = Record>) -> Result<Self, InvalidZone> {
        let records: Vec<Record> = records.into_iter().collect();
        let soas: Vec<&Record> = records.iter().filter(|r| r.record_type() == RecordType::SOA).collect();
        let &[soa] = soas.as_slice() else { return Err(InvalidZone::Soa(soas.len())) };
        let RData::SOA(soa_data) = &soa.data else { return Err(InvalidZone::Soa(0)) };
        let apex = wire_name(soa)?;
        let negative = RrSet::one(TYPE_SOA, soa.ttl.min(soa_data.minimum), &data(soa)?);
        let mut zone = Self { apex: apex.key().into(), nodes: HashMap::new(), negative, signed: None };
        for record in &records {
            zone.insert(record, apex.labels())?;
        }
        zone.check_aliases()?;
        let has_name_server = zone.node(apex.key()).is_some_and(|node| node.set(TYPE_NS).is_some());
        if has_name_server { Ok(zone) } else { Err(InvalidZone::NoNameServer) }
    }

    fn insert(&mut self, record: &Record, apex_labels: usize) -> Result<(), InvalidZone> {
        if record.dns_class != DNSClass::IN {
            return Err(InvalidZone::Class(record.name.to_string()));
        }
        let owner = wire_name(record)?;
        if owner.labels() < apex_labels || owner.ancestor(apex_labels) != &*self.apex {
            return Err(InvalidZone::OutOfZone(record.name.to_string()));
        }
        let data = data(record)?;
        if !self.put(owner.key(), u16::from(record.record_type()), record.ttl, &data) {
            return Err(InvalidZone::TooMany(record.name.to_string()));
        }
        Ok(())
    }

    /// Adds a record, unless it is there; `false` when there are too many.
    fn put(&mut self, name: &[u8], record_type: u16, ttl: u32, data: &[u8]) -> bool {
        for above in and_above(name).skip(1).take_while(|above| above.len() >= self.apex.len()) {
            if !self.nodes.contains_key(above) {
                self.nodes.insert(above.into(), Node::default());
            }
        }
        let sets = &mut self.nodes.entry(name.into()).or_default().sets;
        let Some(set) = sets.iter_mut().find(|set| set.record_type == record_type) else {
            sets.push(RrSet::one(record_type, ttl, data));
            return true;
        };
        let record = encoded(record_type, set.ttl(), data);
        let is_new = !set.records.contains(&record);
        if is_new && set.records.len() == MAX_SET {
            return false;
        }
        set.records.extend(Some(record).filter(|_| is_new));
        true
    }

    fn check_aliases(&self) -> Result<(), InvalidZone> {
        let wrong = self.nodes.iter().find(|(_, node)| {
            let alone = node.sets.len() == 1;
            node.set(TYPE_CNAME).is_some_and(|alias| alias.records.len() > 1 || !alone)
                || node.set(TYPE_DNAME).is_some_and(|alias| alias.records.len() > 1)
        });
        wrong.map_or(Ok(()), |(name, _)| Err(InvalidZone::Alias(printed(name))))
    }

    /// The apex in lower case, in wire form.
    pub(crate) fn apex(&self) -> &[u8] {
        &self.apex
    }

    pub(crate) fn negative(&self) -> &RrSet {
        &self.negative
    }

    /// `None` when the zone is not signed.
    pub(crate) fn signed(&self) -> Option<&Signed> {
        self.signed.as_ref()
    }

    /// Every name that has records or names below it, in no order.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.keys().map(|owner| &**owner)
    }

    /// The serial of the SOA.
    pub(crate) fn serial(&self) -> Serial {
        // Behind the two names stand five numbers, the serial first.
        let numbers = self.negative.records.first().and_then(|soa| soa.last_chunk::<20>());
        Serial(numbers.map_or(0, |&[a, b, c, d, ..]| u32::from_be_bytes([a, b, c, d])))
    }

    /// What there is at a name in lower case.
    pub(crate) fn node(&self, key: &[u8]) -> Option<&Node> {
        self.nodes.get(key)
    }
}

fn failed(record: &Record) -> impl FnOnce(ProtoError) -> InvalidZone {
    let name = record.name.to_string();
    move |source| InvalidZone::Encode { name, source }
}

fn wire_name(record: &Record) -> Result<WireName, InvalidZone> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    record.name.emit(&mut encoder).map_err(failed(record))?;
    WireName::read(&bytes).map_err(|_| InvalidZone::OutOfZone(record.name.to_string()))
}

/// The data of a record. Names in it are not compressed, so that it fits into every message.
fn data(record: &Record) -> Result<Vec<u8>, InvalidZone> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    record.data.emit(&mut encoder).map_err(failed(record))?;
    if bytes.len() > usize::from(u16::MAX) {
        return Err(failed(record)(ProtoError::from("the data of a record is longer than 65535 bytes")));
    }
    Ok(bytes)
}

/// All that follows the owner of a record with data of at most 65,535 bytes.
fn encoded(record_type: u16, ttl: u32, data: &[u8]) -> Box<[u8]> {
    let mut encoded = Vec::with_capacity(DATA_OFFSET + data.len());
    encoded.extend(record_type.to_be_bytes());
    encoded.extend(u16::from(DNSClass::IN).to_be_bytes());
    encoded.extend(ttl.to_be_bytes());
    encoded.extend((data.len() as u16).to_be_bytes());
    encoded.extend_from_slice(data);
    encoded.into()
}

/// As it is written in a master file.
fn printed(name: &[u8]) -> String {
    Name::read(&mut BinDecoder::new(name)).map_or_else(|_| String::from("?"), |name| name.to_string())
}
