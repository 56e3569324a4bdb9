//! "Send an IM", "Receive an IM", "messagingInvitation".

use super::*;

const STARTED: &str = "communication started messagingInvitation";
const COMPLETED: &str = "communication completed messagingInvitation";
const ENDED: &str = "communication deleted conversation";

#[tokio::test]
async fn sending_an_im() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let place = invite(&anna, None).await;
    let events = told(&mut anna, "conversation updated messaging").await;
    in_order(&events, &[STARTED, "communication added conversation", "conversation added localParticipant"]);
    let invitation = embedded(&events, STARTED);
    assert_eq!(invitation.href().unwrap(), place);
    for (name, value) in [
        ("direction", "Outgoing"),
        ("importance", "Normal"),
        ("state", "Connecting"),
        ("subject", "Task Sample"),
        ("operationId", "5028e824-2268-4b14-9e59-1abad65ff393"),
    ] {
        assert_eq!(invitation.text(name), value);
    }
    has_links(&invitation, &["self", "from", "to", "cancel", "conversation", "messaging"]);
    let conversation = embedded(&events, "communication added conversation");
    assert_eq!((conversation.text("state"), conversation.text("subject")), ("Connecting", "Task Sample"));
    assert_eq!(conversation.text("threadId"), invitation.text("threadId"));
    assert_eq!(conversation.0["activeModalities"], json!([]));
    has_links(&conversation, &["self", "messaging", "localParticipant"]);
    let local = embedded(&events, "conversation added localParticipant");
    assert_eq!((local.text("rel"), local.text("uri")), ("participant", "sip:anna@office.test"));
    assert!(!events.iter().any(|event| line(event) == "conversation added participant"), "he has not come");

    let theirs = ben.invitation().await.unwrap();
    assert_eq!(act(&ben, theirs.link("accept").unwrap()).await.status(), 204);
    let events = told(&mut anna, COMPLETED).await;
    in_order(
        &events,
        &[
            "communication updated conversation",
            "conversation added participant",
            "conversation added participantMessaging in participant",
            "conversation updated messaging",
            COMPLETED,
        ],
    );
    let conversation = embedded(&events, "communication updated conversation");
    assert_eq!(conversation.text("state"), "Connected");
    assert_eq!(conversation.0["activeModalities"], json!(["Messaging"]));
    let messaging = embedded(&events, "conversation updated messaging");
    assert_eq!(messaging.text("state"), "Connected");
    assert_eq!(messaging.0["negotiatedMessageFormats"][0], "Plain");
    let wanted = ["conversation", "stopMessaging", "sendMessage", "setIsTyping", "typingParticipants"];
    has_links(&messaging, &wanted);
    let done = events.iter().find(|event| line(event) == COMPLETED).unwrap();
    let invitation = done.resource().unwrap();
    assert_eq!((done.status(), invitation.text("state")), ("Success", "Connected"));
    let by = &invitation.all_embedded("acceptedByParticipant")[0];
    assert_eq!((by.text("rel"), by.text("uri")), ("participant", "sip:ben@office.test"));
}

#[tokio::test]
async fn receiving_an_im() {
    let (_office, anna, mut ben) = anna_and_ben().await;
    invite(&anna, Some("Hi+Tosh%0d%0a")).await;
    let events = told(&mut ben, "conversation updated messaging").await;
    in_order(&events, &[STARTED, "communication added conversation", "conversation added localParticipant"]);
    in_order(&events, &[STARTED, "conversation added participant"]);
    let told_before = events.iter().any(|event| event.rel == "message");
    assert!(!told_before, "the message comes when the invitation is taken");
    let invitation = embedded(&events, STARTED);
    assert_eq!((invitation.text("direction"), invitation.text("state")), ("Incoming", "Connecting"));
    has_links(
        &invitation,
        &["self", "to", "from", "conversation", "accept", "decline", "messaging", "message"],
    );
    assert_eq!(invitation.link("message").unwrap(), "data:text/plain;charset=utf-8,Hi+Tosh%0D%0A");
    let from = invitation.embedded("from").unwrap();
    assert_eq!(
        (from.text("rel"), from.text("name"), from.text("uri")),
        ("participant", "anna", "sip:anna@office.test")
    );
    has_links(&from, &["self", "conversation", "contact", "contactPresence", "contactPhoto"]);
    assert_eq!(get(&ben, from.href().unwrap()).await.body.text("uri"), "sip:anna@office.test");
    let conversation = embedded(&events, "communication added conversation");
    assert_eq!(conversation.text("state"), "Incoming");

    let accept = format!("{}?sessionContext=2687ba8f", invitation.link("accept").unwrap());
    let accepted = act(&ben, &accept).await;
    assert_eq!((accepted.status(), accepted.reply.body.len()), (204, 0));
    let events = told(&mut ben, "conversation completed message").await;
    in_order(
        &events,
        &[
            "communication updated conversation",
            "conversation added participantMessaging in localParticipant",
            "conversation updated messaging",
            COMPLETED,
            "conversation completed message",
        ],
    );
    let invitation = embedded(&events, COMPLETED);
    assert_eq!(invitation.text("state"), "Connected");
    assert!(invitation.link("accept").is_err() && invitation.link("decline").is_err());
    let message = embedded(&events, "conversation completed message");
    assert_eq!(message.text("direction"), "Incoming");
    assert!(message.text("timeStamp").starts_with("/Date("), "{message:?}");
    has_links(&message, &["self", "contact", "participant", "messaging", "plainMessage"]);
    assert_eq!(message.link("plainMessage").unwrap(), "data:text/plain;charset=utf-8,Hi+Tosh%0D%0A");
    assert_eq!(get(&ben, message.href().unwrap()).await.body, message);
}

