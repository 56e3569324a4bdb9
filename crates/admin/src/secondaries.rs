use std::net::SocketAddr;

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use fulmar_app::AddSecondaryError;
use fulmar_domain::{
    office::Side,
    secondary::{Happened, Refusal, Secondary, TsigAlgorithm},
};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, PathText, failed, parsed, store_failed, unprocessable},
};

#[derive(Serialize)]
pub(crate) struct SecondaryBody {
    name: String,
    address: SocketAddr,
    side: &'static str,
    /// `null` for one that is known by its address alone.
    key_name: Option<String>,
    key_algorithm: Option<&'static str>,
    zones: Vec<ZoneBody>,
    refused: Option<RefusalBody>,
}

#[derive(Serialize)]
struct ZoneBody {
    zone: String,
    notified: Option<HappenedBody>,
    transferred: Option<HappenedBody>,
}

#[derive(Serialize)]
struct HappenedBody {
    /// Milliseconds since 1970.
    at: i64,
    serial: u32,
    /// `null` when it went well.
    problem: Option<String>,
}

#[derive(Serialize)]
struct RefusalBody {
    /// Milliseconds since 1970.
    at: i64,
    problem: &'static str,
}

impl From<Happened> for HappenedBody {
    fn from(Happened { at, serial, problem }: Happened) -> Self {
        Self { at: at.as_millis(), serial: serial.0, problem }
    }
}

impl From<Refusal> for RefusalBody {
    fn from(Refusal { at, problem }: Refusal) -> Self {
        Self { at: at.as_millis(), problem }
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Body<Vec<SecondaryBody>>, Problem> {
    let secondaries = admin.app.store().secondaries().await.map_err(store_failed)?;
    Ok(Body(secondaries.iter().map(|secondary| body(&admin, secondary)).collect()))
}

fn body(admin: &Admin, secondary: &Secondary) -> SecondaryBody {
    let report = (admin.secondary_report)(&secondary.name);
    let zones = report.zones.into_iter().map(|(zone, state)| ZoneBody {
        zone,
        notified: state.notified.map(HappenedBody::from),
        transferred: state.transferred.map(HappenedBody::from),
    });
    let key = secondary.key.as_ref();
    SecondaryBody {
        name: secondary.name.to_string(),
        address: secondary.address,
        side: secondary.side.as_str(),
        key_name: key.map(|key| key.name.to_string()),
        key_algorithm: key.map(|key| key.algorithm.as_str()),
        zones: zones.collect(),
        refused: report.refused.map(RefusalBody::from),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecondary {
    name: String,
    address: SocketAddr,
    #[serde(default)]
    side: SideName,
    /// By default hmac-sha256.
    algorithm: Option<String>,
    /// Gives the zones to whoever asks from the address, without a key.
    #[serde(default)]
    by_address_alone: bool,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SideName {
    Inside,
    #[default]
    Outside,
}

#[derive(Serialize)]
pub(crate) struct Added {
    #[serde(flatten)]
    secondary: SecondaryBody,
    /// In base64. It is not shown again.
    secret: Option<String>,
    generation: u64,
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(new): Json<NewSecondary>,
) -> Result<(StatusCode, Body<Added>), Problem> {
    let algorithm = match (new.by_address_alone, new.algorithm) {
        (true, Some(_)) => {
            return Err(unprocessable("a secondary that is known by its address alone has no algorithm"));
        }
        (true, None) => None,
        (false, None) => Some(TsigAlgorithm::HmacSha256),
        (false, Some(algorithm)) => Some(parsed(&algorithm)?),
    };
    let side = match new.side {
        SideName::Inside => Side::Inside,
        SideName::Outside => Side::Outside,
    };
    let name = parsed(&new.name)?;
    let added = admin.app.add_secondary(name, new.address, side, algorithm).await;
    let (secondary, generation) = added.map_err(|error| match error {
        error @ (AddSecondaryError::NameTaken(_) | AddSecondaryError::NoOffice) => {
            Problem::new(StatusCode::CONFLICT, error.to_string())
        }
        error @ AddSecondaryError::Address(_) => unprocessable(error),
        AddSecondaryError::NoRandomness(error) => failed(&error),
        AddSecondaryError::Store(error) => failed(&error),
    })?;
    tracing::info!(user, secondary = %secondary.name, generation, "A secondary was added.");
    let secret = secondary.key.as_ref().map(|key| STANDARD.encode(&key.secret.0));
    let secondary = body(&admin, &secondary);
    Ok((StatusCode::CREATED, Body(Added { secondary, secret, generation })))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(name): PathText,
) -> Result<StatusCode, Problem> {
    let name: fulmar_domain::secondary::SecondaryName = parsed(&name)?;
    let removed = admin.app.store().remove_secondary(name.clone()).await.map_err(store_failed)?;
    let generation = removed
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("there is no secondary `{name}`")))?;
    tracing::info!(user, secondary = %name, generation, "A secondary was removed.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn notify(State(admin): State<Admin>) -> StatusCode {
    (admin.notify_secondaries)();
    StatusCode::ACCEPTED
}
