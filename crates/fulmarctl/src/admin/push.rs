//! How phones are woken.

mod house;
mod keys;

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use serde::Deserialize;

use super::Client;
pub use house::HouseCommand;
pub use keys::{Keys, KeysCommand, Service};

/// Commands about push.
#[derive(Subcommand)]
pub enum PushCommand {
    /// What the box proves itself with to the services that wake phones.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The clearing house: a box with keys sends for those without.
    #[command(subcommand)]
    House(HouseCommand),
    /// What became of the latest notifications, newest first.
    Ledger,
}

#[derive(Deserialize)]
struct Step {
    at: i64,
    person: String,
    step: String,
    detail: String,
}

/// Carries a command out.
///
/// # Errors
/// When a file can not be read, or the box refuses or can not be asked.
pub async fn run(client: &Client, command: PushCommand, out: &mut impl Write) -> Result<()> {
    match command {
        PushCommand::Keys(command) => keys::run(client, command, out).await,
        PushCommand::House(command) => house::run(client, command, out).await,
        PushCommand::Ledger => ledger(client, out).await,
    }
}

async fn ledger(client: &Client, out: &mut impl Write) -> Result<()> {
    let steps: Vec<Step> = client.get("/api/v1/push/ledger").await?;
    if steps.is_empty() {
        writeln!(out, "There was no notification yet.")?;
    }
    for Step { at, person, step, detail } in steps {
        let line = format!("{}  {person:<32}  {step:<10}  {detail}", fulmar_wire::date::write(at));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
