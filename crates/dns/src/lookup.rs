//! Looking a name up in the zones: RFC 1034 §4.3.2 with wildcards (RFC 4592) and DNAME (RFC 6672), and the proofs of
//! what is not there in signed zones (RFC 4035 §3.1).

use std::ptr;

use crate::{
    catalog::Catalog,
    name::{MAX_NAME, NotAName, WireName},
    response::{Full, Rcode, Response, Section},
    zone::{
        Node, RrSet, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_DNAME, TYPE_DS, TYPE_NS, TYPE_NSEC, TYPE_RRSIG, Zone,
    },
};

/// The type that asks for all types.
const TYPE_ANY: u16 = 255;
/// The most aliases in one answer; a longer chain ends there, and whoever asks goes on by itself.
const MAX_ALIASES: usize = 16;

/// Fills a response with what the zones say of a name. What comes back is a name of which no zone can tell: the
/// question, which is refused, or where its aliases lead. The DS of a zone is denied where its parent is not here, as
/// RFC 4035 §3.1.4.1 wants it; but whoever asks for others asks the parent.
///
/// # Errors
/// [`Full`] when it does not fit.
pub(crate) fn answer(
    catalog: &Catalog,
    question: &WireName,
    record_type: u16,
    response: &mut Response<'_>,
) -> Result<Option<WireName>, Full> {
    let mut name = question.clone();
    let (mut behind, mut dnames) = (Vec::new(), Vec::new());
    let mut proofs = Proofs { wanted: response.dnssec_ok(), nsecs: Vec::new() };
    loop {
        let Some((zone, apex_labels)) = catalog.zone_of(&name, record_type) else {
            if behind.is_empty() {
                response.set_rcode(Rcode::Refused);
            }
            proofs.write(response)?;
            return Ok(Some(name));
        };
        let query = Query { zone, apex_labels, name: &name, record_type };
        let next = match query.step(&mut dnames, &mut proofs, response)? {
            Step::Alias(next) => *next,
            last => {
                proofs.write(response)?;
                query.assist(&last, response)?;
                let is_parents = record_type == TYPE_DS && apex_labels == name.labels();
                return Ok((is_parents && behind.is_empty()).then_some(name));
            }
        };
        behind.push(name.key().to_vec());
        if behind.len() > MAX_ALIASES || behind.iter().any(|key| key == next.key()) {
            proofs.write(response)?;
            return Ok(None);
        }
        name = next;
    }
}

/// NSEC records for the authority section, which comes when all answers are there.
struct Proofs<'a> {
    wanted: bool,
    nsecs: Vec<(WireName, &'a RrSet)>,
}

impl<'a> Proofs<'a> {
    /// Adds what proves that there is nothing at `name`, or which types there are.
    fn add(&mut self, zone: &'a Zone, name: &[u8]) {
        let Some((owner, nsec)) = self.wanted.then(|| zone.nsec_for(name)).flatten() else { return };
        if !self.nsecs.iter().any(|(_, added)| ptr::eq(*added, nsec)) {
            self.nsecs.push((owner, nsec));
        }
    }

    fn write(&self, response: &mut Response<'_>) -> Result<(), Full> {
        self.nsecs.iter().try_for_each(|(owner, nsec)| response.add(Section::Authority, owner, nsec))
    }
}

