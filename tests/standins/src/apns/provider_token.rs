//! Provider tokens: JSON Web Tokens (RFC 7519) signed with ES256 (RFC 7518 §3.4).

use std::{sync::Mutex, time::Duration};

use http::StatusCode;
use ring::signature::ECDSA_P256_SHA256_FIXED;

use super::{ProviderKey, Refusal};
use crate::jwt::verified;

/// How old a token may be.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How far a client's clock may be ahead.
const TOLERANCE: Duration = Duration::from_secs(60);
/// How long a token has to be used before another takes its place.
const UPDATE_PAUSE: Duration = Duration::from_secs(20 * 60);

/// Checks tokens, and remembers which it has seen.
pub(super) struct TokenCheck {
    key: ProviderKey,
    limits_updates: bool,
    /// Valid tokens with the time since the Unix epoch at which they were first seen.
    seen: Mutex<Vec<(String, Duration)>>,
}

impl TokenCheck {
    pub(super) fn new(key: ProviderKey, limits_updates: bool) -> Self {
        Self { key, limits_updates, seen: Mutex::default() }
    }

    /// Whether a client that shows this `authorization` value may push; `now` counts from the Unix epoch.
    pub(super) fn check(&self, authorization: Option<&str>, now: Duration) -> Result<(), Refusal> {
        let token = authorization
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token)
            .ok_or_else(|| forbidden("MissingProviderToken"))?;
        let issued_at = self.verified_issue_time(token).ok_or_else(|| forbidden("InvalidProviderToken"))?;
        if issued_at > now + TOLERANCE {
            return Err(forbidden("InvalidProviderToken"));
        }
        if now.saturating_sub(issued_at) > LIFETIME {
            return Err(forbidden("ExpiredProviderToken"));
        }
        self.count_update(token, now)
    }

    /// The `iat` claim, if everything else about the token is right.
    fn verified_issue_time(&self, token: &str) -> Option<Duration> {
        let (header, claims) = verified(token, &ECDSA_P256_SHA256_FIXED, self.key.public_point())?;
        let right =
            header["alg"] == "ES256" && header["kid"] == self.key.key_id && claims["iss"] == self.key.team_id;
        right.then_some(Duration::from_secs(claims["iat"].as_u64()?))
    }

    fn count_update(&self, token: &str, now: Duration) -> Result<(), Refusal> {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if seen.iter().any(|(known, _)| known == token) {
            return Ok(());
        }
        let too_soon = seen.last().is_some_and(|(_, at)| now.saturating_sub(*at) < UPDATE_PAUSE);
        if self.limits_updates && too_soon {
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "TooManyProviderTokenUpdates"));
        }
        seen.push((token.to_owned(), now));
        Ok(())
    }
}

fn forbidden(reason: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, reason)
}

#[cfg(test)]
mod tests {
    use base64::{
        Engine,
        engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
    };
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
    };
    use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
    use serde_json::{Value, json};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn check(limits_updates: bool) -> TokenCheck {
        TokenCheck::new(ProviderKey::make("TEAM000001", "KEY0000001").unwrap(), limits_updates)
    }

    fn sign(key: &ProviderKey, header: &Value, claims: &Value, engine: &impl Engine) -> String {
        let signed = format!("{}.{}", engine.encode(header.to_string()), engine.encode(claims.to_string()));
        let der = PrivatePkcs8KeyDer::from_pem_slice(key.pem().as_bytes()).unwrap();
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random)
                .unwrap();
        let signature = pair.sign(&random, signed.as_bytes()).unwrap();
        format!("bearer {signed}.{}", engine.encode(signature))
    }

    fn token(key: &ProviderKey, issued_at: Duration) -> String {
        let claims = json!({ "iss": "TEAM000001", "iat": issued_at.as_secs() });
        sign(key, &json!({ "alg": "ES256", "kid": "KEY0000001" }), &claims, &URL_SAFE_NO_PAD)
    }

    fn reason(check: &TokenCheck, authorization: &str, now: Duration) -> Option<String> {
        check.check(Some(authorization), now).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn a_token_is_good_for_an_hour() {
        let check = check(false);
        let token = token(&check.key, NOW);
        assert_eq!(reason(&check, &token, NOW + LIFETIME), None);
        assert_eq!(reason(&check, &token, NOW + LIFETIME + MINUTE).as_deref(), Some("ExpiredProviderToken"));
        assert_eq!(reason(&check, &token, NOW - 2 * MINUTE).as_deref(), Some("InvalidProviderToken"));
    }

    #[test]
    fn a_missing_token_is_said_to_be_missing() {
        let check = check(false);
        for none in [None, Some("bearer"), Some("Basic eDp5")] {
            assert_eq!(check.check(none, NOW), Err(forbidden("MissingProviderToken")));
        }
    }

    #[test]
    fn a_token_with_anything_wrong_is_invalid() {
        let check = check(false);
        let (header, claims) = (
            json!({ "alg": "ES256", "kid": "KEY0000001" }),
            json!({ "iss": "TEAM000001", "iat": NOW.as_secs() }),
        );
        let other_key = ProviderKey::make("TEAM000001", "KEY0000001").unwrap();
        for wrong in [
            token(&other_key, NOW),
            sign(&check.key, &json!({ "alg": "ES256", "kid": "KEY0000002" }), &claims, &URL_SAFE_NO_PAD),
            sign(&check.key, &json!({ "alg": "none", "kid": "KEY0000001" }), &claims, &URL_SAFE_NO_PAD),
            sign(
                &check.key,
                &header,
                &json!({ "iss": "TEAM000002", "iat": NOW.as_secs() }),
                &URL_SAFE_NO_PAD,
            ),
            sign(&check.key, &header, &json!({ "iss": "TEAM000001" }), &URL_SAFE_NO_PAD),
            sign(&check.key, &header, &claims, &URL_SAFE),
            "bearer a.b".to_owned(),
            "bearer ..".to_owned(),
        ] {
            assert_eq!(reason(&check, &wrong, NOW).as_deref(), Some("InvalidProviderToken"), "{wrong}");
        }
    }

    #[test]
    fn a_second_new_token_has_to_wait_twenty_minutes_where_that_is_switched_on() {
        let (strict, lenient) = (check(true), check(false));
        for check in [&strict, &lenient] {
            assert_eq!(reason(check, &token(&check.key, NOW), NOW), None);
        }
        let soon = NOW + 19 * MINUTE;
        assert_eq!(
            reason(&strict, &token(&strict.key, soon), soon).as_deref(),
            Some("TooManyProviderTokenUpdates")
        );
        assert_eq!(reason(&lenient, &token(&lenient.key, soon), soon), None);
        let later = NOW + 20 * MINUTE;
        assert_eq!(reason(&strict, &token(&strict.key, later), later), None);
    }
}
