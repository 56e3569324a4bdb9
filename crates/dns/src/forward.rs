//! Queries for the names of others, on behalf of those inside.

use std::{sync::Arc, time::Instant};

use hickory_server::proto::{
    ProtoError,
    op::Message,
    serialize::binary::{BinDecodable, BinEncodable},
};

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
    question: Question,
    /// The question as it was written.
    written: Vec<u8>,
    opt: Option<Opt>,
    limit: usize,
    /// The response with the aliases that lead from the question to what is wanted.
    aliases: Option<Vec<u8>>,
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
    /// The zones answered `message`, whose question this is, with `ours`, and what is `wanted` is not in them.
    pub(crate) fn new(
        (upstream, wanted): (&Arc<Upstream>, WireName),
        header: Header,
        (question, message): (Question, &[u8]),
        (opt, limit): (Option<Opt>, usize),
        ours: &[u8],
    ) -> Self {
        let aliases = (wanted.key() != question.name.key()).then(|| ours.to_vec());
        let wanted = Wanted {
            name: wanted.key().into(),
            record_type: question.record_type,
            dnssec_ok: opt.is_some_and(|opt| opt.dnssec_ok),
            checking_disabled: header.checking_disabled,
        };
        let written = message[HEADER..question.end].to_vec();
        Self { upstream: Arc::clone(upstream), wanted, header, question, written, opt, limit, aliases }
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
        let source = if answer.is_failure() { Source::Nobody } else { source };
        if let (Some(aliases), Source::Resolver | Source::Cache) = (&self.aliases, source) {
            return (source, self.write_behind(aliases, answer, out));
        }
        let opt = self.opt.map(|opt| Opt { extended_error: answer.extended_error(), ..opt });
        let mut response = self.begin(opt, out);
        if answer.write(Instant::now(), &mut response).is_err() {
            response.truncate();
        }
        (source, Disposition::Answered(response.finish() as u16))
    }

    fn begin<'a>(&'a self, opt: Option<Opt>, out: &'a mut Vec<u8>) -> Response<'a> {
        let question = Some((&self.question.name, &*self.written));
        let mut response = Response::begin(out, &self.header, question, opt, self.limit);
        response.set_recursion_available(true);
        response.set_checking_disabled(self.header.checking_disabled);
        response
    }

    /// Pointers are right behind one question only: here both messages are read and written anew. What can not be
    /// read by hickory is left to whoever asked: the aliases say where to go on.
    fn write_behind(&self, aliases: &[u8], answer: &Answer, out: &mut Vec<u8>) -> Disposition {
        let joined = self.joined(aliases, answer);
        if joined.as_ref().is_ok_and(|joined| joined.len() > self.limit) {
            let mut response = self.begin(self.opt, out);
            response.truncate();
            return Disposition::Answered(response.finish() as u16);
        }
        out.clear();
        out.extend(joined.as_deref().unwrap_or(aliases));
        Disposition::Answered(u16::from(out[3] & 0x0f))
    }

    fn joined(&self, aliases: &[u8], answer: &Answer) -> Result<Vec<u8>, ProtoError> {
        let theirs = Message::from_bytes(&answer.message(&self.wanted, Instant::now()))?;
        let mut joined = Message::from_bytes(aliases)?;
        joined.metadata.response_code = theirs.metadata.response_code;
        joined.metadata.checking_disabled = self.header.checking_disabled;
        joined.add_answers(theirs.answers);
        joined.add_authorities(theirs.authorities);
        joined.to_bytes()
    }
}
