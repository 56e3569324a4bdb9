//! Signing in, being refused, and waiting for events, on a real store.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    future::pending,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use fulmar_app::{
    AddPersonError, App, Caller, Clock, Command, CommandError, DeviceDescription, Inbox,
    InitiateSessionError, NotAuthenticated, Poll, PollEnd, Polled, SignInError, TICKET_LIFETIME,
};
use fulmar_domain::{
    RequestId, SipUri, Timestamp,
    event::{Event, Release},
    invitation::About,
    office::OfficeIntent,
    presence::Arrival,
    session::{POLL_WAIT, Session},
};
use fulmar_store::{Said, Store};
use tempfile::TempDir;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const PASSWORD: &str = "correct horse";

struct Office {
    app: App,
    time: Arc<AtomicI64>,
    _dir: TempDir,
}

impl Office {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicI64::new(1_700_000_000_000));
        let clock = Arc::clone(&time);
        let clock = Clock::from_fn(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
        let app = App::new(Store::open(dir.path()).unwrap(), clock);
        let domains = vec!["office.test".parse().unwrap()];
        let intent = OfficeIntent::office_only(domains, BTreeSet::from([HERE]));
        app.change_office(intent).await.unwrap();
        for name in ["anna", "ben"] {
            app.add_person(uri(name), name.parse().unwrap(), PASSWORD.into()).await.unwrap();
        }
        Self { app, time, _dir: dir }
    }

    fn pass(&self, time: Duration) {
        self.time.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn ticket(&self, name: &str) -> String {
        self.app
            .sign_in(&format!("{name}@office.test"), PASSWORD.into(), HERE)
            .await
            .map_err(drop)
            .unwrap()
            .ticket
    }

    async fn caller(&self, ticket: &str) -> Caller {
        self.app.authenticate(Some(ticket)).await.unwrap()
    }

    async fn session(&self, name: &str, device: &str) -> Session {
        let caller = self.caller(&self.ticket(name).await).await;
        self.app.initiate_session(&caller, description(device)).await.unwrap()
    }
}

fn uri(name: &str) -> SipUri {
    format!("{name}@office.test").parse().unwrap()
}

fn description(device: &str) -> DeviceDescription {
    DeviceDescription { endpoint: device.parse().unwrap(), name: device.into(), arrival: Arrival::default() }
}

fn poll(wait: Duration) -> Poll {
    Poll { ack: 0, wait, release: None, priority: 0, channel: None }
}

fn say_hello() -> Command {
    let said = Said { client_id: "m1".parse().unwrap(), text: "hello".parse().unwrap(), html: None };
    Command::OpenConversation(uri("anna"), About::default(), Some(said))
}

#[tokio::test]
async fn a_wrong_password_an_unknown_person_and_a_disabled_one_are_refused_alike() {
    let office = Office::new().await;
    office.app.set_disabled(uri("ben"), true).await.unwrap();
    for (address, password) in [
        ("anna@office.test", "wrong horse"),
        ("nobody@office.test", PASSWORD),
        ("ben@office.test", PASSWORD),
        ("not an address", PASSWORD),
    ] {
        let refused = office.app.sign_in(address, password.into(), HERE).await;
        assert!(matches!(refused, Err(SignInError::Refused)), "{address}");
    }
}

#[tokio::test]
async fn who_guesses_waits_even_with_the_right_password() {
    let office = Office::new().await;
    for _ in 0..5 {
        let refused = office.app.sign_in("anna@office.test", "wrong horse".into(), AWAY).await;
        assert!(matches!(refused, Err(SignInError::Refused)));
    }
    let slowed = office.app.sign_in("anna@office.test", PASSWORD.into(), AWAY).await;
    let second = Duration::from_secs(1);
    assert!(matches!(slowed, Err(SignInError::TooManyAttempts { retry_after }) if retry_after == second));
    office.ticket("anna").await;
    office.pass(second);
    office.app.sign_in("anna@office.test", PASSWORD.into(), AWAY).await.unwrap();
}

