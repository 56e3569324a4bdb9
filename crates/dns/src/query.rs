//! Reading a query (RFC 1035 §4.1, RFC 6891 §6).

use crate::name::WireName;

/// Bytes of the header.
pub(crate) const HEADER: usize = 12;
const TYPE_OPT: u16 = 41;

/// The first twelve bytes of a message.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) id: [u8; 2],
    pub(crate) opcode: u8,
    pub(crate) recursion_desired: bool,
    /// Whether this is a response.
    pub(crate) response: bool,
    /// Questions, answers, authorities, additionals.
    pub(crate) counts: [u16; 4],
}

/// What is asked.
pub(crate) struct Question {
    pub(crate) name: WireName,
    pub(crate) record_type: u16,
    pub(crate) class: u16,
    /// The question as it was written.
    pub(crate) end: usize,
}

/// What a client says in its OPT record.
#[derive(Clone, Copy)]
pub(crate) struct Edns {
    /// The longest UDP message that it takes.
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) dnssec_ok: bool,
}

/// The message is not a query that can be understood.
#[derive(Debug)]
pub(crate) struct Malformed;

impl Header {
    /// `None` when there are fewer than twelve bytes.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER] = message.first_chunk()?;
        let count = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        Some(Self {
            id: [header[0], header[1]],
            response: header[2] & 0x80 != 0,
            opcode: header[2] >> 3 & 0x0f,
            recursion_desired: header[2] & 0x01 != 0,
            counts: [count(4), count(6), count(8), count(10)],
        })
    }
}

/// The one question of a message, and its OPT record if it has one. Every byte must belong to something.
pub(crate) fn read(message: &[u8], header: &Header) -> Result<(Question, Option<Edns>), Malformed> {
    let [questions, answers, authorities, additionals] = header.counts;
    if questions != 1 {
        return Err(Malformed);
    }
    let name = WireName::read(&message[HEADER..]).map_err(|_| Malformed)?;
    let fixed = HEADER + name.as_bytes().len();
    let &[t1, t2, c1, c2] = message.get(fixed..).and_then(<[u8]>::first_chunk).ok_or(Malformed)?;
    let record_type = u16::from_be_bytes([t1, t2]);
    let question = Question { name, record_type, class: u16::from_be_bytes([c1, c2]), end: fixed + 4 };
    let mut at = question.end;
    for _ in 0..u32::from(answers) + u32::from(authorities) {
        at = record(message, at)?.end;
    }
    let mut edns = None;
    for _ in 0..additionals {
        let record = record(message, at)?;
        at = record.end;
        if record.record_type == TYPE_OPT {
            // One at most, and its owner is the root (RFC 6891 §6.1.1).
            if edns.is_some() || !record.owner_is_root {
                return Err(Malformed);
            }
            let [_, version, flags, _] = record.ttl;
            edns = Some(Edns { payload: record.class, version, dnssec_ok: flags & 0x80 != 0 });
        }
    }
    if at == message.len() { Ok((question, edns)) } else { Err(Malformed) }
}

pub(crate) struct Skipped {
    owner_is_root: bool,
    pub(crate) record_type: u16,
    class: u16,
    ttl: [u8; 4],
    /// Where the data begins.
    pub(crate) data: usize,
    pub(crate) end: usize,
}

/// The record at `start`, without reading its owner and its data.
pub(crate) fn record(message: &[u8], start: usize) -> Result<Skipped, Malformed> {
    let fixed = skip_name(message, start)?;
    let &[t1, t2, c1, c2, a, b, c, d, l1, l2] =
        message.get(fixed..).and_then(<[u8]>::first_chunk).ok_or(Malformed)?;
    let data = fixed + 10;
    let end = data + usize::from(u16::from_be_bytes([l1, l2]));
    if end > message.len() {
        return Err(Malformed);
    }
    Ok(Skipped {
        owner_is_root: message[start] == 0,
        record_type: u16::from_be_bytes([t1, t2]),
        class: u16::from_be_bytes([c1, c2]),
        ttl: [a, b, c, d],
        data,
        end,
    })
}

/// Pointers are not followed: the name ends where the first stands.
pub(crate) fn skip_name(message: &[u8], mut at: usize) -> Result<usize, Malformed> {
    loop {
        match *message.get(at).ok_or(Malformed)? {
            0 => return Ok(at + 1),
            length @ 1..=63 => at += usize::from(length) + 1,
            192..=255 => return Ok(at + 2),
            _ => return Err(Malformed),
        }
    }
}
