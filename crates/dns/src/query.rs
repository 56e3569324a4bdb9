//! Reading a query (RFC 1035 §4.1, RFC 6891 §6).

use crate::{
    cookie::{Shown, ShownServer},
    name::WireName,
};

/// Bytes of the header.
pub(crate) const HEADER: usize = 12;
const TYPE_OPT: u16 = 41;
/// The option that carries cookies (RFC 7873 §4).
const OPTION_COOKIE: u16 = 10;
/// The option that says why there is no better answer (RFC 8914 §2).
const OPTION_EXTENDED_ERROR: u16 = 15;

/// The first twelve bytes of a message.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) id: [u8; 2],
    pub(crate) opcode: u8,
    pub(crate) recursion_desired: bool,
    /// The client validates by itself (RFC 4035 §3.2.2).
    pub(crate) checking_disabled: bool,
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
    pub(crate) cookie: CookieOption,
}

/// The cookies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CookieOption {
    Absent,
    /// Of a length that they can not have (RFC 7873 §5.2.2).
    Malformed,
    Shown(Shown),
}

/// A query that can be understood.
pub(crate) struct Query {
    /// Absent where somebody asks for nothing but a cookie (RFC 7873 §5.4).
    pub(crate) question: Option<Question>,
    pub(crate) edns: Option<Edns>,
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
            checking_disabled: header[3] & 0x10 != 0,
            counts: [count(4), count(6), count(8), count(10)],
        })
    }
}

/// The one question of a message, and its OPT record if it has one. Every byte must belong to something.
pub(crate) fn read(message: &[u8], header: &Header) -> Result<Query, Malformed> {
    let [questions, answers, authorities, additionals] = header.counts;
    let (question, mut at) = match questions {
        0 => (None, HEADER),
        1 => {
            let question = question(message)?;
            let end = question.end;
            (Some(question), end)
        }
        _ => return Err(Malformed),
    };
    for _ in 0..u32::from(answers) + u32::from(authorities) {
        at = record(message, at)?.end;
    }
    let mut edns = None;
    for _ in 0..additionals {
        let record = record(message, at)?;
        at = record.end;
        if record.is_opt() {
            // One at most, and its owner is the root (RFC 6891 §6.1.1).
            if edns.is_some() || !record.owner_is_root {
                return Err(Malformed);
            }
            let [_, version, flags, _] = record.ttl;
            let cookie = cookie(&message[record.data..record.end])?;
            edns = Some(Edns { payload: record.class, version, dnssec_ok: flags & 0x80 != 0, cookie });
        }
    }
    let asks_for_cookie = edns.is_some_and(|edns| edns.cookie != CookieOption::Absent);
    if at == message.len() && (question.is_some() || asks_for_cookie) {
        Ok(Query { question, edns })
    } else {
        Err(Malformed)
    }
}

/// The first question of a message.
pub(crate) fn question(message: &[u8]) -> Result<Question, Malformed> {
    let name = WireName::read(&message[HEADER..]).map_err(|_| Malformed)?;
    let fixed = HEADER + name.as_bytes().len();
    let &[t1, t2, c1, c2] = message.get(fixed..).and_then(<[u8]>::first_chunk).ok_or(Malformed)?;
    let (record_type, class) = (u16::from_be_bytes([t1, t2]), u16::from_be_bytes([c1, c2]));
    Ok(Question { name, record_type, class, end: fixed + 4 })
}

/// The cookies in the options of an OPT record.
fn cookie(options: &[u8]) -> Result<CookieOption, Malformed> {
    Ok(option(options, OPTION_COOKIE)?.map_or(CookieOption::Absent, shown))
}

/// The code of the extended error in the options of an OPT record.
pub(crate) fn extended_error(options: &[u8]) -> Option<u16> {
    let code = option(options, OPTION_EXTENDED_ERROR).ok()??.first_chunk()?;
    Some(u16::from_be_bytes(*code))
}

/// The data of the first option with this code (RFC 7873 §5.2). Others are passed over.
fn option(mut options: &[u8], code: u16) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    while !options.is_empty() {
        let &[c1, c2, l1, l2] = options.first_chunk().ok_or(Malformed)?;
        let end = 4 + usize::from(u16::from_be_bytes([l1, l2]));
        let data = options.get(4..end).ok_or(Malformed)?;
        if u16::from_be_bytes([c1, c2]) == code && found.is_none() {
            found = Some(data);
        }
        options = &options[end..];
    }
    Ok(found)
}

/// Eight bytes are the client's; eight to thirty-two more are the server's.
fn shown(data: &[u8]) -> CookieOption {
    let Some((client, server)) = data.split_first_chunk() else { return CookieOption::Malformed };
    let server = match (server.len(), server.try_into()) {
        (0, _) => ShownServer::Nothing,
        (_, Ok(cookie)) => ShownServer::Cookie(cookie),
        (8..=32, Err(_)) => ShownServer::Other,
        _ => return CookieOption::Malformed,
    };
    CookieOption::Shown(Shown { client: *client, server })
}

pub(crate) struct Skipped {
    owner_is_root: bool,
    pub(crate) record_type: u16,
    class: u16,
    pub(crate) ttl: [u8; 4],
    /// Where the data begins.
    pub(crate) data: usize,
    pub(crate) end: usize,
}

impl Skipped {
    pub(crate) fn is_opt(&self) -> bool {
        self.record_type == TYPE_OPT
    }

    /// Where the TTL stands: before the length of the data.
    pub(crate) fn ttl_at(&self) -> usize {
        self.data - 6
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn option(data: &[u8]) -> Vec<u8> {
        [&[0, 100, 0, 1, 9, 0, 10, 0, data.len() as u8], data].concat()
    }

    #[test]
    fn cookies_are_read_and_other_options_passed_over() {
        let client = *b"ABCDEFGH";
        let shown = |server| CookieOption::Shown(Shown { client, server });
        let read = |data: &[u8]| cookie(&option(data)).ok();
        assert_eq!(read(b"ABCDEFGH"), Some(shown(ShownServer::Nothing)));
        assert_eq!(read(b"ABCDEFGH0123456789abcdef"), Some(shown(ShownServer::Cookie(*b"0123456789abcdef"))));
        assert_eq!(read(b"ABCDEFGH01234567"), Some(shown(ShownServer::Other)));
        assert_eq!(cookie(&[0, 100, 0, 0]).ok(), Some(CookieOption::Absent));
    }

    #[test]
    fn cookies_of_an_impossible_length_are_malformed() {
        for length in [0, 7, 9, 15, 41] {
            assert_eq!(cookie(&option(&vec![b'x'; length])).ok(), Some(CookieOption::Malformed), "{length}");
        }
    }

    #[test]
    fn an_option_that_does_not_end_is_no_option() {
        assert!(cookie(&[0, 10, 0, 8, 1]).is_err() && cookie(&[0, 10, 0]).is_err());
    }
}
