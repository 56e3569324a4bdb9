//! Signing a zone (RFC 4034 §3, RFC 4035 §2). Everything is signed with one key, anew whenever it is published.

use fulmar_domain::{
    Timestamp,
    dnssec::{Ds, Signatures},
    office::RECORD_TTL,
};

use super::{
    DATA_OFFSET, RrSet, TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_DNAME, TYPE_DNSKEY, TYPE_DS, TYPE_MX, TYPE_NS,
    TYPE_NSEC, TYPE_RRSIG, TYPE_SOA, TYPE_SRV, Zone,
    denial::{self, Chain},
    encoded,
    key::ZoneKey,
};
use crate::{NoRandomness, name::and_above};

/// What a signed zone has.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) ds: Ds,
    pub(super) chain: Chain,
}

impl Zone {
    /// Ends the zone where another begins, whose servers and addresses are told; what stood there is that one's.
    /// A delegation of an administrator's stays as it is.
    pub(crate) fn delegate(&mut self, child: &Self, ds: Ds) {
        let Some(servers) = child.node(&child.apex).and_then(|apex| apex.set(TYPE_NS)) else { return };
        if self.node(&child.apex).is_some_and(|node| node.set(TYPE_NS).is_some()) {
            return;
        }
        self.nodes.remove(&child.apex);
        self.copy(&child.apex, servers);
        let [high, low] = ds.key_tag.to_be_bytes();
        let data = [&[high, low, Ds::ALGORITHM, Ds::DIGEST_TYPE], &ds.digest[..]].concat();
        self.put(&child.apex, TYPE_DS, RECORD_TTL, &data);
        for target in servers.targets() {
            let Some(node) = child.node(target.key()) else { continue };
            let addresses = [TYPE_A, TYPE_AAAA].into_iter().filter_map(|record_type| node.set(record_type));
            addresses.for_each(|set| self.copy(target.key(), set));
        }
    }

    fn copy(&mut self, name: &[u8], set: &RrSet) {
        for record in &set.records {
            self.put(name, set.record_type, set.ttl(), &record[DATA_OFFSET..]);
        }
    }

    /// Adds the key, signatures, and proofs of what is not there.
    pub(crate) fn sign(&mut self, key: &ZoneKey, signatures: Signatures) -> Result<(), NoRandomness> {
        let apex = self.apex.clone();
        self.put(&apex, TYPE_DNSKEY, RECORD_TTL, key.dnskey());
        let signer = Signer { key, apex: &apex, tag: key.tag(), signatures };
        let chain = Chain::of(self);
        for (name, next) in chain.links() {
            let Some(node) = self.node(name) else { continue };
            let is_cut = self.is_cut(name, node);
            // RFC 9077.
            let nsec = denial::nsec(node, is_cut, next, self.negative.ttl());
            let Some(node) = self.nodes.get_mut(name) else { continue };
            node.sets.push(nsec);
            for set in &mut node.sets {
                if !is_cut || matches!(set.record_type, TYPE_DS | TYPE_NSEC) {
                    set.signature = Some(signer.sign(name, set)?);
                }
            }
        }
        let soa = self.node(&apex).and_then(|node| node.set(TYPE_SOA)?.signature.clone());
        self.negative.signature = soa.map(|signature| with_ttl(signature, self.negative.ttl()));
        self.signed = Some(Signed { ds: key.ds(&apex), chain });
        Ok(())
    }
}

/// Signs the sets of one zone.
struct Signer<'a> {
    key: &'a ZoneKey,
    apex: &'a [u8],
    tag: u16,
    signatures: Signatures,
}

impl Signer<'_> {
    /// The RRSIG record of a set: all that follows the owner.
    fn sign(&self, owner: &[u8], set: &RrSet) -> Result<Box<[u8]>, NoRandomness> {
        let mut data = self.head(owner, set);
        let signature = self.key.sign(&signed(&data, owner, set))?;
        data.extend_from_slice(signature.as_ref());
        Ok(encoded(TYPE_RRSIG, set.ttl(), &data))
    }

    /// The data of the record but for the signature (RFC 4034 §3.1).
    fn head(&self, owner: &[u8], set: &RrSet) -> Vec<u8> {
        let labels = and_above(owner).count() - 1 - usize::from(owner.starts_with(b"\x01*"));
        let mut head = Vec::with_capacity(18 + self.apex.len() + 64);
        head.extend(set.record_type.to_be_bytes());
        head.extend([Ds::ALGORITHM, labels as u8]);
        head.extend(set.ttl().to_be_bytes());
        head.extend(seconds(self.signatures.expiration()).to_be_bytes());
        head.extend(seconds(self.signatures.inception()).to_be_bytes());
        head.extend(self.tag.to_be_bytes());
        head.extend_from_slice(self.apex);
        head
    }
}

/// What is signed: the head of the RRSIG record, and the records in canonical form and order (RFC 4034 §3.1.8.1).
fn signed(head: &[u8], owner: &[u8], set: &RrSet) -> Vec<u8> {
    let mut records: Vec<Vec<u8>> =
        set.records.iter().map(|record| canonical(set.record_type, &record[DATA_OFFSET..])).collect();
    records.sort_unstable();
    records.dedup();
    let mut signed = head.to_vec();
    for data in &records {
        signed.extend_from_slice(owner);
        signed.extend_from_slice(&encoded(set.record_type, set.ttl(), data));
    }
    signed
}

