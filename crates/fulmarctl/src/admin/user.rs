//! People.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Subcommand;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    Client,
    details::{self, Changes},
    password::password,
};

/// Commands about people.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Adds a person. Without `--password-stdin` a password is made up and printed once.
    Add {
        /// Such as anna@office.example.
        address: String,
        /// What colleagues see.
        #[arg(long)]
        name: String,
        /// Take the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists everybody.
    List,
    /// Prints what is known of a person.
    Show {
        /// Of whom.
        address: String,
    },
    /// Changes what is known of a person: what colleagues see, and find them by.
    Set {
        /// Of whom.
        address: String,
        /// What to change.
        #[command(flatten)]
        changes: Box<Changes>,
    },
    /// Gives a person a photo, from a file that is a JPEG or a PNG.
    Photo {
        /// Of whom.
        address: String,
        /// The file.
        #[arg(required_unless_present = "remove")]
        file: Option<PathBuf>,
        /// Take the photo away.
        #[arg(long, conflicts_with = "file")]
        remove: bool,
    },
    /// Gives a person a new password and signs them out everywhere.
    Passwd {
        /// Whose.
        address: String,
        /// Take the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Signs a person out on every device, at once. They come in again with their password.
    SignOut {
        /// Whom.
        address: String,
    },
    /// Says where a person is at home: their clients are sent to the pool with that Autodiscover root, and signed out
    /// here.
    Home {
        /// Whom.
        address: String,
        /// Such as `https://web.other.example/Autodiscover/AutodiscoverService.svc/root`, or `here`.
        home: String,
    },
    /// Keeps a person out, at once and on every device.
    Disable {
        /// Whom.
        address: String,
    },
    /// Lets a disabled person in again.
    Enable {
        /// Whom.
        address: String,
    },
}

#[derive(Deserialize)]
struct Person {
    address: String,
    name: String,
    disabled: bool,
    homed_at: Option<String>,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: UserCommand, out: &mut impl Write) -> Result<()> {
    match command {
        UserCommand::Add { address, name, password_stdin } => {
            let password = password(password_stdin)?;
            let body = json!({ "address": address, "name": name, "password": password.text });
            client.change(Method::POST, "/api/v1/people", &body).await?;
            writeln!(out, "{address} can sign in.")?;
            password.print(out)
        }
        UserCommand::List => list(&client.get::<Vec<Person>>("/api/v1/people").await?, out),
        UserCommand::Show { address } => details::show(client, &address, out).await,
        UserCommand::Set { address, changes } => details::set(client, &address, *changes, out).await,
        UserCommand::Photo { address, file, .. } => photo(client, &address, file.as_deref(), out).await,
        UserCommand::Passwd { address, password_stdin } => {
            let password = password(password_stdin)?;
            let path = format!("/api/v1/people/{address}/password");
            client.change(Method::PUT, &path, &json!({ "password": password.text })).await?;
            writeln!(out, "{address} has a new password and was signed out.")?;
            password.print(out)
        }
        UserCommand::SignOut { address } => {
            client.change(Method::POST, &format!("/api/v1/people/{address}/sign-out"), &()).await?;
            writeln!(out, "{address} was signed out everywhere.")?;
            Ok(())
        }
        UserCommand::Home { address, home } => {
            let path = format!("/api/v1/people/{address}/home");
            client.change(Method::PUT, &path, &json!({ "home": home })).await?;
            if home == "here" {
                writeln!(out, "{address} is at home here and can sign in.")?;
            } else {
                writeln!(out, "{address} is at home at {home} and was signed out here.")?;
                writeln!(out, "`fulmarctl user home {address} here` undoes that.")?;
            }
            Ok(())
        }
        UserCommand::Disable { address } => {
            disable(client, &address, true).await?;
            writeln!(out, "{address} is kept out. `fulmarctl user enable {address}` undoes that.")?;
            Ok(())
        }
        UserCommand::Enable { address } => {
            disable(client, &address, false).await?;
            writeln!(out, "{address} can sign in again.")?;
            Ok(())
        }
    }
}

async fn photo(client: &Client, address: &str, file: Option<&Path>, out: &mut impl Write) -> Result<()> {
    let path = format!("/api/v1/people/{address}/photo");
    let Some(file) = file else {
        client.change(Method::DELETE, &path, &()).await?;
        writeln!(out, "{address} has no photo any more.")?;
        return Ok(());
    };
    let picture = fs::read(file).with_context(|| format!("can not read `{}`", file.display()))?;
    client.put_bytes(&path, picture).await?;
    writeln!(out, "{address} has a new photo.")?;
    Ok(())
}

async fn disable(client: &Client, address: &str, disabled: bool) -> Result<()> {
    let path = format!("/api/v1/people/{address}/disabled");
    client.change(Method::PUT, &path, &json!({ "disabled": disabled })).await.map(drop)
}

fn list(people: &[Person], out: &mut impl Write) -> Result<()> {
    let width = people.iter().map(|person| person.address.len()).max().unwrap_or(0);
    for person in people {
        let state = if person.disabled { "  (disabled)" } else { "" };
        let home = person.homed_at.as_ref().map_or(String::new(), |home| format!("  (at home at {home})"));
        writeln!(out, "{:<width$}  {}{state}{home}", person.address, person.name)?;
    }
    Ok(())
}
