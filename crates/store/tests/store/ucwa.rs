//! Applications of UCWA.

use std::time::Duration;

use fulmar_domain::{
    SessionId,
    application::{Application, ClientDescription},
    event::Event,
    presence::{Arrival, Availability, DeviceType, MachineState, PreferredAvailability},
    session::SessionEnd,
};
use fulmar_store::{
    Actor, Executed, Made, NewApplication, NewSession, StartedApplication, Store, TicketDigest,
};

use crate::support::{Bench, NOON, after};

/// Asks for an application of anna's client, with a ticket of that name.
async fn start(bench: &Bench, ticket: &str, session: &str) -> StartedApplication {
    let proved = bench.credentials("anna").await;
    let (account, digest) = (proved.account.clone(), TicketDigest::of(ticket.as_bytes()));
    let _ = bench.store.keep_ticket(digest, proved, NOON + Duration::from_secs(3600)).await;
    let text = |text: &str| text.parse().unwrap();
    let client = ClientDescription {
        endpoint_id: text("an endpoint, as clients call it"),
        culture: text("en-US"),
        user_agent: text("Client/1.0"),
        kind: text("Browser"),
        instance_id: None,
    };
    let session = NewSession {
        id: session.parse().unwrap(),
        account: account.id,
        endpoint: "digest".parse().unwrap(),
        device_name: "Client/1.0".into(),
        device_type: DeviceType::Web,
        arrival: None,
    };
    bench.store.start_application(NewApplication { session, client }, digest, NOON).await.unwrap()
}

async fn created(bench: &Bench) -> Application {
    match start(bench, "ticket", "first").await {
        StartedApplication::Created(application) => application,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_same_client_finds_its_application_again_also_after_a_restart() {
    let bench = Bench::new().await;
    let made = created(&bench).await;
    assert!(!made.available);
    let StartedApplication::Known(known) = start(&bench, "another ticket", "second").await else { panic!() };
    assert_eq!(known, made, "the session goes on");
    let Bench { store, dir } = bench;
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.application(made.session.device, None, NOON).await.unwrap(), Some(made.clone()));
    let silent = NOON + Duration::from_secs(3600);
    assert_eq!(store.application(made.session.device, None, silent).await.unwrap(), None);
}

#[tokio::test]
async fn a_person_is_seen_once_an_application_is_available_and_its_client_is_told_once() {
    let bench = Bench::new().await;
    let made = created(&bench).await;
    let actor = Actor { account: made.session.account, session: made.session.id.clone() };
    let anna = "anna@office.test".parse().unwrap();
    let seen = async || bench.store.presence(&anna, after(1)).await.unwrap().unwrap().availability;
    assert_eq!(seen().await, Availability::Offline);
    let busy = Arrival::new(Some(PreferredAvailability::Busy), Duration::from_secs(600));
    for formats in [["Plain", "Html"], ["Plain", "Plain"]] {
        let formats = formats.map(str::to_owned).to_vec();
        let done = bench.store.make_available(&actor, busy, formats, after(1)).await.unwrap();
        assert_eq!(done, Executed::Done(Ok(Made::default())));
    }
    let found = bench.store.application(made.session.device, None, after(1)).await.unwrap().unwrap();
    assert!(found.available && found.formats == ["Plain", "Html"], "{found:?}");
    assert_eq!(found.session.machine_state, Some(MachineState::Active));
    assert_eq!(seen().await, Availability::Busy);
    let events = bench.events(&actor, 0, after(1)).await;
    assert!(matches!(events.as_slice(), [told] if told.event == Event::MadeAvailable), "{events:?}");
}

#[tokio::test]
async fn an_application_ends_with_its_session() {
    let bench = Bench::new().await;
    let made = created(&bench).await;
    let session: &SessionId = &made.session.id;
    assert!(bench.store.terminate_session(session, NOON).await.unwrap());
    assert_eq!(bench.store.application(made.session.device, None, NOON).await.unwrap(), None);
    assert!(matches!(start(&bench, "third", "third").await, StartedApplication::Created(_)));
}

#[tokio::test]
async fn it_is_known_how_an_application_ended_until_there_is_another() {
    let bench = Bench::new().await;
    let made = created(&bench).await;
    let end = async |at| bench.store.session_end(made.session.device, at).await.unwrap();
    assert_eq!(end(NOON).await, None);
    let silent = after(3600);
    assert_eq!(end(silent).await, Some(SessionEnd::Expired), "the sweep has not come yet");
    bench.tidy(silent).await.unwrap();
    assert_eq!(end(silent).await, Some(SessionEnd::Expired));
    created(&bench).await;
    assert_eq!(end(NOON).await, None);
    for number in 0..8 {
        bench.sign_in("anna", &format!("device-{number}"), after(300)).await;
    }
    assert_eq!(end(after(300)).await, Some(SessionEnd::Displaced));
}
