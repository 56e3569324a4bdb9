use std::{net::IpAddr, time::Duration};

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::{ChangeOfficeError, OfficeIntent};
use fulmar_domain::{
    office::{Ports, Side},
    zone::{Record, RecordData, Zone},
};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Parameters, failed, parsed, store_failed, unprocessable},
};

/// How long a change waits until DNS serves it.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfficeBody {
    domains: Vec<String>,
    inside: Vec<IpAddr>,
    #[serde(default)]
    outside: Vec<IpAddr>,
    #[serde(default = "default_https_port")]
    https_port: u16,
    #[serde(default = "default_sip_port")]
    sip_port: u16,
}

#[derive(Serialize)]
pub(crate) struct Changed {
    /// The generation of the office that this change made.
    generation: u64,
    /// Whether DNS serves it already.
    published: bool,
}

fn default_https_port() -> u16 {
    Ports::default().https
}

fn default_sip_port() -> u16 {
    Ports::default().sip
}

pub(crate) async fn show(State(admin): State<Admin>) -> Result<Body<OfficeBody>, Problem> {
    let office = admin.app.store().office().await.map_err(store_failed)?;
    let (office, _) = office.ok_or_else(not_set_up)?;
    let addresses = |side| office.addresses(side).iter().copied().collect();
    Ok(Body(OfficeBody {
        domains: office.domains().iter().map(ToString::to_string).collect(),
        inside: addresses(Side::Inside),
        outside: addresses(Side::Outside),
        https_port: office.ports().https,
        sip_port: office.ports().sip,
    }))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<OfficeBody>,
) -> Result<Body<Changed>, Problem> {
    let intent = OfficeIntent {
        domains: body.domains.iter().map(|domain| parsed(domain)).collect::<Result<_, _>>()?,
        inside: body.inside.into_iter().collect(),
        outside: body.outside.into_iter().collect(),
        ports: Ports { https: body.https_port, sip: body.sip_port },
    };
    let generation = admin.app.change_office(intent).await.map_err(|error| match error {
        ChangeOfficeError::Invalid(error) => unprocessable(error),
        error @ ChangeOfficeError::PeopleInDomain(_) => Problem::new(StatusCode::CONFLICT, error.to_string()),
        ChangeOfficeError::Store(error) => failed(&error),
    })?;
    tracing::info!(user, generation = generation.0, "The office was changed.");
    let mut served = admin.published.clone();
    let published = tokio::time::timeout(PATIENCE, served.wait_for(|served| *served >= generation.0)).await;
    Ok(Body(Changed { generation: generation.0, published: published.is_ok_and(|served| served.is_ok()) }))
}

#[derive(Deserialize)]
pub(crate) struct View {
    #[serde(default)]
    side: SideName,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SideName {
    #[default]
    Inside,
    Outside,
}

#[derive(Serialize)]
pub(crate) struct ZoneBody {
    apex: String,
    records: Vec<RecordBody>,
}

#[derive(Serialize)]
struct RecordBody {
    owner: String,
    ttl: u32,
    #[serde(rename = "type")]
    record_type: &'static str,
    /// As it stands in a master file.
    data: String,
}

pub(crate) async fn zones(
    State(admin): State<Admin>,
    Parameters(View { side }): Parameters<View>,
) -> Result<Body<Vec<ZoneBody>>, Problem> {
    let office = admin.app.store().office().await.map_err(store_failed)?;
    let (office, generation) = office.ok_or_else(not_set_up)?;
    let side = match side {
        SideName::Inside => Side::Inside,
        SideName::Outside => Side::Outside,
    };
    Ok(Body(office.zones(side, generation).iter().map(zone).collect()))
}

fn not_set_up() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "the office is not set up yet: tell the box its SIP domain first")
}

fn zone(zone: &Zone) -> ZoneBody {
    ZoneBody { apex: format!("{}.", zone.apex), records: zone.records.iter().map(record).collect() }
}

fn record(record: &Record) -> RecordBody {
    let (record_type, data) = match &record.data {
        RecordData::A(address) => ("A", address.to_string()),
        RecordData::Aaaa(address) => ("AAAA", address.to_string()),
        RecordData::Ns(server) => ("NS", format!("{server}.")),
        RecordData::Srv { priority, weight, port, target } => {
            ("SRV", format!("{priority} {weight} {port} {target}."))
        }
        RecordData::Soa(soa) => (
            "SOA",
            format!(
                "{}. {}. {} {} {} {} {}",
                soa.mname, soa.rname, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum
            ),
        ),
    };
    RecordBody { owner: format!("{}.", record.owner), ttl: record.ttl, record_type, data }
}
