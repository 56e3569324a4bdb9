//! Name servers elsewhere that keep copies of the zones.

use std::{io::Write, net::SocketAddr};

use anyhow::Result;
use clap::{Args, Subcommand};
use fulmar_domain::office::parse_resolver;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Client;

/// Commands about secondaries.
#[derive(Subcommand)]
pub enum SecondaryCommand {
    /// Lets a name server take the zones, and prints what to enter there. The key is shown this once.
    Add(NewSecondary),
    /// Lists them, with what happened last.
    List,
    /// Takes the right to the zones away from one.
    Remove {
        /// Its name.
        name: String,
    },
    /// Tells all of them their serials again.
    Notify,
}

/// A secondary.
#[derive(Args, Serialize)]
pub struct NewSecondary {
    /// What to call it, such as ns2.
    name: String,
    /// Where it listens, such as 192.0.2.53 or 192.0.2.53:5353.
    #[arg(value_parser = parse_resolver)]
    address: SocketAddr,
    /// Whose zones it keeps: inside or outside.
    #[arg(long, default_value = "outside", value_parser = ["inside", "outside"])]
    side: String,
    /// How its messages are signed: hmac-sha256, hmac-sha384 or hmac-sha512. By default the first.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<String>,
    /// Give the zones to whoever asks from that address, without a key.
    #[arg(long, conflicts_with = "algorithm")]
    by_address_alone: bool,
}

#[derive(Deserialize)]
struct Secondary {
    name: String,
    address: SocketAddr,
    side: String,
    key_name: Option<String>,
    zones: Vec<Zone>,
    refused: Option<Refusal>,
}

#[derive(Deserialize)]
struct Zone {
    zone: String,
    notified: Option<Happened>,
    transferred: Option<Happened>,
}

#[derive(Deserialize)]
struct Happened {
    at: i64,
    serial: u32,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    at: i64,
    problem: String,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: SecondaryCommand, out: &mut impl Write) -> Result<()> {
    match command {
        SecondaryCommand::Add(new) => {
            let added = client.change(Method::POST, "/api/v1/dns/secondaries", &new).await?;
            let zones: Vec<Value> = client.get(&format!("/api/v1/zones?side={}", new.side)).await?;
            let imported: Vec<Value> = client.get("/api/v1/zones/imported").await?;
            let imported = imported.iter().filter(|zone| zone["side"] == "both" || zone["side"] == new.side);
            let imported = imported.filter_map(|zone| zone["zone"].as_str()).map(|zone| format!("{zone}."));
            let zones = zones.iter().filter_map(|zone| zone["apex"].as_str()).map(String::from);
            let zones: Vec<String> = zones.chain(imported).collect();
            let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
            match zones.as_slice() {
                [] => writeln!(
                    out,
                    "{} may take the zones of {}, but there are none yet: add them below when there are.",
                    new.name, new.side
                )?,
                zones => writeln!(out, "{} may take: {}", new.name, zones.join(" "))?,
            }
            snippets(&added, &zones, out)
        }
        SecondaryCommand::List => {
            let secondaries: Vec<Secondary> = client.get("/api/v1/dns/secondaries").await?;
            if secondaries.is_empty() {
                writeln!(out, "No name server elsewhere may take the zones.")?;
            }
            secondaries.iter().try_for_each(|secondary| show(secondary, out))
        }
        SecondaryCommand::Remove { name } => {
            client.change(Method::DELETE, &format!("/api/v1/dns/secondaries/{name}"), &()).await?;
            writeln!(
                out,
                "{name} may take no zones any more; what it has it serves until the zones expire."
            )?;
            Ok(())
        }
        SecondaryCommand::Notify => {
            client.change(Method::POST, "/api/v1/dns/notify", &()).await?;
            writeln!(
                out,
                "The secondaries are being told; `fulmarctl dns secondary list` shows how it went."
            )?;
            Ok(())
        }
    }
}

/// What is entered at the secondary.
fn snippets(added: &Value, zones: &[&str], out: &mut impl Write) -> Result<()> {
    let text = |field: &str| added[field].as_str().unwrap_or_default();
    let (name, algorithm, secret) = (text("key_name"), text("key_algorithm"), text("secret"));
    let has_key = added["key_name"].is_string();
    writeln!(out, "\nPut the address of the box for BOX. For Knot DNS, in knot.conf:\n")?;
    if has_key {
        writeln!(out, "key:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}")?;
    }
    writeln!(out, "remote:\n  - id: fulmar\n    address: BOX@53")?;
    let key = if has_key { format!("    key: {name}\n") } else { String::new() };
    write!(out, "{key}")?;
    writeln!(out, "acl:\n  - id: fulmar-notify\n    address: BOX\n    action: notify")?;
    write!(out, "{key}")?;
    writeln!(out, "zone:")?;
    for zone in zones {
        writeln!(out, "  - domain: {zone}\n    master: fulmar\n    acl: fulmar-notify")?;
    }
    writeln!(out, "\nFor NSD, in nsd.conf:\n")?;
    if has_key {
        writeln!(out, "key:\n  name: {name}\n  algorithm: {algorithm}\n  secret: \"{secret}\"")?;
    }
    let key = if has_key { name } else { "NOKEY" };
    for zone in zones {
        writeln!(out, "zone:\n  name: {zone}\n  allow-notify: BOX {key}\n  request-xfr: AXFR BOX@53 {key}")?;
    }
    Ok(())
}

fn show(secondary: &Secondary, out: &mut impl Write) -> Result<()> {
    let Secondary { name, address, side, key_name, zones, refused } = secondary;
    let key = key_name.as_deref().unwrap_or("none, known by its address alone");
    writeln!(out, "{name}  {address}  zones of {side}, key {key}")?;
    for Zone { zone, notified, transferred } in zones {
        writeln!(out, "  {zone}: told {}; took {}", happened(notified), happened(transferred))?;
    }
    if let Some(Refusal { at, problem }) = refused {
        writeln!(out, "  refused at {}: {problem}", fulmar_wire::date::write(*at))?;
    }
    Ok(())
}

fn happened(what: &Option<Happened>) -> String {
    match what {
        None => String::from("nothing yet"),
        Some(Happened { at, serial, problem }) => {
            let at = fulmar_wire::date::write(*at);
            let problem = problem.as_ref().map_or(String::new(), |problem| format!(", but {problem}"));
            format!("{serial} at {at}{problem}")
        }
    }
}
