use anyhow::{Result, ensure};
use fulmar_wire::mcx::Command;

use super::report::Report;
use crate::{
    account::{Person, Setting, hexadecimal},
    phone::{Phone, Received},
};

/// Two phones write to each other, and both hear that their messages arrived.
pub(crate) async fn run(
    setting: &Setting,
    one: &Person,
    other: &Person,
    report: &mut Report<'_>,
) -> Result<Option<()>> {
    let Some(mut sender) = sign_in(setting, one, report).await? else { return Ok(None) };
    let Some(mut receiver) = sign_in(setting, other, report).await? else { return Ok(None) };
    let tested = converse(one, other, &mut sender, &mut receiver, report).await?;
    let sign_out = async {
        sender.command(Command::TerminateSession).await?;
        receiver.command(Command::TerminateSession).await?;
        Ok(((), "both phones signed out".to_owned()))
    };
    let signed_out = report.step("sign-out", "both", sign_out).await?;
    Ok(tested.and(signed_out))
}

async fn converse(
    one: &Person,
    other: &Person,
    sender: &mut Phone,
    receiver: &mut Phone,
    report: &mut Report<'_>,
) -> Result<Option<()>> {
    let (first, second) = (hexadecimal(8)?, hexadecimal(8)?);
    let (asked, target) = (format!("Are you there? ({first})"), other.address.address());
    let invite = async {
        let conf_id = sender.invite(&other.address, &first, &asked).await?;
        Ok((conf_id, "the message is on the box's disk".to_owned()))
    };
    let Some(conf_id) = report.step("send", &target, invite).await? else { return Ok(None) };
    let receive = async {
        let Received { message_id, text, .. } = receiver.message_in(&conf_id).await?;
        ensure!(message_id == first && text.reveal() == asked, "another message arrived than was sent");
        Ok(((), "the message arrived as it was sent".to_owned()))
    };
    let Some(()) = report.step("receive", &target, receive).await? else { return Ok(None) };
    let reply = async {
        receiver.say(&conf_id, &second, "Yes.").await?;
        sender.delivered(&first).await?;
        let Received { message_id, .. } = sender.message_in(&conf_id).await?;
        ensure!(message_id == second, "another reply arrived than was sent");
        Ok(((), "the sender knows that it was delivered, and has the reply".to_owned()))
    };
    report.step("reply", &one.address.address(), reply).await
}

pub(super) async fn sign_in(
    setting: &Setting,
    person: &Person,
    report: &mut Report<'_>,
) -> Result<Option<Phone>> {
    let endpoint = format!("selftest-{}", hexadecimal(8)?);
    let sign_in = async {
        let Setting { network, port } = setting;
        let phone = Phone::sign_in(network, &person.address, &person.password, &endpoint, *port).await?;
        let diagnosis = format!("signed in at {}", phone.signed_in().mcx_url);
        Ok((phone, diagnosis))
    };
    report.step("sign-in", &person.address.address(), sign_in).await
}
