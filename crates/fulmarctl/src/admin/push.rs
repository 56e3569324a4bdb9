//! How phones are woken.

mod house;
mod keys;

use std::io::Write;

use anyhow::{Result, bail};
use clap::Subcommand;
use fulmar_wire::date;
use http::Method;
use serde::Deserialize;
use serde_json::json;

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
    /// What became of the latest notifications, newest first: of which message, for whom, through what.
    Ledger,
    /// What became of a message: who has fetched it on what, and what each of their devices was woken for, or why not.
    Why {
        /// Its number, as the ledger shows it.
        message: i64,
    },
    /// Wakes a device with a test, and says what its service says; the exit status is 0 only if that took it.
    Test {
        /// Its number, as `fulmarctl device list` shows it.
        device: i64,
    },
}

#[derive(Deserialize)]
struct Step {
    at: i64,
    person: String,
    about: String,
    service: String,
    step: String,
    detail: String,
}

#[derive(Deserialize)]
struct Story {
    from: String,
    sent_at: i64,
    people: Vec<Person>,
}

#[derive(Deserialize)]
struct Person {
    person: String,
    fetched_at: Option<i64>,
    fetched_by: Option<FetchedBy>,
    devices: Vec<Device>,
}

#[derive(Deserialize)]
struct FetchedBy {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct Device {
    id: i64,
    name: String,
    story: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    at: Option<i64>,
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
        PushCommand::Why { message } => {
            let story = client.get(&format!("/api/v1/push/why/{message}")).await?;
            why(message, &story, out)
        }
        PushCommand::Test { device } => test(client, device, out).await,
    }
}

async fn ledger(client: &Client, out: &mut impl Write) -> Result<()> {
    let steps: Vec<Step> = client.get("/api/v1/push/ledger").await?;
    if steps.is_empty() {
        writeln!(out, "There was no notification yet.")?;
    }
    for Step { at, person, about, service, step, detail } in steps {
        let at = date::write(at);
        let line = format!("{at}  {person:<32}  {about:<14}  {service:<7}  {step:<9}  {detail}");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn why(message: i64, story: &Story, out: &mut impl Write) -> Result<()> {
    writeln!(out, "Message {message} of {}, {}", story.from, date::write(story.sent_at))?;
    for Person { person, fetched_at, fetched_by, devices } in &story.people {
        let fetched = match (fetched_at, fetched_by) {
            (None, _) => "has not fetched it".to_owned(),
            (Some(at), None) => format!("fetched it {}", date::write(*at)),
            (Some(at), Some(by)) => format!("fetched it {} on {} ({})", date::write(*at), by.name, by.id),
        };
        writeln!(out, "{person} {fetched}")?;
        if devices.is_empty() {
            writeln!(out, "  no device is signed in")?;
        }
        for Device { id, name, story } in devices {
            writeln!(out, "{id:>6}  {name}")?;
            for Line { at, step, detail } in story {
                let at = at.map_or_else(|| "-".to_owned(), date::write);
                let line = format!("        {at:<24}  {step:<9}  {detail}");
                writeln!(out, "{}", line.trim_end())?;
            }
        }
    }
    Ok(())
}

async fn test(client: &Client, device: i64, out: &mut impl Write) -> Result<()> {
    let answer = client.change(Method::POST, "/api/v1/push/test", &json!({ "device": device })).await?;
    let word = |name: &str| answer[name].as_str().unwrap_or_default();
    if answer["accepted"] != true {
        bail!("the notification to device {device} did not arrive: {}: {}", word("step"), word("detail"));
    }
    writeln!(out, "The service took the notification to device {device}; it shows `Notifications work`.")?;
    Ok(())
}
