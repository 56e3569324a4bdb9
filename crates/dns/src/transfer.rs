//! Whole zones over TCP: AXFR (RFC 5936), and IXFR answered with the whole zone (RFC 1995 §4).

use std::sync::Arc;

use fulmar_domain::zone::Serial;

use crate::{
    name::WireName,
    query::{Edns, Header},
    response::{Opt, Rcode, Response, Section},
    tsig::{Chain, MAX_TSIG, Seconds},
    zone::{Node, TYPE_SOA, Zone},
};

/// A message is closed when it is this long: pieces of this size keep a slow line busy and memory small.
const PIECE: usize = 16_384;
/// What a record may make of a message that was not full yet.
const LIMIT: usize = 65_535 - MAX_TSIG;

/// What whoever asks for a zone wants to know, and how it is answered.
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) name: WireName,
    /// The question as it was written.
    pub(crate) written: Vec<u8>,
    pub(crate) edns: Option<Edns>,
    pub(crate) chain: Option<Chain>,
}

/// A zone on its way, message by message.
pub(crate) struct Transfer {
    request: Request,
    rest: Rest,
    ended: bool,
}

/// The records that are still to be sent. All stand between two copies of the SOA.
struct Rest {
    zone: Arc<Zone>,
    owners: Vec<Box<[u8]>>,
    begun: bool,
    owner: usize,
    record: usize,
}

/// A record is longer than a message.
#[derive(Debug)]
pub(crate) struct TooLong;

impl Transfer {
    /// The whole of a zone.
    pub(crate) fn whole(request: Request, zone: Arc<Zone>) -> Self {
        let mut owners: Vec<Box<[u8]>> = zone.owners().map(Box::from).collect();
        owners.sort_unstable_by_key(|owner| (owner.len(), owner.clone()));
        let rest = Rest { zone, owners, begun: false, owner: 0, record: 0 };
        Self { request, rest, ended: false }
    }

    /// The serial that is being sent.
    pub(crate) fn serial(&self) -> Serial {
        self.rest.zone.serial()
    }

    /// The zone, in words.
    pub(crate) fn zone(&self) -> String {
        self.request.name.text()
    }

    /// Writes the next message into `out`; `false` when there is none.
    ///
    /// # Errors
    /// [`TooLong`] ends the transfer.
    pub(crate) fn next(&mut self, now: Seconds, out: &mut Vec<u8>) -> Result<bool, TooLong> {
        if self.ended {
            return Ok(false);
        }
        let Request { header, name, written, edns, .. } = &self.request;
        let mut response = Response::begin(out, header, Some((name, written)), edns.map(Opt::from), LIMIT);
        response.set_authoritative();
        let mut added = 0;
        while response.length() < PIECE {
            let Some(fits) = self.rest.add(&mut response) else {
                self.ended = true;
                break;
            };
            if !fits && added == 0 {
                return Err(TooLong);
            }
            if !fits {
                break;
            }
            added += 1;
        }
        response.finish();
        if let Some(chain) = &mut self.request.chain {
            chain.sign(out, now);
        }
        Ok(true)
    }
}

impl Rest {
    /// Adds the next record, if it fits; `None` behind the last.
    fn add(&mut self, response: &mut Response<'_>) -> Option<bool> {
        if !self.begun {
            self.begun = self.add_soa(response);
            return Some(self.begun);
        }
        while let Some(owner) = self.owners.get(self.owner) {
            let node = self.zone.node(owner)?;
            let is_apex = **owner == *self.zone.apex();
            if let Some(record) = records(node, is_apex).nth(self.record) {
                let name = WireName::read(owner).ok()?;
                let fits = add(response, &name, record);
                self.record += usize::from(fits);
                return Some(fits);
            }
            self.owner += 1;
            self.record = 0;
        }
        if self.owner > self.owners.len() {
            return None;
        }
        let fits = self.add_soa(response);
        self.owner += usize::from(fits);
        Some(fits)
    }

    fn add_soa(&self, response: &mut Response<'_>) -> bool {
        let soa = self.zone.node(self.zone.apex()).and_then(|apex| apex.set(TYPE_SOA)?.records.first());
        let apex = WireName::read(self.zone.apex());
        soa.zip(apex.ok()).is_some_and(|(soa, apex)| add(response, &apex, soa))
    }
}

fn add(response: &mut Response<'_>, owner: &WireName, record: &[u8]) -> bool {
    let before = response.mark();
    let fits = response.add_record(Section::Answer, owner, record).is_ok();
    if !fits {
        response.rewind(before);
    }
    fits
}

/// The records of a name with their signatures, but for the SOA, which has its own places.
fn records(node: &Node, is_apex: bool) -> impl Iterator<Item = &[u8]> {
    node.sets.iter().flat_map(move |set| {
        let elsewhere = is_apex && set.record_type == TYPE_SOA;
        let records = if elsewhere { &[][..] } else { &set.records };
        records.iter().chain(&set.signature).map(|record| &**record)
    })
}

/// One message with the SOA: the client is current, or is to ask again over TCP (RFC 1995 §2, §4).
pub(crate) fn soa_only(request: &mut Request, zone: &Zone, now: Seconds, out: &mut Vec<u8>) -> Rcode {
    let mut response = Response::begin(
        out,
        &request.header,
        Some((&request.name, &request.written)),
        request.edns.map(Opt::from),
        LIMIT,
    );
    response.set_authoritative();
    if let Some(soa) = zone.node(zone.apex()).and_then(|apex| apex.set(TYPE_SOA)) {
        // A SOA is never longer than a message.
        let _ = response.add(Section::Answer, &request.name, soa);
    }
    let rcode = response.finish();
    if let Some(chain) = &mut request.chain {
        chain.sign(out, now);
    }
    rcode
}

/// The serial that the client of an IXFR has: in the SOA of its authority section (RFC 1995 §3).
pub(crate) fn client_serial(message: &[u8], header: &Header, question_end: usize) -> Option<Serial> {
    let [_, answers, authorities, _] = header.counts;
    if answers != 0 || authorities != 1 {
        return None;
    }
    let record = crate::query::record(message, question_end).ok().filter(|r| r.record_type == TYPE_SOA)?;
    // Behind the two names stand five numbers, the serial first.
    let serial = message.get(record.data..record.end)?.last_chunk::<20>()?.first_chunk::<4>()?;
    Some(Serial(u32::from_be_bytes(*serial)))
}
