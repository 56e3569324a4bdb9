use std::num::NonZeroU32;

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_domain::push::{BoxName, HandOver, HouseAddress, HouseBox, PairedHouse, Quota};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Parameters, PathText, failed, parsed, store_failed},
};

#[derive(Serialize)]
pub(crate) struct HouseBody {
    /// The house that this box is paired with.
    paired: Option<PairedBody>,
    boxes: Vec<BoxBody>,
    invited: Vec<InvitedBody>,
}

#[derive(Serialize)]
pub(crate) struct PairedBody {
    address: String,
    name: String,
    services: Vec<&'static str>,
}

/// Points in time are milliseconds since 1970.
#[derive(Serialize)]
struct BoxBody {
    name: String,
    per_minute: NonZeroU32,
    per_day: NonZeroU32,
    paired_at: i64,
    last_seen: i64,
    today: CountsBody,
}

#[derive(Serialize)]
struct CountsBody {
    accepted: u32,
    gone: u32,
    failed: u32,
    throttled: u32,
}

#[derive(Serialize)]
struct InvitedBody {
    name: String,
    expires_at: i64,
}

impl From<PairedHouse> for PairedBody {
    fn from(house: PairedHouse) -> Self {
        let services = house.services.iter().map(|service| service.as_str()).collect();
        Self { address: house.address.to_string(), name: house.name.to_string(), services }
    }
}

impl From<HouseBox> for BoxBody {
    fn from(known: HouseBox) -> Self {
        let HouseBox { name, quota, paired_at, last_seen, today } = known;
        Self {
            name: name.to_string(),
            per_minute: quota.per_minute,
            per_day: quota.per_day,
            paired_at: paired_at.as_millis(),
            last_seen: last_seen.as_millis(),
            today: CountsBody {
                accepted: today.accepted,
                gone: today.gone,
                failed: today.failed,
                throttled: today.throttled,
            },
        }
    }
}

pub(crate) async fn show(State(admin): State<Admin>) -> Result<Body<HouseBody>, Problem> {
    let paired = admin.app.store().push_house().await.map_err(store_failed)?;
    let (boxes, invited) = admin.app.store().house_boxes(admin.app.now()).await.map_err(store_failed)?;
    let invited = invited
        .into_iter()
        .map(|(name, expires_at)| InvitedBody { name: name.to_string(), expires_at: expires_at.as_millis() });
    Ok(Body(HouseBody {
        paired: paired.map(PairedBody::from),
        boxes: boxes.into_iter().map(BoxBody::from).collect(),
        invited: invited.collect(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Invited {
    name: String,
    /// It is not shown again.
    code: String,
    /// Milliseconds since 1970.
    expires_at: i64,
    /// Where the office is found from outside; `null` before it is set up.
    address: Option<String>,
}

pub(crate) async fn invite(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(Invitation { name }): Json<Invitation>,
) -> Result<(StatusCode, Body<Invited>), Problem> {
    let name: BoxName = parsed(&name)?;
    let invited = admin.app.invite_box(name.clone(), &admin.trust.digest()).await;
    let (code, expires_at) = invited.map_err(|error| failed(&error))?;
    let office = admin.app.store().office().await.map_err(store_failed)?;
    let origin = office.and_then(|(office, _)| Some(office.web_origin(office.domains().first()?)));
    tracing::info!(user, box_name = %name, "A box was invited to hand its notifications over.");
    let invited = Invited {
        name: name.to_string(),
        code: code.to_string(),
        expires_at: expires_at.as_millis(),
        address: origin.and_then(|origin| origin.strip_prefix("https://").map(str::to_owned)),
    };
    Ok((StatusCode::CREATED, Body(invited)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PairBody {
    address: String,
    code: String,
}

pub(crate) async fn pair(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(PairBody { address, code }): Json<PairBody>,
) -> Result<Body<PairedBody>, Problem> {
    let address: HouseAddress = parsed(&address)?;
    let code = parsed(&code)?;
    let paired = (admin.pair_with_house)(address, code).await;
    let house = paired.map_err(|problem| Problem::new(StatusCode::BAD_GATEWAY, problem))?;
    admin.app.store().set_push_house(house.clone(), admin.app.now()).await.map_err(store_failed)?;
    tracing::info!(user, house = %house.address, name = %house.name, "The box was paired with a clearing house.");
    Ok(Body(house.into()))
}

pub(crate) async fn leave(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<StatusCode, Problem> {
    if !admin.app.store().forget_push_house(admin.app.now()).await.map_err(store_failed)? {
        return Err(Problem::new(StatusCode::NOT_FOUND, "this box is not paired with a clearing house"));
    }
    tracing::info!(user, "The box has left its clearing house.");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuotaBody {
    per_minute: NonZeroU32,
    per_day: NonZeroU32,
}

pub(crate) async fn set_quota(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(name): PathText,
    Json(QuotaBody { per_minute, per_day }): Json<QuotaBody>,
) -> Result<StatusCode, Problem> {
    let name: BoxName = parsed(&name)?;
    let quota = Quota { per_minute, per_day };
    if !admin.app.store().set_box_quota(name.clone(), quota).await.map_err(store_failed)? {
        return Err(no_such_box(&name));
    }
    tracing::info!(user, box_name = %name, per_minute, per_day, "The quota of a box was changed.");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(name): PathText,
) -> Result<StatusCode, Problem> {
    let name: BoxName = parsed(&name)?;
    if !admin.app.store().remove_box(name.clone()).await.map_err(store_failed)? {
        return Err(no_such_box(&name));
    }
    tracing::info!(user, box_name = %name, "A box was removed from the clearing house.");
    Ok(StatusCode::NO_CONTENT)
}

fn no_such_box(name: &BoxName) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("no box `{name}` is paired with this one"))
}

#[derive(Deserialize)]
pub(crate) struct Page {
    name: Option<String>,
    #[serde(default = "default_limit")]
    limit: u32,
}

fn default_limit() -> u32 {
    100
}

#[derive(Serialize)]
pub(crate) struct HandOverBody {
    /// Milliseconds since 1970.
    at: i64,
    name: String,
    provider: &'static str,
    outcome: String,
    reason: String,
    attempt: u32,
}

impl From<HandOver> for HandOverBody {
    fn from(HandOver { from, at, provider, outcome, reason, attempt }: HandOver) -> Self {
        let (at, provider) = (at.as_millis(), provider.as_str());
        Self { at, name: from.to_string(), provider, outcome, reason, attempt }
    }
}

pub(crate) async fn ledger(
    State(admin): State<Admin>,
    Parameters(Page { name, limit }): Parameters<Page>,
) -> Result<Body<Vec<HandOverBody>>, Problem> {
    let name = name.map(|name| parsed(&name)).transpose()?;
    let rows = admin.app.store().house_ledger(name, limit.min(1000)).await.map_err(store_failed)?;
    Ok(Body(rows.into_iter().map(HandOverBody::from).collect()))
}
