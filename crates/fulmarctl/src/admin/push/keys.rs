//! What the box proves itself with to push services.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::admin::{Client, policy};

/// What has to be on for somebody to be woken, beside the switch of the service.
const PERMISSIONS: [(&str, &str); 2] =
    [("MobilityPolicy", "EnablePushNotifications"), ("MobilityPolicy", "EnableMobility")];
const CONFIGURATION: &str = "PushNotificationConfiguration";

/// Commands about keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Enters all that one service asks for, in place of what was there, and switches the service on.
    #[command(subcommand)]
    Set(Box<Keys>),
    /// What is set: names and hosts. A key is never shown again.
    Show,
    /// Forgets the key of a service; nobody is woken through it any more.
    Forget {
        /// Which.
        service: Service,
    },
}

/// A push service.
#[derive(Clone, Copy, ValueEnum)]
pub enum Service {
    /// Apple.
    Apns,
    /// Web Push. The box's own key stays, since devices have subscribed for it.
    Web,
    /// Firebase.
    Fcm,
    /// WNS.
    Wns,
}

/// The keys of one service.
#[derive(Subcommand)]
pub enum Keys {
    /// Apple: a signing key (team, key id) or a client certificate.
    Apns(Apns),
    /// Web Push: the services that devices choose themselves, such as those of UnifiedPush. The first time a key is made,
    /// which stays.
    Web(Web),
    /// Firebase Cloud Messaging, for phones with Android.
    Fcm(Fcm),
    /// Windows Push Notification Services.
    Wns(Wns),
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

/// The settings for Web Push.
#[derive(Args)]
pub struct Web {
    /// Whom a service tells that something is wrong, such as `mailto:admin@office.example`.
    #[arg(long)]
    contact: String,
    /// A host that may be at a private address, such as a service of the office's own, with a port (`push.lan:8443`) or on
    /// all of them; may be repeated.
    #[arg(long = "private-host")]
    private_hosts: Vec<String>,
    /// Certificates to trust beside the public authorities, PEM.
    #[arg(long)]
    ca: Option<PathBuf>,
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

#[derive(Deserialize)]
struct Shown {
    apns: Option<ShownApns>,
    web: Option<ShownWeb>,
    fcm: Option<ShownFcm>,
    wns: Option<ShownWns>,
}

#[derive(Deserialize)]
struct ShownApns {
    endpoint: String,
    topic: String,
    team_id: Option<String>,
    key_id: Option<String>,
}

#[derive(Deserialize)]
struct ShownWeb {
    contact: String,
    private_hosts: Vec<String>,
    public_key: String,
}

#[derive(Deserialize)]
struct ShownFcm {
    endpoint: String,
    project: String,
}

#[derive(Deserialize)]
struct ShownWns {
    package_sid: String,
    token_endpoint: String,
    channel_domain: String,
}

/// Carries a command out.
pub(super) async fn run(client: &Client, command: KeysCommand, out: &mut impl Write) -> Result<()> {
    match command {
        KeysCommand::Set(keys) => match *keys {
            Keys::Apns(settings) => set_apns(client, &settings, out).await,
            Keys::Web(settings) => set_web(client, &settings, out).await,
            Keys::Fcm(settings) => set_fcm(client, &settings, out).await,
            Keys::Wns(settings) => set_wns(client, &settings, out).await,
        },
        KeysCommand::Show => show(&client.get("/api/v1/push/keys").await?, out),
        KeysCommand::Forget { service } => {
            let (path, title) = match service {
                Service::Apns => ("apns", "Apple"),
                Service::Web => ("web", "Web Push"),
                Service::Fcm => ("fcm", "Firebase"),
                Service::Wns => ("wns", "WNS"),
            };
            client.change(Method::DELETE, &format!("/api/v1/push/{path}"), &json!({})).await?;
            writeln!(out, "Nobody is woken by {title} any more.")?;
            Ok(())
        }
    }
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
    exceptions(client, Some("EnableApplePushNotificationService"), out).await
}

async fn set_web(client: &Client, settings: &Web, out: &mut impl Write) -> Result<()> {
    let body = json!({
        "contact": settings.contact,
        "private_hosts": settings.private_hosts,
        "trust_anchors_pem": settings.ca.as_deref().map(read).transpose()?,
    });
    let answer = client.change(Method::PUT, "/api/v1/push/web", &body).await?;
    writeln!(out, "Phones are woken by the services that they register with.")?;
    let key = answer["public_key"].as_str().unwrap_or_default();
    writeln!(out, "The key that they subscribe for: {key}")?;
    exceptions(client, None, out).await
}

async fn set_fcm(client: &Client, settings: &Fcm, out: &mut impl Write) -> Result<()> {
    let body = json!({
        "endpoint": settings.endpoint,
        "service_account": read(&settings.service_account)?,
        "trust_anchors_pem": settings.ca.as_deref().map(read).transpose()?,
    });
    client.change(Method::PUT, "/api/v1/push/fcm", &body).await?;
    writeln!(out, "Phones are woken through Firebase.")?;
    exceptions(client, None, out).await
}

async fn set_wns(client: &Client, settings: &Wns, out: &mut impl Write) -> Result<()> {
    let secret = read(&settings.secret_file)?;
    let body = json!({ "package_sid": settings.package_sid, "secret": secret.trim() });
    client.change(Method::PUT, "/api/v1/push/wns", &body).await?;
    writeln!(out, "Devices are woken through WNS.")?;
    exceptions(client, Some("EnableMicrosoftPushNotificationService"), out).await
}

/// Says how to switch the service off, and who is not woken all the same.
pub(super) async fn exceptions(client: &Client, switch: Option<&str>, out: &mut impl Write) -> Result<()> {
    if let Some(switch) = switch {
        writeln!(out, "To wake nobody: fulmarctl policy set {CONFIGURATION} {switch}=False")?;
    }
    let switch = switch.map(|switch| (CONFIGURATION, switch));
    for (object, parameter) in switch.into_iter().chain(PERMISSIONS) {
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

fn show(shown: &Shown, out: &mut impl Write) -> Result<()> {
    let mut line = |service: &str, what: Option<String>| {
        writeln!(out, "{service:<10}{}", what.unwrap_or_else(|| "no key".to_owned()))
    };
    line(
        "Apple",
        shown.apns.as_ref().map(|apns| {
            let ShownApns { endpoint, topic, team_id, key_id } = apns;
            let proof = match (team_id, key_id) {
                (Some(team), Some(key)) => format!("team {team}, key {key}"),
                _ => "a client certificate".to_owned(),
            };
            format!("{endpoint}, topic {topic}, {proof}")
        }),
    )?;
    line(
        "Web Push",
        shown.web.as_ref().map(|web| {
            let ShownWeb { contact, private_hosts, public_key } = web;
            let hosts = match private_hosts.as_slice() {
                [] => String::new(),
                hosts => format!(", at private addresses {}", hosts.join(" ")),
            };
            format!("contact {contact}, key {public_key}{hosts}")
        }),
    )?;
    line("Firebase", shown.fcm.as_ref().map(|fcm| format!("{}, project {}", fcm.endpoint, fcm.project)))?;
    line(
        "WNS",
        shown.wns.as_ref().map(|wns| {
            let ShownWns { package_sid, token_endpoint, channel_domain } = wns;
            format!("{package_sid}, tokens from {token_endpoint}, channels at {channel_domain}")
        }),
    )?;
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can not read `{}`", path.display()))
}
