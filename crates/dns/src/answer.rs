//! From the bytes of a query to the bytes of its response.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use fulmar_domain::office::Side;

use crate::{
    catalog::Snapshot,
    cookie::{Cookies, Standing},
    forward::Request,
    limit::{Limiter, Verdict},
    lookup,
    query::{self, CookieOption, Edns, Header, Query, Question},
    response::{Full, Opt, PLAIN_UDP, Rcode, Response, UDP_PAYLOAD},
    upstream::Upstream,
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
    /// Too much was asked from there.
    Limited {
        /// There is a response to be sent, which says how to go on.
        hint: bool,
    },
}

/// Who answers.
pub(crate) enum Outcome {
    /// The response is made.
    Here(Disposition),
    /// A resolver is to be asked; the response that is made says what the zones say.
    Elsewhere(Box<Request>),
}

pub(crate) const CLASS_IN: u16 = 1;
/// Transfers and the obsolete mailbox types: IXFR, AXFR, MAILB, MAILA.
const REFUSED_TYPES: std::ops::RangeInclusive<u16> = 251..=254;

/// Answers the query of somebody at `source` from the zones alone: without cookies, however much is asked, and
/// without resolvers. The response replaces what is in `out`.
pub fn answer(
    snapshot: &Snapshot,
    source: IpAddr,
    transport: Transport,
    message: &[u8],
    out: &mut Vec<u8>,
) -> Disposition {
    match (Desk { snapshot, source, transport, guard: None }).answer(message, out) {
        Outcome::Here(disposition) => disposition,
        // None that comes from the zones needs more bits.
        Outcome::Elsewhere(_) => Disposition::Answered(u16::from(out[3] & 0x0f)),
    }
}

/// Where a query is answered.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) source: IpAddr,
    pub(crate) transport: Transport,
    pub(crate) guard: Option<(&'a Guard, Now)>,
}

/// What keeps the box from being used against others.
pub(crate) struct Guard {
    pub(crate) cookies: Cookies,
    pub(crate) limiter: Limiter,
}

/// A moment, on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    /// Seconds since 1970, going in a circle (RFC 9018 §4.3).
    pub(crate) seconds: u32,
}

impl Now {
    pub(crate) fn read() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), seconds: since_1970.as_secs() as u32 }
    }
}

