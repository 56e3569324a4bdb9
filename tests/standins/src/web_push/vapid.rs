//! Whether whoever pushes may (RFC 8292).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use ring::signature::ECDSA_P256_SHA256_FIXED;
use serde_json::Value;

use super::Refusal;
use crate::jwt::verified;

const DAY: u64 = 24 * 3600;

/// A subscription that is not for one key takes pushes without any, too.
pub(super) fn check(headers: &HeaderMap, wanted: Option<&str>, origin: &str) -> Result<(), Refusal> {
    let field = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(field) = field else {
        return if wanted.is_none() {
            Ok(())
        } else {
            Err((StatusCode::UNAUTHORIZED, "nobody says who pushes"))
        };
    };
    let (token, key) = parameters(field).ok_or((StatusCode::UNAUTHORIZED, "this is not vapid"))?;
    let point = URL_SAFE_NO_PAD.decode(key).ok().filter(|point| point.len() == 65);
    let signed = point.and_then(|point| verified(token, &ECDSA_P256_SHA256_FIXED, &point));
    let (header, claims) = signed.ok_or((StatusCode::FORBIDDEN, "the signature is wrong"))?;
    if header["alg"] != "ES256" || !are_right(&claims, origin) {
        return Err((StatusCode::FORBIDDEN, "the claims are wrong"));
    }
    match wanted {
        Some(wanted) if wanted != key => Err((StatusCode::FORBIDDEN, "the subscription is for another key")),
        _ => Ok(()),
    }
}

/// RFC 8292 §3
fn parameters(field: &str) -> Option<(&str, &str)> {
    let (scheme, parameters) = field.split_once(' ')?;
    let find = |name: &str| parameters.split(',').find_map(|part| part.trim().strip_prefix(name));
    scheme.eq_ignore_ascii_case("vapid").then_some((find("t=")?, find("k=")?))
}

/// RFC 8292 §2
fn are_right(claims: &Value, origin: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let ends = claims["exp"].as_u64().is_some_and(|end| end > now && end <= now + DAY);
    let contact = claims["sub"].as_str().unwrap_or_default();
    claims["aud"] == origin && ends && (contact.starts_with("mailto:") || contact.starts_with("https:"))
}
