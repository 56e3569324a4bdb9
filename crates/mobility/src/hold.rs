//! Polls that are held, of both kinds.

use axum::{extract::FromRequestParts, http::request::Parts};
use fulmar_app::{HeldPoll, Looked, Poll, PollError, Polled};
use fulmar_domain::session::Session;
use fulmar_http::Parking;

use crate::Phones;

/// How a request waits: parked where its connection can do that, else as it is.
pub(crate) struct Wait(Option<Parking>);

impl<S: Sync> FromRequestParts<S> for Wait {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.remove()))
    }
}

impl Wait {
    /// Whether it has waited already, and is asked again as it was.
    pub(crate) fn is_woken(&self) -> bool {
        self.0.as_ref().is_some_and(Parking::is_woken)
    }

    /// Holds a poll until there is an answer. `gauge` counts those that are held.
    pub(crate) async fn hold(
        self,
        phones: &Phones,
        session: &Session,
        poll: Poll,
        gauge: &'static str,
    ) -> Result<Polled, PollError> {
        let Some(parking) = self.0 else {
            let _active = Active::new(gauge);
            return phones.app.poll(session, poll, phones.stop.cancelled()).await;
        };
        let (looked, active) = match parking.woken::<(HeldPoll, Active)>() {
            Some((held, active)) => {
                (phones.app.look(held, session, phones.stop.is_cancelled()).await?, active)
            }
            None => (phones.app.hold(session, poll).await?, Active::new(gauge)),
        };
        let held = match looked {
            Looked::Answer(polled) => return Ok(polled),
            Looked::Wait(held) => held,
        };
        let stop = phones.stop.clone();
        let waking = async move {
            stop.run_until_cancelled(held.woken()).await;
            (held, active)
        };
        parking.park(waking).await
    }
}

/// A poll in the counter of those that are held; its client may go before it is answered.
struct Active(&'static str);

impl Active {
    fn new(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1.0);
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1.0);
    }
}
