//! How phones are woken.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Client, policy};

/// What has to be on for somebody to be woken.
const SWITCHES: [(&str, &str); 3] = [
    ("PushNotificationConfiguration", "EnableApplePushNotificationService"),
    ("MobilityPolicy", "EnablePushNotifications"),
    ("MobilityPolicy", "EnableMobility"),
];

/// Commands about push.
#[derive(Subcommand)]
pub enum PushCommand {
    /// How the box speaks to Apple.
    #[command(subcommand)]
    Apns(ApnsCommand),
    /// Web Push: the services that devices choose themselves, such as those of UnifiedPush.
    #[command(subcommand)]
    Web(WebCommand),
    /// Firebase Cloud Messaging, for phones with Android.
    #[command(subcommand)]
    Fcm(FcmCommand),
    /// Windows Push Notification Services.
    #[command(subcommand)]
    Wns(WnsCommand),
    /// What became of the latest notifications, newest first.
    Ledger,
}

/// Commands about Apple.
#[derive(Subcommand)]
pub enum ApnsCommand {
    /// Sets all of it: with a signing key (team, key id) or with a client certificate.
    Set(Apns),
}

/// Commands about Web Push.
#[derive(Subcommand)]
pub enum WebCommand {
    /// Switches it on, or changes it. The first time a key is made, which stays.
    Set(Web),
    /// Switches it off. The key stays, since devices have subscribed for it.
    Off,
}

/// The settings for Web Push.
#[derive(Args)]
pub struct Web {
    /// Whom a service tells that something is wrong, such as `mailto:admin@office.example`.
    #[arg(long)]
    contact: String,
    /// A host that may be at a private address, such as a service of the office's own; may be repeated.
    #[arg(long = "private-host")]
    private_hosts: Vec<String>,
    /// Certificates to trust beside the public authorities, PEM.
    #[arg(long)]
    ca: Option<PathBuf>,
}

/// Commands about Firebase.
#[derive(Subcommand)]
pub enum FcmCommand {
    /// Switches it on, or changes it.
    Set(Fcm),
    /// Switches it off, and forgets the account.
    Off,
}

/// The settings for Firebase.
#[derive(Args)]
pub struct Fcm {
    /// The key file of a service account, JSON.
    #[arg(long)]
    service_account: PathBuf,
    /// An https URL in place of Firebase's.
    #[arg(long)]
    endpoint: Option<String>,
    /// Certificates to trust in place of the public authorities, PEM.
    #[arg(long)]
    ca: Option<PathBuf>,
}

/// Commands about WNS.
#[derive(Subcommand)]
pub enum WnsCommand {
    /// Switches it on, or changes it.
    Set(Wns),
    /// Switches it off, and forgets the secret.
    Off,
}

/// The settings for WNS.
#[derive(Args)]
pub struct Wns {
    /// `ms-app://…`, which names the app.
    #[arg(long)]
    package_sid: String,
    /// A file with the client secret and nothing else.
    #[arg(long)]
    secret_file: PathBuf,
}

/// The settings for Apple.
#[derive(Args)]
pub struct Apns {
    /// `production`, `sandbox` or an https URL.
    #[arg(long, default_value = "production")]
    endpoint: String,
    /// The bundle id of the app.
    #[arg(long)]
    topic: String,
    /// The team that the key belongs to.
    #[arg(long, requires = "key_id", required_unless_present = "certificate")]
    team_id: Option<String>,
    /// The id of the key.
    #[arg(long, requires = "team_id")]
    key_id: Option<String>,
    /// The client certificate with its chain, PEM.
    #[arg(long, conflicts_with_all = ["team_id", "key_id"])]
    certificate: Option<PathBuf>,
    /// The key, PEM: AuthKey_….p8, or the one of the certificate.
    #[arg(long)]
    key: PathBuf,
    /// Certificates to trust in place of the public authorities, PEM.
    #[arg(long)]
    ca: Option<PathBuf>,
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
        PushCommand::Apns(ApnsCommand::Set(settings)) => set_apns(client, &settings, out).await?,
        PushCommand::Web(WebCommand::Set(settings)) => {
            let body = json!({
                "contact": settings.contact,
                "private_hosts": settings.private_hosts,
                "trust_anchors_pem": settings.ca.as_deref().map(read).transpose()?,
            });
            let answer = client.change(Method::PUT, "/api/v1/push/web", &body).await?;
            writeln!(out, "Phones are woken by the services that they register with.")?;
            writeln!(
                out,
                "The key that they subscribe for: {}",
                answer["public_key"].as_str().unwrap_or_default()
            )?;
        }
        PushCommand::Web(WebCommand::Off) => switch_off(client, "web", "Web Push", out).await?,
        PushCommand::Fcm(FcmCommand::Set(settings)) => {
            let body = json!({
                "endpoint": settings.endpoint,
                "service_account": read(&settings.service_account)?,
                "trust_anchors_pem": settings.ca.as_deref().map(read).transpose()?,
            });
            client.change(Method::PUT, "/api/v1/push/fcm", &body).await?;
            writeln!(out, "Phones are woken through Firebase.")?;
        }
        PushCommand::Fcm(FcmCommand::Off) => switch_off(client, "fcm", "Firebase", out).await?,
        PushCommand::Wns(WnsCommand::Set(settings)) => {
            let secret = read(&settings.secret_file)?;
            let body = json!({ "package_sid": settings.package_sid, "secret": secret.trim() });
            client.change(Method::PUT, "/api/v1/push/wns", &body).await?;
            writeln!(out, "Devices are woken through WNS.")?;
        }
        PushCommand::Wns(WnsCommand::Off) => switch_off(client, "wns", "WNS", out).await?,
        PushCommand::Ledger => ledger(client, out).await?,
    }
    Ok(())
}

async fn set_apns(client: &Client, settings: &Apns, out: &mut impl Write) -> Result<()> {
    let body = json!({
        "endpoint": settings.endpoint,
        "topic": settings.topic,
        "team_id": settings.team_id,
        "key_id": settings.key_id,
        "chain_pem": settings.certificate.as_deref().map(read).transpose()?,
        "key_pem": read(&settings.key)?,
        "trust_anchors_pem": settings.ca.as_deref().map(read).transpose()?,
    });
    client.change(Method::PUT, "/api/v1/push/apns", &body).await?;
    writeln!(out, "Phones are woken through {}.", settings.endpoint)?;
    let off = "fulmarctl policy set PushNotificationConfiguration EnableApplePushNotificationService=False";
    writeln!(out, "To wake nobody: {off}")?;
    exceptions(client, out).await
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

async fn switch_off(client: &Client, path: &str, service: &str, out: &mut impl Write) -> Result<()> {
    client.change(Method::DELETE, &format!("/api/v1/push/{path}"), &json!({})).await?;
    writeln!(out, "Nobody is woken by {service} any more.")?;
    Ok(())
}

/// Says who is not woken all the same.
async fn exceptions(client: &Client, out: &mut impl Write) -> Result<()> {
    for (object, parameter) in SWITCHES {
        for scope in policy::scopes_without(client, object, parameter).await? {
            writeln!(out, "But not those for whom {object} at {scope} decides: {parameter} is False there.")?;
            writeln!(
                out,
                "To wake them too: fulmarctl policy set {object} --scope {scope} {parameter}=True"
            )?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can not read `{}`", path.display()))
}
