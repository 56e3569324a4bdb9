//! Where our answer is meant to differ from Knot's. Knot's is rewritten to what ours should then be, out of further
//! answers of Knot, so that nothing in it goes without being compared.

use std::collections::BTreeMap;

use fulmar_dns::{Publisher, Transport, answer};

use crate::{
    knotd::Knot,
    question::Question,
    reply::{Comparable, Reply},
};

const IN: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const DNAME: u16 = 39;
const IXFR: u16 = 251;
const AXFR: u16 = 252;
const MAILB: u16 = 253;
const MAILA: u16 = 254;
const ANY: u16 = 255;
/// No zone has records of this type.
const NOWHERE: u16 = 65_000;
const REFUSED: u16 = 5;
const YXDOMAIN: u16 = 6;
/// What an answer of ours holds at most: the name that is asked for, and sixteen that are followed.
const MAX_ALIASES: usize = 17;

/// Why an answer differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Classes other than IN are refused. Knot takes ANY for IN, and looks at the type first: NOTIMP for type 0 and
    /// for AXFR.
    Class,
    /// Transfers by UDP: there is no AXFR (RFC 5936 §4.2), and IXFR is for secondaries. We refuse both; Knot says
    /// NOTIMP to one and NOTAUTH to the other.
    Transfer,
    /// MAILB and MAILA ask for what nobody has (RFC 1035 §3.2.3, obsolete). We refuse; Knot looks for records of
    /// that very type.
    Mailbox,
    /// Type 0 is no type of records (RFC 6895 §3.1): no data for us, as for every type that a name does not have;
    /// NOTIMP for Knot.
    TypeZero,
    /// ANY is answered with one record set (RFC 8482 §4.1), and either chooses.
    OneSetForAny,
    /// We follow aliases through every zone that we have (RFC 1034 §4.3.2 step 3a: back to step 1). Knot stays in
    /// the zone, and refers to a zone below that it has itself.
    AliasToAnotherZone,
    /// Knot follows five aliases in an answer, we sixteen.
    ManyAliases,
    /// Knot goes round in a loop of DNAMEs and repeats what it has said; we say everything once (RFC 6672 §5.2 leaves
    /// it to the server to find loops).
    RoundAndRound,
    /// A name that a DNAME makes too long is answered with YXDOMAIN (RFC 6672 §3.2 step 3c). Knot adds the SOA, though
    /// there is no negative answer of that kind to be kept (RFC 2308 §2).
    NameTooLong,
    /// What does not fit is truncated to nothing but the question (RFC 2181 §9); Knot sends what fits, and more
    /// fits, for it compresses names in the data too (RFC 1035 §4.1.4). The whole answers are compared.
    Truncated,
    /// Additional records that nothing depends on are left out where they do not fit (RFC 2181 §9): all of them by
    /// us, the last ones by Knot.
    NoRoomForAdditional,
}

impl Reason {
    pub(crate) const ALL: [Self; 11] = [
        Self::Class,
        Self::Transfer,
        Self::Mailbox,
        Self::TypeZero,
        Self::OneSetForAny,
        Self::AliasToAnotherZone,
        Self::ManyAliases,
        Self::RoundAndRound,
        Self::NameTooLong,
        Self::Truncated,
        Self::NoRoomForAdditional,
    ];
}

/// Asks further questions about answers that differ.
pub(crate) struct Explainer {
    pub(crate) knot: Knot,
    pub(crate) publisher: Publisher,
    /// In wire form.
    pub(crate) apexes: Vec<Vec<u8>>,
    pub(crate) explained: BTreeMap<Reason, usize>,
}

impl Explainer {
    /// Whether `ours` is what it is meant to be, where Knot answered with `theirs`.
    pub(crate) fn explains(&mut self, question: &Question, ours: &Reply, theirs: &Reply) -> bool {
        let mut types: Vec<u16> = vec![question.record_type];
        if question.record_type == ANY && question.class == IN {
            types.extend(ours.answer.iter().map(|record| record.record_type));
            if ours.truncated {
                let whole = Reply::read(&self.our_whole(question)).unwrap();
                types.extend(whole.answer.iter().map(|record| record.record_type));
            }
            types.dedup();
        }
        for record_type in types {
            let mut reasons = Vec::new();
            if record_type != question.record_type {
                reasons.push(Reason::OneSetForAny);
            }
            if self.is_meant(question, record_type, (ours, theirs), &mut reasons) {
                for reason in reasons {
                    *self.explained.entry(reason).or_default() += 1;
                }
                return true;
            }
        }
        false
    }

