use axum::{Json as Body, extract::State};
use fulmar_app::SessionSummary;
use fulmar_domain::push::LeftAlone;
use fulmar_http::Problem;
use serde::Serialize;

use crate::{Admin, json::store_failed};

#[derive(Serialize)]
pub(crate) struct StatusBody {
    version: &'static str,
    /// The primary SIP domain; absent before the office is set up.
    domain: Option<String>,
    /// The generation of the office, and the one that DNS serves.
    generation: Option<u64>,
    published: u64,
    people: usize,
    sessions: usize,
    /// How many people and addresses have to wait after wrong passwords.
    lockouts: usize,
    push_services_left_alone: Vec<LeftAloneBody>,
}

/// A push service that does not answer, or refuses everything; what waits for it waits until it does.
#[derive(Serialize)]
struct LeftAloneBody {
    /// `apns`, `fcm`, `wns`, or the origin of a service for Web Push.
    service: String,
    /// Milliseconds since 1970.
    since: i64,
    reason: String,
}

pub(crate) async fn status(State(admin): State<Admin>) -> Result<Body<StatusBody>, Problem> {
    let store = admin.app.store();
    let office = store.office().await.map_err(store_failed)?;
    let published = *admin.published.borrow();
    Ok(Body(StatusBody {
        version: env!("CARGO_PKG_VERSION"),
        domain: office.as_ref().map(|(office, _)| office.domains()[0].to_string()),
        generation: office.map(|(_, generation)| generation.0),
        published,
        people: store.accounts().await.map_err(store_failed)?.len(),
        sessions: store.sessions().await.map_err(store_failed)?.len(),
        lockouts: admin.app.lockouts().len(),
        push_services_left_alone: (admin.services_left_alone)().into_iter().map(left_alone).collect(),
    }))
}

fn left_alone(LeftAlone { service, since, reason }: LeftAlone) -> LeftAloneBody {
    LeftAloneBody { service, since: since.as_millis(), reason }
}

#[derive(Serialize)]
pub(crate) struct SessionBody {
    person: String,
    device: String,
    state: &'static str,
    push: bool,
    /// Milliseconds since 1970.
    started_at: i64,
    /// Milliseconds since 1970, to the minute.
    last_seen: i64,
}

pub(crate) async fn sessions(State(admin): State<Admin>) -> Result<Body<Vec<SessionBody>>, Problem> {
    let sessions = admin.app.store().sessions().await.map_err(store_failed)?;
    Ok(Body(sessions.into_iter().map(body).collect()))
}

fn body(session: SessionSummary) -> SessionBody {
    SessionBody {
        person: session.person.address(),
        device: session.device_name,
        state: session.activity.as_str(),
        push: session.has_push,
        started_at: session.started_at.as_millis(),
        last_seen: session.last_seen.as_millis(),
    }
}
