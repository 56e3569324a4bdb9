//! The office and its zones.

use std::{io::Write, net::IpAddr};

use anyhow::Result;
use clap::{Args, Subcommand};
use http::Method;
use serde::{Deserialize, Serialize};

use super::Client;

/// Commands about the office.
#[derive(Subcommand)]
pub enum OfficeCommand {
    /// Prints the office.
    Show,
    /// Sets all of it; what is not given is as by default.
    Set(Office),
}

/// The office's intent.
#[derive(Args, Deserialize, Serialize)]
pub struct Office {
    /// A SIP domain, such as office.example; the first is the primary one.
    #[arg(long = "domain", required = true)]
    domains: Vec<String>,
    /// An address of the box in the office network.
    #[arg(long, required = true)]
    inside: Vec<IpAddr>,
    /// An address at which the box is reached from everywhere else.
    #[arg(long)]
    outside: Vec<IpAddr>,
    /// The port under which phones reach the box.
    #[arg(long, default_value_t = 443)]
    https_port: u16,
    /// The port under which desks reach the box.
    #[arg(long, default_value_t = 5061)]
    sip_port: u16,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: OfficeCommand, out: &mut impl Write) -> Result<()> {
    match command {
        OfficeCommand::Show => show(&client.get("/api/v1/office").await?, out),
        OfficeCommand::Set(office) => {
            let changed = client.change(Method::PUT, "/api/v1/office", &office).await?;
            let served =
                if changed["published"] == true { "DNS serves it" } else { "DNS does not serve it yet" };
            writeln!(out, "The office is set (generation {}); {served}.", changed["generation"])?;
            Ok(())
        }
    }
}

fn show(office: &Office, out: &mut impl Write) -> Result<()> {
    let list = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    writeln!(out, "domains     {}", office.domains.join(" "))?;
    writeln!(out, "inside      {}", list(&office.inside))?;
    writeln!(out, "outside     {}", list(&office.outside))?;
    writeln!(out, "https port  {}", office.https_port)?;
    writeln!(out, "sip port    {}", office.sip_port)?;
    Ok(())
}

#[derive(Deserialize)]
struct Zone {
    apex: String,
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    owner: String,
    ttl: u32,
    #[serde(rename = "type")]
    record_type: String,
    data: String,
}

/// Prints zones as master files (RFC 1035 §5).
///
/// # Errors
/// When the box can not be asked.
pub async fn show_zones(client: &Client, outside: bool, out: &mut impl Write) -> Result<()> {
    let side = if outside { "outside" } else { "inside" };
    let zones: Vec<Zone> = client.get(&format!("/api/v1/zones?side={side}")).await?;
    for Zone { apex, records } in zones {
        writeln!(out, "; {apex} as seen from {side}")?;
        let width = records.iter().map(|record| record.owner.len()).max().unwrap_or(0);
        for Record { owner, ttl, record_type, data } in records {
            writeln!(out, "{owner:<width$}  {ttl:>5}  IN  {record_type:<4}  {data}")?;
        }
    }
    Ok(())
}
