//! Queries for the names of others, on behalf of those inside.

use std::{sync::Arc, time::Instant};

use crate::{
    Disposition,
    name::WireName,
    query::{HEADER, Header, Question},
    response::{Opt, Response},
    upstream::{Answer, Upstream, Wanted},
};

/// A query that a resolver is to answer, and how its answer goes back.
pub(crate) struct Request {
    upstream: Arc<Upstream>,
    wanted: Wanted,
    header: Header,
    name: WireName,
    /// The question as it was written.
    written: Vec<u8>,
    opt: Option<Opt>,
    limit: usize,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Resolver,
    Cache,
    /// There is none.
    Nobody,
}

impl Request {
    /// The response to `message`, whose question this is, will have at most `limit` bytes.
    pub(crate) fn new(
        upstream: &Arc<Upstream>,
        header: Header,
        (question, message): (Question, &[u8]),
        opt: Option<Opt>,
        limit: usize,
    ) -> Self {
        let wanted = Wanted {
            name: question.name.key().into(),
            record_type: question.record_type,
            dnssec_ok: opt.is_some_and(|opt| opt.dnssec_ok),
            checking_disabled: header.checking_disabled,
        };
        let written = message[HEADER..question.end].to_vec();
        Self { upstream: Arc::clone(upstream), wanted, header, name: question.name, written, opt, limit }
    }

    /// Writes the response into `out` if the answer is known.
    pub(crate) async fn answer_at_once(&self, out: &mut Vec<u8>) -> Option<(Source, Disposition)> {
        let answer = self.upstream.known(&self.wanted).await?;
        Some(self.write(&answer, Source::Cache, out))
    }

    /// Asks, and writes the response into `out`.
    pub(crate) async fn answer(&self, out: &mut Vec<u8>) -> (Source, Disposition) {
        let answer = self.upstream.ask(&self.wanted).await;
        self.write(&answer, Source::Resolver, out)
    }

    fn write(&self, answer: &Answer, source: Source, out: &mut Vec<u8>) -> (Source, Disposition) {
        let opt = self.opt.map(|opt| Opt { extended_error: answer.extended_error(), ..opt });
        let question = Some((&self.name, &*self.written));
        let mut response = Response::begin(out, &self.header, question, opt, self.limit);
        response.set_recursion_available(true);
        response.set_checking_disabled(self.header.checking_disabled);
        if answer.write(Instant::now(), &mut response).is_err() {
            response.truncate();
        }
        let source = if answer.is_failure() { Source::Nobody } else { source };
        (source, Disposition::Answered(response.finish() as u16))
    }
}
