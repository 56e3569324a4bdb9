//! What Apple's answers mean ("Handling notification responses from APNs").

use std::time::Duration;

use fulmar_domain::Timestamp;
use http::StatusCode;
use serde_json::Value;

use crate::answer::{Answer, Row, Verdict, word};

/// After a token too many the connection takes nothing until the old one may be renewed.
const TOKEN_UPDATE_PAUSE: Duration = Duration::from_secs(20 * 60);

/// Every status and reason that Apple documents, in its order.
///
/// `BadDeviceToken` is also said of a token of the other environment, sandbox or production; the device gets
/// its registration back when the app starts next. `DeviceTokenNotForTopic` leaves the registrations alone,
/// because a mistyped topic would cost all of them. `ExpiredProviderToken` asks for another token; where that is no
/// help a clock is wrong.
pub(super) const TABLE: [Row; 35] = [
    (200, "", Verdict::Delivered),
    (400, "BadCollapseId", Verdict::OursToFix),
    (400, "BadDeviceToken", Verdict::TokenDead),
    (400, "BadExpirationDate", Verdict::OursToFix),
    (400, "BadMessageId", Verdict::OursToFix),
    (400, "BadPriority", Verdict::OursToFix),
    (400, "BadTopic", Verdict::OursToFix),
    (400, "DeviceTokenNotForTopic", Verdict::OursToFix),
    (400, "DuplicateHeaders", Verdict::OursToFix),
    (400, "IdleTimeout", Verdict::BackOff),
    (400, "InvalidPushType", Verdict::OursToFix),
    (400, "MissingDeviceToken", Verdict::OursToFix),
    (400, "MissingTopic", Verdict::OursToFix),
    (400, "PayloadEmpty", Verdict::OursToFix),
    (400, "TopicDisallowed", Verdict::OursToFix),
    (403, "BadCertificate", Verdict::OursToFix),
    (403, "BadCertificateEnvironment", Verdict::OursToFix),
    (403, "ExpiredProviderToken", Verdict::AnotherWay),
    (403, "Forbidden", Verdict::OursToFix),
    (403, "InvalidProviderToken", Verdict::OursToFix),
    (403, "MissingProviderToken", Verdict::OursToFix),
    (403, "UnrelatedKeyIdInToken", Verdict::OursToFix),
    (403, "BadEnvironmentKeyIdInToken", Verdict::OursToFix),
    (404, "BadPath", Verdict::OursToFix),
    (405, "MethodNotAllowed", Verdict::OursToFix),
    (410, "ExpiredToken", Verdict::TokenDead),
    (410, "Unregistered", Verdict::TokenDead),
    (410, "", Verdict::TokenDead),
    (413, "PayloadTooLarge", Verdict::OursToFix),
    (429, "TooManyProviderTokenUpdates", Verdict::BackOffFor(TOKEN_UPDATE_PAUSE)),
    (429, "TooManyRequests", Verdict::BackOff),
    (429, "", Verdict::BackOff),
    (500, "InternalServerError", Verdict::BackOff),
    (503, "ServiceUnavailable", Verdict::BackOff),
    (503, "Shutdown", Verdict::BackOff),
];

/// Reads status and body. A body that is not Apple's JSON leaves the status to speak.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    Answer {
        status,
        reason: body["reason"].as_str().map(word),
        since: body["timestamp"].as_i64().map(Timestamp::from_millis),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use fulmar_domain::push::Outcome;
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
        read(StatusCode::from_u16(status).unwrap(), body.as_bytes()).into_outcome(&TABLE)
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
            let reason = reason.to_owned();
            let expected = match status {
                500.. => Outcome::Unavailable { reason: reason.clone(), after: None },
                _ => Outcome::Retry { reason: reason.clone(), after: None },
            };
            assert_eq!(reasoned(status, &reason), expected);
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
        assert_eq!(tested, TABLE.iter().filter(|(_, reason, _)| !reason.is_empty()).count());
    }

    #[test]
    fn another_token_may_help_where_one_has_expired_and_nowhere_else() {
        let helped = |status, reason: &str| {
            let status = StatusCode::from_u16(status).unwrap();
            read(status, json!({ "reason": reason }).to_string().as_bytes()).verdict(&TABLE)
                == Verdict::AnotherWay
        };
        let all = OURS_TO_FIX.iter().chain(&GONE).chain(&RETRY);
        let found: Vec<_> = all.filter(|(status, reason)| helped(*status, reason)).collect();
        assert_eq!(found, [&(403, "ExpiredProviderToken")]);
    }

    #[test]
    fn what_apple_took_is_accepted_and_another_success_is_none() {
        assert_eq!(outcome(200, ""), Outcome::Accepted);
        assert_eq!(outcome(202, ""), Outcome::Retry { reason: "HTTP status 202".into(), after: None });
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
        assert_eq!(reasoned(502, &reason), Outcome::Unavailable { reason, after: None });
    }

    #[test]
    fn reasons_that_a2_has_no_name_for_are_known_here() {
        let unknown_to_a2: Vec<_> = TABLE
            .iter()
            .map(|(_, reason, _)| *reason)
            .filter(|reason| !reason.is_empty())
            .filter(|reason| serde_json::from_value::<a2::ErrorReason>(json!(reason)).is_err())
            .collect();
        let newer =
            ["InvalidPushType", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken", "ExpiredToken"];
        assert_eq!(unknown_to_a2, newer);
    }

    #[test]
    fn an_answer_of_something_in_between_is_told_by_its_status() {
        let html = "<html>502 Bad Gateway</html>";
        assert_eq!(
            outcome(502, html),
            Outcome::Unavailable { reason: "HTTP status 502".into(), after: None }
        );
        assert_eq!(outcome(407, ""), Outcome::OursToFix { reason: "HTTP status 407".into() });
    }
}
