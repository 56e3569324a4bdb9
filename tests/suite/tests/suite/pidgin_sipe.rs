//! pidgin-sipe, Debian's package, knowing nothing but an address and a password: what the box's DNS, documents and
//! tickets are worth to a client that was written for the original. Its ways are told in `crates/mobility/CLIENTS.md`.

use std::{path::Path, time::Duration};

use fulmar_suite::{Attempt, DESERTED, Messenger, OUTSIDE, PASSWORD, PrivateOffice};
use http::Method;
use serde_json::json;

const ALICE: &str = "alice@office.test";
const ROOT: &str = "/autodiscover/autodiscoverservice.svc/root";
/// What the client says when it has read the challenge and asks where tickets are to be had.
const ASKS_FOR_TICKETS: &str = "path 'WebTicket/WebTicketService.svc/mex'";
/// Where the client goes after discovery; nothing listens there yet.
const REGISTRAR: &str = "Connecting to sip.office.test:5061";

/// One attempt of alice, who trusts the box's authority.
fn attempt(private: &PrivateOffice, password: &str) -> Attempt {
    attempt_trusting(private, &private.authority(), password)
}

fn attempt_trusting(private: &PrivateOffice, authority: &Path, password: &str) -> Attempt {
    let messenger = Messenger::build(private.office.dir()).unwrap();
    messenger.sign_on(&private.network, authority, ALICE, password).unwrap()
}

