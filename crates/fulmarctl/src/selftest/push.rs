use anyhow::{Result, bail};
use fulmar_wire::mcx::{Command, Event};

use super::{p2p_im::sign_in, report::Report};
use crate::{
    account::{Person, Setting, hexadecimal},
    phone::Phone,
};

/// What Apple says of a token that no phone has.
const UNKNOWN_TOKEN: [&str; 2] = ["BadDeviceToken", "Unregistered"];

/// A phone registers and asks to be woken.
pub(crate) async fn run(
    setting: &Setting,
    person: &Person,
    device_token: Option<String>,
    report: &mut Report<'_>,
) -> Result<Option<()>> {
    let Some(mut phone) = sign_in(setting, person, report).await? else { return Ok(None) };
    let made_up = device_token.is_none();
    let token = match device_token {
        Some(token) => token,
        None => hexadecimal(32)?,
    };
    let register = async {
        let registration =
            Command::RegisterPush { provider: "apns".to_owned(), token: token.as_str().into() };
        phone.perform(registration).await?;
        let kind = if made_up { "a made-up device token" } else { "the device token" };
        Ok(((), format!("the box knows {kind}")))
    };
    let registered = report.step("register", &person.address.address(), register).await?;
    let tested = match registered {
        Some(()) => report.step("push", "apns", wake(&mut phone, made_up)).await?,
        None => None,
    };
    let sign_out = async {
        phone.command(Command::TerminateSession).await?;
        Ok(((), "signed out; the device token is forgotten".to_owned()))
    };
    let signed_out = report.step("sign-out", &person.address.address(), sign_out).await?;
    Ok(tested.and(signed_out))
}

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