#[tokio::test]
async fn a_ticket_ends_and_one_that_was_never_issued_is_none() {
    let office = Office::new().await;
    let ticket = office.ticket("anna").await;
    assert_eq!(ticket.len(), 43);
    assert_eq!(office.caller(&ticket).await.account.uri, uri("anna"));
    office.pass(TICKET_LIFETIME);
    assert!(matches!(office.app.authenticate(Some(&ticket)).await, Err(NotAuthenticated::Expired)));
    for none in [None, Some("x"), Some("")] {
        assert!(matches!(office.app.authenticate(none).await, Err(NotAuthenticated::NoTicket)), "{none:?}");
    }
}

#[tokio::test]
async fn disabling_a_person_closes_tickets_and_sessions_at_once() {
    let office = Office::new().await;
    let ticket = office.ticket("anna").await;
    let caller = office.caller(&ticket).await;
    let session = office.app.initiate_session(&caller, description("phone")).await.unwrap();
    office.app.set_disabled(uri("anna"), true).await.unwrap();
    assert!(matches!(office.app.authenticate(Some(&ticket)).await, Err(NotAuthenticated::Disabled)));
    assert!(matches!(office.app.session_of(&caller, &session.id).await, Err(CommandError::SessionEnded)));
}

#[tokio::test]
async fn a_new_password_is_the_end_of_the_old_tickets() {
    let office = Office::new().await;
    let ticket = office.ticket("anna").await;
    office.app.change_password(uri("anna"), "another horse".into()).await.unwrap();
    assert!(matches!(office.app.authenticate(Some(&ticket)).await, Err(NotAuthenticated::NoTicket)));
}

#[tokio::test]
async fn who_is_changed_while_the_password_is_checked_gets_no_ticket() {
    let office = Office::new().await;
    let app = &office.app;
    let prove = |name: &'static str| async move {
        let proven = app.prove_password(&format!("{name}@office.test"), PASSWORD.into(), HERE).await;
        proven.map_err(drop).unwrap()
    };
    let (anna, ben) = (prove("anna").await, prove("ben").await);
    office.app.change_password(uri("anna"), "another horse".into()).await.unwrap();
    office.app.set_disabled(uri("ben"), true).await.unwrap();
    for proven in [anna, ben] {
        let refused = office.app.issue_ticket(&proven).await;
        assert!(matches!(refused, Err(SignInError::Refused)), "{}", proven.person());
    }
}

#[tokio::test]
async fn a_revoked_device_takes_the_tickets_that_may_be_its_with_it() {
    let office = Office::new().await;
    let (phone, unused, tablet) =
        (office.ticket("anna").await, office.ticket("anna").await, office.ticket("anna").await);
    let of_ben = office.ticket("ben").await;
    let session = office.app.initiate_session(&office.caller(&phone).await, description("phone")).await;
    office.app.initiate_session(&office.caller(&tablet).await, description("tablet")).await.unwrap();
    office.app.revoke_device(uri("anna"), session.unwrap().device).await.unwrap();
    for ticket in [&phone, &unused] {
        assert!(matches!(office.app.authenticate(Some(ticket)).await, Err(NotAuthenticated::NoTicket)));
    }
    office.caller(&tablet).await;
    office.caller(&of_ben).await;
}

#[tokio::test]
async fn who_is_revoked_between_ticket_and_session_gets_no_session() {
    let office = Office::new().await;
    let signed_out = office.caller(&office.ticket("anna").await).await;
    office.app.sign_out(uri("anna")).await.unwrap();
    let disabled = office.caller(&office.ticket("ben").await).await;
    office.app.set_disabled(uri("ben"), true).await.unwrap();
    for caller in [signed_out, disabled] {
        let refused = office.app.initiate_session(&caller, description("phone")).await;
        assert!(matches!(refused, Err(InitiateSessionError::ForeignTicket)), "{}", caller.account.uri);
    }
    assert_eq!(office.app.store().sessions().await.unwrap(), []);
}

