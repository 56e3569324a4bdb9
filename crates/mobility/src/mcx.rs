//! The mobility service: commands and polls.

mod commands;
mod convert;
pub(crate) mod photo;
mod refusal;

use std::time::Duration;

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use fulmar_app::{Caller, CommandError, Inbox, PollError};
use fulmar_domain::session::POLL_WAIT;
use fulmar_http::{BodyError, BoundedBody};
use fulmar_wire::mcx::{self, Events, Poll, Requests};

use crate::{Phones, challenge::caller, hold::Wait};
use refusal::Refusal;

const LIVENESS: &str = "<!doctype html><html lang=\"en\"><title>Mobility service</title><p>The mobility service of this box is \
    alive. Phones speak to it; there is nothing to see here.";

/// `POST`: commands, answered when they are on the disk.
pub(crate) async fn commands(
    State(phones): State<Phones>,
    headers: HeaderMap,
    body: Result<BoundedBody, BodyError>,
) -> Response {
    let answer = async {
        let caller = mobile(&phones, &headers).await?;
        let BoundedBody(body) = body?;
        if !is_xml(&headers) {
            return Err(Refusal::MediaType);
        }
        let requests = Requests::parse(&body).map_err(|error| Refusal::Malformed(error.to_string()))?;
        let responses = commands::run(&phones.app, caller, requests).await;
        if commands::is_too_busy(&responses) { Err(Refusal::Busy) } else { Ok(responses) }
    };
    match answer.await {
        Ok(responses) => xml(responses.to_xml()),
        Err(refusal) => refusal::answer(&phones, &headers, refusal).await,
    }
}

/// `GET`: what happened since. Without a query it tells a person that the service is alive.
pub(crate) async fn poll(
    State(phones): State<Phones>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    wait: Wait,
) -> Response {
    let Some(query) = query else { return Html(LIVENESS).into_response() };
    match held(&phones, &headers, &query, wait).await {
        Ok(events) => xml(events.to_xml()),
        Err(refusal) => refusal::answer(&phones, &headers, refusal).await,
    }
}

async fn held(phones: &Phones, headers: &HeaderMap, query: &str, wait: Wait) -> Result<Events, Refusal> {
    let caller = mobile(phones, headers).await?;
    let poll = Poll::parse(query).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let sid = poll.sid.parse().map_err(|_| Refusal::NoSession)?;
    let session = phones.app.session_of(&caller, &sid).await.map_err(|error| match error {
        CommandError::SessionEnded => Refusal::NoSession,
        CommandError::ForeignSession => Refusal::ForeignTicket,
        error @ (CommandError::Busy(_) | CommandError::Random(_) | CommandError::Store(_)) => {
            Refusal::failed(&error)
        }
    })?;
    let asked = fulmar_app::Poll {
        ack: poll.ack_id,
        wait: poll.wait.map_or(POLL_WAIT, Duration::from_millis).min(POLL_WAIT),
        release: None,
        priority: 0,
        channel: None,
    };
    match wait.hold(phones, &session, asked, "fulmar_mcx_polls_active").await {
        Ok(polled) => Ok(events(polled.inbox, poll.ack_id)),
        Err(PollError::SessionEnded) => {
            // It may have ended because its device or person was revoked.
            mobile(phones, headers).await?;
            Err(Refusal::NoSession)
        }
        Err(PollError::Store(error)) => Err(Refusal::failed(&error)),
    }
}

/// The caller, if the mobility service is theirs to use.
async fn mobile(phones: &Phones, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let caller = caller(phones, headers).await?;
    if caller.account.homed_at.is_some() {
        return Err(Refusal::HomedElsewhere);
    }
    match phones.app.mobility_policy(&caller.account.uri).await {
        Ok(policy) if policy.enable_mobility => Ok(caller),
        Ok(_) => Err(Refusal::MobilityOff),
        Err(error) => Err(Refusal::failed(&error)),
    }
}

fn events(Inbox { session, events }: Inbox, ack: u64) -> Events {
    Events {
        sid: session.id.to_string(),
        poll_wait_time: millis(POLL_WAIT),
        ack_id: events.last().map_or(ack, |last| last.eid),
        session_timeout: millis(session.lifetime()),
        events: events.into_iter().filter_map(convert::event).collect(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn is_xml(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("text/xml") || media_type.eq_ignore_ascii_case("application/xml")
}

fn xml(body: String) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, mcx::CONTENT_TYPE)], body).into_response()
}
