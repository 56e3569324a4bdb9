//! What secondaries ask: the serial of a zone, and the zone. They see the zones of their own side, whatever
//! network they ask from, and what they sign is answered under a signature.

use std::{net::IpAddr, sync::Arc};

use fulmar_domain::secondary::{Secondary, SecondaryName};

use crate::{
    Disposition, Publisher, Snapshot, Transport,
    answer::Outcome,
    catalog::Catalog,
    lookup,
    query::{self, HEADER, Header, Query, Question},
    response::{Opt, PLAIN_UDP, Rcode, Response, UDP_PAYLOAD},
    transfer::{self, Request, Transfer},
    tsig::{Chain, Key, Seconds, Tsig, TsigError},
    zone::TYPE_SOA,
};

const TYPE_IXFR: u16 = 251;
const TYPE_AXFR: u16 = 252;
const CLASS_IN: u16 = 1;

/// A secondary, with its key made ready.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) secondary: Secondary,
    pub(crate) key: Option<Key>,
}

impl Known {
    pub(crate) fn new(secondary: Secondary) -> Self {
        let key = secondary.key.as_ref().map(Key::new);
        Self { secondary, key }
    }
}

/// What is done about a query. The first message is made; a zone may go on in others.
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    pub(crate) rest: Option<(SecondaryName, Transfer)>,
    /// Whoever asks has not shown to be a secondary: what they get counts like the answers of everybody.
    pub(crate) is_refusal: bool,
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, rest: None, is_refusal: false }
    }
}

/// Answers what is signed, and what comes from a secondary that is known by its address alone. `None`: the query
/// is one of anybody.
pub(crate) fn answer(
    publisher: &Publisher,
    source: IpAddr,
    transport: Transport,
    now: fn() -> Seconds,
    message: &[u8],
    out: &mut Vec<u8>,
) -> Option<Reply> {
    let header = Header::read(message).filter(|header| !header.response && header.opcode == 0)?;
    let snapshot = publisher.snapshot();
    let (signed, now) = match Tsig::find(message, &header) {
        Ok(None) => (Ok(None), 0),
        signed => (signed, now()),
    };
    let (known, chain) = match signed {
        Err(_) => return Some(refuse(&header, None, Rcode::FormErr, out)),
        Ok(None) => (by_address(&snapshot, source)?, None),
        Ok(Some(tsig)) => match by_key(&snapshot, &tsig, message, now) {
            Ok((known, chain)) => (known, Some(chain)),
            Err((known, error)) => {
                if let Some(known) = known {
                    publisher.secondaries().refused(&known.secondary.name, now, error.words());
                }
                let reply = refuse(&header, question_of(message, &header).as_ref(), Rcode::NotAuth, out);
                tsig.refuse(error, known.and_then(|known| known.key.as_ref()), now, out);
                return Some(reply);
            }
        },
    };
    let Ok(Query { question: Some(question), edns }) = query::read(message, &header) else {
        return chain.map(|_| refuse(&header, None, Rcode::FormErr, out));
    };
    let is_theirs = matches!(question.record_type, TYPE_SOA | TYPE_IXFR | TYPE_AXFR);
    if chain.is_none() && !is_theirs {
        return None;
    }
    let written = message[HEADER..question.end].to_vec();
    let serial = transfer::client_serial(message, &header, question.end);
    let asked = Asked { catalog: snapshot.seen_by(known.secondary.side), transport, now };
    let (record_type, class) = (question.record_type, question.class);
    let request = Request { header, name: question.name, written, edns, chain };
    let (rcode, transfer) = match record_type {
        _ if class != CLASS_IN => (asked.code(request, Rcode::Refused, out), None),
        TYPE_IXFR | TYPE_AXFR => asked.transfer(request, record_type, serial, out),
        _ => (asked.lookup(request, record_type, out), None),
    };
    let outcome = Outcome::Here(Disposition::Answered(rcode as u16));
    let rest = transfer.map(|transfer| (known.secondary.name.clone(), transfer));
    Some(Reply { rest, ..outcome.into() })
}

fn by_address(snapshot: &Snapshot, source: IpAddr) -> Option<&Known> {
    let source = source.to_canonical();
    let mut known = snapshot.secondaries().iter();
    known.find(|known| known.key.is_none() && known.secondary.address.ip().to_canonical() == source)
}

