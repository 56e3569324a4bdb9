//! Who pushes: Voluntary Application Server Identification (RFC 8292).

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fulmar_domain::{
    Timestamp,
    push::{Contact, VapidKey},
};
use ring::error::{KeyRejected, Unspecified};
use serde_json::json;

use crate::jwt::Es256;

/// How long a signature is good for; services refuse one of more than 24 hours (RFC 8292 §2).
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// How long it is shown again.
const REUSE: Duration = Duration::from_secs(3600);
/// Services that are remembered; beyond that all are forgotten.
const SERVICES: usize = 1000;

/// Signs for whoever is asked, once an hour for each service.
pub(super) struct Vapid {
    key: Es256,
    public: String,
    contact: Contact,
    signed: Mutex<HashMap<String, Signed>>,
}

struct Signed {
    authorization: Arc<str>,
    /// A clock that was set back tells nothing of the end.
    shown: Range<Timestamp>,
}

impl Vapid {
    pub(super) fn new(key: &VapidKey, contact: Contact) -> Result<Self, KeyRejected> {
        let signed = Mutex::default();
        Ok(Self { key: Es256::new(&key.pkcs8.0)?, public: key.public.clone(), contact, signed })
    }

    /// The value of `Authorization` for a service, which is named by the URL of its root.
    pub(super) fn authorization(&self, service: &str, now: Timestamp) -> Result<Arc<str>, Unspecified> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = signed.get(service).filter(|known| known.shown.contains(&now)) {
            return Ok(Arc::clone(&known.authorization));
        }
        if signed.len() >= SERVICES {
            signed.clear();
        }
        let authorization = Arc::<str>::from(self.sign(service, now)?);
        let known = Signed { authorization: Arc::clone(&authorization), shown: now..now + REUSE };
        signed.insert(service.to_owned(), known);
        Ok(authorization)
    }

    fn sign(&self, service: &str, now: Timestamp) -> Result<String, Unspecified> {
        let end = (now + LIFETIME).as_millis().div_euclid(1000);
        let claims = json!({ "aud": service, "exp": end, "sub": self.contact.as_str() });
        let token = self.key.token(&json!({ "typ": "JWT", "alg": "ES256" }), &claims)?;
        // Without the space that may stand after the comma: not every service reads it.
        Ok(format!("vapid t={token},k={}", self.public))
    }
}

#[cfg(test)]
mod tests {
    use fulmar_domain::dnssec::Pkcs8;
    use rcgen::{KeyPair, PublicKeyData};

    use super::*;

    #[test]
    fn a_signature_is_shown_for_an_hour_to_the_service_that_it_is_for() {
        let key = KeyPair::generate().unwrap();
        let public = String::from_utf8_lossy(key.der_bytes()).into_owned();
        let key = VapidKey { pkcs8: Pkcs8(key.serialize_der()), public };
        let vapid = Vapid::new(&key, "mailto:a@office.example".parse().unwrap()).unwrap();
        let now = Timestamp::from_millis(1_792_567_680_000);
        let shown = |service, at| vapid.authorization(service, at).unwrap();
        let first = shown("https://a.example", now);
        assert_eq!(shown("https://a.example", now + REUSE / 2), first);
        assert_ne!(shown("https://b.example", now), first);
        assert_ne!(shown("https://a.example", now - Duration::from_secs(1)), first);
        let later = shown("https://a.example", now + REUSE);
        assert_ne!(later, first);
    }
}