/// What a name led to.
enum Step<'a> {
    /// Another name, at which to go on.
    Alias(Box<WireName>),
    /// The servers of a zone below.
    Referral(&'a RrSet),
    /// The answer; nothing where there is none.
    End(Option<&'a RrSet>),
}

/// One name in one zone.
struct Query<'a, 'n> {
    zone: &'a Zone,
    apex_labels: usize,
    name: &'n WireName,
    record_type: u16,
}

/// What the walk from the apex to a name comes upon.
enum Found<'a> {
    /// The zone ends above the name, or at it.
    Cut { labels: usize, node: &'a Node, servers: &'a RrSet },
    /// Everything below this name has moved.
    Moved { labels: usize, dname: &'a RrSet },
    /// The name.
    Node(&'a Node),
    /// Not the name. The closest one above it that is there has so many labels.
    Nothing { encloser: usize },
}

impl<'a> Query<'a, '_> {
    /// Puts what is found into the response, and what proves it beside it. `dnames` are there already.
    fn step(
        &self,
        dnames: &mut Vec<&'a RrSet>,
        proofs: &mut Proofs<'a>,
        response: &mut Response<'_>,
    ) -> Result<Step<'a>, Full> {
        let found = self.find();
        if !matches!(found, Found::Cut { .. }) {
            response.set_authoritative();
        }
        match found {
            Found::Cut { labels, node, servers } => self.refer(labels, (node, servers), proofs, response),
            Found::Moved { labels, dname } => self.follow(labels, dname, dnames, response),
            Found::Node(node) => self.take((self.name.key(), node), proofs, response),
            Found::Nothing { encloser } => {
                proofs.add(self.zone, self.name.key());
                let mut key = [0; MAX_NAME + 2];
                let asterisk = self.asterisk(encloser, &mut key);
                if let Some(node) = self.zone.node(asterisk) {
                    return self.take((asterisk, node), proofs, response);
                }
                response.set_rcode(Rcode::NxDomain);
                self.deny(asterisk, proofs, response)
            }
        }
    }

    fn find(&self) -> Found<'a> {
        for labels in self.apex_labels..=self.name.labels() {
            let is_name = labels == self.name.labels();
            let Some(node) = self.zone.node(self.name.ancestor(labels)) else {
                return Found::Nothing { encloser: labels - 1 };
            };
            if labels > self.apex_labels
                && let Some(servers) = node.set(TYPE_NS)
                && !(is_name && self.record_type == TYPE_DS)
            {
                return Found::Cut { labels, node, servers };
            }
            if is_name {
                return Found::Node(node);
            }
            if let Some(dname) = node.set(TYPE_DNAME) {
                return Found::Moved { labels, dname };
            }
        }
        Found::Nothing { encloser: self.apex_labels }
    }

    /// The name that stands for every name below the closest encloser that is not there (RFC 4592 §3.3.1).
    fn asterisk<'k>(&self, encloser: usize, key: &'k mut [u8; MAX_NAME + 2]) -> &'k [u8] {
        let encloser = self.name.ancestor(encloser);
        key[..2].copy_from_slice(b"\x01*");
        key[2..2 + encloser.len()].copy_from_slice(encloser);
        &key[..2 + encloser.len()]
    }

    /// What there is at a node, which is that of the name or of the wildcard that stands for it.
    fn take(
        &self,
        (owner, node): (&[u8], &'a Node),
        proofs: &mut Proofs<'a>,
        response: &mut Response<'_>,
    ) -> Result<Step<'a>, Full> {
        let wanted = match self.record_type {
            // One set is answer enough (RFC 8482 §4.1).
            TYPE_ANY => node.sets.first(),
            record_type => node.set(record_type),
        };
        if let Some(set) = wanted {
            response.add(Section::Answer, self.name, set)?;
            return Ok(Step::End(Some(set)));
        }
        if self.record_type == TYPE_RRSIG && node.signatures().next().is_some() {
            node.signatures().try_for_each(|rrsig| response.add_record(Section::Answer, self.name, rrsig))?;
            return Ok(Step::End(None));
        }
        // These stand beside an alias (RFC 4035 §2.5): who asks for them does not mean its target.
        let beside = matches!(self.record_type, TYPE_RRSIG | TYPE_NSEC);
        let Some(alias) = node.set(TYPE_CNAME).filter(|_| !beside) else {
            return self.deny(owner, proofs, response);
        };
        response.add(Section::Answer, self.name, alias)?;
        let target = alias.target().and_then(|target| WireName::read(target).ok());
        Ok(target.map_or(Step::End(None), |target| Step::Alias(Box::new(target))))
    }

    /// DNAME and the CNAME that follows from it (RFC 6672 §3.1).
    fn follow(
        &self,
        labels: usize,
        dname: &'a RrSet,
        dnames: &mut Vec<&'a RrSet>,
        response: &mut Response<'_>,
    ) -> Result<Step<'a>, Full> {
        let again = dnames.iter().any(|added| ptr::eq(*added, dname));
        if let Ok(owner) = self.above(labels)
            && !again
        {
            response.add(Section::Answer, &owner, dname)?;
            dnames.push(dname);
        }
        let Some(next) = dname.target().and_then(|target| self.name.with_ancestor(labels, target).ok())
        else {
            response.set_rcode(Rcode::YxDomain);
            return Ok(Step::End(None));
        };
        response.add_cname(self.name, dname.ttl(), &next)?;
        Ok(if self.record_type == TYPE_CNAME { Step::End(None) } else { Step::Alias(Box::new(next)) })
    }

    /// The name servers of a zone below (RFC 1034 §4.2.1), and its DS or that it has none (RFC 4035 §3.1.4).
    fn refer(
        &self,
        labels: usize,
        (node, servers): (&'a Node, &'a RrSet),
        proofs: &mut Proofs<'a>,
        response: &mut Response<'_>,
    ) -> Result<Step<'a>, Full> {
        let Ok(cut) = self.above(labels) else { return Ok(Step::End(None)) };
        response.add(Section::Authority, &cut, servers)?;
        match node.set(TYPE_DS).filter(|ds| proofs.wanted && ds.signature.is_some()) {
            Some(ds) => response.add(Section::Authority, &cut, ds)?,
            None => proofs.add(self.zone, cut.key()),
        }
        Ok(Step::Referral(servers))
    }

    /// The SOA that says for how long there is nothing (RFC 2308 §3), and what proves it of `name`.
    fn deny(
        &self,
        name: &[u8],
        proofs: &mut Proofs<'a>,
        response: &mut Response<'_>,
    ) -> Result<Step<'a>, Full> {
        if let Ok(apex) = self.above(self.apex_labels) {
            response.add(Section::Authority, &apex, self.zone.negative())?;
        }
        proofs.add(self.zone, name);
        Ok(Step::End(None))
    }

    /// The last labels of the name, as they were written.
    fn above(&self, labels: usize) -> Result<WireName, NotAName> {
        WireName::read(&self.name.as_bytes()[self.name.start_of_last(labels)..])
    }

    /// Addresses of what the response points at. Those of an answer are left out where they do not fit: nothing
    /// is missing then. A referral is worth nothing without them.
    fn assist(&self, last: &Step<'a>, response: &mut Response<'_>) -> Result<(), Full> {
        let (set, before) = match last {
            Step::Referral(servers) => (servers, None),
            Step::End(Some(set)) => (set, Some(response.mark())),
            Step::End(None) | Step::Alias(_) => return Ok(()),
        };
        for target in set.targets() {
            match (self.addresses(&target, response), before) {
                (Err(Full), Some(before)) => {
                    response.rewind(before);
                    return Ok(());
                }
                (added, _) => added?,
            }
        }
        Ok(())
    }

    fn addresses(&self, host: &WireName, response: &mut Response<'_>) -> Result<(), Full> {
        let node = self.host(host);
        let sets = [TYPE_A, TYPE_AAAA].into_iter().filter_map(|record_type| node?.set(record_type));
        sets.into_iter().try_for_each(|set| response.add(Section::Additional, host, set))
    }

    /// What there is at a host that a record names: a wildcard may stand for it, and below a cut it is glue.
    fn host(&self, host: &WireName) -> Option<&'a Node> {
        if host.labels() < self.apex_labels || host.ancestor(self.apex_labels) != self.zone.apex() {
            return None;
        }
        let query = Query { name: host, record_type: TYPE_A, ..*self };
        match query.find() {
            Found::Node(node) => Some(node),
            Found::Nothing { encloser } => self.zone.node(query.asterisk(encloser, &mut [0; MAX_NAME + 2])),
            Found::Cut { .. } => self.zone.node(host.key()),
            Found::Moved { .. } => None,
        }
    }
}
