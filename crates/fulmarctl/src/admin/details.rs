//! What the office says of a person beside the name.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use http::Method;
use serde::{Deserialize, Serialize};

use super::Client;

/// What is to be changed; an empty value takes something away.
#[derive(Args, Default)]
pub struct Changes {
    /// What colleagues see.
    #[arg(long)]
    pub name: Option<String>,
    /// Such as "Head of sales".
    #[arg(long)]
    pub title: Option<String>,
    /// Where in the company.
    #[arg(long)]
    pub department: Option<String>,
    /// Which company.
    #[arg(long)]
    pub company: Option<String>,
    /// Where in the building.
    #[arg(long)]
    pub office: Option<String>,
    /// An e-mail address; may be given several times, and replaces those that were there.
    #[arg(long)]
    pub email: Vec<String>,
    /// The phone on the desk.
    #[arg(long)]
    pub work_phone: Option<String>,
    /// The phone in the pocket.
    #[arg(long)]
    pub mobile_phone: Option<String>,
    /// The phone at home.
    #[arg(long)]
    pub home_phone: Option<String>,
    /// Another phone.
    #[arg(long)]
    pub other_phone: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Details {
    name: Option<String>,
    title: Option<String>,
    department: Option<String>,
    company: Option<String>,
    office: Option<String>,
    emails: Vec<String>,
    work_phone: Option<String>,
    mobile_phone: Option<String>,
    home_phone: Option<String>,
    other_phone: Option<String>,
}

/// Prints what is known of a person.
///
/// # Errors
/// When the box refuses or can not be asked.
pub async fn show(client: &Client, address: &str, out: &mut impl Write) -> Result<()> {
    let details: Details = client.get(&path(address)).await?;
    let emails = details.emails.join(", ");
    for (what, value) in [
        ("Name", details.name.as_deref()),
        ("Title", details.title.as_deref()),
        ("Department", details.department.as_deref()),
        ("Company", details.company.as_deref()),
        ("Office", details.office.as_deref()),
        ("E-mail", Some(emails.as_str())),
        ("Work phone", details.work_phone.as_deref()),
        ("Mobile phone", details.mobile_phone.as_deref()),
        ("Home phone", details.home_phone.as_deref()),
        ("Other phone", details.other_phone.as_deref()),
    ] {
        let value = value.filter(|value| !value.is_empty()).unwrap_or("-");
        writeln!(out, "{what:<13} {value}")?;
    }
    Ok(())
}

/// Changes what is known of a person, and prints it.
///
/// # Errors
/// As [`show`].
pub async fn set(client: &Client, address: &str, changes: Changes, out: &mut impl Write) -> Result<()> {
    let mut details: Details = client.get(&path(address)).await?;
    for (value, change) in [
        (&mut details.name, changes.name),
        (&mut details.title, changes.title),
        (&mut details.department, changes.department),
        (&mut details.company, changes.company),
        (&mut details.office, changes.office),
        (&mut details.work_phone, changes.work_phone),
        (&mut details.mobile_phone, changes.mobile_phone),
        (&mut details.home_phone, changes.home_phone),
        (&mut details.other_phone, changes.other_phone),
    ] {
        *value = change.or_else(|| value.take());
    }
    if !changes.email.is_empty() {
        details.emails = changes.email.into_iter().filter(|email| !email.is_empty()).collect();
    }
    client.change(Method::PUT, &path(address), &details).await?;
    show(client, address, out).await
}

fn path(address: &str) -> String {
    format!("/api/v1/people/{address}/details")
}
