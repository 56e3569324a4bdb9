//! The channel of events: a request that is held until something happens ("pending GET").
//!
//! The cursor in its links is one more than the number of the newest event that the client has dealt with. It has
//! no other meaning, and clients do not change it.

use std::time::Duration;

use axum::extract::State;
use fulmar_app::{Poll, PollEnd, PollError, Polled};
use fulmar_domain::{
    event::{Event, Release},
    session::POLL_WAIT,
};
use fulmar_wire::ucwa::{Code, EventsDocument, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    render::Renderer,
};
use crate::Phones;

pub(super) async fn poll(
    State(phones): State<Phones>,
    asker: Asker,
    given: Given,
) -> Result<Answer, Refused> {
    let cursor = number(&given, "ack")?.unwrap_or(1).max(1);
    let session = &asker.application.session;
    // What was acknowledged is forgotten, and what did not happen yet can not be acknowledged.
    if cursor > session.last_event + 1 || cursor <= session.acknowledged {
        let known = asker.hrefs.events(session.acknowledged + 1);
        return Ok(Answer::Events(EventsDocument::new(asker.hrefs.events(cursor), &known).resync(&known)));
    }
    let wait = number(&given, "timeout")?.map_or(POLL_WAIT, Duration::from_secs);
    let priority = number(&given, "priority")?.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let release = Some(Release { medium: seconds(&given, "medium", 5)?, low: seconds(&given, "low", 15)? });
    let poll = Poll { ack: cursor - 1, wait, release, priority };
    metrics::gauge!("fulmar_ucwa_pending_gets").increment(1.0);
    let polled = asker.app.poll(session, poll, phones.stop.clone().cancelled_owned()).await;
    metrics::gauge!("fulmar_ucwa_pending_gets").decrement(1.0);
    let Polled { inbox, end } = match polled {
        Ok(polled) => polled,
        Err(PollError::SessionEnded) => return Err(Refused::no_application()),
        Err(error @ PollError::Store(_)) => return Err(Refused::failed(&error)),
    };
    if end == PollEnd::Replaced {
        return Err(Refused::because(
            Code::Conflict,
            Subcode::PGetReplaced,
            "another request took its place",
        ));
    }
    let newest = inbox.events.last().map_or(cursor - 1, |last| last.eid);
    let next = asker.hrefs.events(newest + 1);
    let mut document = EventsDocument::new(asker.hrefs.events(cursor), &next);
    if inbox.events.iter().any(|event| event.event == Event::Resync) {
        document = document.resync(&next);
    }
    let mut renderer = Renderer::new(&asker, document);
    for event in inbox.events {
        renderer.add(event.event).await?;
    }
    Ok(Answer::Events(renderer.finish()))
}

/// How long events of less weight may wait, within the bounds of the reference.
fn seconds(given: &Given, name: &'static str, usual: u64) -> Result<Duration, Refused> {
    Ok(Duration::from_secs(number(given, name)?.unwrap_or(usual).clamp(5, 1800)))
}

fn number(given: &Given, name: &'static str) -> Result<Option<u64>, Refused> {
    Ok(given.0.number(name)?.and_then(|number| u64::try_from(number).ok()))
}
