//! Provider tokens: JSON Web Tokens signed with ES256.
//!
//! Apple refuses a token after an hour, and a client that renews it more often than every 20 minutes. One
//! token is therefore shared by all requests and renewed after 50 minutes.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fulmar_domain::Timestamp;
use ring::error::{KeyRejected, Unspecified};
use serde_json::json;

use crate::jwt::Es256;

/// The age at which a token is renewed.
const RENEWAL: Duration = Duration::from_secs(50 * 60);
/// The age below which a token must not be renewed, even if it was refused as too old.
const MIN_AGE: Duration = Duration::from_secs(20 * 60);

/// A team's key.
pub(super) struct Signer {
    team_id: String,
    key_id: String,
    key: Es256,
}

impl Signer {
    /// Takes a P-256 key in PKCS#8 form.
    pub(super) fn new(team_id: &str, key_id: &str, pkcs8: &[u8]) -> Result<Self, KeyRejected> {
        Ok(Self { team_id: team_id.to_owned(), key_id: key_id.to_owned(), key: Es256::new(pkcs8)? })
    }

    fn sign(&self, now: Timestamp) -> Result<String, Unspecified> {
        let claims = json!({ "iss": self.team_id, "iat": now.as_millis().div_euclid(1000) });
        self.key.token(&json!({ "alg": "ES256", "kid": self.key_id }), &claims)
    }
}

/// The token in use.
pub(super) struct ProviderTokens {
    signer: Signer,
    current: Mutex<Option<Issued>>,
}

#[derive(Clone)]
struct Issued {
    at: Timestamp,
    token: Arc<str>,
}

impl ProviderTokens {
    pub(super) fn new(signer: Signer) -> Self {
        Self { signer, current: Mutex::new(None) }
    }

    /// The token to send now.
    pub(super) fn current(&self, now: Timestamp) -> Result<Arc<str>, Unspecified> {
        let mut current = self.lock();
        match &*current {
            // A clock that was set back makes the token one of the future, which is refused like an old one.
            Some(issued) if now >= issued.at && now.since(issued.at) < RENEWAL => {
                Ok(Arc::clone(&issued.token))
            }
            _ => self.issue(&mut current, now),
        }
    }

    /// Another token in place of one that was refused as expired; nothing where only a clock can be wrong.
    pub(super) fn replace(&self, refused: &str, now: Timestamp) -> Result<Option<Arc<str>>, Unspecified> {
        let mut current = self.lock();
        match &*current {
            Some(issued) if *issued.token != *refused => Ok(Some(Arc::clone(&issued.token))),
            Some(issued) if now.since(issued.at) < MIN_AGE => Ok(None),
            _ => self.issue(&mut current, now).map(Some),
        }
    }

    fn issue(&self, current: &mut Option<Issued>, now: Timestamp) -> Result<Arc<str>, Unspecified> {
        let token = Arc::<str>::from(self.signer.sign(now)?);
        *current = Some(Issued { at: now, token: Arc::clone(&token) });
        Ok(token)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Issued>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use ring::{
        rand::SystemRandom,
        signature::{
            ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
        },
    };
    use serde_json::Value;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_500);
    const MINUTE: Duration = Duration::from_secs(60);

    fn tokens() -> ProviderTokens {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        ProviderTokens::new(Signer::new("TEAM000001", "KEY0000001", pkcs8.as_ref()).unwrap())
    }

    #[test]
    fn a_token_is_three_unpadded_parts_of_which_the_last_signs_the_others() {
        let tokens = tokens();
        let token = tokens.current(NOW).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let parts: Vec<Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        assert_eq!(parts[0], json!({ "alg": "ES256", "kid": "KEY0000001" }));
        assert_eq!(parts[1], json!({ "iss": "TEAM000001", "iat": 1_800_000_000 }));
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, tokens.signer.key.public_point())
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
    }

    #[test]
    fn a_token_is_renewed_after_fifty_minutes_and_not_before() {
        let tokens = tokens();
        let first = tokens.current(NOW).unwrap();
        assert_eq!(tokens.current(NOW + 50 * MINUTE - Duration::from_millis(1)).unwrap(), first);
        assert_ne!(tokens.current(NOW + 50 * MINUTE).unwrap(), first);
    }

    #[test]
    fn a_clock_that_was_set_back_renews_the_token() {
        let tokens = tokens();
        let first = tokens.current(NOW).unwrap();
        assert_ne!(tokens.current(NOW - MINUTE).unwrap(), first);
    }

    #[test]
    fn an_expired_token_is_replaced_once_for_all_who_sent_it() {
        let tokens = tokens();
        let first = tokens.current(NOW).unwrap();
        let second = tokens.replace(&first, NOW + 30 * MINUTE).unwrap().unwrap();
        assert_ne!(second, first);
        assert_eq!(tokens.replace(&first, NOW + 30 * MINUTE).unwrap(), Some(second));
    }

    #[test]
    fn a_young_token_is_not_replaced() {
        let tokens = tokens();
        let first = tokens.current(NOW).unwrap();
        assert_eq!(tokens.replace(&first, NOW + 19 * MINUTE).unwrap(), None);
    }
}
