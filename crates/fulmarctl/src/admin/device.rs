//! Devices of a person.

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use serde::Deserialize;

use super::Client;

/// Commands about devices.
#[derive(Subcommand)]
pub enum DeviceCommand {
    /// Lists the devices of a person that are signed in or hold a ticket.
    List {
        /// Whose.
        address: String,
    },
    /// Signs one device out, at once. Who holds it and knows the password comes in again.
    Revoke {
        /// Whose.
        address: String,
        /// Its number in the list.
        id: i64,
    },
}

#[derive(Deserialize)]
struct Device {
    id: i64,
    name: String,
    state: Option<String>,
    push: bool,
    last_seen: Option<i64>,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: DeviceCommand, out: &mut impl Write) -> Result<()> {
    match command {
        DeviceCommand::List { address } => {
            let devices: Vec<Device> = client.get(&format!("/api/v1/people/{address}/devices")).await?;
            list(&address, &devices, out)
        }
        DeviceCommand::Revoke { address, id } => {
            client.change(Method::DELETE, &format!("/api/v1/people/{address}/devices/{id}"), &()).await?;
            writeln!(out, "Device {id} of {address} was signed out. Its holder may know the password:")?;
            writeln!(out, "`fulmarctl user passwd {address}` makes a new one.")?;
            Ok(())
        }
    }
}

fn list(address: &str, devices: &[Device], out: &mut impl Write) -> Result<()> {
    if devices.is_empty() {
        writeln!(out, "{address} is signed in on no device.")?;
    }
    for Device { id, name, state, push, last_seen } in devices {
        let push = if *push { "can be woken" } else { "can not be woken" };
        let seen = last_seen.map_or_else(|| "-".to_owned(), fulmar_wire::date::write);
        let state = state.as_deref().unwrap_or("no session");
        writeln!(out, "{id:>6}  {state:<10}  {push:<16}  {seen:<24}  {name}")?;
    }
    Ok(())
}
