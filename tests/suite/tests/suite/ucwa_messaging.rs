//! Two clients of UCWA that follow links: signing in, being seen, a conversation from the invitation to its end.

use fulmar_suite::{Kind, Office, uri};
use fulmar_support::ucwa::{Application, Event, Resource};
use http::Method;
use serde_json::json;

async fn available(office: &Office, name: &str) -> Application {
    let mut application = office.application(name, "e-1").await.unwrap();
    application.make_available("Busy").await.unwrap();
    let communication = application.event("updated", "communication").await.unwrap().resource().unwrap();
    assert!(communication.link("startMessaging").is_ok());
    application
}

/// What stands at the end of an invitation, which is to be a good one.
async fn accepted(application: &mut Application, invitation: &Resource) -> Event {
    let ended = application.invitation_ended(invitation.href().unwrap()).await.unwrap();
    assert_eq!(ended.status(), "Success");
    ended
}

#[tokio::test]
async fn a_conversation_from_the_invitation_to_its_end() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (mut anna, mut ben) = (available(&office, "anna").await, available(&office, "ben").await);
    let started = anna.invite(&uri("ben").unwrap(), "o-1", "Hi Ben!").await.unwrap();
    assert_eq!((started.text("direction"), started.text("state")), ("Outgoing", "Connecting"));

    let invitation = ben.invitation().await.unwrap();
    assert_eq!(invitation.embedded("from").unwrap().text("uri"), "sip:anna@office.test");
    ben.act(invitation.link("accept").unwrap()).await.unwrap();
    accepted(&mut ben, &invitation).await;
    let invitation = accepted(&mut anna, &started).await.resource().unwrap();
    assert_eq!(invitation.text("state"), "Connected");
    let messaging = anna.messaging_of(&invitation).await.unwrap();
    assert_eq!(messaging.text("state"), "Connected");
    anna.say(&messaging, "And?").await.unwrap();
    let long = format!("{}?operationId={}", messaging.link("sendMessage").unwrap(), "x".repeat(51));
    let plain = [("content-type", "text/plain; charset=utf-8")];
    assert_eq!(anna.ask(Method::POST, &long, &plain, "And?").await.unwrap().status(), 400);
    let message = ben.message().await.unwrap();
    let message = if message.text.reveal() == "Hi Ben!" { ben.message().await.unwrap() } else { message };
    assert_eq!(message.text.reveal(), "And?");

    // An answer to the message's own place.
    let sent = ben.ask(Method::POST, &message.href, &plain, "Yes").await.unwrap();
    assert_eq!(sent.status(), 201, "{:?}", sent.body);
    let bens = ben.get(&message.messaging).await.unwrap();
    ben.act(bens.link("setIsTyping").unwrap()).await.unwrap();
    let typing = |event: &Event| {
        (event.is("added", "participant") && event.within() == "typingParticipants").then_some(())
    };
    anna.until("the sign of writing", typing).await.unwrap();
    anna.act(messaging.link("stopMessaging").unwrap()).await.unwrap();
    ben.event("deleted", "conversation").await.unwrap();
}

#[tokio::test]
async fn a_batch_is_answered_part_by_part_and_what_stands_alone_is_refused_in_it() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.application("anna", "e-1").await.unwrap();
    let application = anna.get(anna.href()).await.unwrap();
    let at = |rel: &str| application.link(rel).unwrap();
    let part = |request: &str| {
        format!(
            "--b\r\nContent-Type: application/http; msgtype=request\r\n\r\n{request} HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n"
        )
    };
    let requests = [
        format!("GET {}", at("policies")),
        format!("GET {}/people/contacts", at("self")),
        format!("GET {}", at("events")),
        format!("POST {}/me/makeMeAvailable", at("self")),
    ];
    let body: String = requests.iter().map(|request| part(request)).chain(["--b--\r\n".to_owned()]).collect();
    let headers = [("content-type", "multipart/batching;boundary=b"), ("accept", "multipart/batching")];
    let answer = anna.ask(Method::POST, at("batch"), &headers, &body).await.unwrap();
    let text = String::from_utf8(answer.reply.body.to_vec()).unwrap();
    assert_eq!(answer.status(), 200, "{text}");
    let statuses: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).collect();
    assert_eq!(statuses, ["200 OK", "200 OK", "400 Bad Request", "204 No Content"], "{text}");
    assert!(text.contains("sip:ben@office.test") && text.contains("\"rel\":\"policies\""), "{text}");

    let many: String = (0..101).map(|_| part(&requests[0])).chain(["--b--\r\n".to_owned()]).collect();
    let refused = anna.ask(Method::POST, at("batch"), &headers, &many).await.unwrap();
    assert_eq!(refused.status(), 429);
}