type Unverified<'s> = (Option<&'s Known>, TsigError);

fn by_key<'s>(
    snapshot: &'s Snapshot,
    tsig: &Tsig<'_>,
    message: &[u8],
    now: Seconds,
) -> Result<(&'s Known, Chain), Unverified<'s>> {
    let mut known = snapshot.secondaries().iter().filter_map(|known| Some((known, known.key.as_ref()?)));
    let (known, key) = known.find(|(_, key)| key.is_named(tsig)).ok_or((None, TsigError::Key))?;
    tsig.verify(message, key, None, now).map_err(|error| (Some(known), error))?;
    Ok((known, Chain::answering(key.clone(), tsig.mac())))
}

fn question_of(message: &[u8], header: &Header) -> Option<(Question, Vec<u8>)> {
    let question = query::read(message, header).ok()?.question?;
    let written = message[HEADER..question.end].to_vec();
    Some((question, written))
}

fn refuse(header: &Header, question: Option<&(Question, Vec<u8>)>, rcode: Rcode, out: &mut Vec<u8>) -> Reply {
    let question = question.map(|(question, written)| (&question.name, &**written));
    let mut response = Response::begin(out, header, question, None, usize::from(PLAIN_UDP));
    response.set_rcode(rcode);
    let outcome = Outcome::Here(Disposition::Answered(response.finish() as u16));
    Reply { is_refusal: true, ..outcome.into() }
}

/// How a secondary asks, and what it sees.
struct Asked<'s> {
    catalog: &'s Catalog,
    transport: Transport,
    now: Seconds,
}

impl Asked<'_> {
    fn limit(&self, request: &Request) -> usize {
        let whole = match self.transport {
            Transport::Tcp => usize::from(u16::MAX),
            Transport::Udp => {
                let payload =
                    request.edns.map_or(PLAIN_UDP, |edns| edns.payload.clamp(PLAIN_UDP, UDP_PAYLOAD));
                usize::from(payload)
            }
        };
        whole - request.chain.as_ref().map_or(0, Chain::record_len)
    }

    fn lookup(&self, mut request: Request, record_type: u16, out: &mut Vec<u8>) -> Rcode {
        let limit = self.limit(&request);
        let Request { header, name, written, edns, chain } = &mut request;
        let mut response = Response::begin(out, header, Some((name, written)), edns.map(Opt::from), limit);
        if lookup::answer(self.catalog, name, record_type, &mut response).is_err() {
            response.truncate();
        }
        let rcode = response.finish();
        if let Some(chain) = chain {
            chain.sign(out, self.now);
        }
        rcode
    }

    fn transfer(
        &self,
        mut request: Request,
        record_type: u16,
        serial: Option<fulmar_domain::zone::Serial>,
        out: &mut Vec<u8>,
    ) -> (Rcode, Option<Transfer>) {
        let Some(zone) = self.catalog.zone_at(&request.name) else {
            return (self.code(request, Rcode::NotAuth, out), None);
        };
        let is_current = serial.is_some_and(|serial| !zone.serial().is_newer_than(serial));
        match (record_type, self.transport) {
            (TYPE_IXFR, _) if serial.is_none() => (self.code(request, Rcode::FormErr, out), None),
            (TYPE_IXFR, Transport::Udp) => (transfer::soa_only(&mut request, zone, self.now, out), None),
            (TYPE_IXFR, _) if is_current => (transfer::soa_only(&mut request, zone, self.now, out), None),
            (_, Transport::Udp) => (self.code(request, Rcode::Refused, out), None),
            (_, Transport::Tcp) => {
                let mut transfer = Transfer::whole(request, Arc::clone(zone));
                match transfer.next(self.now, out) {
                    Ok(_) => (Rcode::NoError, Some(transfer)),
                    Err(_) => (Rcode::ServFail, None),
                }
            }
        }
    }

    fn code(&self, mut request: Request, rcode: Rcode, out: &mut Vec<u8>) -> Rcode {
        let limit = self.limit(&request);
        let Request { header, name, written, edns, chain } = &mut request;
        let mut response = Response::begin(out, header, Some((name, written)), edns.map(Opt::from), limit);
        response.set_rcode(rcode);
        response.finish();
        if let Some(chain) = chain {
            chain.sign(out, self.now);
        }
        rcode
    }
}
