//! What there is.

use std::io::Write;

use anyhow::Result;
use serde::Deserialize;

use super::Client;

#[derive(Deserialize)]
struct Status {
    version: String,
    domain: Option<String>,
    generation: Option<u64>,
    published: u64,
    people: usize,
    sessions: usize,
    lockouts: usize,
    push_services_left_alone: Vec<LeftAlone>,
}

#[derive(Deserialize)]
struct LeftAlone {
    service: String,
    since: i64,
    reason: String,
}

/// Prints numbers.
///
/// # Errors
/// When the box can not be asked.
pub async fn status(client: &Client, out: &mut impl Write) -> Result<()> {
    let status: Status = client.get("/api/v1/status").await?;
    writeln!(out, "version   {}", status.version)?;
    match (status.domain, status.generation) {
        (Some(domain), Some(generation)) => {
            writeln!(out, "office    {domain} (generation {generation}, DNS serves {})", status.published)?;
        }
        _ => writeln!(out, "office    not set up; begin with `fulmarctl office set --help`")?,
    }
    writeln!(out, "people    {}", status.people)?;
    writeln!(out, "sessions  {}", status.sessions)?;
    if status.lockouts > 0 {
        writeln!(out, "lockouts  {}; `fulmarctl lockout list` says who and from where", status.lockouts)?;
    }
    for LeftAlone { service, since, reason } in status.push_services_left_alone {
        let since = fulmar_wire::date::write(since);
        writeln!(out, "push      {service} wakes nobody since {since}: {reason}")?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Session {
    person: String,
    device: String,
    state: String,
    push: bool,
    last_seen: i64,
}

/// Lists sessions.
///
/// # Errors
/// When the box can not be asked.
pub async fn sessions(client: &Client, out: &mut impl Write) -> Result<()> {
    let sessions: Vec<Session> = client.get("/api/v1/sessions").await?;
    if sessions.is_empty() {
        writeln!(out, "Nobody is signed in.")?;
    }
    for session in sessions {
        let push = if session.push { "can be woken" } else { "can not be woken" };
        let seen = fulmar_wire::date::write(session.last_seen);
        writeln!(
            out,
            "{:<32}  {:<10}  {push:<16}  {seen}  {}",
            session.person, session.state, session.device
        )?;
    }
    Ok(())
}
