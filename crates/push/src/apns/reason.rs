//! What Apple's answers mean ("Handling notification responses from APNs").

use std::time::Duration;

use fulmar_domain::{Timestamp, push::Outcome};
use http::StatusCode;
use serde_json::Value;

/// An answer that was read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    reason: Option<String>,
    /// When the device token was found dead.
    timestamp: Option<Timestamp>,
}

/// What follows from a reason.
#[derive(Clone, Copy)]
enum Verdict {
    Gone,
    OursToFix,
    Retry,
    RetryAfter(Duration),
}

/// After a token too many the connection takes nothing until the old one may be renewed.
const TOKEN_UPDATE_PAUSE: Duration = Duration::from_secs(20 * 60);

/// Every reason that Apple documents, in its order.
///
/// `BadDeviceToken` is also said of a token of the other environment, sandbox or production; the device gets
/// its registration back when the app starts next. `DeviceTokenNotForTopic` leaves the registrations alone,
/// because a mistyped topic would cost all of them. `ExpiredProviderToken` comes here only after another
/// token has failed too: then a clock is wrong.
const VERDICTS: [(&str, Verdict); 32] = [
    ("BadCollapseId", Verdict::OursToFix),
    ("BadDeviceToken", Verdict::Gone),
    ("BadExpirationDate", Verdict::OursToFix),
    ("BadMessageId", Verdict::OursToFix),
    ("BadPriority", Verdict::OursToFix),
    ("BadTopic", Verdict::OursToFix),
    ("DeviceTokenNotForTopic", Verdict::OursToFix),
    ("DuplicateHeaders", Verdict::OursToFix),
    ("IdleTimeout", Verdict::Retry),
    ("InvalidPushType", Verdict::OursToFix),
    ("MissingDeviceToken", Verdict::OursToFix),
    ("MissingTopic", Verdict::OursToFix),
    ("PayloadEmpty", Verdict::OursToFix),
    ("TopicDisallowed", Verdict::OursToFix),
    ("BadCertificate", Verdict::OursToFix),
    ("BadCertificateEnvironment", Verdict::OursToFix),
    ("ExpiredProviderToken", Verdict::OursToFix),
    ("Forbidden", Verdict::OursToFix),
    ("InvalidProviderToken", Verdict::OursToFix),
    ("MissingProviderToken", Verdict::OursToFix),
    ("UnrelatedKeyIdInToken", Verdict::OursToFix),
    ("BadEnvironmentKeyIdInToken", Verdict::OursToFix),
    ("BadPath", Verdict::OursToFix),
    ("MethodNotAllowed", Verdict::OursToFix),
    ("ExpiredToken", Verdict::Gone),
    ("Unregistered", Verdict::Gone),
    ("PayloadTooLarge", Verdict::OursToFix),
    ("TooManyProviderTokenUpdates", Verdict::RetryAfter(TOKEN_UPDATE_PAUSE)),
    ("TooManyRequests", Verdict::Retry),
    ("InternalServerError", Verdict::Retry),
    ("ServiceUnavailable", Verdict::Retry),
    ("Shutdown", Verdict::Retry),
];

impl Answer {
    /// Reads status and body. A body that is not Apple's JSON leaves the status to speak.
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        Self {
            status,
            reason: body["reason"].as_str().map(|reason| reason.chars().take(100).collect()),
            timestamp: body["timestamp"].as_i64().map(Timestamp::from_millis),
        }
    }

    /// Whether another provider token may help.
    pub(super) fn is_expired_provider_token(&self) -> bool {
        self.reason.as_deref() == Some("ExpiredProviderToken")
    }

    /// What the answer means for the notification.
    pub(super) fn into_outcome(self) -> Outcome {
        if self.status == StatusCode::OK {
            return Outcome::Accepted;
        }
        let known = VERDICTS.iter().find(|(name, _)| self.reason.as_deref() == Some(name));
        let verdict = known.map_or_else(|| verdict_of_status(self.status), |(_, verdict)| *verdict);
        let reason = self.reason.unwrap_or_else(|| format!("HTTP status {}", self.status.as_u16()));
        match verdict {
            Verdict::Gone => Outcome::Gone { reason, since: self.timestamp },
            Verdict::OursToFix => Outcome::OursToFix { reason },
            Verdict::Retry => Outcome::Retry { reason, after: None },
            Verdict::RetryAfter(pause) => Outcome::Retry { reason, after: Some(pause) },
        }
    }
}

