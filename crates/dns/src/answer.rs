//! From the bytes of a query to the bytes of its response.

use std::net::IpAddr;

use crate::{
    catalog::Snapshot,
    lookup,
    query::{self, Edns, Header},
    response::{PLAIN_UDP, Rcode, Response, UDP_PAYLOAD},
};

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram: the response has at most 512 bytes, or what the client takes, and 1232 at most.
    Udp,
    /// In a stream: 65,535 bytes at most.
    Tcp,
}

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The response is to be sent; the number is its code.
    Answered(u16),
    /// There is nothing to say: too short for a header, or a response itself.
    Ignored,
}

const CLASS_IN: u16 = 1;
/// Transfers and the obsolete mailbox types: IXFR, AXFR, MAILB, MAILA.
const REFUSED_TYPES: std::ops::RangeInclusive<u16> = 251..=254;

/// Answers the query of somebody at `source`. The response replaces what is in `out`.
pub fn answer(
    snapshot: &Snapshot,
    source: IpAddr,
    transport: Transport,
    message: &[u8],
    out: &mut Vec<u8>,
) -> Disposition {
    out.clear();
    let Some(header) = Header::read(message).filter(|header| !header.response) else {
        return Disposition::Ignored;
    };
    let refuse = |out, rcode| {
        let mut response = Response::begin(out, &header, None, None, usize::from(PLAIN_UDP));
        response.set_rcode(rcode);
        Disposition::Answered(response.finish() as u16)
    };
    if header.opcode != 0 {
        return refuse(out, Rcode::NotImp);
    }
    let Ok((question, edns)) = query::read(message, &header) else {
        return refuse(out, Rcode::FormErr);
    };
    let written = &message[query::HEADER..question.end];
    let limit = limit(transport, edns);
    let mut response = Response::begin(out, &header, Some((&question.name, written)), edns, limit);
    if edns.is_some_and(|edns| edns.version > 0) {
        response.set_rcode(Rcode::BadVers);
    } else if question.class != CLASS_IN || REFUSED_TYPES.contains(&question.record_type) {
        response.set_rcode(Rcode::Refused);
    } else {
        let catalog = snapshot.seen_from(source);
        if lookup::answer(catalog, &question.name, question.record_type, &mut response).is_err() {
            response.truncate();
        }
    }
    Disposition::Answered(response.finish() as u16)
}

fn limit(transport: Transport, edns: Option<Edns>) -> usize {
    match transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => {
            usize::from(edns.map_or(PLAIN_UDP, |edns| edns.payload.clamp(PLAIN_UDP, UDP_PAYLOAD)))
        }
    }
}
