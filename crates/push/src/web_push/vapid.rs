//! Who pushes: Voluntary Application Server Identification (RFC 8292).

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    push::{Contact, VapidKey},
};
use ring::error::{KeyRejected, Unspecified};
use serde_json::json;

use crate::jwt::Es256;

/// How long a signature is good for; services refuse one of more than 24 hours (RFC 8292 §2).
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Signs for whoever is asked.
pub(super) struct Vapid {
    key: Es256,
    public: String,
    contact: Contact,
}

impl Vapid {
    pub(super) fn new(key: &VapidKey, contact: Contact) -> Result<Self, KeyRejected> {
        Ok(Self { key: Es256::new(&key.pkcs8.0)?, public: key.public.clone(), contact })
    }

    /// The value of `Authorization` for a service, which is named by the URL of its root.
    pub(super) fn authorization(&self, service: &str, now: Timestamp) -> Result<String, Unspecified> {
        let end = (now + LIFETIME).as_millis().div_euclid(1000);
        let claims = json!({ "aud": service, "exp": end, "sub": self.contact.as_str() });
        let token = self.key.token(&json!({ "typ": "JWT", "alg": "ES256" }), &claims)?;
        // Without the space that may stand after the comma: not every service reads it.
        Ok(format!("vapid t={token},k={}", self.public))
    }
}