/// For a reason that is missing or newer than this table.
fn verdict_of_status(status: StatusCode) -> Verdict {
    match status {
        StatusCode::GONE => Verdict::Gone,
        StatusCode::TOO_MANY_REQUESTS => Verdict::Retry,
        refused if refused.is_client_error() => Verdict::OursToFix,
        _ => Verdict::Retry,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OURS_TO_FIX: [(u16, &str); 23] = [
        (400, "BadCollapseId"),
        (400, "BadExpirationDate"),
        (400, "BadMessageId"),
        (400, "BadPriority"),
        (400, "BadTopic"),
        (400, "DeviceTokenNotForTopic"),
        (400, "DuplicateHeaders"),
        (400, "InvalidPushType"),
        (400, "MissingDeviceToken"),
        (400, "MissingTopic"),
        (400, "PayloadEmpty"),
        (400, "TopicDisallowed"),
        (403, "BadCertificate"),
        (403, "BadCertificateEnvironment"),
        (403, "ExpiredProviderToken"),
        (403, "Forbidden"),
        (403, "InvalidProviderToken"),
        (403, "MissingProviderToken"),
        (403, "UnrelatedKeyIdInToken"),
        (403, "BadEnvironmentKeyIdInToken"),
        (404, "BadPath"),
        (405, "MethodNotAllowed"),
        (413, "PayloadTooLarge"),
    ];
    const GONE: [(u16, &str); 3] = [(400, "BadDeviceToken"), (410, "ExpiredToken"), (410, "Unregistered")];
    const RETRY: [(u16, &str); 5] = [
        (400, "IdleTimeout"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (503, "Shutdown"),
    ];

    fn outcome(status: u16, body: &str) -> Outcome {
        Answer::read(StatusCode::from_u16(status).unwrap(), body.as_bytes()).into_outcome()
    }

    fn reasoned(status: u16, reason: &str) -> Outcome {
        outcome(status, &json!({ "reason": reason }).to_string())
    }

    #[test]
    fn what_is_wrong_with_us_is_ours_to_fix() {
        for (status, reason) in OURS_TO_FIX {
            assert_eq!(reasoned(status, reason), Outcome::OursToFix { reason: reason.into() });
        }
    }

    #[test]
    fn a_dead_device_token_is_gone() {
        for (status, reason) in GONE {
            assert_eq!(reasoned(status, reason), Outcome::Gone { reason: reason.into(), since: None });
        }
    }

    #[test]
    fn what_passes_is_tried_again() {
        for (status, reason) in RETRY {
            assert_eq!(reasoned(status, reason), Outcome::Retry { reason: reason.into(), after: None });
        }
        let pause = Outcome::Retry {
            reason: "TooManyProviderTokenUpdates".into(),
            after: Some(Duration::from_secs(1200)),
        };
        assert_eq!(reasoned(429, "TooManyProviderTokenUpdates"), pause);
    }

    #[test]
    fn every_documented_reason_is_tested_here() {
        let tested = OURS_TO_FIX.len() + GONE.len() + RETRY.len() + 1;
        assert_eq!(tested, VERDICTS.len());
    }

    #[test]
    fn a_dead_token_is_dead_since_the_time_given() {
        let since = Some(Timestamp::from_millis(1_508_249_865_488));
        let body = r#"{"reason":"Unregistered","timestamp":1508249865488}"#;
        assert_eq!(outcome(410, body), Outcome::Gone { reason: "Unregistered".into(), since });
    }

    #[test]
    fn a_reason_that_is_new_survives_and_its_status_speaks() {
        let reason = String::from("TooManyMoons");
        assert_eq!(reasoned(429, &reason), Outcome::Retry { reason: reason.clone(), after: None });
        assert_eq!(reasoned(410, &reason), Outcome::Gone { reason: reason.clone(), since: None });
        assert_eq!(reasoned(403, &reason), Outcome::OursToFix { reason: reason.clone() });
        assert_eq!(reasoned(502, &reason), Outcome::Retry { reason, after: None });
    }

    #[test]
    fn reasons_that_a2_has_no_name_for_are_known_here() {
        let unknown_to_a2: Vec<_> = VERDICTS
            .iter()
            .map(|(reason, _)| *reason)
            .filter(|reason| serde_json::from_value::<a2::ErrorReason>(json!(reason)).is_err())
            .collect();
        let newer =
            ["InvalidPushType", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken", "ExpiredToken"];
        assert_eq!(unknown_to_a2, newer);
    }

    #[test]
    fn an_answer_of_something_in_between_is_told_by_its_status() {
        let html = "<html>502 Bad Gateway</html>";
        assert_eq!(outcome(502, html), Outcome::Retry { reason: "HTTP status 502".into(), after: None });
        assert_eq!(outcome(407, ""), Outcome::OursToFix { reason: "HTTP status 407".into() });
    }
}
