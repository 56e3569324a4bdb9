use anyhow::{Result, bail};

use super::report::Report;
use crate::{
    account::{Person, Setting},
    phone::{self, SignedIn},
};

/// A name, a certificate, the documents, a ticket.
pub(crate) async fn run(
    setting: &Setting,
    person: &Person,
    report: &mut Report<'_>,
) -> Result<Option<SignedIn>> {
    let Setting { network, port } = setting;
    let domain = person.address.domain();
    let name = async {
        for label in ["lyncdiscoverinternal", "lyncdiscover"] {
            let addresses = network.resolve(&format!("{label}.{domain}")).await?;
            if let Some(address) = addresses.first() {
                return Ok(((), format!("`{label}.{domain}` has the address {address}")));
            }
        }
        bail!("neither `lyncdiscoverinternal.{domain}` nor `lyncdiscover.{domain}` has an address")
    };
    let Some(()) = report.step("name", domain.as_str(), name).await? else { return Ok(None) };
    let root = async {
        let found = phone::discover(network, &person.address, *port).await?;
        let diagnosis =
            format!("the certificate of `{}` is good; the User document is {}", found.host, found.user_url);
        Ok((found, diagnosis))
    };
    let Some(found) = report.step("root", domain.as_str(), root).await? else { return Ok(None) };
    let ticket = async {
        let ticket = phone::ticket(network, &found.user_url, &person.address, &person.password).await?;
        Ok((ticket, format!("{} is given a ticket", person.address.address())))
    };
    let Some(ticket) = report.step("ticket", &found.user_url, ticket).await? else { return Ok(None) };
    let user = async {
        let signed_in = phone::open(network, &found.user_url, ticket).await?;
        let diagnosis = format!("the mobility service is {}", signed_in.mcx_url);
        Ok((signed_in, diagnosis))
    };
    report.step("user", &found.user_url, user).await
}