impl Desk<'_> {
    pub(crate) fn answer(&self, message: &[u8], out: &mut Vec<u8>) -> Outcome {
        out.clear();
        let Some(header) = Header::read(message).filter(|header| !header.response) else {
            return Outcome::Here(Disposition::Ignored);
        };
        let query = match header.opcode {
            0 => query::read(message, &header).map_err(|_| Rcode::FormErr),
            _ => Err(Rcode::NotImp),
        };
        let edns = query.as_ref().ok().and_then(|query| query.edns);
        let (standing, opt) = self.opt(edns);
        let verdict = self.verdict(standing);
        let question = match query {
            Ok(Query { question, .. }) => question,
            Err(rcode) => return Outcome::Here(self.refuse(&header, rcode, verdict, out)),
        };
        let asked = question.as_ref().map(|question| (&question.name, &message[query::HEADER..question.end]));
        let limit = limit(self.transport, edns);
        let mut response = Response::begin(out, &header, asked, opt, limit);
        response.set_recursion_available(self.snapshot.upstream_of(self.source).is_some());
        if verdict != Verdict::Answer {
            return Outcome::Here(beyond(response, standing, verdict));
        }
        let mut elsewhere = None;
        if let Some(rcode) = unanswerable(question.as_ref(), edns, standing) {
            response.set_rcode(rcode);
        } else if let Some(Question { name, record_type, .. }) = &question {
            match lookup::answer(self.snapshot.seen_from(self.source), name, *record_type, &mut response) {
                Ok(name) => elsewhere = self.upstream(&header).zip(name),
                Err(Full) => response.truncate(),
            }
        }
        let here = Outcome::Here(Disposition::Answered(response.finish() as u16));
        elsewhere.zip(question).map_or(here, |(elsewhere, question)| {
            let request = Request::new(elsewhere, header, (question, message), (opt, limit), out);
            Outcome::Elsewhere(Box::new(request))
        })
    }

    /// Who is asked for the names of others, if whoever asks wants recursion and may have it.
    fn upstream(&self, header: &Header) -> Option<&Arc<Upstream>> {
        self.snapshot.upstream_of(self.source).filter(|_| header.recursion_desired)
    }

    /// What the client's cookies prove, and what the OPT record of the response says.
    fn opt(&self, edns: Option<Edns>) -> (Option<Standing>, Option<Opt>) {
        let Some(edns) = edns else { return (None, None) };
        let mut opt = Opt::from(edns);
        // What options mean in another version is not known.
        let (CookieOption::Shown(shown), 0, Some((guard, now))) = (edns.cookie, edns.version, self.guard)
        else {
            return (None, Some(opt));
        };
        let (standing, cookie) = guard.cookies.check(shown, self.source, now.seconds);
        opt.cookie = Some(cookie);
        (Some(standing), Some(opt))
    }

    /// The office's own hosts, and whoever proves to receive the answers, may ask as much as they like.
    pub(crate) fn verdict(&self, standing: Option<Standing>) -> Verdict {
        match self.guard {
            Some((guard, now)) if self.transport == Transport::Udp && standing != Some(Standing::Proven) => {
                match self.snapshot.side_of(self.source) {
                    Side::Inside => Verdict::Answer,
                    Side::Outside => guard.limiter.take(self.source, now.instant),
                }
            }
            _ => Verdict::Answer,
        }
    }

    /// Whatever can not be read is answered with nothing but a header.
    fn refuse(&self, header: &Header, rcode: Rcode, verdict: Verdict, out: &mut Vec<u8>) -> Disposition {
        if verdict != Verdict::Answer {
            return Disposition::Limited { hint: false };
        }
        let mut response = Response::begin(out, header, None, None, usize::from(PLAIN_UDP));
        response.set_recursion_available(self.snapshot.upstream_of(self.source).is_some());
        response.set_rcode(rcode);
        Disposition::Answered(response.finish() as u16)
    }
}

/// The code for what is not looked up.
fn unanswerable(
    question: Option<&Question>,
    edns: Option<Edns>,
    standing: Option<Standing>,
) -> Option<Rcode> {
    if edns.is_some_and(|edns| edns.version > 0) {
        return Some(Rcode::BadVers);
    }
    if edns.is_some_and(|edns| edns.cookie == CookieOption::Malformed) {
        return Some(Rcode::FormErr);
    }
    let Some(question) = question else {
        // Somebody wants to know about a cookie only (RFC 7873 §5.4).
        let wrong = standing == Some(Standing::Wrong);
        return Some(if wrong { Rcode::BadCookie } else { Rcode::NoError });
    };
    let refused = question.class != CLASS_IN || REFUSED_TYPES.contains(&question.record_type);
    refused.then_some(Rcode::Refused)
}

/// Who knows cookies is told to come back with the one that stands in this response (RFC 7873 §5.2.3), everybody
/// else to come by TCP.
fn beyond(mut response: Response<'_>, standing: Option<Standing>, verdict: Verdict) -> Disposition {
    let hint = verdict == Verdict::Hint;
    match standing {
        Some(_) => response.set_rcode(Rcode::BadCookie),
        None => response.truncate(),
    }
    response.finish();
    Disposition::Limited { hint }
}

fn limit(transport: Transport, edns: Option<Edns>) -> usize {
    match transport {
        Transport::Tcp => usize::from(u16::MAX),
        Transport::Udp => {
            usize::from(edns.map_or(PLAIN_UDP, |edns| edns.payload.clamp(PLAIN_UDP, UDP_PAYLOAD)))
        }
    }
}