#[tokio::test]
async fn a_meeting_is_planned_changed_as_it_was_seen_and_deleted() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = office.application("anna", "e-1").await.unwrap();
    let meetings = anna.follow(&["onlineMeetings"]).await.unwrap();
    let mine = meetings.link("myOnlineMeetings").unwrap();
    let wanted =
        json!({ "subject": "Plans", "attendees": ["sip:ben@office.test"], "accessLevel": "Invited" });
    let made = anna.post(mine, &wanted).await.unwrap();
    assert_eq!(made.status(), 201, "{:?}", made.body);
    let place = made.location().unwrap().to_owned();
    assert_eq!(made.body.0["attendees"], json!(["sip:ben@office.test"]));
    let uri = made.body.text("onlineMeetingUri");
    assert!(uri.starts_with("sip:anna@office.test;gruu;opaque=app:conf:focus:id:"), "{uri}");

    let mut changed = made.body.clone();
    changed.0["subject"] = "Other plans".into();
    let put = async |etag: Option<&str>, body: &Resource| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(etag.map(|etag| ("if-match", etag)));
        anna.ask(Method::PUT, &place, &headers, &body.0.to_string()).await.unwrap().status()
    };
    let etag = format!("\"{}\"", made.body.text("etag"));
    assert_eq!(put(None, &changed).await, 428);
    assert_eq!(put(Some("\"1\""), &changed).await, 412);
    assert_eq!(put(Some(&etag), &Resource(json!({ "subject": "x" }))).await, 400);
    let now = anna.put(&changed).await.unwrap();
    assert_eq!(now.text("subject"), "Other plans", "{now:?}");
    assert_eq!(put(Some(&etag), &changed).await, 412, "it was changed");
    let listed = anna.get(mine).await.unwrap().embedded("myOnlineMeeting").unwrap();
    assert_eq!(listed.text("subject"), "Other plans");
    anna.delete(&place).await.unwrap();
    assert_eq!(anna.ask(Method::GET, &place, &[], "").await.unwrap().status(), 404);
}

#[tokio::test]
async fn who_asks_for_events_that_are_forgotten_or_have_not_happened_is_led_to_those_that_wait() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut anna = office.application("anna", "e-1").await.unwrap();
    let first = anna.next().to_owned();
    anna.make_available("Online").await.unwrap();
    anna.fetch().await.unwrap();
    let waiting = anna.next().to_owned();
    let me = anna.follow(&["me"]).await.unwrap();
    let said = anna.post(me.link("note").unwrap(), &json!({ "message": "here" })).await.unwrap();
    assert_eq!(said.status(), 204);
    anna.fetch().await.unwrap();
    for wrong in [first, waiting.replace("ack=", "ack=99")] {
        assert_eq!(anna.get(&wrong).await.unwrap().link("resync").unwrap(), waiting, "{wrong}");
    }
    let again = anna.get(&waiting).await.unwrap();
    assert!(again.link("resync").is_err(), "an answer that was lost is given again");
    let application = anna.get(anna.href()).await.unwrap();
    assert_eq!(application.link("events").unwrap(), waiting);
}