    /// The same, as if it had been asked for this type.
    fn is_meant(
        &mut self,
        question: &Question,
        record_type: u16,
        (ours, theirs): (&Reply, &Reply),
        reasons: &mut Vec<Reason>,
    ) -> bool {
        let refusal = match (question.class, record_type) {
            (IN, IXFR | AXFR) => Some(Reason::Transfer),
            (IN, MAILA | MAILB) => Some(Reason::Mailbox),
            (IN, _) => None,
            _ => Some(Reason::Class),
        };
        if let Some(reason) = refusal {
            reasons.push(reason);
            return *ours == theirs.refused();
        }
        let record_type = if record_type == 0 {
            reasons.push(Reason::TypeZero);
            NOWHERE
        } else {
            record_type
        };
        let mut asked = Question { record_type, ..question.clone() };
        let mut wanted = Reply { question: theirs.question.clone(), ..self.ask(&asked) };
        let records = wanted.answer.len();
        wanted.answer.dedup();
        if wanted.answer.len() < records {
            reasons.push(Reason::RoundAndRound);
        }
        self.follow(&mut asked, &mut wanted, reasons);
        if wanted.rcode == YXDOMAIN && matches!(&wanted.authority[..], [soa] if soa.record_type == SOA) {
            reasons.push(Reason::NameTooLong);
            wanted.authority.clear();
        }
        let whole = self.our_whole(question);
        let fits = whole.len() <= question.limit();
        let whole = Reply::read(&whole).unwrap();
        if whole != wanted {
            return false;
        }
        if ours.truncated || theirs.truncated {
            reasons.push(Reason::Truncated);
        }
        if ours.truncated {
            return !fits && ours.is_empty();
        }
        if ours.additional != whole.additional || theirs.additional != wanted.additional {
            reasons.push(Reason::NoRoomForAdditional);
        }
        let without = Reply { additional: Vec::new(), ..wanted.clone() };
        *ours == wanted || !fits && *ours == without
    }

    /// Goes on where Knot stopped at an alias.
    fn follow(&mut self, asked: &mut Question, wanted: &mut Reply, reasons: &mut Vec<Reason>) {
        let mut seen = Vec::new();
        let mut name = asked.name();
        let mut aliases = Vec::new();
        while asked.record_type != CNAME && asked.record_type != ANY {
            seen.push(name.clone());
            let alias = wanted.answer.iter().find(|r| r.owner == name && r.record_type == CNAME).cloned();
            if let Some(alias) = alias {
                aliases.push(alias.clone());
                if aliases.len() == MAX_ALIASES {
                    return wanted.end_at(&alias);
                }
                name = alias.data.clone();
                if seen.contains(&name) {
                    return;
                }
                continue;
            }
            let Some(last) = aliases.last().filter(|_| asked.name() != name) else { return };
            let elsewhere = self.zone_of(&last.owner) != self.zone_of(&name);
            let ends_here = wanted.answer.iter().any(|record| record.owner == name);
            if ends_here || !(elsewhere || wanted.authority.is_empty() && wanted.rcode == 0) {
                return;
            }
            asked.set_name(&name);
            let next = self.ask(asked);
            if next.rcode == REFUSED || next.is_empty() {
                return;
            }
            reasons.push(if elsewhere { Reason::AliasToAnotherZone } else { Reason::ManyAliases });
            wanted.go_on_with(next);
        }
    }

    /// The apex of the zone that a name lies in.
    fn zone_of(&self, name: &[u8]) -> Option<&Vec<u8>> {
        let within = |apex: &&Vec<u8>| {
            let start = name.len().checked_sub(apex.len());
            start.is_some_and(|start| name[start..] == apex[..] && starts_of_labels(name).contains(&start))
        };
        self.apexes.iter().filter(within).max_by_key(|apex| apex.len())
    }

    fn ask(&mut self, question: &Question) -> Reply {
        Reply::read(&self.knot.whole(&question.bytes(0))).unwrap()
    }

    fn our_whole(&self, question: &Question) -> Vec<u8> {
        let mut whole = Vec::new();
        let localhost = std::net::Ipv4Addr::LOCALHOST.into();
        answer(&self.publisher.snapshot(), localhost, Transport::Tcp, &question.bytes(0), &mut whole);
        whole
    }
}

fn starts_of_labels(name: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0;
    while name[at] != 0 {
        at += usize::from(name[at]) + 1;
        starts.push(at);
    }
    starts
}

impl Reply {
    fn is_empty(&self) -> bool {
        self.answer.is_empty() && self.authority.is_empty() && self.additional.is_empty()
    }

    fn refused(&self) -> Self {
        let (answer, authority, additional) = Default::default();
        Self {
            rcode: REFUSED,
            authoritative: false,
            truncated: false,
            answer,
            authority,
            additional,
            ..self.clone()
        }
    }

    /// What is found at the target of an alias comes behind it.
    fn go_on_with(&mut self, next: Self) {
        self.answer.extend(next.answer);
        self.answer.sort();
        self.answer.dedup();
        (self.rcode, self.authority, self.additional) = (next.rcode, next.authority, next.additional);
    }

    /// Takes away what comes behind an alias.
    fn end_at(&mut self, last: &Comparable) {
        let mut behind = last.data.clone();
        while let Some(at) = self.answer.iter().position(|r| r.owner == behind && r.record_type == CNAME) {
            behind = self.answer.remove(at).data;
        }
        self.answer.retain(|record| matches!(record.record_type, CNAME | DNAME));
        (self.rcode, self.authority, self.additional) = Default::default();
    }
}
