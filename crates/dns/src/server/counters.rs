//! What is counted of queries, looked up once for each socket.

use fulmar_domain::office::Side;
use metrics::{Counter, counter};

use crate::{Disposition, Transport, forward::Source};

/// The codes that are answered with, and their names in the metrics.
const RCODES: [(u16, &str); 10] = [
    (0, "NOERROR"),
    (1, "FORMERR"),
    (2, "SERVFAIL"),
    (3, "NXDOMAIN"),
    (4, "NOTIMP"),
    (5, "REFUSED"),
    (6, "YXDOMAIN"),
    (9, "NOTAUTH"),
    (16, "BADVERS"),
    (23, "BADCOOKIE"),
];

/// Counters of one socket: `fulmar_dns_queries_total` by transport, view and code, `fulmar_dns_limited_total` by what
/// was done about those who asked too much, and `fulmar_dns_forwarded_total` by where the answer came from.
pub(super) struct Counters {
    inside: View,
    outside: View,
    hinted: Counter,
    silenced: Counter,
    forwarded: Counter,
    cached: Counter,
    failed: Counter,
}

struct View {
    ignored: Counter,
    by_rcode: Vec<Counter>,
}

impl Counters {
    pub(super) fn new(transport: Transport) -> Self {
        let limited = |what: &'static str| counter!("fulmar_dns_limited_total", "answer" => what);
        let forwarded = |from: &'static str| counter!("fulmar_dns_forwarded_total", "answer" => from);
        Self {
            inside: View::new(transport, Side::Inside),
            outside: View::new(transport, Side::Outside),
            hinted: limited("hint"),
            silenced: limited("none"),
            forwarded: forwarded("resolver"),
            cached: forwarded("cache"),
            failed: forwarded("none"),
        }
    }

    pub(super) fn count(&self, side: Side, disposition: Disposition) {
        let view = match side {
            Side::Inside => &self.inside,
            Side::Outside => &self.outside,
        };
        let counter = match disposition {
            Disposition::Ignored => Some(&view.ignored),
            Disposition::Limited { hint: true } => Some(&self.hinted),
            Disposition::Limited { hint: false } => Some(&self.silenced),
            Disposition::Answered(rcode) => {
                RCODES.iter().position(|(code, _)| *code == rcode).map(|at| &view.by_rcode[at])
            }
        };
        if let Some(counter) = counter {
            counter.increment(1);
        }
    }

    pub(super) fn count_forwarded(&self, source: Source) {
        let counter = match source {
            Source::Resolver => &self.forwarded,
            Source::Cache => &self.cached,
            Source::Nobody => &self.failed,
        };
        counter.increment(1);
    }
}

impl View {
    fn new(transport: Transport, side: Side) -> Self {
        let transport = match transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
        };
        let view = side.as_str();
        let counter = |rcode: &'static str| counter!("fulmar_dns_queries_total", "transport" => transport, "view" => view, "rcode" => rcode);
        let by_rcode = RCODES.iter().map(|(_, name)| counter(name)).collect();
        Self { ignored: counter("none"), by_rcode }
    }
}
