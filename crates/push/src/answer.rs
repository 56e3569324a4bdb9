//! What a service answers, and what follows from it. Each service has one table of all that it documents.

use std::time::{Duration, UNIX_EPOCH};

use fulmar_domain::{Timestamp, push::Outcome};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The service took the notification.
    Delivered,
    /// The registration is dead.
    TokenDead,
    /// Nothing the device can help.
    OursToFix,
    /// The same again, later: as late as the answer asks for.
    BackOff,
    /// The same again, after this time at the earliest.
    BackOffFor(Duration),
    /// Once more at once with another credential; ours to fix where that is no help.
    AnotherWay,
}

/// A status, the service's word for the reason, and what follows. The row with an empty word stands for every word
/// that has no row of its own.
pub(crate) type Row = (u16, &'static str, Verdict);

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The service's word.
    pub(crate) reason: Option<String>,
    /// When the registration was found dead.
    pub(crate) since: Option<Timestamp>,
    /// How long the service asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Answer {
    /// What the table says: of the status with this word, of the status, or of the word. An answer that is newer than
    /// the table is judged by the class of its status.
    pub(crate) fn verdict(&self, table: &[Row]) -> Verdict {
        let (status, word) = (self.status.as_u16(), self.reason.as_deref().unwrap_or_default());
        let find = |wanted: &dyn Fn(&Row) -> bool| table.iter().find(|row| wanted(row)).map(|row| row.2);
        find(&|row| row.0 == status && row.1 == word)
            .or_else(|| find(&|row| row.0 == status && row.1.is_empty()))
            .or_else(|| find(&|row| row.1 == word && !word.is_empty()))
            .unwrap_or(if self.status.is_client_error() { Verdict::OursToFix } else { Verdict::BackOff })
    }

    /// What the answer means for the notification.
    pub(crate) fn into_outcome(self, table: &[Row]) -> Outcome {
        let verdict = self.verdict(table);
        let reason = self.reason.unwrap_or_else(|| format!("HTTP status {}", self.status.as_u16()));
        match verdict {
            Verdict::Delivered => Outcome::Accepted,
            Verdict::TokenDead => Outcome::Gone { reason, since: self.since },
            Verdict::OursToFix | Verdict::AnotherWay => Outcome::OursToFix { reason },
            Verdict::BackOff if self.status.is_server_error() => {
                Outcome::Unavailable { reason, after: self.retry_after }
            }
            Verdict::BackOff => Outcome::Retry { reason, after: self.retry_after },
            Verdict::BackOffFor(pause) => Outcome::Retry { reason, after: Some(pause) },
        }
    }
}

/// For how long the service asks to be left alone (RFC 9110 §10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((Timestamp::from_millis(0) + until).since(now))
}

/// A word of a service as the ledger keeps it: bounded, in one line.
pub(crate) fn word(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(100).collect()
}
