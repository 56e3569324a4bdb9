//! JSON Web Tokens (RFC 7519) in their compact form (RFC 7515 §3.1).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    error::{KeyRejected, Unspecified},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::Value;

/// A key for ES256 (RFC 7518 §3.4).
pub(crate) struct Es256 {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Es256 {
    /// Takes a P-256 key in PKCS#8 form.
    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random)?;
        Ok(Self { key, random })
    }

    /// The token of these claims.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> Result<String, Unspecified> {
        let signed = signed(header, claims);
        let signature = self.key.sign(&self.random, signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    #[cfg(test)]
    /// The public point, uncompressed (SEC 1 §2.3.3).
    pub(crate) fn public_point(&self) -> &[u8] {
        ring::signature::KeyPair::public_key(&self.key).as_ref()
    }
}

/// A key for RS256 (RFC 7518 §3.3).
pub(crate) struct Rs256 {
    key: RsaKeyPair,
    random: SystemRandom,
}

impl Rs256 {
    /// Takes an RSA key in PKCS#8 form.
    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        Ok(Self { key: RsaKeyPair::from_pkcs8(pkcs8)?, random: SystemRandom::new() })
    }

    /// The token of these claims.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> Result<String, Unspecified> {
        let signed = signed(header, claims);
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &self.random, signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// What is signed.
fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
