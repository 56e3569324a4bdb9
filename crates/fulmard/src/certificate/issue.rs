//! One order, from the account to the certificate (RFC 8555 §7.4).
//!
//! The order and its key are kept before anything is proved, so that a start in the middle carries it on: the
//! proofs are made again, which they are from the order alone.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use fulmar_domain::{
    DnsName,
    certificate::{self, AcmeSettings, Challenge},
};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::{Certificate, authority, log};

/// How long DNS may take to serve the proofs.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(10);
/// How long an authority may take to look at proofs, or to issue.
const DECIDED_WITHIN: Duration = Duration::from_secs(120);

impl Certificate {
    /// The chain and its key.
    pub(super) async fn issue(
        &self,
        settings: &AcmeSettings,
        challenge: Challenge,
        names: &BTreeSet<DnsName>,
    ) -> Result<(String, String)> {
        let account = self.account(settings).await?;
        if let Some((order, key_pem)) = self.begun_before(&account, challenge, names).await? {
            match self.carry_out(order, key_pem, challenge, names).await {
                Ok(issued) => return Ok(issued),
                // Its proofs may have been looked at while the box was off.
                Err(error) => {
                    log(&error, "An order from before the start did not end well: another is begun.");
                }
            }
        }
        let (order, key_pem) = self.begin(&account, challenge, names).await?;
        self.carry_out(order, key_pem, challenge, names).await
    }

    /// The chain and its key.
    async fn carry_out(
        &self,
        mut order: Order,
        key_pem: String,
        challenge: Challenge,
        names: &BTreeSet<DnsName>,
    ) -> Result<(String, String)> {
        let patience = RetryPolicy::new().initial_delay(Duration::from_millis(250)).timeout(DECIDED_WITHIN);
        if order.state().status == OrderStatus::Pending {
            self.prove(&mut order, challenge).await?;
            let decided = order.poll_ready(&patience).await;
            if !matches!(decided, Ok(OrderStatus::Ready)) {
                let reasons = refusals(&mut order).await;
                ensure!(
                    reasons.is_empty(),
                    "the authority did not accept the proofs: {}",
                    reasons.join("; ")
                );
                decided.context("the authority did not decide about the proofs")?;
                bail!("the authority refused the order");
            }
        }
        if order.state().status == OrderStatus::Ready {
            let request = request(&key_pem, names).context("can not make a request for a certificate")?;
            order.finalize_csr(&request).await.context("the authority refused the request")?;
        }
        let chain = order.poll_certificate(&patience).await.context("the authority did not issue")?;
        Ok((chain, key_pem))
    }

    /// The account that there is, or a new one.
    async fn account(&self, settings: &AcmeSettings) -> Result<Account> {
        let builder = authority::client(settings.trust_anchors_pem.as_deref())?;
        let builder = Account::builder_with_http(Box::new(builder));
        let unreachable = || format!("can not talk to the authority at `{}`", settings.directory);
        if let Some(known) = self.store().acme_account().await? {
            let known: AccountCredentials = serde_json::from_str(&known)?;
            return builder.from_credentials(known).await.with_context(unreachable);
        }
        let contact = format!("mailto:{}", settings.contact);
        let new =
            NewAccount { contact: &[&contact], terms_of_service_agreed: true, only_return_existing: false };
        let made = builder.create(&new, settings.directory.clone(), None).await;
        let (account, credentials) = made.with_context(unreachable)?;
        let credentials = serde_json::to_string(&credentials)?;
        self.store().keep_acme_account(settings.clone(), &credentials).await?;
        Ok(account)
    }

    /// The order that was begun before, if it is for the same and not yet refused.
    async fn begun_before(
        &self,
        account: &Account,
        challenge: Challenge,
        names: &BTreeSet<DnsName>,
    ) -> Result<Option<(Order, String)>> {
        let before = self.store().acme_order().await?;
        let same = before.filter(|order| order.names == *names && order.challenge == challenge);
        let Some(before) = same else { return Ok(None) };
        let Ok(mut order) = account.order(before.url).await else { return Ok(None) };
        let open = order.state().status != OrderStatus::Invalid;
        Ok(open.then_some((order, before.key_pem)))
    }

    /// A new order, which is kept.
    async fn begin(
        &self,
        account: &Account,
        challenge: Challenge,
        names: &BTreeSet<DnsName>,
    ) -> Result<(Order, String)> {
        let identifiers: Vec<Identifier> =
            names.iter().map(|name| Identifier::Dns(name.to_string())).collect();
        let order = account.new_order(&NewOrder::new(&identifiers)).await;
        let order = order.context("the authority takes no order")?;
        let key_pem = KeyPair::generate().context("can not make a key")?.serialize_pem();
        let kept = certificate::Order {
            url: order.url().to_owned(),
            names: names.clone(),
            challenge,
            key_pem: key_pem.clone(),
        };
        self.store().keep_acme_order(kept).await?;
        Ok((order, key_pem))
    }

    /// Holds every proof ready that is still asked for, and then says so.
    async fn prove(&self, order: &mut Order, challenge: Challenge) -> Result<()> {
        let mut records = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status != AuthorizationStatus::Pending {
                continue;
            }
            let name = authorization.identifier().to_string();
            let offered = authorization.challenge(kind(challenge));
            let offered = offered.with_context(|| format!("the authority does not take `{challenge}`"))?;
            let proof = offered.key_authorization();
            let challenges = self.live().challenges();
            match challenge {
                Challenge::Http01 => {
                    challenges.answer_over_http(offered.token.clone(), proof.as_str().to_owned());
                }
                Challenge::TlsAlpn01 => challenges.answer_over_tls(&name, proof.digest().as_ref())?,
                Challenge::Dns01 => {
                    let owner = certificate::proof_name(&name.parse()?);
                    let owner = owner.with_context(|| format!("`{name}` is too long to be proved"))?;
                    records.push((owner, proof.dns_value()));
                }
            }
        }
        if !records.is_empty() {
            self.publish(records).await?;
        }
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Pending
                && let Some(mut offered) = authorization.challenge(kind(challenge))
            {
                offered.set_ready().await.context("the authority does not look at a proof")?;
            }
        }
        Ok(())
    }

    /// Puts records into the zones and waits until they are served.
    async fn publish(&self, records: Vec<(DnsName, String)>) -> Result<()> {
        let generation = self.store().set_dns_proofs(records).await?.context("the office is not set up")?;
        let mut published = self.published.clone();
        let served = published.wait_for(|served| *served >= generation.0);
        tokio::time::timeout(PUBLISHED_WITHIN, served).await.context("DNS does not serve the proofs")??;
        Ok(())
    }
}

/// What the authority says of the proofs that it did not accept.
async fn refusals(order: &mut Order) -> Vec<String> {
    let mut refusals = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let name = authorization.identifier().to_string();
        let Ok(state) = authorization.refresh().await else { continue };
        let errors = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        refusals.extend(errors.map(|error| format!("`{name}`: {error}")));
    }
    refusals
}

fn kind(challenge: Challenge) -> ChallengeType {
    match challenge {
        Challenge::Dns01 => ChallengeType::Dns01,
        Challenge::Http01 => ChallengeType::Http01,
        Challenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

/// A certificate signing request for exactly these names, DER.
fn request(key_pem: &str, names: &BTreeSet<DnsName>) -> Result<Vec<u8>, rcgen::Error> {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&KeyPair::from_pem(key_pem)?)?;
    Ok(request.der().to_vec())
}