/// Data with the names in it in lower case, for the types of RFC 4034 §6.2 (RFC 6840 §5.1).
fn canonical(record_type: u16, data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    let (mut at, names) = match record_type {
        // MD, MF, MB, MG, MR, PTR.
        TYPE_NS | TYPE_CNAME | TYPE_DNAME | 3 | 4 | 7..=9 | 12 => (0, 1),
        // MINFO, RP.
        TYPE_SOA | 14 | 17 => (0, 2),
        // AFSDB, RT, KX.
        TYPE_MX | 18 | 21 | 36 => (2, 1),
        // PX.
        26 => (2, 2),
        TYPE_SRV => (6, 1),
        // NAPTR: two numbers and three texts stand before the name.
        35 => ((0..3).fold(4, |at, _| at + 1 + usize::from(data.get(at).copied().unwrap_or(0))), 1),
        _ => (0, 0),
    };
    for _ in 0..names {
        let Some(name) = data.get_mut(at..) else { break };
        at += lower(name);
    }
    data
}

/// Puts the name at the beginning in lower case; its length.
fn lower(bytes: &mut [u8]) -> usize {
    let mut at = 0;
    while let Some(length) = bytes.get(at).map(|length| usize::from(*length)).filter(|length| *length > 0) {
        if let Some(label) = bytes.get_mut(at + 1..=at + length) {
            label.make_ascii_lowercase();
        }
        at += 1 + length;
    }
    at + 1
}

/// Going in a circle (RFC 4034 §3.1.5).
fn seconds(time: Timestamp) -> u32 {
    (time.as_millis() / 1000) as u32
}

fn with_ttl(mut record: Box<[u8]>, ttl: u32) -> Box<[u8]> {
    record[4..8].copy_from_slice(&ttl.to_be_bytes());
    record
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;
    use crate::zone::key;

    fn set(record_type: u16, data: &[&[u8]]) -> RrSet {
        let records = data.iter().map(|data| encoded(record_type, 3600, data)).collect();
        RrSet { record_type, records, signature: None }
    }

    fn verify(key: &ZoneKey, signed: &[u8], signature: &[u8]) -> bool {
        let public = [&[4], &key.dnskey()[4..]].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).verify(signed, signature).is_ok()
    }

    #[test]
    fn what_is_signed_is_what_rfc_6605_signs() {
        let key = key::tests::example();
        // 2010-08-12T10:04:39Z to 2010-09-09T10:04:39Z.
        let head =
            [&[0, 1, 13, 3, 0, 0, 14, 16][..], &[0x4c, 0x88, 0xb1, 0x37, 0x4c, 0x63, 0xc7, 0x37]].concat();
        let head = [&head, &55648_u16.to_be_bytes()[..], b"\x07example\x03net\0"].concat();
        let signature = STANDARD
            .decode(
                "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
            )
            .unwrap();
        let owner = b"\x03www\x07example\x03net\0";
        assert!(verify(&key, &signed(&head, owner, &set(TYPE_A, &[&[192, 0, 2, 1]])), &signature));
        assert!(!verify(&key, &signed(&head, owner, &set(TYPE_A, &[&[192, 0, 2, 2]])), &signature));
    }

    #[test]
    fn the_head_is_that_of_the_set() {
        let key = key::tests::example();
        let signatures = Signatures { made_at: Timestamp::from_millis(1_800_000_000_000) };
        let signer = Signer { key: &key, apex: b"\x07example\x03net\0", tag: key.tag(), signatures };
        let wildcard = signer.head(b"\x01*\x01a\x07example\x03net\0", &set(TYPE_A, &[&[192, 0, 2, 1]]));
        let times = [1_800_000_000_u32 + 14 * 86_400, 1_800_000_000 - 3600].map(u32::to_be_bytes).concat();
        let expected = [&[0, 1, 13, 3, 0, 0, 14, 16], &times[..], &55648_u16.to_be_bytes()].concat();
        assert_eq!(wildcard, [&expected, &b"\x07example\x03net\0"[..]].concat());
    }

    #[test]
    fn records_are_signed_in_canonical_form_and_order() {
        let mixed: [&[u8]; 4] = [b"\0\x0a\x01B\0", b"\0\x09\x01c\0", b"\0\x0a\x01a\0", b"\0\x0a\x01b\0"];
        let plain: [&[u8]; 3] = [b"\0\x09\x01c\0", b"\0\x0a\x01a\0", b"\0\x0a\x01b\0"];
        assert_eq!(signed(&[], b"\0", &set(TYPE_MX, &mixed)), signed(&[], b"\0", &set(TYPE_MX, &plain)));
        for (record_type, data, expected) in [
            (TYPE_SOA, &b"\x01A\0\x01B\0AAAA"[..], &b"\x01a\0\x01b\0AAAA"[..]),
            (TYPE_SRV, b"AAAAAA\x01B\0", b"AAAAAA\x01b\0"),
            (35, b"AAAA\x01S\x02XX\0\x01B\0", b"AAAA\x01S\x02XX\0\x01b\0"),
            (16, b"\x01A", b"\x01A"),
            (TYPE_NSEC, b"\x01A\0", b"\x01A\0"),
        ] {
            assert_eq!(canonical(record_type, data), expected, "{record_type}");
        }
    }
}