#[tokio::test]
async fn a_ticket_is_renewed_by_another_and_works_until_its_own_end() {
    let office = Office::new().await;
    let old = office.ticket("anna").await;
    office.pass(TICKET_LIFETIME - Duration::from_secs(60));
    let before = office.app.initiate_session(&office.caller(&old).await, description("phone")).await.unwrap();
    let ben = office.session("ben", "desk").await;
    office.app.execute(&ben, "r".parse::<RequestId>().unwrap(), say_hello()).await.unwrap().unwrap();
    let new = office.ticket("anna").await;
    office.app.session_of(&office.caller(&old).await, &before.id).await.unwrap();
    let after = office.app.initiate_session(&office.caller(&new).await, description("phone")).await.unwrap();
    assert_eq!(after.device, before.device);
    office.pass(Duration::from_secs(59));
    office.app.session_of(&office.caller(&old).await, &after.id).await.unwrap();
    office.pass(Duration::from_secs(1));
    assert!(matches!(office.app.authenticate(Some(&old)).await, Err(NotAuthenticated::Expired)));
    let session = office.app.session_of(&office.caller(&new).await, &after.id).await.unwrap();
    let events = office.app.poll(&session, poll(Duration::ZERO), pending()).await.unwrap().inbox.events;
    assert!(events.iter().any(|e| matches!(&e.event, Event::MessageReceived(_))), "{events:?}");
}

#[tokio::test]
async fn a_ticket_works_for_one_device_and_its_session_only() {
    let office = Office::new().await;
    let ticket = office.ticket("anna").await;
    let caller = office.caller(&ticket).await;
    office.app.initiate_session(&caller, description("phone")).await.unwrap();
    let again = office.caller(&ticket).await;
    let refused = office.app.initiate_session(&again, description("tablet")).await;
    assert!(matches!(refused, Err(InitiateSessionError::ForeignTicket)));
    let tablet = office.session("anna", "tablet").await;
    assert!(matches!(office.app.session_of(&again, &tablet.id).await, Err(CommandError::ForeignSession)));
    let ben = office.session("ben", "phone").await;
    assert!(matches!(office.app.session_of(&again, &ben.id).await, Err(CommandError::ForeignSession)));
}

#[tokio::test]
async fn weak_passwords_and_taken_addresses_are_refused() {
    let office = Office::new().await;
    let add =
        |name: &str, password: &str| office.app.add_person(uri(name), "X".parse().unwrap(), password.into());
    assert!(matches!(add("carla", "seven77").await, Err(AddPersonError::Password)));
    assert!(matches!(add("anna", PASSWORD).await, Err(AddPersonError::AddressTaken(_))));
    let foreign = "x@other.test".parse().unwrap();
    let refused = office.app.add_person(foreign, "X".parse().unwrap(), PASSWORD.into()).await;
    assert!(matches!(refused, Err(AddPersonError::UnknownDomain(_))));
}

#[tokio::test]
async fn a_held_poll_is_answered_by_the_message_it_waited_for() {
    let office = Office::new().await;
    let (anna, ben) = (office.session("anna", "phone").await, office.session("ben", "desk").await);
    let waiting = office.app.poll(&anna, poll(POLL_WAIT), pending());
    let (polled, sent) =
        tokio::join!(waiting, office.app.execute(&ben, "r".parse::<RequestId>().unwrap(), say_hello()));
    sent.unwrap().unwrap();
    let Polled { inbox: Inbox { events, .. }, end } = polled.unwrap();
    assert_eq!(end, PollEnd::Events);
    let said =
        events.iter().any(|e| matches!(&e.event, Event::MessageReceived(m) if m.text.reveal() == "hello"));
    assert!(said, "{events:?}");
}

#[tokio::test]
async fn a_newer_poll_ends_an_older_one_with_nothing() {
    let office = Office::new().await;
    let anna = office.session("anna", "phone").await;
    let (first, second) = tokio::join!(
        office.app.poll(&anna, poll(POLL_WAIT), pending()),
        office.app.poll(&anna, poll(Duration::ZERO), pending()),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.end, second.end), (PollEnd::Replaced, PollEnd::TimedOut));
    assert!(first.inbox.events.is_empty() && second.inbox.events.is_empty());
}

