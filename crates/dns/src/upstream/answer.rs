//! What a resolver said, as it said it.
//!
//! The records stay bytes. What they point at is in the question, which has the same length in every message that
//! they are put into, or among themselves; so the pointers go on being right (RFC 1035 §4.1.4). The OPT record is
//! between two neighbours only (RFC 6891 §6.1.1): it is left out, with what stands behind it.

use std::time::{Duration, Instant};

use super::Wanted;
use crate::{
    answer::CLASS_IN,
    query::{self, Header, Malformed, Skipped},
    response::{Full, Rcode, Response},
    zone::TYPE_SOA,
};

const TYPE_ANY: u16 = 255;
const DAY: u32 = 24 * 3600;
/// How long it is known that there is nothing (RFC 2308 §5).
const NEGATIVE: u32 = 3 * 3600;
/// How long it is known that nobody answers (RFC 9520 §3.2).
const FAILURE: Duration = Duration::from_secs(5);
/// In the sections of records.
const ANSWER: usize = 0;
const AUTHORITY: usize = 1;

/// An answer, or that there is none.
#[derive(Debug)]
pub(crate) struct Answer {
    rcode: Rcode,
    extended_error: Option<u16>,
    counts: [u16; 3],
    records: Vec<u8>,
    /// Where the TTLs stand in them.
    ttls: Vec<u16>,
    came: Instant,
    life: Duration,
}

/// What a resolver says to a question.
pub(super) enum Reply {
    Answer(Answer),
    /// The answer is to be had by TCP.
    Truncated,
    /// It has no answer, with the extended error that it gives as the reason.
    Refusal(Option<u16>),
}

/// `None`: this is not the response to that question.
pub(super) fn read(message: &[u8], id: [u8; 2], wanted: &Wanted) -> Option<Reply> {
    let header = Header::read(message)?;
    if !header.response || header.opcode != 0 || header.id != id || header.counts[0] != 1 {
        return None;
    }
    let question = query::question(message).ok()?;
    if question.name.key() != &*wanted.name
        || question.record_type != wanted.record_type
        || question.class != CLASS_IN
    {
        return None;
    }
    let truncated = message[2] & 0x02 != 0;
    if truncated {
        return Some(Reply::Truncated);
    }
    Some(read_answer(message, &header, question.end, wanted).unwrap_or(Reply::Refusal(None)))
}

fn read_answer(message: &[u8], header: &Header, start: usize, wanted: &Wanted) -> Result<Reply, Malformed> {
    let mut records = Vec::new();
    let opt = read_records(message, header, start, &mut records)?;
    let extended = opt.as_ref().map_or(0, |opt| u16::from(opt.ttl[0]) << 4);
    let rcode = match extended | u16::from(message[3] & 0x0f) {
        0 => Rcode::NoError,
        3 => Rcode::NxDomain,
        6 => Rcode::YxDomain,
        _ => {
            let reason = opt.and_then(|opt| query::extended_error(&message[opt.data..opt.end]));
            return Ok(Reply::Refusal(reason));
        }
    };
    let mut counts = [0; 3];
    for (section, _) in &records {
        counts[*section] += 1;
    }
    let end = records.last().map_or(start, |(_, record)| record.end);
    Ok(Reply::Answer(Answer {
        rcode,
        extended_error: None,
        counts,
        records: message[start..end].to_vec(),
        // No message has more than 65,535 bytes.
        ttls: records.iter().map(|(_, record)| (record.ttl_at() - start) as u16).collect(),
        came: Instant::now(),
        life: Duration::from_secs(life(message, rcode, &records, wanted.record_type).into()),
    }))
}

/// All records up to the OPT record, with their sections; that one is returned.
fn read_records(
    message: &[u8],
    header: &Header,
    start: usize,
    records: &mut Vec<(usize, Skipped)>,
) -> Result<Option<Skipped>, Malformed> {
    let mut at = start;
    let [_, sections @ ..] = header.counts;
    for (section, count) in sections.into_iter().enumerate() {
        for _ in 0..count {
            let record = query::record(message, at)?;
            at = record.end;
            if record.is_opt() {
                return Ok(Some(record));
            }
            records.push((section, record));
        }
    }
    Ok(None)
}

/// For how many seconds an answer holds.
fn life(message: &[u8], rcode: Rcode, records: &[(usize, Skipped)], wanted: u16) -> u32 {
    let shortest = records.iter().map(|(_, record)| seconds(record.ttl)).min().unwrap_or(0);
    let answers = |(section, record): &(usize, Skipped)| {
        *section == ANSWER && (wanted == TYPE_ANY || record.record_type == wanted)
    };
    if rcode == Rcode::NoError && records.iter().any(answers) {
        return shortest.min(DAY);
    }
    let soa = records.iter().find(|(section, r)| *section == AUTHORITY && r.record_type == TYPE_SOA);
    // The last of the numbers behind the two names (RFC 2308 §4). What has no SOA is not kept.
    let minimum = soa.and_then(|(_, soa)| message[soa.data..soa.end].last_chunk());
    minimum.map_or(0, |minimum| seconds(*minimum).min(shortest).min(NEGATIVE))
}

