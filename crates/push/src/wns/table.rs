//! What the answers of WNS mean ("Push notification service request and response headers", "Response codes").

use fulmar_domain::Timestamp;
use http::{HeaderMap, StatusCode};

use crate::answer::{Answer, Row, Verdict, retry_after, word};

/// Every status that is documented, and what `X-WNS-Status` says of a request that was taken. `dropped` is also said where
/// the device is off and the notification is not kept for it, so it is tried again.
pub(super) const TABLE: [Row; 14] = [
    (200, "received", Verdict::Delivered),
    (200, "dropped", Verdict::BackOff),
    (200, "channelthrottled", Verdict::BackOff),
    (200, "", Verdict::Delivered),
    (400, "", Verdict::OursToFix),
    (401, "", Verdict::AnotherWay),
    (403, "", Verdict::OursToFix),
    (404, "", Verdict::TokenDead),
    (405, "", Verdict::OursToFix),
    (406, "", Verdict::BackOff),
    (410, "", Verdict::TokenDead),
    (413, "", Verdict::OursToFix),
    (500, "", Verdict::BackOff),
    (503, "", Verdict::BackOff),
];

/// What is said of the request, or of the error.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Answer {
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(word);
    let said = if status.is_success() { field("x-wns-status") } else { field("x-wns-error-description") };
    Answer { status, reason: said, since: None, retry_after: retry_after(headers, now) }
}

#[cfg(test)]
mod tests {
    use fulmar_domain::push::Outcome;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_792_567_680_000);

    fn answer(status: u16, said: Option<(&'static str, &str)>) -> Answer {
        let headers = said.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers: HeaderMap = headers.into_iter().collect();
        read(StatusCode::from_u16(status).unwrap(), &headers, NOW)
    }

    #[test]
    fn every_status_has_its_meaning() {
        let reason = |status: u16| format!("HTTP status {status}");
        let mut tested = 3;
        for (statuses, expected) in [
            (&[200][..], (|_| Outcome::Accepted) as fn(String) -> Outcome),
            (&[404, 410], |reason| Outcome::Gone { reason, since: None }),
            (&[400, 401, 403, 405, 413], |reason| Outcome::OursToFix { reason }),
            (&[406], |reason| Outcome::Retry { reason, after: None }),
            (&[500, 503], |reason| Outcome::Unavailable { reason, after: None }),
        ] {
            for status in statuses {
                assert_eq!(answer(*status, None).into_outcome(&TABLE), expected(reason(*status)));
            }
            tested += statuses.len();
        }
        assert_eq!(tested, TABLE.len());
        assert_eq!(answer(401, None).verdict(&TABLE), Verdict::AnotherWay);
    }

    #[test]
    fn what_became_of_a_request_that_was_taken_is_in_a_header() {
        let said = |word| answer(200, Some(("x-wns-status", word))).into_outcome(&TABLE);
        assert_eq!(said("received"), Outcome::Accepted);
        for word in ["dropped", "channelthrottled"] {
            assert_eq!(said(word), Outcome::Retry { reason: word.into(), after: None });
        }
    }

    #[test]
    fn a_description_survives_and_its_status_speaks() {
        let described =
            |status, text| answer(status, Some(("x-wns-error-description", text))).into_outcome(&TABLE);
        let reason = String::from("the channel expired");
        assert_eq!(described(410, "the channel expired"), Outcome::Gone { reason, since: None });
        assert_eq!(described(451, "dropped"), Outcome::Retry { reason: "dropped".into(), after: None });
    }
}
