//! More people at a time than the box signs in.

use std::time::Duration;

use fulmar_suite::{Kind, Office, PASSWORD};
use fulmar_wire::{
    Secret,
    autodiscover::MCX_PATH,
    challenge::{OAUTH_PATH, TICKET_HEADER},
    mcx::{CONTENT_TYPE, Command, McxError, Request, Requests},
    oauth::{PasswordGrant, Token},
};
use fulmarctl::phone::{Network, Reply};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[derive(Clone)]
struct Anna {
    network: Network,
    origin: String,
    ticket: Secret,
}

impl Anna {
    async fn sign_in(office: &Office) -> Self {
        let (network, port) = (office.network().unwrap(), office.https().port());
        let origin = format!("https://web.office.test:{port}");
        let grant = PasswordGrant { username: "anna@office.test".into(), password: PASSWORD.into() };
        let form = ("content-type", "application/x-www-form-urlencoded");
        let url = format!("{origin}{OAUTH_PATH}");
        let reply = network.request(Method::POST, &url, &[form], grant.to_form()).await.unwrap();
        Self { network, origin, ticket: Token::parse(&reply.body).unwrap().ticket }
    }

    /// With a client of UCWA.
    async fn make_application(self) -> Reply {
        let bearer = format!("Bearer cwt={}", self.ticket.reveal());
        let headers = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let body = json!({ "UserAgent": "suite", "EndpointId": "e-1", "Culture": "en-US" }).to_string();
        let url = format!("{}/ucwa/oauth/v1/applications", self.origin);
        self.network.request(Method::POST, &url, &headers, body).await.unwrap()
    }

    async fn initiate(self, device: usize) -> Reply {
        let command = Command::InitiateSession {
            endpoint_id: format!("device-{device}"),
            device_name: "phone".into(),
            client_tag: "suite".into(),
            availability: None,
        };
        let body = Requests { sid: None, commands: vec![Ok(Request { rid: "1".into(), command })] }.to_xml();
        let ticket = format!("cwt={}", self.ticket.reveal());
        let headers = [("content-type", CONTENT_TYPE), (TICKET_HEADER, ticket.as_str())];
        let url = format!("{}{MCX_PATH}", self.origin);
        self.network.request(Method::POST, &url, &headers, body).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_thirteenth_at_a_time_is_told_to_come_again_and_nothing_happened() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = Anna::sign_in(&office).await;
    // Nothing is committed meanwhile, so that whoever has a turn keeps it.
    let disk = rusqlite::Connection::open(office.database()).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut twelve: JoinSet<_> = (0..12).map(|device| anna.clone().initiate(device)).collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (refused, by_ucwa) = tokio::join!(anna.clone().initiate(12), anna.clone().make_application());
    assert!(twelve.try_join_next().is_none(), "all twelve have their turn");
    disk.execute_batch("ROLLBACK").unwrap();

    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
    assert_eq!(McxError::parse(&refused.body).unwrap().code, "busy");
    assert_eq!((by_ucwa.status, by_ucwa.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
    let reason: Value = serde_json::from_slice(&by_ucwa.body).unwrap();
    assert_eq!(reason["code"], "ServiceUnavailable");
    while let Some(reply) = twelve.join_next().await {
        assert_eq!(reply.unwrap().status, StatusCode::OK);
    }
    assert!(office.sign_in("ben", "phone").await.is_ok());
}