/// How the invitation ended for somebody: status and subcode.
fn end(events: &[Event]) -> (String, String) {
    let ended = events.iter().find(|event| line(event) == COMPLETED).unwrap();
    (ended.status().to_owned(), ended.subcode().to_owned())
}

fn failure(subcode: &str) -> (String, String) {
    ("Failure".to_owned(), subcode.to_owned())
}

#[tokio::test]
async fn an_invitation_is_declined_with_a_reason() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    for reason in [json!({ "reason": "Local" }), json!({ "reason": "Global" }), json!({})] {
        let place = invite(&anna, None).await;
        let theirs = ben.invitation().await.unwrap();
        assert_eq!(post(&ben, theirs.link("decline").unwrap(), &reason).await.status(), 204);
        for application in [&mut anna, &mut ben] {
            let events = told(application, ENDED).await;
            in_order(&events, &[COMPLETED, ENDED]);
            assert_eq!(end(&events), failure("Declined"), "{reason}");
        }
        assert_eq!(get(&anna, &place).await.body.text("state"), "Declined");
        ben.delete(theirs.link("conversation").unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn an_invitation_is_taken_back_at_either_place() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    for other_place in [false, true] {
        let place = invite(&anna, None).await;
        let ours = get(&anna, &place).await.body;
        let messaging = format!("{}/terminate", ours.link("messaging").unwrap());
        let cancel = if other_place { &messaging } else { ours.link("cancel").unwrap() };
        assert_eq!(act(&anna, cancel).await.status(), 204, "{cancel}");
        for application in [&mut anna, &mut ben] {
            let events = told(application, ENDED).await;
            assert_eq!(end(&events), failure("Canceled"), "{cancel}");
        }
        assert_eq!(get(&anna, &place).await.body.text("state"), "Cancelled");
    }
}

#[tokio::test]
async fn after_thirty_seconds_nobody_has_answered() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let began = Instant::now();
    invite(&anna, Some("Hi")).await;
    let (ours, theirs) = tokio::join!(told(&mut anna, ENDED), told(&mut ben, ENDED));
    assert!(began.elapsed() >= Duration::from_secs(29));
    assert_eq!((end(&ours), end(&theirs)), (failure("Timeout"), failure("Missed")));
    assert!(theirs.iter().any(|event| event.rel == "message"), "what was said is not lost");
}

#[tokio::test]
async fn what_an_invitation_can_not_be_is_refused() {
    let (_office, anna, _ben) = anna_and_ben().await;
    let place = at(&anna, "communication/messagingInvitations");
    let to = |to: &str| json!({ "to": to, "operationId": "o" });
    let nobody = post(&anna, &place, &to("sip:nobody@office.test")).await;
    assert_eq!(refusal(&nobody), as_refusal(404, "NotFound", "DestinationNotFound"));
    let with = |name: &str, value: Value| {
        let mut body = to("sip:ben@office.test");
        body[name] = value;
        body
    };
    for bad in [
        json!({ "operationId": "o" }),
        to("ben"),
        with("operationId", "x".repeat(51).into()),
        with("subject", "x".repeat(251).into()),
        with("importance", "Huge".into()),
        with("_links", json!({ "message": { "href": "https://elsewhere.test/" } })),
    ] {
        let refused = post(&anna, &place, &bad).await;
        assert_eq!(refusal(&refused), as_refusal(400, "BadRequest", "ParameterValidationFailure"), "{bad}");
    }
    for importance in ["Normal", "Urgent", "Emergency"] {
        let made = post(&anna, &place, &with("importance", importance.into())).await;
        let invitation = get(&anna, made.location().unwrap()).await.body;
        assert_eq!(invitation.text("importance"), importance);
    }
    let unknown = get(&anna, &at(&anna, "communication/messagingInvitations/x")).await;
    assert_eq!(refusal(&unknown), as_refusal(404, "NotFound", "ResourceNotFound"));
}
