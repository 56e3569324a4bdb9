//! The clearing house: a box with keys sends the notifications of those without.

use std::{io::Write, num::NonZeroU32};

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Client, keys};

/// Commands about the clearing house: `pair` and `leave` for a box without keys, the others for the one that sends.
#[derive(Subcommand)]
pub enum HouseCommand {
    /// Invites a box to hand its notifications over to this one, and prints the code for it. It is shown this once.
    Invite {
        /// What to call it, such as branch-oslo.
        name: String,
    },
    /// Has the notifications for which this box has no keys sent by the box that gave the code.
    Pair {
        /// Where that box is: HOST or HOST:PORT.
        address: String,
        /// The code, in quotes where there are blanks in it.
        code: String,
    },
    /// Who sends for this box, and for whom this box sends.
    List,
    /// Sets how many notifications a box may hand over.
    Quota {
        /// Its name.
        name: String,
        /// A minute, and at once.
        #[arg(long)]
        per_minute: NonZeroU32,
        /// In any 24 hours.
        #[arg(long)]
        per_day: NonZeroU32,
    },
    /// What became of the latest notifications that were handed over, newest first.
    Ledger {
        /// Of one box.
        name: Option<String>,
    },
    /// Sends nothing more for a box.
    Remove {
        /// Its name.
        name: String,
    },
    /// Has nothing sent by another box any more.
    Leave,
}

#[derive(Deserialize)]
struct House {
    paired: Option<Paired>,
    boxes: Vec<Box>,
    invited: Vec<Invited>,
}

#[derive(Deserialize)]
struct Paired {
    address: String,
    name: String,
    services: Vec<String>,
}

#[derive(Deserialize)]
struct Box {
    name: String,
    per_minute: u32,
    per_day: u32,
    last_seen: i64,
    today: Counts,
}

#[derive(Deserialize)]
struct Counts {
    accepted: u32,
    gone: u32,
    failed: u32,
    throttled: u32,
}

#[derive(Deserialize)]
struct Invited {
    name: String,
    expires_at: i64,
}

#[derive(Deserialize)]
struct HandOver {
    at: i64,
    name: String,
    provider: String,
    outcome: String,
    reason: String,
    attempt: u32,
}

const PATH: &str = "/api/v1/push/house";

pub(super) async fn run(client: &Client, command: HouseCommand, out: &mut impl Write) -> Result<()> {
    match command {
        HouseCommand::Invite { name } => invite(client, &name, out).await?,
        HouseCommand::Pair { address, code } => {
            let body = json!({ "address": address, "code": code });
            let paired: Paired = serde_json::from_value(client.change(Method::PUT, PATH, &body).await?)?;
            show_paired(&paired, out)?;
            let to_apple = paired.services.iter().any(|service| service == "apns");
            let switch = to_apple.then_some("EnableApplePushNotificationService");
            keys::exceptions(client, switch, out).await?;
        }
        HouseCommand::List => list(&client.get(PATH).await?, out)?,
        HouseCommand::Quota { name, per_minute, per_day } => {
            let body = json!({ "per_minute": per_minute, "per_day": per_day });
            client.change(Method::PUT, &format!("{PATH}/boxes/{name}/quota"), &body).await?;
            writeln!(out, "{name} may hand over {per_minute} notifications a minute and {per_day} a day.")?;
        }
        HouseCommand::Ledger { name } => ledger(client, name.as_deref(), out).await?,
        HouseCommand::Remove { name } => {
            client.change(Method::DELETE, &format!("{PATH}/boxes/{name}"), &()).await?;
            writeln!(out, "Nothing is sent for {name} any more.")?;
        }
        HouseCommand::Leave => {
            client.change(Method::DELETE, PATH, &()).await?;
            writeln!(out, "Nothing is sent by the clearing house any more.")?;
            writeln!(out, "To have it forget this box, there: fulmarctl push house remove NAME")?;
        }
    }
    Ok(())
}

async fn invite(client: &Client, name: &str, out: &mut impl Write) -> Result<()> {
    let invited =
        client.change(Method::POST, &format!("{PATH}/invitations"), &json!({ "name": name })).await?;
    let (code, address) = (&invited["code"], invited["address"].as_str().unwrap_or("HOST"));
    let until = fulmar_wire::date::write(invited["expires_at"].as_i64().unwrap_or_default());
    writeln!(out, "The code for {name}, good once and until {until}:\n")?;
    writeln!(out, "  {}\n", code.as_str().unwrap_or_default())?;
    writeln!(out, "There: fulmarctl push house pair {address} {}", code.as_str().unwrap_or_default())?;
    writeln!(out, "{address} has to lead to this box from there; HOST:PORT, where it is called otherwise.")?;
    Ok(())
}

fn show_paired(paired: &Paired, out: &mut impl Write) -> Result<()> {
    let Paired { address, name, services } = paired;
    let sends = match services.as_slice() {
        [] => String::from("but has no keys itself yet"),
        services => format!("and sends to {}", services.join(", ")),
    };
    writeln!(out, "{address} knows this box as {name}, {sends}.")?;
    Ok(())
}

fn list(house: &House, out: &mut impl Write) -> Result<()> {
    match &house.paired {
        Some(paired) => show_paired(paired, out)?,
        None => writeln!(out, "This box has nothing sent by another.")?,
    }
    if house.boxes.is_empty() && house.invited.is_empty() {
        writeln!(out, "It sends for no other box.")?;
    }
    for Box { name, per_minute, per_day, last_seen, today } in &house.boxes {
        let Counts { accepted, gone, failed, throttled } = today;
        let last_seen = fulmar_wire::date::write(*last_seen);
        writeln!(out, "{name}  last seen {last_seen}, {per_minute} a minute and {per_day} a day")?;
        writeln!(out, "  today: {accepted} accepted, {gone} gone, {failed} failed, {throttled} throttled")?;
    }
    for Invited { name, expires_at } in &house.invited {
        writeln!(out, "{name}  invited until {}", fulmar_wire::date::write(*expires_at))?;
    }
    Ok(())
}

async fn ledger(client: &Client, name: Option<&str>, out: &mut impl Write) -> Result<()> {
    let of = name.map_or(String::new(), |name| format!("?name={name}"));
    let rows: Vec<HandOver> = client.get(&format!("{PATH}/ledger{of}")).await?;
    if rows.is_empty() {
        writeln!(out, "Nothing was handed over yet.")?;
    }
    for HandOver { at, name, provider, outcome, reason, attempt } in rows {
        let at = fulmar_wire::date::write(at);
        let line = format!("{at}  {name:<24}  {provider:<4}  attempt {attempt:<2}  {outcome:<11}  {reason}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
