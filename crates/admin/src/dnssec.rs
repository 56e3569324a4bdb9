//! Whether zones are signed, and what their parents are told.

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::ChangeDnssecError;
use fulmar_domain::{
    custom_zone::Sides,
    dnssec::{Signatures, SignedZone, Standing},
};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, failed, store_failed},
    office::Changed,
};

#[derive(Serialize)]
pub(crate) struct DnssecBody {
    on: bool,
    /// Why nothing is signed although it should be.
    problem: Option<&'static str>,
    /// Those that are served with signatures.
    zones: Vec<ZoneBody>,
}

#[derive(Serialize)]
struct ZoneBody {
    zone: String,
    side: &'static str,
    key_tag: u16,
    /// The data of its DS record, as it stands in a master file.
    ds: String,
    /// Whether somebody else keeps the domain above, and has to be told the DS.
    enter_at_parent: bool,
    /// Milliseconds since 1970.
    valid_until: i64,
}

pub(crate) async fn show(State(admin): State<Admin>) -> Result<Body<DnssecBody>, Problem> {
    let signatures = admin.app.store().signatures().await.map_err(store_failed)?;
    let standing = signatures.map(|signatures: Signatures| signatures.standing(admin.app.now()));
    let problem = (standing == Some(Standing::WrongClock))
        .then_some("the clock shows a time long ago, and nothing is signed before it is right");
    // After a start the zones that are served may still be on their way.
    if let Some((_, generation)) = admin.app.store().office().await.map_err(store_failed)? {
        Changed::of(&admin, generation).await;
    }
    let zones = (admin.signed_zones)();
    let body = |zone: &SignedZone| ZoneBody {
        zone: zone.apex.to_string(),
        side: zone.sides.as_str(),
        key_tag: zone.ds.key_tag,
        ds: zone.ds.to_string(),
        enter_at_parent: is_kept_elsewhere(zone, &zones),
        valid_until: zone.valid_until.as_millis(),
    };
    Ok(Body(DnssecBody { on: signatures.is_some(), problem, zones: zones.iter().map(body).collect() }))
}

/// Whether the zone is seen from outside, and no other of the box holds it.
fn is_kept_elsewhere(zone: &SignedZone, zones: &[SignedZone]) -> bool {
    let holds = |other: &SignedZone| {
        other.apex != zone.apex && other.sides != Sides::Inside && zone.apex.is_within(&other.apex)
    };
    zone.sides != Sides::Inside && !zones.iter().any(holds)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    on: bool,
    /// No parent has the DS of a zone any more; asked for when signing ends.
    #[serde(default)]
    ds_removed: bool,
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(Switch { on, ds_removed }): Json<Switch>,
) -> Result<Body<Changed>, Problem> {
    let changed = if on { admin.app.sign_zones().await } else { admin.app.sign_no_zones(ds_removed).await };
    let generation = changed.map_err(|error| match error {
        error @ (ChangeDnssecError::NoOffice | ChangeDnssecError::DsAtParent) => {
            Problem::new(StatusCode::CONFLICT, error.to_string())
        }
        ChangeDnssecError::Store(error) => failed(&error),
    })?;
    tracing::info!(user, on, generation = generation.0, "Signing zones was switched on or off.");
    Ok(Body(Changed::of(&admin, generation).await))
}
