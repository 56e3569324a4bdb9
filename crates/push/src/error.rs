//! Why a push came to nothing without an answer.

use std::{error::Error, time::Duration};

use fulmar_domain::push::Outcome;
use thiserror::Error;

use crate::transport::NotReachable;

/// A push that got no answer, or could not be sent.
#[derive(Debug, Error)]
pub(crate) enum SendError {
    /// The system has no random numbers, or the key does not sign.
    #[error("can not sign a token for the service")]
    Sign(#[source] ring::error::Unspecified),
    /// The system has no random numbers.
    #[error("can not make an id for the notification")]
    Random(#[source] ring::error::Unspecified),
    /// The notification does not fit what the service takes.
    #[error("can not write the payload of the notification")]
    Payload(#[source] a2::Error),
    /// A part of the request can not stand in a header field or a URL.
    #[error("can not write the request for the notification")]
    Request(#[source] http::Error),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection could not be made, or ended before the answer.
    #[error("can not reach the service")]
    Exchange(#[source] hyper_util::client::legacy::Error),
}

impl SendError {
    /// What it means for the notification: what the network did passes, all else has to be mended.
    pub(crate) fn into_outcome(self) -> Outcome {
        let reason = in_words(&self);
        match self {
            Self::Exchange(cause) if is_refusal(&cause) => Outcome::OursToFix { reason },
            Self::TimedOut(_) | Self::Exchange(_) => Outcome::Unavailable { reason, after: None },
            Self::Sign(_) | Self::Random(_) | Self::Payload(_) | Self::Request(_) => {
                Outcome::OursToFix { reason }
            }
        }
    }
}

/// The error and its causes, as an administrator reads them.
pub(crate) fn in_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

/// Whether time does not mend it: TLS came to nothing because of a certificate or what the sides offer, or the host is
/// at an address that the box does not connect to.
fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return matches!(tls, rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_));
        }
        if error.is::<NotReachable>() {
            return true;
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            // An `io::Error` leaves the error that it was made of out of the chain of causes.
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
