//! What the answers of Firebase mean ("FCM Error Codes").

use std::time::Duration;

use fulmar_domain::Timestamp;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::answer::{Answer, Row, Verdict, retry_after, word};

/// How long Firebase wants to be left alone when too much was sent, where it does not say otherwise.
const QUOTA_PAUSE: Duration = Duration::from_secs(60);

/// Every status and code that is documented. `SENDER_ID_MISMATCH` leaves the registrations alone, because the account of
/// another project would cost all of them. `UNSPECIFIED_ERROR` says nothing, so its status speaks.
pub(super) const TABLE: [Row; 13] = [
    (200, "", Verdict::Delivered),
    (400, "INVALID_ARGUMENT", Verdict::OursToFix),
    (401, "THIRD_PARTY_AUTH_ERROR", Verdict::OursToFix),
    (401, "UNAUTHENTICATED", Verdict::AnotherWay),
    (401, "", Verdict::AnotherWay),
    (403, "SENDER_ID_MISMATCH", Verdict::OursToFix),
    (403, "PERMISSION_DENIED", Verdict::OursToFix),
    (404, "UNREGISTERED", Verdict::TokenDead),
    (404, "NOT_FOUND", Verdict::OursToFix),
    (429, "QUOTA_EXCEEDED", Verdict::BackOff),
    (429, "", Verdict::BackOff),
    (500, "INTERNAL", Verdict::BackOff),
    (503, "UNAVAILABLE", Verdict::BackOff),
];

/// The code of Firebase is among the details; what other parts of Google refuse has a status in words.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &body["error"];
    let details = error["details"].as_array().into_iter().flatten();
    let code = details.filter_map(|detail| detail["errorCode"].as_str()).next();
    let pause = (status == StatusCode::TOO_MANY_REQUESTS).then_some(QUOTA_PAUSE);
    Answer {
        status,
        reason: code.or(error["status"].as_str()).map(word),
        since: None,
        retry_after: retry_after(headers, now).or(pause),
    }
}

#[cfg(test)]
mod tests {
    use fulmar_domain::push::Outcome;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_792_567_680_000);

    fn answer(status: u16, code: Option<&str>, word: &str) -> Answer {
        let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
        let details: Vec<_> =
            code.map(|code| json!({ "@type": kind, "errorCode": code })).into_iter().collect();
        let body = json!({ "error": { "code": status, "status": word, "details": details } }).to_string();
        read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes(), NOW)
    }

    #[test]
    fn every_code_has_its_meaning() {
        let ours = |reason: &str| Outcome::OursToFix { reason: reason.into() };
        let later = |reason: &str| Outcome::Unavailable { reason: reason.into(), after: None };
        let gone = |reason: &str| Outcome::Gone { reason: reason.into(), since: None };
        for (status, code, word, outcome) in [
            (200, None, "", Outcome::Accepted),
            (400, Some("INVALID_ARGUMENT"), "INVALID_ARGUMENT", ours("INVALID_ARGUMENT")),
            (401, Some("THIRD_PARTY_AUTH_ERROR"), "UNAUTHENTICATED", ours("THIRD_PARTY_AUTH_ERROR")),
            (403, Some("SENDER_ID_MISMATCH"), "PERMISSION_DENIED", ours("SENDER_ID_MISMATCH")),
            (403, None, "PERMISSION_DENIED", ours("PERMISSION_DENIED")),
            (404, Some("UNREGISTERED"), "NOT_FOUND", gone("UNREGISTERED")),
            (404, None, "NOT_FOUND", ours("NOT_FOUND")),
            (500, Some("INTERNAL"), "INTERNAL", later("INTERNAL")),
            (503, Some("UNAVAILABLE"), "UNAVAILABLE", later("UNAVAILABLE")),
            (500, Some("UNSPECIFIED_ERROR"), "UNKNOWN", later("UNSPECIFIED_ERROR")),
            (418, Some("TOO_MANY_MOONS"), "TEA", ours("TOO_MANY_MOONS")),
        ] {
            assert_eq!(answer(status, code, word).into_outcome(&TABLE), outcome);
        }
        for (code, word) in [(Some("QUOTA_EXCEEDED"), "RESOURCE_EXHAUSTED"), (None, "RESOURCE_EXHAUSTED")] {
            let reason = code.unwrap_or(word).to_owned();
            let outcome = Outcome::Retry { reason, after: Some(QUOTA_PAUSE) };
            assert_eq!(answer(429, code, word).into_outcome(&TABLE), outcome);
        }
    }

    #[test]
    fn another_token_may_help_where_google_does_not_know_who_asks() {
        assert_eq!(answer(401, None, "UNAUTHENTICATED").verdict(&TABLE), Verdict::AnotherWay);
        let nothing = read(StatusCode::UNAUTHORIZED, &HeaderMap::new(), b"<html>", NOW);
        assert_eq!(nothing.verdict(&TABLE), Verdict::AnotherWay);
        assert_eq!(nothing.into_outcome(&TABLE), Outcome::OursToFix { reason: "HTTP status 401".into() });
    }
}
