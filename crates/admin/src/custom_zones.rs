//! Records and zones of the administrator's own.

use axum::{Extension, Json as Body, extract::State, http::StatusCode};
use fulmar_app::ChangeZonesError;
use fulmar_domain::{
    DnsName,
    custom_zone::{Content, CustomZone, Misplaced, Sides},
    zone::Generation,
};
use fulmar_http::{PeerUser, Problem};
use serde::{Deserialize, Serialize};

use crate::{
    Admin,
    json::{Json, Parameters, PathText, Text, failed, parsed, store_failed, unprocessable},
    office::Changed,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct View {
    side: Option<String>,
}

impl View {
    fn sides(&self) -> Result<Sides, Problem> {
        sides(self.side.as_deref())
    }
}

#[derive(Serialize)]
pub(crate) struct RecordsBody {
    zone: String,
    side: &'static str,
    /// As they were written.
    records: Vec<String>,
}

pub(crate) async fn records(State(admin): State<Admin>) -> Result<Body<Vec<RecordsBody>>, Problem> {
    let lists = kept(&admin, Content::Records).await?;
    let body = |CustomZone { apex, sides, text, .. }: CustomZone| RecordsBody {
        zone: apex.to_string(),
        side: sides.as_str(),
        records: text.lines().map(String::from).collect(),
    };
    Ok(Body(lists.into_iter().map(body).collect()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Records {
    /// By default the first SIP domain.
    zone: Option<String>,
    /// By default both.
    side: Option<String>,
    /// Lines of a master file, each of which is a record.
    records: String,
}

impl Records {
    fn place(&self) -> Result<(Option<DnsName>, Sides), Problem> {
        Ok((self.zone.as_deref().map(parsed).transpose()?, sides(self.side.as_deref())?))
    }
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(new): Json<Records>,
) -> Result<Body<Changed>, Problem> {
    let added = admin.app.add_custom_records(new.place()?, &new.records, &admin.check_custom_zone).await;
    changed(&admin, user, added).await
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    Json(old): Json<Records>,
) -> Result<Body<Changed>, Problem> {
    let removed = admin.app.remove_custom_record(old.place()?, &old.records, &admin.check_custom_zone).await;
    changed(&admin, user, removed).await
}

#[derive(Serialize)]
pub(crate) struct ImportedBody {
    zone: String,
    side: &'static str,
    size_bytes: usize,
}

pub(crate) async fn imported(State(admin): State<Admin>) -> Result<Body<Vec<ImportedBody>>, Problem> {
    let zones = kept(&admin, Content::Zone).await?;
    let body = |CustomZone { apex, sides, text, .. }: CustomZone| ImportedBody {
        zone: apex.to_string(),
        side: sides.as_str(),
        size_bytes: text.len(),
    };
    Ok(Body(zones.into_iter().map(body).collect()))
}

#[derive(Serialize)]
pub(crate) struct ExportBody {
    /// As it was imported.
    text: String,
}

pub(crate) async fn export(
    State(admin): State<Admin>,
    PathText(zone): PathText,
    Parameters(view): Parameters<View>,
) -> Result<Body<ExportBody>, Problem> {
    let (apex, sides): (DnsName, Sides) = (parsed(&zone)?, view.sides()?);
    let zones = kept(&admin, Content::Zone).await?;
    let zone = zones.into_iter().find(|zone| zone.apex == apex && zone.sides == sides);
    let none = || Problem::new(StatusCode::NOT_FOUND, format!("no zone `{apex}` was imported ({sides})"));
    Ok(Body(ExportBody { text: zone.ok_or_else(none)?.text }))
}

pub(crate) async fn import(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(zone): PathText,
    Parameters(view): Parameters<View>,
    Text(text): Text,
) -> Result<Body<Changed>, Problem> {
    let place = (parsed(&zone)?, view.sides()?);
    let imported = admin.app.import_zone(place, text, &admin.check_custom_zone).await;
    changed(&admin, user, imported).await
}

pub(crate) async fn remove_zone(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
    PathText(zone): PathText,
    Parameters(view): Parameters<View>,
) -> Result<Body<Changed>, Problem> {
    let place = (parsed(&zone)?, view.sides()?);
    let removed = admin.app.remove_zone(place, &admin.check_custom_zone).await;
    changed(&admin, user, removed).await
}

pub(crate) async fn undo(
    State(admin): State<Admin>,
    Extension(PeerUser(user)): Extension<PeerUser>,
) -> Result<Body<Changed>, Problem> {
    let undone = admin.app.undo_zone_change(&admin.check_custom_zone).await;
    changed(&admin, user, undone).await
}

async fn kept(admin: &Admin, content: Content) -> Result<Vec<CustomZone>, Problem> {
    let zones = admin.app.store().custom_zones().await.map_err(store_failed)?;
    Ok(zones.into_iter().filter(|zone| zone.content == content).collect())
}

fn sides(text: Option<&str>) -> Result<Sides, Problem> {
    text.map_or(Ok(Sides::default()), parsed)
}

async fn changed(
    admin: &Admin,
    user: u32,
    result: Result<Generation, ChangeZonesError>,
) -> Result<Body<Changed>, Problem> {
    let generation = result.map_err(|error| match error {
        error @ ChangeZonesError::NotThere(_) => Problem::new(StatusCode::NOT_FOUND, error.to_string()),
        error @ (ChangeZonesError::NoOffice
        | ChangeZonesError::Already(_)
        | ChangeZonesError::NothingToUndo
        | ChangeZonesError::Busy
        | ChangeZonesError::Misplaced(Misplaced::Overlap { .. })) => {
            Problem::new(StatusCode::CONFLICT, error.to_string())
        }
        error @ (ChangeZonesError::Misplaced(
            Misplaced::NoZone { .. } | Misplaced::Generated(_) | Misplaced::Hides { .. },
        )
        | ChangeZonesError::Fault(_)
        | ChangeZonesError::TooMany(_)
        | ChangeZonesError::TooLong(_)
        | ChangeZonesError::Empty) => unprocessable(error),
        ChangeZonesError::Store(error) => failed(&error),
    })?;
    tracing::info!(user, generation = generation.0, "The zones of the administrator's own were changed.");
    Ok(Body(Changed::of(admin, generation).await))
}
