//! The keys of zones: ECDSA with P-256 and SHA-256 (RFC 6605), one for everything in a zone (RFC 6781 §3.1).

use fulmar_domain::dnssec::{Ds, Pkcs8};
use ring::{
    digest::{Context, SHA256},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, Signature},
};

use crate::NoRandomness;

/// A zone key and a secure entry point (RFC 4034 §2.1.1).
const FLAGS: u16 = 257;
/// Always this (RFC 4034 §2.1.2).
const PROTOCOL: u8 = 3;

/// A key, ready to sign.
pub(crate) struct ZoneKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    /// The data of its DNSKEY record.
    dnskey: Vec<u8>,
}

impl ZoneKey {
    /// A new key.
    pub(crate) fn generate() -> Result<Pkcs8, NoRandomness> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        made.map(|pkcs8| Pkcs8(pkcs8.as_ref().to_vec())).map_err(|_| NoRandomness)
    }

    /// `None` when it is no key of this kind.
    pub(crate) fn read(Pkcs8(pkcs8): &Pkcs8) -> Option<Self> {
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).ok().map(Self::of)
    }

    fn of(pair: EcdsaKeyPair) -> Self {
        let [high, low] = FLAGS.to_be_bytes();
        let mut dnskey = vec![high, low, PROTOCOL, Ds::ALGORITHM];
        // The two coordinates, without the byte before them that says so (RFC 6605 §4).
        dnskey.extend_from_slice(&pair.public_key().as_ref()[1..]);
        Self { pair, random: SystemRandom::new(), dnskey }
    }

    /// The data of its DNSKEY record.
    pub(crate) fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// The key tag (RFC 4034 appendix B).
    pub(crate) fn tag(&self) -> u16 {
        let pairs = self.dnskey.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
        let sum: u32 = pairs.sum();
        (sum + (sum >> 16)) as u16
    }

    /// What the parent of the zone `apex` holds of it.
    pub(crate) fn ds(&self, apex: &[u8]) -> Ds {
        let mut context = Context::new(&SHA256);
        context.update(apex);
        context.update(&self.dnskey);
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        Ds { key_tag: self.tag(), digest }
    }

    /// A signature of 64 bytes.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Result<Signature, NoRandomness> {
        self.pair.sign(&self.random, bytes).map_err(|_| NoRandomness)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    /// The key of RFC 6605 §6.1.
    pub(crate) fn example() -> ZoneKey {
        let private = STANDARD.decode("GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=").unwrap();
        let public = STANDARD
            .decode(
                "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
            )
            .unwrap();
        let public = [&[4], &public[..]].concat();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &private, &public, &random);
        ZoneKey::of(pair.unwrap())
    }

    #[test]
    fn the_ds_of_a_key_is_that_of_rfc_6605() {
        let ds = example().ds(b"\x07example\x03net\0").to_string();
        let expected = "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17";
        assert_eq!(ds, expected.to_uppercase());
    }
}