/// RFC 2181 §8: more than 31 bits mean zero.
fn seconds(ttl: [u8; 4]) -> u32 {
    Some(u32::from_be_bytes(ttl)).filter(|ttl| *ttl <= u32::MAX >> 1).unwrap_or(0)
}

impl Answer {
    /// Nobody has an answer.
    pub(super) fn failure(extended_error: Option<u16>) -> Self {
        Self {
            rcode: Rcode::ServFail,
            extended_error,
            counts: [0; 3],
            records: Vec::new(),
            ttls: Vec::new(),
            came: Instant::now(),
            life: FAILURE,
        }
    }

    pub(crate) fn is_failure(&self) -> bool {
        self.rcode == Rcode::ServFail
    }

    pub(crate) fn extended_error(&self) -> Option<u16> {
        self.extended_error
    }

    pub(super) fn life(&self) -> Duration {
        self.life
    }

    /// Bytes in memory.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.records.capacity() + size_of::<u16>() * self.ttls.capacity()
    }

    /// Fills a response to the same question, as it is at `now`.
    ///
    /// # Errors
    /// [`Full`] when it does not fit.
    pub(crate) fn write(&self, now: Instant, response: &mut Response<'_>) -> Result<(), Full> {
        response.set_rcode(self.rcode);
        response.add_written(&self.records(now), self.counts)
    }

    /// A message with this answer to `wanted`, as it is at `now`.
    pub(crate) fn message(&self, wanted: &Wanted, now: Instant) -> Vec<u8> {
        let [answers, authorities, additionals] = self.counts.map(u16::to_be_bytes);
        let flags = [0x80, self.rcode as u8];
        let header = [[0, 0], flags, [0, 1], answers, authorities, additionals];
        header.into_iter().flatten().chain(wanted.question()).chain(self.records(now)).collect()
    }

    fn records(&self, now: Instant) -> Vec<u8> {
        let age = now.saturating_duration_since(self.came).as_secs();
        let age = u32::try_from(age).unwrap_or(u32::MAX);
        let mut records = self.records.clone();
        for at in &self.ttls {
            if let Some(ttl) = records[usize::from(*at)..].first_chunk_mut() {
                *ttl = seconds(*ttl).saturating_sub(age).to_be_bytes();
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{name::WireName, query::HEADER};

    const ID: [u8; 2] = [7, 9];
    const QUESTION: &[u8] = b"\x03wWw\x07example\0\0\x01\0\x01";
    /// `www.example. A`, by a pointer to the question.
    const A: (&[u8], u16, &[u8]) = (b"\xc0\x0c", 1, &[192, 0, 2, 1]);
    const CNAME: (&[u8], u16, &[u8]) = (b"\xc0\x0c", 5, b"\xc0\x10");
    /// `example. SOA`, with a minimum of 900 seconds.
    const SOA: (&[u8], u16, &[u8]) =
        (b"\xc0\x10", 6, b"\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\x03\x84");

    fn wanted() -> Wanted {
        Wanted {
            name: b"\x03www\x07example\0"[..].into(),
            record_type: 1,
            dnssec_ok: false,
            checking_disabled: false,
        }
    }

    type Record = (&'static [u8], u16, &'static [u8]);

    fn message(rcode: u8, sections: [&[(Record, u32)]; 3]) -> Vec<u8> {
        let mut message = vec![ID[0], ID[1], 0x81, 0x80 | rcode, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend(QUESTION);
        for (section, records) in sections.into_iter().enumerate() {
            message[7 + 2 * section] = records.len() as u8;
            for ((owner, record_type, data), ttl) in records {
                message.extend(*owner);
                message.extend(record_type.to_be_bytes());
                message.extend([0, 1]);
                message.extend(ttl.to_be_bytes());
                message.extend((data.len() as u16).to_be_bytes());
                message.extend(*data);
            }
        }
        message
    }

    fn answer(message: &[u8]) -> Answer {
        match read(message, ID, &wanted()) {
            Some(Reply::Answer(answer)) => answer,
            _ => panic!("no answer: {message:?}"),
        }
    }

    fn life_of(rcode: u8, sections: [&[(Record, u32)]; 3]) -> u64 {
        answer(&message(rcode, sections)).life().as_secs()
    }

    #[test]
    fn an_answer_lives_as_long_as_its_shortest_record_and_a_day_at_most() {
        assert_eq!(life_of(0, [&[(CNAME, 300), (A, 60)], &[], &[]]), 60);
        assert_eq!(life_of(0, [&[(A, 300)], &[], &[(A, 30)]]), 30);
        assert_eq!(life_of(0, [&[(A, 1_000_000)], &[], &[]]), 86_400);
        assert_eq!(life_of(0, [&[(A, u32::MAX)], &[], &[]]), 0);
    }

    #[test]
    fn that_there_is_nothing_is_known_as_long_as_the_soa_says_and_three_hours_at_most() {
        for rcode in [0, 3] {
            assert_eq!(life_of(rcode, [&[], &[(SOA, 3600)], &[]]), 900);
            assert_eq!(life_of(rcode, [&[], &[(SOA, 60)], &[]]), 60);
            assert_eq!(life_of(rcode, [&[(CNAME, 30)], &[(SOA, 3600)], &[]]), 30);
            assert_eq!(life_of(rcode, [&[(CNAME, 30)], &[], &[]]), 0, "without a SOA");
            assert_eq!(life_of(rcode, [&[], &[], &[]]), 0);
        }
        let long: Record = (SOA.0, SOA.1, &[0x7f; 22]);
        assert_eq!(life_of(3, [&[], &[(long, 1_000_000)], &[]]), 10_800);
    }

    #[test]
    fn another_id_question_or_kind_of_message_is_not_the_answer() {
        let right = message(0, [&[(A, 60)], &[], &[]]);
        assert!(read(&right, ID, &wanted()).is_some());
        assert!(read(&right, [7, 8], &wanted()).is_none());
        let type_at = HEADER + QUESTION.len() - 3;
        for (at, wrong) in [(2, 0x01), (2, 0x91), (5, 0), (HEADER + 1, b'v'), (type_at, 28), (type_at + 2, 3)]
        {
            let mut message = right.clone();
            message[at] = wrong;
            assert!(read(&message, ID, &wanted()).is_none(), "{at} {wrong}");
        }
    }

    #[test]
    fn no_piece_of_an_answer_is_taken_for_it() {
        let whole = message(0, [&[(A, 60)], &[(SOA, 60)], &[]]);
        for length in 0..whole.len() {
            let read = read(&whole[..length], ID, &wanted());
            assert!(!matches!(read, Some(Reply::Answer(_) | Reply::Truncated)), "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_resolver_bring_the_box_down(
            flags in any::<[u8; 2]>(),
            counts in any::<[u8; 3]>(),
            records in proptest::collection::vec(any::<u8>(), 0..300),
            age in 0_u64..1_000_000,
        ) {
            let mut message = message(0, [&[], &[], &[]]);
            message[2..4].copy_from_slice(&[0x80 | flags[0] & 0x07, flags[1]]);
            for (at, count) in [7, 9, 11].into_iter().zip(counts) {
                message[at] = count % 4;
            }
            message.extend(records);
            if let Some(Reply::Answer(answer)) = read(&message, ID, &wanted()) {
                let again = answer.message(&wanted(), answer.came + Duration::from_secs(age));
                prop_assert!(again.len() <= message.len());
            }
        }
    }

    #[test]
    fn the_code_of_the_opt_record_counts_and_its_extended_error_is_the_reason() {
        // BADVERS looks like NOERROR without it.
        let opt: Record = (b"\0", 41, b"\0\x0f\0\x03\0\x06!");
        let reply = read(&message(0, [&[], &[], &[(opt, 1 << 24)]]), ID, &wanted());
        assert!(matches!(reply, Some(Reply::Refusal(Some(6)))));
        let reply = read(&message(2, [&[], &[], &[]]), ID, &wanted());
        assert!(matches!(reply, Some(Reply::Refusal(None))));
    }

    #[test]
    fn records_come_back_without_opt_and_with_their_ttls_counted_down() {
        let opt: Record = (b"\0", 41, b"");
        let answer = answer(&message(0, [&[(A, 60)], &[(SOA, 5)], &[(opt, 0x8000), (A, 1)]]));
        let written_after = |age| {
            let mut out = Vec::new();
            let header = Header::read(&[1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
            let name = WireName::read(QUESTION).unwrap();
            let mut response = Response::begin(&mut out, &header, Some((&name, QUESTION)), None, 512);
            answer.write(answer.came + Duration::from_secs(age), &mut response).unwrap();
            response.finish();
            out
        };
        let mut expected = message(0, [&[(A, 50)], &[(SOA, 0)], &[]]);
        expected[..4].copy_from_slice(&[1, 2, 0x81, 0]);
        assert_eq!(written_after(10), expected);
        assert_eq!(written_after(0)[QUESTION.len() + HEADER + 9], 60);
    }
}
