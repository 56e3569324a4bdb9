//! What the stand-in can be told to do with a push.

use std::time::Duration;

use http::StatusCode;

/// What becomes of one push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It is judged by what Apple documents, and answered.
    Judge,
    /// It is refused with this, whatever it is like.
    Refuse(Refusal),
    /// It is judged at once, and answered after a while.
    AnswerLate(Duration),
    /// It is judged and answered, and the connection takes no push after it (HTTP/2 GOAWAY).
    GoAway,
    /// It is judged, and the connection closed before the answer: the client can not know what became of it.
    Close,
    /// It is judged, and the answer breaks off after its status.
    BreakOff,
    /// It is not judged, and answered with this status and what is no answer of Apple's.
    Garbage(StatusCode),
    /// It is neither judged nor answered; the connection stays open.
    Silence,
}

/// An answer other than 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// Apple's word.
    pub reason: String,
    /// With status 410: milliseconds since the Unix epoch at which the device token was found dead.
    pub timestamp: Option<u64>,
}

impl Refusal {
    /// A refusal without a timestamp.
    pub fn new(status: StatusCode, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), timestamp: None }
    }

    /// The JSON body.
    pub(super) fn body(&self) -> String {
        let mut body = serde_json::json!({ "reason": self.reason });
        if let Some(timestamp) = self.timestamp {
            body["timestamp"] = timestamp.into();
        }
        body.to_string()
    }
}
