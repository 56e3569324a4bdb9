//! From an address and a password to the URL of the mobility service and a ticket for it.

use anyhow::{Context, Result, bail, ensure};
use fulmar_domain::SipUri;
use fulmar_wire::{
    Secret,
    autodiscover::Document,
    challenge::{Challenge, TICKET_HEADER, TICKET_URL_HEADER},
    oauth::{OAuthError, PasswordGrant, Token},
};
use http::{Method, StatusCode};

use super::{Network, Reply};

const ACCEPT: (&str, &str) = ("accept", "application/vnd.microsoft.rtc.autodiscover+xml;v=1");

/// What discovery leads to, before anybody signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// The name under which the box was found.
    pub host: String,
    /// The URL of the User document.
    pub user_url: String,
}

/// What signing in leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The URL of the mobility service.
    pub mcx_url: String,
    /// The ticket for it.
    pub ticket: Secret,
}

/// Finds the box of a SIP domain: `lyncdiscoverinternal` first, then `lyncdiscover`, at `port`.
///
/// # Errors
/// When neither name exists, or what is found there is no Autodiscover service.
pub async fn discover(network: &Network, address: &SipUri, port: u16) -> Result<Discovered> {
    let domain = address.domain();
    for label in ["lyncdiscoverinternal", "lyncdiscover"] {
        let host = format!("{label}.{domain}");
        if network.resolve(&host).await?.is_empty() {
            continue;
        }
        let url = format!("https://{host}:{port}/?sipuri={}", address.address());
        let root = document(&network.request(Method::GET, &url, &[ACCEPT], "").await?, &url)?;
        let user_url =
            root.link("User").with_context(|| format!("the Root document at `{url}` has no User link"))?;
        return Ok(Discovered { host, user_url: user_url.to_owned() });
    }
    bail!("neither `lyncdiscoverinternal.{domain}` nor `lyncdiscover.{domain}` has an address")
}

/// Gets a ticket where the refusal of the User document says.
///
/// # Errors
/// When the refusal names no ticket service, or the password is wrong.
pub async fn ticket(
    network: &Network,
    user_url: &str,
    address: &SipUri,
    password: &Secret,
) -> Result<Secret> {
    let refusal = network.request(Method::GET, user_url, &[ACCEPT], "").await?;
    ensure!(
        refusal.status == StatusCode::UNAUTHORIZED,
        "without a ticket `{user_url}` answers {}",
        refusal.status
    );
    let offered = refusal.headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
    let challenge = Challenge::read(refusal.header(TICKET_URL_HEADER), offered)
        .with_context(|| format!("the refusal of `{user_url}` does not say where tickets are to be had"))?;
    let grant = PasswordGrant { username: address.address(), password: password.clone() };
    let form = ("content-type", "application/x-www-form-urlencoded;charset='utf-8'");
    let reply = network.request(Method::POST, &challenge.oauth_url, &[form], grant.to_form()).await?;
    if reply.status.is_success() {
        return Ok(Token::parse(&reply.body)?.ticket);
    }
    match OAuthError::parse(&reply.body) {
        Some(OAuthError::InvalidGrant) => {
            bail!("the address or the password is wrong, or the person is kept out")
        }
        Some(OAuthError::TemporarilyUnavailable) => {
            bail!(
                "too many attempts failed; try again in {} s",
                reply.header("retry-after").unwrap_or("some")
            )
        }
        Some(error) => bail!("no ticket: {error}"),
        None => bail!("`{}` answers {}", challenge.oauth_url, reply.status),
    }
}

/// All of it: discovery, ticket, User document.
///
/// # Errors
/// Whatever does not lead on.
pub async fn sign_in(network: &Network, address: &SipUri, password: &Secret, port: u16) -> Result<SignedIn> {
    let Discovered { user_url, .. } = discover(network, address, port).await?;
    let ticket = ticket(network, &user_url, address, password).await?;
    open(network, &user_url, ticket).await
}

/// Reads the User document with a ticket.
///
/// # Errors
/// When the ticket is refused, or the document names no mobility service.
pub async fn open(network: &Network, user_url: &str, ticket: Secret) -> Result<SignedIn> {
    let shown = format!("cwt={}", ticket.reveal());
    let reply = network.request(Method::GET, user_url, &[ACCEPT, (TICKET_HEADER, &shown)], "").await?;
    let user = document(&reply, user_url)?;
    if let Some(elsewhere) = user.link("Redirect") {
        bail!("the person is at home at `{elsewhere}`");
    }
    let mcx_url = user.link("External/Mcx").context(
        "the User document names no mobility service: `EnableMobility` or `ExposedWebURL` keeps the person from it",
    )?;
    let mcx_url = mcx_url.to_owned();
    Ok(SignedIn { mcx_url, ticket })
}

fn document(reply: &Reply, url: &str) -> Result<Document> {
    ensure!(reply.status.is_success(), "`{url}` answers {}", reply.status);
    let content_type = reply.header("content-type").unwrap_or_default();
    Document::parse(content_type, &reply.body).with_context(|| format!("`{url}` is no Autodiscover service"))
}
