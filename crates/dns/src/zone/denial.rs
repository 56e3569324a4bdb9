//! Proofs that something is not there: a chain of NSEC records through the names of a zone (RFC 4034 §4).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::{Node, RrSet, TYPE_DNAME, TYPE_DS, TYPE_NS, TYPE_NSEC, TYPE_RRSIG, Zone};
use crate::name::{WireName, and_above};

/// The names that have an NSEC record, in canonical order (RFC 4034 §6.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Chain(BTreeMap<Box<[u8]>, Box<[u8]>>);

impl Chain {
    /// Names without records, and those that are not the zone's to speak for, are not in it (RFC 4035 §2.3).
    pub(super) fn of(zone: &Zone) -> Self {
        let spoken_for =
            zone.nodes.iter().filter(|(name, node)| !node.sets.is_empty() && !zone.is_hidden(name));
        Self(spoken_for.map(|(name, _)| (ordered(name), name.clone())).collect())
    }

    /// Each name with the next; behind the last comes the first.
    pub(super) fn links(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let names = || self.0.values().map(|name| &**name);
        names().zip(names().skip(1).chain(names().take(1)))
    }
}

impl Zone {
    /// Whether a name lies below the end of the zone, or below what has moved (RFC 6672 §2.4).
    fn is_hidden(&self, name: &[u8]) -> bool {
        let above = and_above(name).skip(1).take_while(|name| name.len() >= self.apex.len());
        above
            .filter_map(|name| Some((name, self.node(name)?)))
            .any(|(name, node)| node.set(TYPE_DNAME).is_some() || self.is_cut(name, node))
    }

    pub(super) fn is_cut(&self, name: &[u8], node: &Node) -> bool {
        *name != *self.apex && node.set(TYPE_NS).is_some()
    }

    /// The NSEC record of a name or, where it has none, of the name before it: the one that says what is not
    /// there. `None` when the zone is not signed.
    pub(crate) fn nsec_for(&self, name: &[u8]) -> Option<(WireName, &RrSet)> {
        let chain = &self.signed.as_ref()?.chain.0;
        let until = (Bound::Unbounded, Bound::Included(&*ordered(name)));
        let (_, owner) = chain.range::<[u8], _>(until).next_back()?;
        Some((WireName::read(owner).ok()?, self.node(owner)?.set(TYPE_NSEC)?))
    }
}

/// The NSEC record of a node. At a cut the zone speaks for NS and DS alone (RFC 4035 §2.3).
pub(super) fn nsec(node: &Node, is_cut: bool, next: &[u8], ttl: u32) -> RrSet {
    let types = node.sets.iter().map(|set| set.record_type);
    let types = types.filter(|record_type| !is_cut || matches!(*record_type, TYPE_NS | TYPE_DS));
    let types: BTreeSet<u16> = types.chain([TYPE_NSEC, TYPE_RRSIG]).collect();
    RrSet::one(TYPE_NSEC, ttl, &[next, &bitmap(&types)].concat())
}

/// Types as bits, in windows of 256 (RFC 4034 §4.1.2).
fn bitmap(types: &BTreeSet<u16>) -> Vec<u8> {
    let mut windows = BTreeMap::<u8, [u8; 32]>::new();
    for [window, low] in types.iter().map(|record_type| record_type.to_be_bytes()) {
        windows.entry(window).or_default()[usize::from(low / 8)] |= 0x80 >> (low % 8);
    }
    let mut bytes = Vec::new();
    for (window, bits) in windows {
        let length = bits.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.extend([window, length as u8]);
        bytes.extend_from_slice(&bits[..length]);
    }
    bytes
}

/// Bytes that are in the order of names: labels from the right, each ended by a zero that is less than all else.
fn ordered(name: &[u8]) -> Box<[u8]> {
    let labels: Vec<&[u8]> = and_above(name).filter_map(|name| name.get(1..=usize::from(name[0]))).collect();
    let mut bytes = Vec::with_capacity(name.len());
    for label in labels.iter().rev().filter(|label| !label.is_empty()) {
        for byte in *label {
            match byte {
                0 | 1 => bytes.extend([1, byte + 1]),
                byte => bytes.push(*byte),
            }
        }
        bytes.push(0);
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_rfc_4034() {
        let names: [&[u8]; 11] = [
            b"\x07example\0",
            b"\x01a\x07example\0",
            b"\x08yljkjljk\x01a\x07example\0",
            b"\x01z\x01a\x07example\0",
            b"\x04zabc\x01a\x07example\0",
            b"\x01z\x07example\0",
            b"\x01\0\x01z\x07example\0",
            b"\x01\x01\x01z\x07example\0",
            b"\x01\x02\x01z\x07example\0",
            b"\x01*\x01z\x07example\0",
            b"\x01\xc8\x01z\x07example\0",
        ];
        assert!(names.map(ordered).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn types_are_bits_in_windows() {
        // RFC 4034 §4.3.
        let types = BTreeSet::from([1, 15, TYPE_RRSIG, TYPE_NSEC, 1234]);
        let mut expected = vec![0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b];
        expected.extend([0; 26]);
        expected.push(0x20);
        assert_eq!(bitmap(&types), expected);
    }
}
