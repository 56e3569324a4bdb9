//! What DNS does beside answering for the office.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Client, DnssecCommand, SecondaryCommand, dnssec, secondary};

const RECORDS: &str = "/api/v1/zones/records";
const IMPORTED: &str = "/api/v1/zones/imported";

/// Commands about what DNS does beside answering for the office.
#[derive(Subcommand)]
pub enum DnsCommand {
    /// Records beside those that follow from the office.
    #[command(subcommand)]
    Record(RecordCommand),
    /// Whole zones beside those that follow from the office.
    #[command(subcommand)]
    Zone(ImportCommand),
    /// Takes the last change of these records and zones back; done twice, it is there again.
    Undo,
    /// Name servers elsewhere that keep copies of the zones.
    #[command(subcommand)]
    Secondary(SecondaryCommand),
    /// Signed zones.
    #[command(subcommand)]
    Dnssec(DnssecCommand),
}

/// Commands about records.
#[derive(Subcommand)]
pub enum RecordCommand {
    /// Adds a record, or none if it is not right.
    Add {
        /// In which zone.
        #[command(flatten)]
        place: Place,
        /// As it stands in a master file, such as "printer 300 A 192.168.1.9".
        record: String,
    },
    /// Prints those that were added.
    List,
    /// Removes one.
    Remove {
        /// In which zone.
        #[command(flatten)]
        place: Place,
        /// As the list shows it.
        record: String,
    },
}

/// Where records are.
#[derive(Args)]
pub struct Place {
    /// The zone; by default the first SIP domain.
    #[arg(long)]
    zone: Option<String>,
    #[command(flatten)]
    seen: Seen,
}

/// Who sees something.
#[derive(Args)]
pub struct Seen {
    /// Who sees it: inside, outside or both.
    #[arg(long, default_value = "both", value_parser = ["inside", "outside", "both"])]
    side: String,
}

/// Commands about zones.
#[derive(Subcommand)]
pub enum ImportCommand {
    /// Serves a zone from a master file, in place of what was imported for it before. The box sets the serial.
    ///
    /// What is not right is refused with its line and the reason, and nothing changes; so is a zone of the office.
    /// A name server that had the zone from elsewhere has to forget its copy first: the box's serial may be less.
    Import {
        /// Its name, such as lab.example.
        name: String,
        /// The master file (RFC 1035).
        file: PathBuf,
        /// For whom.
        #[command(flatten)]
        seen: Seen,
    },
    /// Lists those that were imported.
    List,
    /// Prints one as it was imported.
    Export {
        /// Its name.
        name: String,
        /// For whom.
        #[command(flatten)]
        seen: Seen,
    },
    /// Serves one no more.
    Remove {
        /// Its name.
        name: String,
        /// For whom.
        #[command(flatten)]
        seen: Seen,
    },
}

#[derive(Deserialize)]
struct Records {
    zone: String,
    side: String,
    records: Vec<String>,
}

#[derive(Deserialize)]
struct Imported {
    zone: String,
    side: String,
    size_bytes: u64,
}

/// Carries a command out.
///
/// # Errors
/// When a file can not be read, or the box refuses or can not be asked.
pub async fn run(client: &Client, command: DnsCommand, out: &mut impl Write) -> Result<()> {
    match command {
        DnsCommand::Record(command) => record(client, command, out).await,
        DnsCommand::Zone(command) => zone(client, command, out).await,
        DnsCommand::Undo => {
            let undone = client.change(Method::POST, "/api/v1/zones/undo", &()).await?;
            changed("The last change is taken back", &undone, out)
        }
        DnsCommand::Secondary(command) => secondary::run(client, command, out).await,
        DnsCommand::Dnssec(command) => dnssec::run(client, command, out).await,
    }
}

async fn record(client: &Client, command: RecordCommand, out: &mut impl Write) -> Result<()> {
    match command {
        RecordCommand::Add { place, record } => {
            let added = client.change(Method::POST, RECORDS, &place.body(&record)).await?;
            changed("The record is added", &added, out)
        }
        RecordCommand::List => {
            let lists: Vec<Records> = client.get(RECORDS).await?;
            if lists.is_empty() {
                writeln!(out, "; no records were added")?;
            }
            for Records { zone, side, records } in lists {
                writeln!(out, "; added to {zone}, side: {side}")?;
                records.iter().try_for_each(|record| writeln!(out, "{record}"))?;
            }
            Ok(())
        }
        RecordCommand::Remove { place, record } => {
            let removed = client.change(Method::DELETE, RECORDS, &place.body(&record)).await?;
            changed("The record is removed", &removed, out)
        }
    }
}

async fn zone(client: &Client, command: ImportCommand, out: &mut impl Write) -> Result<()> {
    match command {
        ImportCommand::Import { name, file, seen } => {
            let imported = client.put_text(&seen.path(&name), read(&file)?).await;
            let imported = imported.with_context(|| format!("`{}` is not imported", file.display()))?;
            changed("The zone is imported", &imported, out)
        }
        ImportCommand::List => {
            let zones: Vec<Imported> = client.get(IMPORTED).await?;
            if zones.is_empty() {
                writeln!(out, "No zone was imported.")?;
            }
            for Imported { zone, side, size_bytes } in zones {
                writeln!(out, "{zone}  side: {side}, {size_bytes} bytes")?;
            }
            Ok(())
        }
        ImportCommand::Export { name, seen } => {
            let zone: Value = client.get(&seen.path(&name)).await?;
            write!(out, "{}", zone["text"].as_str().unwrap_or_default())?;
            Ok(())
        }
        ImportCommand::Remove { name, seen } => {
            let removed = client.change(Method::DELETE, &seen.path(&name), &()).await?;
            changed("The zone is removed", &removed, out)
        }
    }
}

impl Place {
    fn body(&self, record: &str) -> Value {
        json!({ "zone": self.zone, "side": self.seen.side, "records": record })
    }
}

impl Seen {
    fn path(&self, name: &str) -> String {
        format!("{IMPORTED}/{name}?side={}", self.side)
    }
}

fn changed(what: &str, changed: &Value, out: &mut impl Write) -> Result<()> {
    let state = if changed["published"] == true { "served" } else { "kept, and served soon" };
    writeln!(out, "{what} and {state}. Back: fulmarctl dns undo")?;
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can not read `{}`", path.display()))
}
