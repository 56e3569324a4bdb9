//! What the answers of push services mean (RFC 8030 §5, §7 and §8, RFC 8292 §4.2).

use fulmar_domain::Timestamp;
use http::{HeaderMap, StatusCode};

use crate::answer::{Answer, Row, Verdict, retry_after, word};

/// Every status that is specified or that a service of note documents (Mozilla's autopush, Firebase, UnifiedPush).
///
/// 401 and 403 are about the key that says who pushes: it is not the one that the device subscribed for, or a clock is
/// wrong. A redirection is not followed: it would lead the box wherever the service likes.
pub(super) const TABLE: [Row; 21] = [
    (200, "", Verdict::Delivered),
    (201, "", Verdict::Delivered),
    (202, "", Verdict::Delivered),
    (204, "", Verdict::Delivered),
    (301, "", Verdict::BackOff),
    (302, "", Verdict::BackOff),
    (307, "", Verdict::BackOff),
    (308, "", Verdict::BackOff),
    (400, "", Verdict::OursToFix),
    (401, "", Verdict::OursToFix),
    (403, "", Verdict::OursToFix),
    (404, "", Verdict::TokenDead),
    (405, "", Verdict::OursToFix),
    (408, "", Verdict::BackOff),
    (410, "", Verdict::TokenDead),
    (413, "", Verdict::OursToFix),
    (415, "", Verdict::OursToFix),
    (429, "", Verdict::BackOff),
    (500, "", Verdict::BackOff),
    (502, "", Verdict::BackOff),
    (503, "", Verdict::BackOff),
];

/// Services have no words in common, so status and what they say together are the reason.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Answer {
    let said = word(std::str::from_utf8(body).unwrap_or_default().trim());
    let separator = if said.is_empty() { "" } else { ": " };
    let reason = Some(format!("HTTP status {}{separator}{said}", status.as_u16()));
    Answer { status, reason, since: None, retry_after: retry_after(headers, now) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fulmar_domain::push::Outcome;
    use http::header::RETRY_AFTER;

    use super::*;

    /// Wed, 21 Oct 2026 07:28:00 GMT
    const NOW: Timestamp = Timestamp::from_millis(1_792_567_680_000);

    fn outcome(status: u16, retry_after: Option<&str>, body: &str) -> Outcome {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
        }
        read(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), NOW).into_outcome(&TABLE)
    }

    #[test]
    fn every_status_has_its_meaning() {
        let reason = |status: u16| format!("HTTP status {status}");
        let mut tested = 0;
        for (statuses, expected) in [
            (&[200, 201, 202, 204][..], (|_| Outcome::Accepted) as fn(String) -> Outcome),
            (&[404, 410], |reason| Outcome::Gone { reason, since: None }),
            (&[400, 401, 403, 405, 413, 415], |reason| Outcome::OursToFix { reason }),
            (&[301, 302, 307, 308, 408, 429], |reason| Outcome::Retry { reason, after: None }),
            (&[500, 502, 503], |reason| Outcome::Unavailable { reason, after: None }),
        ] {
            for status in statuses {
                assert_eq!(outcome(*status, None, ""), expected(reason(*status)));
            }
            tested += statuses.len();
        }
        assert_eq!(tested, TABLE.len());
    }

    #[test]
    fn what_is_newer_than_the_table_survives_and_its_class_speaks() {
        assert_eq!(outcome(451, None, ""), Outcome::OursToFix { reason: "HTTP status 451".into() });
        let later = Outcome::Unavailable { reason: "HTTP status 599: moons".into(), after: None };
        assert_eq!(outcome(599, None, " moons\n"), later);
    }

    #[test]
    fn a_service_says_how_long_it_wants_to_be_left_alone() {
        let after = |value| match outcome(429, Some(value), "") {
            Outcome::Retry { after, .. } => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Wed, 21 Oct 2026 07:29:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(after("Wed, 21 Oct 2026 07:27:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn what_a_service_says_is_one_short_line() {
        let said = format!("no\u{1b}\nsuch {}", "x".repeat(200));
        let Outcome::Gone { reason, .. } = outcome(410, None, &said) else { panic!() };
        assert!(reason.starts_with("HTTP status 410: nosuch xx") && reason.len() < 130, "{reason}");
        assert_eq!(outcome(410, None, ""), Outcome::Gone { reason: "HTTP status 410".into(), since: None });
    }
}
