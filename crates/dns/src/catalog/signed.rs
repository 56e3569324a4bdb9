//! Signing what is published, so that answers and copies have the same signatures.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use fulmar_domain::{
    DnsName,
    custom_zone::Sides,
    dnssec::{Ds, Pkcs8, Signatures, SignedZone},
    office::Side,
};
use thiserror::Error;

use super::{Catalog, Snapshot};
use crate::{
    NoRandomness,
    name::{WireName, and_above},
    zone::{Zone, ZoneKey},
};

/// Why zones can not be signed.
#[derive(Debug, Error)]
pub enum SigningError {
    /// Its key is missing, or is none.
    #[error("the zone `{0}` has no key that can be read")]
    Key(String),
    /// A signature needs them.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Snapshot {
    /// New keys for the zones that have none among these.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn new_keys(&self, keys: &[(DnsName, Pkcs8)]) -> Result<Vec<(DnsName, Pkcs8)>, NoRandomness> {
        let zones = self.inside.zones().chain(self.outside.zones());
        let apexes: BTreeSet<DnsName> = zones.filter_map(|zone| apex(zone)).collect();
        let without = apexes.into_iter().filter(|apex| keys.iter().all(|(zone, _)| zone != apex));
        without.map(|apex| Ok((apex, ZoneKey::generate()?))).collect()
    }

    /// The same zones, signed with these keys. A zone has one key, whoever sees it.
    ///
    /// # Errors
    /// [`SigningError`]
    pub fn signed(self, keys: &[(DnsName, Pkcs8)], signatures: Signatures) -> Result<Self, SigningError> {
        let read = |(zone, key): &(DnsName, Pkcs8)| Some((zone.clone(), ZoneKey::read(key)?));
        let keys = Keys(keys.iter().filter_map(read).collect());
        Ok(Self {
            inside: self.inside.signed(&keys, signatures)?,
            outside: self.outside.signed(&keys, signatures)?,
            signatures: Some(signatures),
            ..self
        })
    }

    /// The zones that are served with signatures, by name.
    pub fn signed_zones(&self) -> Vec<SignedZone> {
        let Some(signatures) = self.signatures else { return Vec::new() };
        let mut zones = BTreeMap::<DnsName, (Sides, Ds)>::new();
        for (side, catalog) in [(Sides::Inside, Side::Inside), (Sides::Outside, Side::Outside)] {
            for zone in self.seen_by(catalog).zones() {
                let Some((apex, signed)) = apex(zone).zip(zone.signed()) else { continue };
                zones.entry(apex).and_modify(|(sides, _)| *sides = Sides::Both).or_insert((side, signed.ds));
            }
        }
        let valid_until = signatures.expiration();
        zones.into_iter().map(|(apex, (sides, ds))| SignedZone { apex, sides, ds, valid_until }).collect()
    }
}

impl Catalog {
    /// A zone that lies in another is delegated there: the proofs of what is not there would deny it otherwise.
    fn signed(&self, keys: &Keys, signatures: Signatures) -> Result<Self, SigningError> {
        let mut zones: HashMap<Box<[u8]>, Zone> =
            self.zones.iter().map(|(apex, zone)| (apex.clone(), Zone::clone(zone))).collect();
        for (apex, zone) in &self.zones {
            let parent = and_above(apex).skip(1).find_map(|above| self.zones.get_key_value(above));
            if let Some(parent) = parent.and_then(|(parent, _)| zones.get_mut(parent)) {
                parent.delegate(zone, keys.of(zone)?.ds(apex));
            }
        }
        for zone in zones.values_mut() {
            zone.sign(keys.of(zone)?, signatures)?;
        }
        Ok(Self { zones: zones.into_iter().map(|(apex, zone)| (apex, Arc::new(zone))).collect() })
    }
}

struct Keys(HashMap<DnsName, ZoneKey>);

impl Keys {
    fn of(&self, zone: &Zone) -> Result<&ZoneKey, SigningError> {
        let key = apex(zone).and_then(|apex| self.0.get(&apex));
        key.ok_or_else(|| {
            SigningError::Key(WireName::read(zone.apex()).map_or_else(|_| String::new(), |apex| apex.text()))
        })
    }
}

fn apex(zone: &Zone) -> Option<DnsName> {
    WireName::read(zone.apex()).ok()?.text().parse().ok()
}
