//! Zones from the office's intent.

use fulmar_domain::{
    DnsName,
    zone::{self, RecordData, Soa},
};
use hickory_server::proto::{
    ProtoError,
    rr::{
        Name, RData, Record,
        rdata::{A, AAAA, NS, SOA, SRV, TXT},
    },
};

use crate::zone::InvalidZone;

pub(crate) fn records(zone: &zone::Zone) -> Result<Vec<Record>, InvalidZone> {
    zone.records.iter().map(record).collect()
}

fn record(record: &zone::Record) -> Result<Record, InvalidZone> {
    let failed = |source| InvalidZone::Encode { name: record.owner.to_string(), source };
    let data = data(&record.data).map_err(failed)?;
    Ok(Record::from_rdata(name(&record.owner).map_err(failed)?, record.ttl, data))
}

fn data(data: &RecordData) -> Result<RData, ProtoError> {
    Ok(match data {
        RecordData::A(address) => RData::A(A(*address)),
        RecordData::Aaaa(address) => RData::AAAA(AAAA(*address)),
        RecordData::Ns(server) => RData::NS(NS(name(server)?)),
        RecordData::Soa(data) => RData::SOA(soa(data)?),
        RecordData::Srv { priority, weight, port, target } => {
            RData::SRV(SRV::new(*priority, *weight, *port, name(target)?))
        }
        RecordData::Txt(text) => RData::TXT(TXT::new(vec![text.clone()])),
    })
}

fn soa(soa: &Soa) -> Result<SOA, ProtoError> {
    let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
    let (refresh, retry, expire) = (seconds(soa.refresh), seconds(soa.retry), seconds(soa.expire));
    Ok(SOA::new(name(&soa.mname)?, name(&soa.rname)?, soa.serial.0, refresh, retry, expire, soa.minimum))
}

pub(crate) fn name(name: &DnsName) -> Result<Name, ProtoError> {
    Name::from_ascii(format!("{name}."))
}
