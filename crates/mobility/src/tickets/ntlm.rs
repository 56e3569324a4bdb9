//! NTLM at the ticket service: a challenge on a connection, and the proof that comes back on the same one. The proof
//! is for one ticket; what follows on the connection is nobody's again.

use std::{net::IpAddr, time::Duration};

use axum::{http::header, response::Response};
use fulmar_app::{Proven, SignInError};
use fulmar_domain::{DnsName, Office, Timestamp};
use fulmar_http::Connection;
use fulmar_wire::ntlm::{Authenticate, Exchange, Negotiate};

use crate::{Phones, challenge::unauthorized};

/// How long a challenge waits for its answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest NetBIOS name.
const MAX_NB_NAME: usize = 15;

/// A challenge, and since when it waits.
struct Waiting {
    exchange: Exchange,
    since: Timestamp,
}

/// The challenge, which is remembered for as long as the connection lives, or until it is answered.
pub(super) fn challenge(
    phones: &Phones,
    (office, domain): (&Office, &DnsName),
    connection: &Connection,
    negotiate: Negotiate,
) -> Result<Response, SignInError> {
    let (host, nonce) = (office.hosts(domain).web, phones.app.nonce()?);
    let names = (host.as_str(), domain.as_str());
    let now = phones.app.now();
    let exchange = Exchange::begin(negotiate, nonce, names, now.as_millis());
    let response = unauthorized([(header::WWW_AUTHENTICATE.as_str(), exchange.www_authenticate())]);
    connection.keep(Waiting { exchange, since: now });
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
    let exchange = taken(connection, phones.app.now());
    let address = address(office, domain, (&answer.user, &answer.domain));
    let proves = |hash: &[u8; 16]| exchange.is_some_and(|exchange| exchange.proves(answer, hash));
    phones.app.prove_nt_hash(&address, from, proves).await
}

fn taken(connection: &Connection, now: Timestamp) -> Option<Exchange> {
    let Waiting { exchange, since } = connection.take()?;
    (now.since(since) <= PATIENCE).then_some(exchange)
}

/// Whose address is meant: people write it whole, or as `DOMAIN\user`, where the domain is a SIP domain or the NetBIOS
/// name of one, as the challenge has it. Any other is often the name of the client's own machine: then it is the
/// domain that was asked.
fn address(office: &Office, asked: &DnsName, (user, domain): (&str, &str)) -> String {
    if user.contains('@') {
        return user.to_owned();
    }
    let named = |known: &&DnsName| {
        let first = known.as_str().split('.').next().unwrap_or_default();
        let netbios = first.get(..MAX_NB_NAME).unwrap_or(first);
        domain.eq_ignore_ascii_case(known.as_str()) || domain.eq_ignore_ascii_case(netbios)
    };
    let domain = [asked].into_iter().chain(office.domains()).find(named).unwrap_or(asked);
    format!("{user}@{domain}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fulmar_domain::office::OfficeIntent;
    use fulmar_wire::ntlm::Message;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    #[test]
    fn several_spellings_are_one_person() {
        let domains = ["office.test", "office.example", "a-name-of-some-length.test"];
        let domains = domains.map(|name| name.parse().unwrap()).into();
        let inside = BTreeSet::from(["192.0.2.1".parse().unwrap()]);
        let office = Office::new(OfficeIntent::office_only(domains, inside), NOON).unwrap();
        for (asked, user, domain, meant) in [
            (0, "anna@other.test", "OFFICE", "anna@other.test"),
            (0, "anna", "", "anna@office.test"),
            (0, "anna", "Office", "anna@office.test"),
            (1, "anna", "Office", "anna@office.example"),
            (1, "anna", "office.test", "anna@office.test"),
            (1, "anna", "ANNAS-PHONE", "anna@office.example"),
            (0, "anna", "A-NAME-OF-SOME-", "anna@a-name-of-some-length.test"),
        ] {
            let asked = &office.domains()[asked];
            assert_eq!(address(&office, asked, (user, domain)), meant, "{domain}\\{user} at {asked}");
        }
    }

    #[test]
    fn a_challenge_is_good_for_one_answer_within_thirty_seconds() {
        let connection = Connection::default();
        let begin = || {
            let Ok(Message::Negotiate(negotiate)) = Message::read("TlRMTVNTUAABAAAABYKIog==") else {
                panic!("no NEGOTIATE")
            };
            let exchange = Exchange::begin(negotiate, [7; 8], ("w.o.test", "o.test"), NOON.as_millis());
            connection.keep(Waiting { exchange, since: NOON });
        };
        begin();
        assert!(taken(&connection, NOON + PATIENCE).is_some());
        assert!(taken(&connection, NOON).is_none(), "it was answered");
        begin();
        assert!(taken(&connection, NOON + PATIENCE + Duration::from_millis(1)).is_none());
    }
}
