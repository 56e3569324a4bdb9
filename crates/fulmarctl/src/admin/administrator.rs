//! Who signs in at the console.

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Client, password::password};

/// Commands about administrators.
#[derive(Subcommand)]
pub enum AdminCommand {
    /// Adds an administrator. Without `--password-stdin` a password is made up and printed once.
    Add {
        /// A word, such as marie.
        name: String,
        /// Take the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Lists everybody.
    List,
    /// Gives an administrator a new password, which ends their sessions at the console.
    Passwd {
        /// Whose.
        name: String,
        /// Take the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Removes an administrator, whose sessions at the console end.
    Remove {
        /// Whom.
        name: String,
    },
}

#[derive(Deserialize)]
pub(super) struct Administrator {
    pub(super) name: String,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: AdminCommand, out: &mut impl Write) -> Result<()> {
    match command {
        AdminCommand::Add { name, password_stdin } => {
            let password = password(password_stdin)?;
            let body = json!({ "name": name, "password": password.text });
            client.change(Method::POST, "/api/v1/administrators", &body).await?;
            writeln!(out, "{name} can sign in at the console.")?;
            password.print(out)
        }
        AdminCommand::List => {
            let everybody: Vec<Administrator> = client.get("/api/v1/administrators").await?;
            if everybody.is_empty() {
                writeln!(out, "There is no administrator yet. `fulmarctl admin add NAME` adds one.")?;
            }
            everybody.iter().try_for_each(|Administrator { name }| Ok(writeln!(out, "{name}")?))
        }
        AdminCommand::Passwd { name, password_stdin } => {
            let password = password(password_stdin)?;
            let path = format!("/api/v1/administrators/{name}/password");
            client.change(Method::PUT, &path, &json!({ "password": password.text })).await?;
            writeln!(out, "{name} has a new password and was signed out.")?;
            password.print(out)
        }
        AdminCommand::Remove { name } => {
            client.change(Method::DELETE, &format!("/api/v1/administrators/{name}"), &()).await?;
            writeln!(out, "{name} can not sign in at the console any more.")?;
            Ok(())
        }
    }
}
