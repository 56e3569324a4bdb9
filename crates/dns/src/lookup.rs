//! Looking a name up in the zones: RFC 1034 §4.3.2 with wildcards (RFC 4592) and DNAME (RFC 6672).

use crate::{
    catalog::Catalog,
    name::WireName,
    response::{Full, Rcode, Response, Section},
    zone::{Node, RrSet, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_DNAME, TYPE_NS, Zone},
};

/// The type that asks for all types.
const TYPE_ANY: u16 = 255;
/// The type whose records stand above a cut, not below it (RFC 4035 §3.1.4.1).
const TYPE_DS: u16 = 43;
/// The most aliases in one answer; a longer chain ends there, and whoever asks goes on by itself.
const MAX_ALIASES: usize = 16;

/// Fills a response with what the zones say of a name.
///
/// # Errors
/// [`Full`] when it does not fit.
pub(crate) fn answer(
    catalog: &Catalog,
    question: &WireName,
    record_type: u16,
    response: &mut Response<'_>,
) -> Result<(), Full> {
    let mut name = question.clone();
    let mut behind = Vec::new();
    loop {
        let Some((zone, apex_labels)) = catalog.zone_of(&name) else {
            // An alias that leads out of our zones is for whoever asked to follow.
            if behind.is_empty() {
                response.set_rcode(Rcode::Refused);
            }
            return Ok(());
        };
        let query = Query { zone, apex_labels, name: &name, record_type };
        let Some(next) = query.step(response)? else { return Ok(()) };
        behind.push(name.key().to_vec());
        if behind.len() > MAX_ALIASES || behind.iter().any(|key| key == next.key()) {
            return Ok(());
        }
        name = next;
    }
}

/// One name in one zone.
struct Query<'a> {
    zone: &'a Zone,
    apex_labels: usize,
    name: &'a WireName,
    record_type: u16,
}

/// What the walk from the apex to a name comes upon.
enum Found<'a> {
    /// The zone ends above the name, or at it.
    Cut { labels: usize, servers: &'a RrSet },
    /// Everything below this name has moved.
    Moved { labels: usize, dname: &'a RrSet },
    /// The name, or the wildcard that stands for it.
    Node(&'a Node),
    /// Neither.
    Nothing,
}

impl<'a> Query<'a> {
    /// Puts what is found into the response; the name at which to go on, where it is an alias.
    fn step(&self, response: &mut Response<'_>) -> Result<Option<WireName>, Full> {
        match self.find() {
            Found::Cut { labels, servers } => self.refer(labels, servers, response).map(|()| None),
            Found::Moved { labels, dname } => {
                response.set_authoritative();
                self.follow(labels, dname, response)
            }
            Found::Node(node) => {
                response.set_authoritative();
                self.take(node, response)
            }
            Found::Nothing => {
                response.set_authoritative();
                response.set_rcode(Rcode::NxDomain);
                self.deny(response).map(|()| None)
            }
        }
    }

    fn find(&self) -> Found<'a> {
        for labels in self.apex_labels..=self.name.labels() {
            let is_name = labels == self.name.labels();
            let Some(node) = self.zone.node(self.name.ancestor(labels)) else {
                return self.wildcard(labels - 1).map_or(Found::Nothing, Found::Node);
            };
            if labels > self.apex_labels
                && let Some(servers) = node.set(TYPE_NS)
                && !(is_name && self.record_type == TYPE_DS)
            {
                return Found::Cut { labels, servers };
            }
            if is_name {
                return Found::Node(node);
            }
            if let Some(dname) = node.set(TYPE_DNAME) {
                return Found::Moved { labels, dname };
            }
        }
        Found::Nothing
    }

    /// What stands for every name below the closest encloser that is not there (RFC 4592 §3.3.1).
    fn wildcard(&self, encloser_labels: usize) -> Option<&'a Node> {
        let encloser = self.name.ancestor(encloser_labels);
        let mut key = [0; crate::name::MAX_NAME + 2];
        key[..2].copy_from_slice(b"\x01*");
        key.get_mut(2..2 + encloser.len())?.copy_from_slice(encloser);
        self.zone.node(&key[..2 + encloser.len()])
    }

    fn take(&self, node: &Node, response: &mut Response<'_>) -> Result<Option<WireName>, Full> {
        let wanted = match self.record_type {
            // One set is answer enough (RFC 8482 §4.1).
            TYPE_ANY => node.sets.first(),
            record_type => node.set(record_type),
        };
        if let Some(set) = wanted {
            response.add(Section::Answer, self.name, set)?;
            self.help(set, response);
            return Ok(None);
        }
        let Some(alias) = node.set(TYPE_CNAME) else {
            self.deny(response)?;
            return Ok(None);
        };
        response.add(Section::Answer, self.name, alias)?;
        Ok(alias.target().and_then(|target| WireName::read(target).ok()))
    }

    /// DNAME and the CNAME that follows from it (RFC 6672 §3.1).
    fn follow(
        &self,
        labels: usize,
        dname: &RrSet,
        response: &mut Response<'_>,
    ) -> Result<Option<WireName>, Full> {
        let owner = WireName::read(&self.name.as_bytes()[self.name.start_of_last(labels)..]);
        if let Ok(owner) = &owner {
            response.add(Section::Answer, owner, dname)?;
        }
        let Some(next) = dname.target().and_then(|target| self.name.with_ancestor(labels, target).ok())
        else {
            response.set_rcode(Rcode::YxDomain);
            return Ok(None);
        };
        response.add_cname(self.name, dname.ttl(), &next)?;
        Ok(if self.record_type == TYPE_CNAME { None } else { Some(next) })
    }

    /// The name servers of a zone below, and their addresses where we have them (RFC 1034 §4.2.1).
    fn refer(&self, labels: usize, servers: &RrSet, response: &mut Response<'_>) -> Result<(), Full> {
        let Ok(cut) = WireName::read(&self.name.as_bytes()[self.name.start_of_last(labels)..]) else {
            return Ok(());
        };
        response.add(Section::Authority, &cut, servers)?;
        for server in servers.targets() {
            self.addresses(&server, response)?;
        }
        Ok(())
    }

    /// The SOA that says for how long there is nothing (RFC 2308 §3).
    fn deny(&self, response: &mut Response<'_>) -> Result<(), Full> {
        let apex = WireName::read(&self.name.as_bytes()[self.name.start_of_last(self.apex_labels)..]);
        apex.map_or(Ok(()), |apex| response.add(Section::Authority, &apex, self.zone.negative()))
    }

    /// Addresses of what the answer points at. They are left out where they do not fit: nothing is missing then.
    fn help(&self, set: &RrSet, response: &mut Response<'_>) {
        let before = response.mark();
        for target in set.targets() {
            if self.addresses(&target, response).is_err() {
                response.rewind(before);
                return;
            }
        }
    }

    fn addresses(&self, host: &WireName, response: &mut Response<'_>) -> Result<(), Full> {
        let node = self.zone.node(host.key());
        let sets = [TYPE_A, TYPE_AAAA].into_iter().filter_map(|record_type| node?.set(record_type));
        sets.into_iter().try_for_each(|set| response.add(Section::Additional, host, set))
    }
}