#[tokio::test]
async fn a_poll_of_lower_priority_takes_nobodys_place() {
    let office = Office::new().await;
    let (anna, ben) = (office.session("anna", "phone").await, office.session("ben", "desk").await);
    let important = Poll { priority: 1, ..poll(POLL_WAIT) };
    let later = async {
        let lower = office.app.poll(&anna, poll(POLL_WAIT), pending()).await.unwrap();
        office.app.execute(&ben, None, say_hello()).await.unwrap().unwrap();
        lower
    };
    let (important, lower) = tokio::join!(office.app.poll(&anna, important, pending()), later);
    assert_eq!((important.unwrap().end, lower.end), (PollEnd::Events, PollEnd::Replaced));
}

#[tokio::test]
async fn signing_out_ends_a_held_poll() {
    let office = Office::new().await;
    let anna = office.session("anna", "phone").await;
    let (poll, ended) = tokio::join!(
        office.app.poll(&anna, poll(POLL_WAIT), pending()),
        office.app.terminate_session(&anna),
    );
    ended.unwrap();
    assert!(matches!(poll, Err(fulmar_app::PollError::SessionEnded)));
}

#[tokio::test]
async fn a_stopping_box_answers_held_polls() {
    let office = Office::new().await;
    let anna = office.session("anna", "phone").await;
    let poll = office.app.poll(&anna, poll(POLL_WAIT), async {}).await.unwrap();
    assert_eq!(poll.end, PollEnd::Stopping);
    assert!(poll.inbox.events.is_empty());
}

#[tokio::test]
async fn a_poll_is_held_as_long_as_it_says() {
    let office = Office::new().await;
    let anna = office.session("anna", "phone").await;
    let wait = Duration::from_millis(300);
    let begun = Instant::now();
    let poll = office.app.poll(&anna, poll(wait), pending()).await.unwrap();
    assert_eq!(poll.end, PollEnd::TimedOut);
    assert!(begun.elapsed() >= wait, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_weighs_less_waits_for_its_time_or_for_something_that_weighs_more() {
    let office = Office::new().await;
    let (anna, ben) = (office.session("anna", "phone").await, office.session("ben", "desk").await);
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    let held = |medium| Poll { release: Some(Release { medium, low: minute }), ..poll(POLL_WAIT) };
    office.app.execute(&anna, None, Command::QueryContacts).await.unwrap().unwrap();
    let begun = Instant::now();
    let (list, ()) = tokio::join!(office.app.poll(&anna, held(second), pending()), async {
        tokio::time::sleep(second).await;
        office.pass(second);
    });
    assert!(begun.elapsed() >= second, "{:?}", begun.elapsed());
    assert!(matches!(list.unwrap().inbox.events[0].event, Event::ContactList(_)));

    let (all, sent) = tokio::join!(
        office.app.poll(&anna, held(minute), pending()),
        office.app.execute(&ben, None, say_hello()),
    );
    sent.unwrap().unwrap();
    let events = all.unwrap().inbox.events;
    assert!(matches!(events[0].event, Event::ContactList(_)), "{events:?}");
    assert!(begun.elapsed() < minute);
    assert!(events.len() > 1, "{events:?}");
}

#[tokio::test]
async fn an_answer_takes_along_what_still_waits() {
    let office = Office::new().await;
    let anna = office.session("anna", "phone").await;
    office.app.execute(&anna, None, Command::QueryContacts).await.unwrap().unwrap();
    let minute = Duration::from_secs(60);
    let held = Poll { release: Some(Release { medium: minute, low: minute }), ..poll(Duration::ZERO) };
    let polled = office.app.poll(&anna, held, pending()).await.unwrap();
    assert_eq!((polled.end, polled.inbox.events.len()), (PollEnd::Events, 1));
}
