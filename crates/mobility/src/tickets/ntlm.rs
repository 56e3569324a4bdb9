//! NTLM at the ticket service: a challenge on a connection, and the proof that comes back on the same one. The proof
//! is for one ticket; what follows on the connection is nobody's again.

use std::net::IpAddr;

use axum::{http::header, response::Response};
use fulmar_app::{Proven, SignInError};
use fulmar_domain::{DnsName, Office};
use fulmar_http::Connection;
use fulmar_wire::ntlm::{Authenticate, Exchange, Negotiate};

use crate::{Phones, challenge::unauthorized};

/// The challenge, which is remembered for as long as the connection lives, or until it is answered.
pub(super) fn challenge(
    phones: &Phones,
    (office, domain): (&Office, &DnsName),
    connection: &Connection,
    negotiate: Negotiate,
) -> Result<Response, SignInError> {
    let (host, nonce) = (office.hosts(domain).web, phones.app.nonce()?);
    let names = (host.as_str(), domain.as_str());
    let exchange = Exchange::begin(negotiate, nonce, names, phones.app.now().as_millis());
    let response = unauthorized([(header::WWW_AUTHENTICATE.as_str(), exchange.www_authenticate())]);
    connection.keep(exchange);
    Ok(response)
}

/// Who answers the challenge of this connection. A challenge is answered once.
pub(super) async fn prove(
    phones: &Phones,
    (office, domain): (&Office, &DnsName),
    connection: &Connection,
    answer: &Authenticate,
    from: IpAddr,
) -> Result<Proven, SignInError> {
    let exchange: Option<Exchange> = connection.take();
    let address = address(office, domain, answer);
    let proves = |hash: &[u8; 16]| exchange.is_some_and(|exchange| exchange.proves(answer, hash));
    phones.app.prove_nt_hash(&address, from, proves).await
}

/// Whose address is meant: people write it whole, or as `DOMAIN\user`, where the domain is a SIP domain or the first
/// label of one; without a domain it is the one that was asked.
fn address(office: &Office, asked: &DnsName, Authenticate { user, domain, .. }: &Authenticate) -> String {
    if user.contains('@') {
        return user.clone();
    }
    let named = |known: &&DnsName| {
        let first = known.as_str().split('.').next().unwrap_or_default();
        domain.eq_ignore_ascii_case(known.as_str()) || domain.eq_ignore_ascii_case(first)
    };
    let domain = office.domains().iter().find(named).unwrap_or(asked);
    format!("{user}@{domain}")
}