/// Waits until the log says that all this was answered, in this order.
async fn answered_in_order(private: &PrivateOffice, expected: &[&str]) {
    let found = async {
        loop {
            let mut answered = private.answered().unwrap().into_iter();
            if expected.iter().all(|one| answered.any(|other| other.starts_with(one))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(10), found).await;
    assert!(found.is_ok(), "not all of {expected:#?} in {:#?}", private.answered().unwrap());
}

#[tokio::test]
async fn an_address_and_a_password_lead_inside_to_the_challenge_of_the_user_document() {
    let private = PrivateOffice::new(443).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    let inside = [
        "DNS lookup for lyncdiscoverinternal.office.test",
        "Successfully verified certificate for lyncdiscoverinternal.office.test",
        "autodiscover_parse: user https://web.office.test/Autodiscover/AutodiscoverService.svc/root/user",
        ASKS_FOR_TICKETS,
    ];
    attempt.said_in_order(&inside).unwrap();
    answered_in_order(&private, &["GET / 200", &format!("GET {ROOT}/user 401")]).await;
}

#[tokio::test]
async fn an_address_and_a_password_lead_by_basic_to_a_ticket_and_the_user_document() {
    let private = PrivateOffice::new(443).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    attempt.said_in_order(&[ASKS_FOR_TICKETS, REGISTRAR]).unwrap();
    let service = "/webticket/webticketservice.svc";
    let signed_in = [
        &format!("GET {ROOT}/user 401"),
        &format!("GET {service}/mex 200"),
        &format!("POST {service} 401"),
        &format!("POST {service} 200"),
        &format!("GET {ROOT}/user 200"),
    ];
    answered_in_order(&private, &signed_in.map(String::as_str)).await;
}

#[tokio::test]
async fn an_address_and_a_password_lead_by_ntlm_to_a_ticket_and_the_user_document() {
    let private = PrivateOffice::new(443).await.unwrap();
    let admin = private.office.admin();
    let (object, on) =
        ("/api/v1/policies/WebServiceConfiguration/global", json!({ "UseWindowsAuth": "NTLM" }));
    admin.change(Method::PUT, object, &on).await.unwrap();
    let path = format!("/api/v1/people/{ALICE}/password");
    admin.change(Method::PUT, &path, &json!({ "password": PASSWORD })).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    attempt.said_in_order(&[ASKS_FOR_TICKETS, REGISTRAR]).unwrap();
    let service = "/webticket/webticketservice.svc";
    let signed_in = [&format!("POST {service} 200"), &format!("GET {ROOT}/user 200")];
    answered_in_order(&private, &signed_in.map(String::as_str)).await;
    let answered = private.answered().unwrap();
    let refused = answered.iter().filter(|one| one.starts_with(&format!("POST {service} 401"))).count();
    assert_eq!(refused, 2, "one without anything, one with the challenge: {answered:#?}");
}

#[tokio::test]
async fn with_a_wrong_password_the_client_gets_neither_ticket_nor_document() {
    let private = PrivateOffice::new(443).await.unwrap();
    let attempt = attempt(&private, "wrong-horse");
    assert!(attempt.verdict.starts_with("refused: "), "{}", attempt.verdict);
    answered_in_order(&private, &["POST /webticket/webticketservice.svc 401"]).await;
    let answered = private.answered().unwrap();
    let let_in = |one: &String| one.contains("/user 200") || one.contains("webticketservice.svc 200");
    assert!(!answered.iter().any(let_in), "{answered:#?}");
}

#[tokio::test]
async fn outside_the_internal_name_is_not_there_and_the_client_goes_on_to_the_other() {
    let private = PrivateOffice::new(443).await.unwrap();
    private.network.set_resolver(OUTSIDE).unwrap();
    let attempt = attempt(&private, PASSWORD);
    let outside = [
        "Error resolving lyncdiscoverinternal.office.test",
        "DNS lookup for lyncdiscover.office.test",
        "autodiscover_parse: user https://web.office.test/Autodiscover/AutodiscoverService.svc/root/user",
        ASKS_FOR_TICKETS,
    ];
    attempt.said_in_order(&outside).unwrap();
    answered_in_order(&private, &[&format!("GET / 200 from {OUTSIDE}"), &format!("GET {ROOT}/user 401")])
        .await;
}

#[tokio::test]
async fn where_only_port_80_answers_its_document_leads_to_https() {
    let private = PrivateOffice::new(8443).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    let redirected = [
        "Connected to lyncdiscoverinternal.office.test:80",
        "autodiscover_parse: redirect to https://web.office.test:8443/Autodiscover/AutodiscoverService.svc/root",
        "Connected to web.office.test:8443",
        "host 'web.office.test' port 8443 path 'WebTicket/WebTicketService.svc/mex'",
    ];
    attempt.said_in_order(&redirected).unwrap();
    let refused = "Error connecting to lyncdiscoverinternal.office.test:443 (Connection refused)";
    assert!(attempt.said.contains(refused), "{}", attempt.said);
    answered_in_order(&private, &["GET / 200", &format!("GET {ROOT} 200"), &format!("GET {ROOT}/user 401")])
        .await;
}

#[tokio::test]
async fn who_is_at_home_at_another_pool_goes_there() {
    let private = PrivateOffice::new(443).await.unwrap();
    let home = "https://pool2.office.test/Autodiscover/AutodiscoverService.svc/root";
    let path = format!("/api/v1/people/{ALICE}/home");
    private.office.admin().change(Method::PUT, &path, &json!({ "home": home })).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    let sent_on = [
        ASKS_FOR_TICKETS,
        &format!("autodiscover_parse: redirect to {home}"),
        "DNS lookup for pool2.office.test",
    ];
    attempt.said_in_order(&sent_on).unwrap();
    assert!(attempt.verdict.starts_with("refused: "), "{}", attempt.verdict);
}

#[tokio::test]
async fn an_inside_address_where_nothing_listens_is_an_error_and_not_a_wait() {
    let private = PrivateOffice::new(443).await.unwrap();
    private.move_inside(DESERTED).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    let deserted = [
        "Error connecting to lyncdiscoverinternal.office.test:443 (Connection refused)",
        "Error connecting to lyncdiscover.office.test:443 (Connection refused)",
        "no Lync Autodiscover servers found",
    ];
    attempt.said_in_order(&deserted).unwrap();
    assert!(attempt.verdict.starts_with("refused: "), "{}", attempt.verdict);
}

#[tokio::test]
async fn who_does_not_trust_the_authority_asks_for_nothing_but_where_tls_is() {
    let private = PrivateOffice::new(443).await.unwrap();
    let foreign = private.office.dir().join("foreign.pem");
    std::fs::write(&foreign, private.office.apns.ca_pem()).unwrap();
    let attempt = attempt_trusting(&private, &foreign, PASSWORD);
    assert!(
        attempt.verdict.starts_with("refused: asks `SSL Certificate Verification`"),
        "{}",
        attempt.verdict
    );
    let answered = private.answered().unwrap();
    assert!(!answered.iter().any(|one| one.contains("/user") || one.contains("webticket")), "{answered:#?}");
}

#[tokio::test]
async fn the_registrar_that_is_not_there_and_sip_on_443_end_with_an_error() {
    let private = PrivateOffice::new(443).await.unwrap();
    let attempt = attempt(&private, PASSWORD);
    let to_the_end = [
        REGISTRAR,
        "Error connecting to sip.office.test:5061 (Connection refused)",
        // The last thing it tries: SIP where phones have https. A connection that stays would leave it waiting.
        "sip_transport_connected: 'sip.office.test:443'",
        "<1 REGISTER>",
        "Server has disconnected",
    ];
    attempt.said_in_order(&to_the_end).unwrap();
    assert!(attempt.verdict.starts_with("refused: "), "{}", attempt.verdict);
    assert!(private.office.machine.log().unwrap().contains("A client that speaks SIP was sent away"));
}
