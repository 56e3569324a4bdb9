//! Signed zones.

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Client;

const DNSSEC: &str = "/api/v1/dns/dnssec";

/// Commands about signed zones.
#[derive(Subcommand)]
pub enum DnssecCommand {
    /// Signs all zones of the box, with keys that the box makes, and keeps the signatures fresh.
    On,
    /// Signs no more. The keys are kept, in case that zones are signed again.
    Off {
        /// No parent has the DS of a zone any more. While one has, names of the zone are gone for whoever checks
        /// signatures.
        #[arg(long)]
        ds_removed: bool,
    },
    /// Prints which zones are signed, how long the signatures are valid, and what to enter at the parent.
    Status,
}

#[derive(Deserialize)]
struct Status {
    on: bool,
    problem: Option<String>,
    zones: Vec<Zone>,
}

#[derive(Deserialize)]
struct Zone {
    zone: String,
    side: String,
    ds: String,
    enter_at_parent: bool,
    valid_until: i64,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: DnssecCommand, out: &mut impl Write) -> Result<()> {
    let change = match command {
        DnssecCommand::On => Some(json!({ "on": true })),
        DnssecCommand::Off { ds_removed } => Some(json!({ "on": false, "ds_removed": ds_removed })),
        DnssecCommand::Status => None,
    };
    if let Some(change) = change {
        let changed = client.change(Method::PUT, DNSSEC, &change).await?;
        if changed["published"] != true {
            writeln!(
                out,
                "The change is kept, but not served yet: `fulmarctl dns dnssec status` shows when it is."
            )?;
        }
    }
    show(&client.get(DNSSEC).await?, out)
}

fn show(Status { on, problem, zones }: &Status, out: &mut impl Write) -> Result<()> {
    writeln!(out, "DNSSEC is {}.", if *on { "on" } else { "off" })?;
    if let Some(problem) = problem {
        writeln!(out, "But {problem}.")?;
    }
    for Zone { zone, side, ds, valid_until, .. } in zones {
        let until = fulmar_wire::date::write(*valid_until);
        writeln!(out, "\n{zone}  side: {side}, signatures valid until {until}\n  {zone}. 300 IN DS {ds}")?;
    }
    let entered = zones.iter().filter(|zone| zone.enter_at_parent).map(|zone| zone.zone.as_str());
    let entered: Vec<&str> = entered.collect();
    match entered.as_slice() {
        [] if zones.is_empty() => {}
        [] => writeln!(
            out,
            "\nNo DS is entered anywhere: nobody outside is answered from these zones, or the box tells the DS \
             itself. Resolvers inside that check signatures can take them as trust anchors."
        )?,
        zones => writeln!(
            out,
            "\nEnter the DS of {} where the domain above is kept, once all name servers of the zone have it \
             signed (`fulmarctl dns secondary list`).",
            zones.join(" and ")
        )?,
    }
    Ok(())
}
