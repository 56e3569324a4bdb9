use std::{
    io::ErrorKind,
    net::{IpAddr, UdpSocket},
    time::Duration,
};

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::ChangeOfficeError;
use fulmar_domain::{
    Office,
    dnssec::SignedZone,
    office::{Mode, Networks, OfficeIntent, Ports, RECORD_TTL, WebHost, parse_resolver},
    zone::{Generation, Record, RecordData},
};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, failed, parsed, store_failed, unprocessable},
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
    /// Left out: `office-only`, which it can be only without an outside address.
    mode: Option<String>,
    web_host: Option<String>,
    /// Left out: loopback and the private ranges.
    inside_networks: Option<Vec<String>>,
    #[serde(default)]
    resolvers: Vec<String>,
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

impl OfficeBody {
    fn of(
        OfficeIntent { domains, inside, outside, mode, web_host, networks, resolvers, ports }: &OfficeIntent,
    ) -> Self {
        Self {
            domains: domains.iter().map(ToString::to_string).collect(),
            inside: inside.iter().copied().collect(),
            outside: outside.iter().copied().collect(),
            mode: Some(mode.to_string()),
            web_host: Some(web_host.to_string()),
            inside_networks: Some(networks.iter().map(|network| network.to_string()).collect()),
            resolvers: resolvers.iter().map(ToString::to_string).collect(),
            https_port: ports.https,
            sip_port: ports.sip,
        }
    }

    fn into_intent(self) -> Result<OfficeIntent, Problem> {
        let outside = self.outside.into_iter().collect();
        let mode = match self.mode {
            Some(mode) => parsed(&mode)?,
            None => Mode::OfficeOnly,
        };
        let networks = match self.inside_networks {
            Some(networks) => networks.iter().map(|network| parsed(network)).collect::<Result<_, _>>()?,
            None => Networks::default(),
        };
        Ok(OfficeIntent {
            domains: self.domains.iter().map(|domain| parsed(domain)).collect::<Result<_, _>>()?,
            inside: self.inside.into_iter().collect(),
            outside,
            mode,
            web_host: self.web_host.map_or(Ok(WebHost::default()), |label| parsed(&label))?,
            networks,
            resolvers: self
                .resolvers
                .iter()
                .map(|resolver| parse_resolver(resolver).map_err(unprocessable))
                .collect::<Result<_, _>>()?,
            ports: Ports { https: self.https_port, sip: self.sip_port },
        })
    }
}

pub(crate) async fn show(State(admin): State<Admin>) -> Result<Body<OfficeBody>, Problem> {
    let (office, _) = current(&admin).await?;
    Ok(Body(OfficeBody::of(office.intent())))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(body): Json<OfficeBody>,
) -> Result<Body<ChangedOffice>, Problem> {
    let intent = body.into_intent()?;
    let warnings = foreign_addresses(&intent);
    let generation = admin.app.change_office(intent).await.map_err(|error| match error {
        ChangeOfficeError::Invalid(error) => unprocessable(error),
        error @ (ChangeOfficeError::PeopleInDomain(_) | ChangeOfficeError::PeopleHomedAt(_)) => {
            Problem::new(StatusCode::CONFLICT, error.to_string())
        }
        ChangeOfficeError::Store(error) => failed(&error),
    })?;
    tracing::info!(user, generation = generation.0, "The office was changed.");
    Ok(Body(ChangedOffice { changed: Changed::of(&admin, generation).await, warnings }))
}

impl Changed {
    /// Waits a little for DNS.
    pub(crate) async fn of(admin: &Admin, generation: Generation) -> Self {
        let mut served = admin.published.clone();
        let published =
            tokio::time::timeout(PATIENCE, served.wait_for(|served| *served >= generation.0)).await;
        Self { generation: generation.0, published: published.is_ok_and(|served| served.is_ok()) }
    }
}

/// The change of the office, and what an administrator may not have meant.
#[derive(Serialize)]
pub(crate) struct ChangedOffice {
    #[serde(flatten)]
    changed: Changed,
    /// Sentences without their stop.
    warnings: Vec<String>,
}

/// Who follows an inside address that is not the box's may wait for minutes. It can be right, where a router or a
/// balancer has the address.
fn foreign_addresses(intent: &OfficeIntent) -> Vec<String> {
    let warn = |address: &IpAddr| format!("the inside address {address} is not one of this box");
    intent.inside.iter().filter(|address| is_foreign(**address)).map(warn).collect()
}

fn is_foreign(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_err_and(|error| error.kind() == ErrorKind::AddrNotAvailable)
}

#[derive(Serialize)]
pub(crate) struct ProviderBody {
    mode: &'static str,
    /// What is entered at the provider, in the order in which it stands in their forms: name by name.
    records: Vec<RecordBody>,
}

pub(crate) async fn provider_records(State(admin): State<Admin>) -> Result<Body<ProviderBody>, Problem> {
    let (office, _) = current(&admin).await?;
    let records = office.records_at_provider();
    // The DS of a domain whose delegation is entered there.
    let signed = (admin.signed_zones)().into_iter().filter(|zone| {
        let is_delegated =
            |record: &Record| matches!(record.data, RecordData::Ns(_)) && record.owner == zone.apex;
        records.iter().any(is_delegated)
    });
    let records = records.iter().map(RecordBody::of).chain(signed.map(RecordBody::ds)).collect();
    Ok(Body(ProviderBody { mode: office.mode().as_str(), records }))
}

#[derive(Serialize)]
pub(crate) struct RecordBody {
    owner: String,
    ttl: u32,
    #[serde(rename = "type")]
    record_type: &'static str,
    /// As it stands in a master file.
    data: String,
}

impl RecordBody {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            owner: format!("{}.", record.owner),
            ttl: record.ttl,
            record_type: record.data.record_type(),
            data: record.data.to_string(),
        }
    }

    fn ds(SignedZone { apex, ds, .. }: SignedZone) -> Self {
        Self { owner: format!("{apex}."), ttl: RECORD_TTL, record_type: "DS", data: ds.to_string() }
    }
}

/// The office as it is.
pub(crate) async fn current(admin: &Admin) -> Result<(Office, Generation), Problem> {
    let office = admin.app.store().office().await.map_err(store_failed)?;
    office.ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "the office is not set up yet: tell the box its SIP domain first")
    })
}
