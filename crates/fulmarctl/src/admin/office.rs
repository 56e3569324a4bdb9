//! The office: its intent, and what follows for the provider of its domain.

use std::{fmt::Display, io::Write, net::IpAddr};

use anyhow::Result;
use clap::{Args, Subcommand, value_parser};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Client;

/// Commands about the office.
#[derive(Subcommand)]
pub enum OfficeCommand {
    /// Prints the office.
    Show,
    /// Sets all of it; what is not given is as by default.
    Set(Office),
    /// Prints what to enter at the provider of the domain.
    Provider {
        /// Print it as lines of a master file, which some providers take in one piece.
        #[arg(long)]
        master_file: bool,
    },
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
    /// How the outside finds the box: `records-at-provider` (you enter its records where the domain is kept),
    /// `delegated` (the provider leaves the domain to the box) or `office-only` (not at all).
    #[arg(long, default_value = "office-only")]
    mode: String,
    /// The name of the host in links, within the SIP domain.
    #[arg(long, default_value = "web")]
    web_host: String,
    /// A network whose hosts are inside, such as 192.168.0.0/16 [default: loopback and the private ranges]
    #[arg(long = "inside-network")]
    inside_networks: Option<Vec<String>>,
    /// Who is asked for the names of others on behalf of those inside, such as 192.168.1.1 or 192.168.1.1:5353;
    /// several are asked in turn.
    #[arg(long = "resolver")]
    resolvers: Vec<String>,
    /// The port under which phones reach the box.
    #[arg(long, default_value_t = 443, value_parser = value_parser!(u16).range(1..))]
    https_port: u16,
    /// The port under which desks reach the box.
    #[arg(long, default_value_t = 5061, value_parser = value_parser!(u16).range(1..))]
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
            for warning in changed["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                writeln!(out, "Warning: {warning}. Phones inside are sent there.")?;
            }
            next_step(&office, out)
        }
        OfficeCommand::Provider { master_file } => {
            provider(&client.get("/api/v1/office/provider-records").await?, master_file, out)
        }
    }
}

fn show(office: &Office, out: &mut impl Write) -> Result<()> {
    writeln!(out, "domains          {}", list(&office.domains))?;
    writeln!(out, "inside           {}", list(&office.inside))?;
    writeln!(out, "outside          {}", list(&office.outside))?;
    writeln!(out, "mode             {}", office.mode)?;
    writeln!(out, "web host         {}", office.web_host)?;
    writeln!(out, "inside networks  {}", list(office.inside_networks.as_deref().unwrap_or_default()))?;
    writeln!(out, "resolvers        {}", list(&office.resolvers))?;
    writeln!(out, "https port       {}", office.https_port)?;
    writeln!(out, "sip port         {}", office.sip_port)?;
    Ok(())
}

fn list(entries: &[impl Display]) -> String {
    if entries.is_empty() {
        return "none".to_owned();
    }
    entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn next_step(office: &Office, out: &mut impl Write) -> Result<()> {
    if office.mode != "office-only" {
        writeln!(out, "What to enter at the provider of the domain: `fulmarctl office provider`.")?;
    }
    if office.mode == "records-at-provider" && office.resolvers.is_empty() {
        let domain = office.domains.first().map_or("the domain", String::as_str);
        writeln!(
            out,
            "Other names of {domain} are the provider's. Hosts that use this box as their only name server find \
             them only if it knows a resolver: `--resolver`."
        )?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Provider {
    mode: String,
    records: Vec<Record>,
}

fn provider(provider: &Provider, master_file: bool, out: &mut impl Write) -> Result<()> {
    let note = if master_file { "; " } else { "" };
    match provider.mode.as_str() {
        "office-only" => {
            writeln!(out, "{note}Nothing is entered anywhere: this office is for its own network only.")?;
        }
        "delegated" => writeln!(
            out,
            "{note}Where the domain above is kept, hand this domain over to the box: a name server (NS), and the \
             address of that name server (glue)."
        )?,
        _ => writeln!(
            out,
            "{note}Where the domain is kept, enter these records; leave all others as they are."
        )?,
    }
    if provider.records.iter().any(|record| record.record_type == "DS") {
        writeln!(
            out,
            "{note}The DS says that the zone is signed: enter it last, once all name servers of the domain have it \
             signed."
        )?;
    }
    if master_file { lines(&provider.records, out) } else { entries(&provider.records, out) }
}

/// As forms ask for it, without the dot at the end.
fn entries(records: &[Record], out: &mut impl Write) -> Result<()> {
    let width = |field: fn(&Record) -> &str| records.iter().map(|r| field(r).len()).max().unwrap_or(0);
    let (names, types) = (width(|r| &r.owner), width(|r| &r.record_type).max(4));
    if !records.is_empty() {
        writeln!(out, "{:<names$}  {:<types$}  {:>5}  value", "name", "type", "ttl")?;
    }
    for Record { owner, ttl, record_type, data } in records {
        let (owner, data) = (owner.trim_end_matches('.'), data.trim_end_matches('.'));
        writeln!(out, "{owner:<names$}  {record_type:<types$}  {ttl:>5}  {data}")?;
    }
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
    if zones.is_empty() {
        writeln!(
            out,
            "; Nobody {side} is answered; `fulmarctl office provider` says what is entered elsewhere."
        )?;
    }
    for Zone { apex, records } in zones {
        writeln!(out, "; {apex} as seen from {side}")?;
        lines(&records, out)?;
    }
    Ok(())
}

fn lines(records: &[Record], out: &mut impl Write) -> Result<()> {
    let width = records.iter().map(|record| record.owner.len()).max().unwrap_or(0);
    for Record { owner, ttl, record_type, data } in records {
        writeln!(out, "{owner:<width$}  {ttl:>5}  IN  {record_type:<4}  {data}")?;
    }
    Ok(())
}
