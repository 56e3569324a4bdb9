//! The channel of events: a request that is held until something happens ("pending GET").
//!
//! The cursor in its links is one more than the number of the newest event that the client has dealt with. It has
//! no other meaning, and clients do not change it. What a client says of its pace holds until it says otherwise, or was
//! silent for half an hour: then it is told to resume.

use std::{ops::RangeInclusive, time::Duration};

use axum::extract::State;
use fulmar_app::{Poll, PollEnd, PollError, Polled};
use fulmar_domain::{channel::PaceChange, event::Event};
use fulmar_wire::ucwa::{Code, EventsDocument, Subcode};

use super::{
    answer::{Answer, Refused},
    asker::{Asker, Given},
    render::Renderer,
};
use crate::{Phones, hold::Wait};

/// For how many seconds events of less weight may wait ("events").
const RELEASE: RangeInclusive<u64> = 5..=1800;
/// For how many seconds a request is held when nothing happens ("events").
const TIMEOUT: RangeInclusive<u64> = 180..=1800;

pub(super) async fn poll(
    State(phones): State<Phones>,
    asker: Asker,
    wait: Wait,
    given: Given,
) -> Result<Answer, Refused> {
    let cursor = number(&given, "ack")?.unwrap_or(1).max(1);
    let said = PaceChange {
        medium: seconds(&given, "medium", RELEASE)?,
        low: seconds(&given, "low", RELEASE)?,
        timeout: seconds(&given, "timeout", TIMEOUT)?,
    };
    // What was said before it waited may have been said otherwise since.
    let woken = wait.is_woken();
    let change = if woken { PaceChange::default() } else { said };
    let (session, instance) = (&asker.application.session, asker.application.client.instance_id.as_ref());
    let (store, now) = (asker.app.store(), asker.app.now());
    let channel = store.enter_channel(session, instance, cursor - 1, change, now).await?;
    let channel = channel.ok_or_else(Refused::no_application)?;
    // What was acknowledged is forgotten, and what did not happen yet can not be acknowledged.
    if !woken && (cursor > session.last_event + 1 || cursor <= channel.acknowledged) {
        let known = asker.hrefs.events(channel.acknowledged + 1);
        return Ok(Answer::Events(EventsDocument::new(asker.hrefs.events(cursor), &known).resync(&known)));
    }
    let poll = Poll {
        ack: cursor - 1,
        wait: channel.pace.timeout,
        release: Some(channel.pace.release),
        priority: number(&given, "priority")?.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        channel: Some(channel.id),
    };
    let polled = wait.hold(&phones, session, poll, "fulmar_ucwa_pending_gets").await;
    let Polled { inbox, end } = polled.map_err(|error| match error {
        PollError::SessionEnded => Refused::no_application(),
        error @ PollError::Store(_) => Refused::failed(&error),
    })?;
    if end == PollEnd::Replaced {
        let message = "another request took its place";
        return Err(Refused::because(Code::Conflict, Subcode::PGetReplaced, message));
    }
    let newest = inbox.events.last().map_or(cursor - 1, |last| last.eid);
    let next = asker.hrefs.events(newest + 1);
    let mut document = EventsDocument::new(asker.hrefs.events(cursor), &next);
    if channel.resumed {
        document = document.resume(&next);
    }
    if inbox.events.iter().any(|event| event.event == Event::Resync) {
        document = document.resync(&next);
    }
    let mut renderer = Renderer::new(&asker, document);
    for event in inbox.events {
        renderer.add(event.event).await?;
    }
    Ok(Answer::Events(renderer.finish()))
}

/// A time that the client says, brought within the bounds of the reference.
fn seconds(
    given: &Given,
    name: &'static str,
    bounds: RangeInclusive<u64>,
) -> Result<Option<Duration>, Refused> {
    let said = number(given, name)?;
    Ok(said.map(|seconds| Duration::from_secs(seconds.clamp(*bounds.start(), *bounds.end()))))
}

fn number(given: &Given, name: &'static str) -> Result<Option<u64>, Refused> {
    Ok(given.0.number(name)?.and_then(|number| u64::try_from(number).ok()))
}
