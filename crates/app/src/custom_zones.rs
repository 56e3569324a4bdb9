//! Records and zones of the administrator's own.

use std::sync::Arc;

use fulmar_domain::{
    DnsName, Office,
    custom_zone::{Content, CustomZone, MAX_RECORDS, MAX_TEXT, Misplaced, Sides, ZoneFault},
    zone::Generation,
};
use fulmar_store::StoreError;
use thiserror::Error;

use crate::App;

/// How often a change is begun anew when the office changed under it.
const ATTEMPTS: usize = 5;

/// Says whether a text can be served beside what follows from an office, and the others.
pub type CheckCustomZone =
    Arc<dyn Fn(&Office, &[CustomZone], &CustomZone) -> Result<(), ZoneFault> + Send + Sync>;

/// Why records and zones stay as they are.
#[derive(Debug, Error)]
pub enum ChangeZonesError {
    /// There are no zones yet.
    #[error("the office is not set up yet: tell the box its SIP domain first")]
    NoOffice,
    /// It can not stand there.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// A line is wrong.
    #[error(transparent)]
    Fault(#[from] ZoneFault),
    /// Nobody needs so much.
    #[error("the text has {0} bytes, but {MAX_TEXT} at most are kept")]
    TooLong(usize),
    /// Nobody needs so many.
    #[error("these would be {0} records, but {MAX_RECORDS} at most are added to one zone")]
    TooMany(usize),
    /// It would be there twice.
    #[error("`{0}` was added already")]
    Already(String),
    /// There is nothing in the text.
    #[error("there is no record in the text")]
    Empty,
    /// There is no such record or zone.
    #[error("{0}")]
    NotThere(String),
    /// Nothing was changed yet.
    #[error("there is no change to undo")]
    NothingToUndo,
    /// Others change the office all the time.
    #[error("the office is being changed: try again")]
    Busy,
    /// The store failed.
    #[error("can not change the zones")]
    Store(#[from] StoreError),
}

impl App {
    /// Adds records, one a line, to a zone that follows from the office; without `apex` that of the first SIP
    /// domain. The lines of a fault are those of `lines`.
    ///
    /// # Errors
    /// [`ChangeZonesError`]; nothing was changed.
    pub async fn add_custom_records(
        &self,
        (apex, sides): (Option<DnsName>, Sides),
        lines: &str,
        check: &CheckCustomZone,
    ) -> Result<Generation, ChangeZonesError> {
        if written(lines).next().is_none() {
            return Err(ChangeZonesError::Empty);
        }
        let add = |office: &Office, zones: &[CustomZone]| {
            let mut list = list(office, zones, (apex.clone(), sides));
            let before = list.text.lines().count();
            if let Some(line) = written(lines).find(|line| written(&list.text).any(|there| there == *line)) {
                return Err(ChangeZonesError::Already(line.to_owned()));
            }
            list.text.push_str(lines);
            let count = written(&list.text).count();
            if count > MAX_RECORDS {
                return Err(ChangeZonesError::TooMany(count));
            }
            // What was posted is looked at as it was posted, so that its lines are counted as its author does.
            looked_at(office, zones, &list, check).map_err(|error| behind(error, before))?;
            list.text = written(&list.text).map(|line| format!("{line}\n")).collect();
            Ok(list)
        };
        self.change_zones(check, add).await
    }

    /// Takes a record back, which is named as it was written.
    ///
    /// # Errors
    /// [`ChangeZonesError`]; nothing was changed.
    pub async fn remove_custom_record(
        &self,
        (apex, sides): (Option<DnsName>, Sides),
        line: &str,
        check: &CheckCustomZone,
    ) -> Result<Generation, ChangeZonesError> {
        let remove = |office: &Office, zones: &[CustomZone]| {
            let mut list = list(office, zones, (apex.clone(), sides));
            let rest = list.text.lines().filter(|there| *there != line.trim_end());
            let rest: String = rest.map(|line| format!("{line}\n")).collect();
            if rest == list.text {
                let apex = &list.apex;
                let what = format!("`{line}` was not added to `{apex}` ({sides})");
                return Err(ChangeZonesError::NotThere(what));
            }
            list.text = rest;
            Ok(list)
        };
        self.change_zones(check, remove).await
    }

    /// Serves a zone from a master file, in the place of the one that was imported before.
    ///
    /// # Errors
    /// [`ChangeZonesError`]; nothing was changed.
    pub async fn import_zone(
        &self,
        (apex, sides): (DnsName, Sides),
        text: String,
        check: &CheckCustomZone,
    ) -> Result<Generation, ChangeZonesError> {
        if text.is_empty() {
            return Err(ChangeZonesError::Empty);
        }
        let zone = CustomZone { content: Content::Zone, apex, sides, text };
        self.change_zones(check, |_, _| Ok(zone.clone())).await
    }

    /// Serves an imported zone no more.
    ///
    /// # Errors
    /// [`ChangeZonesError`]; nothing was changed.
    pub async fn remove_zone(
        &self,
        (apex, sides): (DnsName, Sides),
        check: &CheckCustomZone,
    ) -> Result<Generation, ChangeZonesError> {
        let zone = CustomZone { content: Content::Zone, apex, sides, text: String::new() };
        let remove = |_: &Office, zones: &[CustomZone]| {
            let there = zones.iter().any(|there| zone.replaces(there));
            let none =
                || ChangeZonesError::NotThere(format!("no zone `{}` was imported ({sides})", zone.apex));
            if there { Ok(zone.clone()) } else { Err(none()) }
        };
        self.change_zones(check, remove).await
    }

    /// Brings back what the last change replaced. Done twice, nothing has changed.
    ///
    /// # Errors
    /// [`ChangeZonesError`]; nothing was changed.
    pub async fn undo_zone_change(&self, check: &CheckCustomZone) -> Result<Generation, ChangeZonesError> {
        let before = self.store.custom_zone_before().await?.ok_or(ChangeZonesError::NothingToUndo)?;
        self.change_zones(check, |_, _| Ok(before.clone())).await
    }

    /// Makes a change of the office and zones as they are, and keeps it if they still are.
    async fn change_zones(
        &self,
        check: &CheckCustomZone,
        change: impl Fn(&Office, &[CustomZone]) -> Result<CustomZone, ChangeZonesError>,
    ) -> Result<Generation, ChangeZonesError> {
        for _ in 0..ATTEMPTS {
            let (office, generation) = self.store.office().await?.ok_or(ChangeZonesError::NoOffice)?;
            let zones = self.store.custom_zones().await?;
            let changed = change(&office, &zones)?;
            looked_at(&office, &zones, &changed, check)?;
            if let Some(generation) = self.store.set_custom_zone(changed, generation).await? {
                return Ok(generation);
            }
        }
        Err(ChangeZonesError::Busy)
    }
}

fn looked_at(
    office: &Office,
    zones: &[CustomZone],
    changed: &CustomZone,
    check: &CheckCustomZone,
) -> Result<(), ChangeZonesError> {
    if changed.text.is_empty() {
        return Ok(());
    }
    if changed.text.len() > MAX_TEXT {
        return Err(ChangeZonesError::TooLong(changed.text.len()));
    }
    changed.check_place(office, zones)?;
    Ok(check(office, zones, changed)?)
}

/// The records that were added there, if any.
fn list(office: &Office, zones: &[CustomZone], (apex, sides): (Option<DnsName>, Sides)) -> CustomZone {
    // An office has a SIP domain.
    let apex = apex.unwrap_or_else(|| office.domains()[0].clone());
    let empty = CustomZone { content: Content::Records, apex, sides, text: String::new() };
    zones.iter().find(|zone| empty.replaces(zone)).cloned().unwrap_or(empty)
}

/// The lines that are not empty and no comment.
fn written(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.trim_start().starts_with(';'))
}

/// The error with lines as if the first ones were not there.
fn behind(error: ChangeZonesError, lines: usize) -> ChangeZonesError {
    match error {
        ChangeZonesError::Fault(ZoneFault { line, reason }) if line > lines => {
            ZoneFault { line: line - lines, reason }.into()
        }
        ChangeZonesError::Fault(ZoneFault { line, reason }) => ZoneFault {
            line: 1,
            reason: format!("record {line} of those that are there is in the way: {reason}"),
        }
        .into(),
        error => error,
    }
}
