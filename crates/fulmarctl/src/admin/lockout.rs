//! Sign-ins that are slowed after wrong passwords.

use std::io::Write;

use anyhow::Result;
use clap::Subcommand;
use http::Method;
use serde::Deserialize;

use super::Client;

/// Commands about lock-outs.
#[derive(Subcommand)]
pub enum LockoutCommand {
    /// Lists people, administrators and addresses whose sign-ins are slowed, and from where the wrong passwords came.
    List,
    /// Forgets the wrong passwords of a person (anna@office.example), an administrator (marie) or an address
    /// (203.0.113.7).
    Clear {
        /// The person, the administrator or the address.
        subject: String,
    },
}

#[derive(Deserialize)]
struct Lockout {
    subject: String,
    side: String,
    failures: u32,
    until: i64,
    seen_with: Vec<String>,
}

/// Carries a command out.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn run(client: &Client, command: LockoutCommand, out: &mut impl Write) -> Result<()> {
    match command {
        LockoutCommand::List => {
            let lockouts: Vec<Lockout> = client.get("/api/v1/lockouts").await?;
            list(&lockouts, out)
        }
        LockoutCommand::Clear { subject } => {
            client.change(Method::DELETE, &format!("/api/v1/lockouts/{subject}"), &()).await?;
            writeln!(out, "The wrong passwords of {subject} are forgotten.")?;
            Ok(())
        }
    }
}

fn list(lockouts: &[Lockout], out: &mut impl Write) -> Result<()> {
    if lockouts.is_empty() {
        writeln!(out, "Nobody is slowed.")?;
    }
    for Lockout { subject, side, failures, until, seen_with } in lockouts {
        let until = fulmar_wire::date::write(*until);
        writeln!(
            out,
            "{subject:<32} {failures:>3} failures from {side}, next attempt from {until}; seen with {}",
            seen_with.join(" ")
        )?;
    }
    Ok(())
}
