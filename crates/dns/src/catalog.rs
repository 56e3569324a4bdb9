//! All zones, as one side sees them.

mod signed;

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use fulmar_domain::{
    DnsName, Office,
    custom_zone::CustomZone,
    dnssec::Signatures,
    office::{NEGATIVE_TTL, Networks, Side},
    secondary::Secondary,
    zone::{Generation, Record, RecordData},
};

use crate::{
    custom,
    name::WireName,
    secondaries::Known,
    upstream::Upstream,
    zone::{InvalidZone, TYPE_DS, TYPE_NS, Zone},
};

pub use signed::SigningError;

/// Zones by their apexes.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    zones: HashMap<Box<[u8]>, Arc<Zone>>,
}

impl FromIterator<Zone> for Catalog {
    fn from_iter<I: IntoIterator<Item = Zone>>(zones: I) -> Self {
        Self { zones: zones.into_iter().map(|zone| (zone.apex().into(), Arc::new(zone))).collect() }
    }
}

impl Catalog {
    /// The zone whose apex is this name.
    pub(crate) fn zone_at(&self, apex: &WireName) -> Option<&Arc<Zone>> {
        self.zones.get(apex.key())
    }

    /// All zones, in no order.
    pub(crate) fn zones(&self) -> impl Iterator<Item = &Arc<Zone>> {
        self.zones.values()
    }

    /// The zone in which a type is looked for at a name, and how many labels its apex has: the nearest above the
    /// name. The DS of a zone is its parent's to tell (RFC 4035 §3.1.4.1), if the parent knows of it.
    pub(crate) fn zone_of(&self, name: &WireName, record_type: u16) -> Option<(&Zone, usize)> {
        let (zone, labels) = self.nearest(name, name.labels())?;
        if record_type == TYPE_DS
            && labels == name.labels()
            && let Some((parent, above)) = labels.checked_sub(1).and_then(|labels| self.nearest(name, labels))
            && parent.node(name.key()).is_some_and(|node| node.set(TYPE_NS).is_some())
        {
            return Some((parent, above));
        }
        Some((zone, labels))
    }

    /// The zone nearest above a name whose apex has at most so many labels.
    fn nearest(&self, name: &WireName, labels: usize) -> Option<(&Zone, usize)> {
        (0..=labels).rev().find_map(|labels| Some((&**self.zones.get(name.ancestor(labels))?, labels)))
    }
}

/// Everything that is answered, from one generation of the office.
#[derive(Debug, Default)]
pub struct Snapshot {
    inside: Catalog,
    outside: Catalog,
    networks: Networks,
    upstream: Option<Arc<Upstream>>,
    secondaries: Vec<Known>,
    signatures: Option<Signatures>,
}

impl Snapshot {
    /// The zones that follow from an office, with the texts that prove to a public authority whose they are, and
    /// with what administrators added.
    ///
    /// # Errors
    /// [`InvalidZone`]; no valid office has such zones.
    pub fn of_office(
        office: &Office,
        generation: Generation,
        proofs: &[(DnsName, String)],
        custom: &[CustomZone],
    ) -> Result<Self, InvalidZone> {
        let catalog = |side| -> Result<Catalog, InvalidZone> {
            let mut zones = office.zones(side, generation);
            for (owner, text) in proofs {
                if let Some(zone) = zones.iter_mut().find(|zone| owner.is_within(&zone.apex)) {
                    let data = RecordData::Txt(text.clone());
                    zone.records.push(Record { owner: owner.clone(), ttl: NEGATIVE_TTL, data });
                }
            }
            custom::catalog((office, side), &zones, generation.serial(office.set_up_at()), custom)
        };
        Ok(Self {
            inside: catalog(Side::Inside)?,
            outside: catalog(Side::Outside)?,
            networks: office.networks().clone(),
            upstream: Upstream::new(office.resolvers()).map(Arc::new),
            secondaries: Vec::new(),
            signatures: None,
        })
    }

    /// A snapshot that looks like this from everywhere.
    pub fn same_everywhere(catalog: Catalog) -> Self {
        Self { inside: catalog.clone(), outside: catalog, ..Self::default() }
    }

    /// The same zones, which these secondaries may take.
    #[must_use]
    pub fn with_secondaries(mut self, secondaries: Vec<Secondary>) -> Self {
        self.secondaries = secondaries.into_iter().map(Known::new).collect();
        self
    }

    pub(crate) fn secondaries(&self) -> &[Known] {
        &self.secondaries
    }

    /// The side on which an asking host stands.
    pub fn side_of(&self, source: IpAddr) -> Side {
        self.networks.side_of(source)
    }

    /// Who is asked for the names of others on behalf of somebody at this address. Those outside: nobody.
    pub(crate) fn upstream_of(&self, source: IpAddr) -> Option<&Arc<Upstream>> {
        self.upstream.as_ref().filter(|_| self.side_of(source) == Side::Inside)
    }

    /// What the resolvers said is known on, if they are the same ones.
    #[must_use]
    pub(crate) fn going_on_from(mut self, previous: &Self) -> Self {
        if let (Some(upstream), Some(known)) = (&mut self.upstream, &previous.upstream)
            && upstream.asks_the_same_as(known)
        {
            *upstream = Arc::clone(known);
        }
        self
    }

    /// What somebody at this address sees.
    pub(crate) fn seen_from(&self, source: IpAddr) -> &Catalog {
        self.seen_by(self.side_of(source))
    }

    pub(crate) fn seen_by(&self, side: Side) -> &Catalog {
        match side {
            Side::Inside => &self.inside,
            Side::Outside => &self.outside,
        }
    }
}
