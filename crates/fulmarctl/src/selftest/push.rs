use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use fulmar_wire::mcx::{Command, Event};
use serde::Deserialize;

use super::{p2p_im::sign_in, report::Report};
use crate::{
    account::{Person, Setting, hexadecimal},
    phone::Phone,
};

/// Which phone is woken, and through which service.
#[derive(Args)]
pub struct Options {
    /// The service.
    #[arg(long, default_value = "apns")]
    through: Service,
    /// What the service knows a real phone by; of WNS the URI of a channel. Made up when absent, which Apple and
    /// Firebase refuse and a stand-in takes.
    #[arg(long)]
    device_token: Option<String>,
    /// A file with the subscription of a real device for Web Push, in JSON as browsers write it.
    #[arg(long, conflicts_with_all = ["device_token", "through"])]
    subscription: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Service {
    /// Apple.
    Apns,
    /// Firebase.
    Fcm,
    /// Windows.
    Wns,
}

/// `PushSubscription` (Push API §8), as far as it is needed.
#[derive(Deserialize)]
struct Subscription {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

/// How the phone registers.
struct Registration {
    service: &'static str,
    command: Command,
    made_up: bool,
}

impl Options {
    fn registration(&self) -> Result<Registration> {
        if let Some(file) = &self.subscription {
            let shown = file.display();
            let text = fs::read_to_string(file).with_context(|| format!("can not read `{shown}`"))?;
            let read = serde_json::from_str(&text);
            let Subscription { endpoint, keys: Keys { p256dh, auth } } =
                read.with_context(|| format!("`{shown}` is not the subscription of a device"))?;
            let command = Command::RegisterWebPush { endpoint: endpoint.into(), p256dh, auth: auth.into() };
            return Ok(Registration { service: "webpush", command, made_up: false });
        }
        let (service, digits) = match self.through {
            Service::Apns => ("apns", 32),
            Service::Fcm => ("fcm", 76),
            Service::Wns => ("wns", 0),
        };
        let token = match &self.device_token {
            Some(token) => token.clone(),
            None if digits == 0 => {
                bail!("`--device-token` is to be the URI of a channel: none can be made up")
            }
            None => hexadecimal(digits)?,
        };
        let command = Command::RegisterPush { provider: service.to_owned(), token: token.as_str().into() };
        Ok(Registration { service, command, made_up: self.device_token.is_none() })
    }
}

/// A phone registers and asks to be woken.
pub(crate) async fn run(
    setting: &Setting,
    person: &Person,
    options: &Options,
    report: &mut Report<'_>,
) -> Result<Option<()>> {
    let Registration { service, command, made_up } = options.registration()?;
    let Some(mut phone) = sign_in(setting, person, report).await? else { return Ok(None) };
    let register = async {
        if service == "webpush" {
            ensure!(phone.vapid_key().is_some(), "the box wakes nobody by Web Push");
        }
        phone.perform(command).await?;
        let kind = if made_up { "a made-up device token" } else { "where the phone is woken" };
        Ok(((), format!("the box knows {kind}")))
    };
    let registered = report.step("register", &person.address.address(), register).await?;
    let tested = match registered {
        Some(()) => report.step("push", service, wake(&mut phone, made_up)).await?,
        None => None,
    };
    let sign_out = async {
        phone.command(Command::TerminateSession).await?;
        Ok(((), "signed out; where the phone is woken is forgotten".to_owned()))
    };
    let signed_out = report.step("sign-out", &person.address.address(), sign_out).await?;
    Ok(tested.and(signed_out))
}

/// What Apple and Firebase say of a token that no phone has.
const UNKNOWN_TOKEN: [&str; 4] = ["BadDeviceToken", "Unregistered", "UNREGISTERED", "INVALID_ARGUMENT"];

async fn wake(phone: &mut Phone, made_up: bool) -> Result<((), String)> {
    let given = phone.command(Command::TestPush).await?;
    let (accepted, reason) = phone
        .until("the provider's answer", |event| match event {
            Event::PushTested { rid, accepted, reason } if *rid == given => Some((*accepted, reason.clone())),
            _ => None,
        })
        .await?;
    if accepted {
        return Ok(((), "the provider took the notification".to_owned()));
    }
    if made_up && UNKNOWN_TOKEN.contains(&reason.as_str()) {
        let diagnosis =
            format!("the provider knows us and refused the made-up token ({reason}), as it should");
        return Ok(((), diagnosis));
    }
    bail!("the provider did not take the notification: {reason}")
}
