//! "conversation", "messaging", "message", "participant", and what ends them.

use super::*;

const TYPING: &str = "conversation added participant in typingParticipants";

#[tokio::test]
async fn a_message_is_201_and_told_to_both() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let place = format!("{}?OperationContext=8f1", ours.link("sendMessage").unwrap());
    let sent = anna.ask(Method::POST, &place, &[TEXT], "Täglich?").await.unwrap();
    assert_eq!((sent.status(), sent.reply.body.len()), (201, 0), "{sent:?}");
    let events = told(&mut anna, "conversation completed message").await;
    let message = embedded(&events, "conversation completed message");
    assert_eq!((message.text("direction"), message.href().unwrap()), ("Outgoing", sent.location().unwrap()));
    assert_eq!(events.iter().find(|event| event.rel == "message").unwrap().status(), "Success");
    assert_eq!(rels(&message), ["messaging", "self"], "one's own words are not told again");
    let read = get(&anna, sent.location().unwrap()).await.body;
    assert_eq!(read.link("plainMessage").unwrap(), "data:text/plain;charset=utf-8,T%C3%A4glich%3F");

    let events = told(&mut ben, "conversation completed message").await;
    let heard = embedded(&events, "conversation completed message");
    assert_eq!(heard.link("plainMessage").unwrap(), read.link("plainMessage").unwrap());
}

#[tokio::test]
async fn a_message_in_html_has_a_plain_text_too() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let html = [("content-type", "text/html")];
    let text = "<b>Hi</b><script>x()</script>";
    let sent = anna.ask(Method::POST, ours.link("sendMessage").unwrap(), &html, text).await.unwrap();
    assert_eq!(sent.status(), 201, "{sent:?}");
    let events = told(&mut ben, "conversation completed message").await;
    let heard = embedded(&events, "conversation completed message");
    assert_eq!(heard.link("plainMessage").unwrap(), "data:text/plain;charset=utf-8,Hi");
    let html = heard.link("htmlMessage").unwrap();
    assert!(html.starts_with("data:text/html") && !html.contains("script"), "{html}");
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let place = ours.link("sendMessage").unwrap();
    let send = async |content_type: &str, body: &str| {
        anna.ask(Method::POST, place, &[("content-type", content_type)], body).await.unwrap()
    };
    assert_eq!(refusal(&send("image/png", "x").await).0, 415);
    assert_eq!(refusal(&send("text/plain", "").await).0, 400);
    let (status, code, _) = refusal(&send("text/plain", &"x".repeat(8193)).await);
    assert_eq!((status, code.as_str()), (413, "EntityTooLarge"));
    let nowhere = place.replace("/messaging/messages", "0/messaging/messages");
    let lost = anna.ask(Method::POST, &nowhere, &[TEXT], "x").await.unwrap();
    assert_eq!(refusal(&lost), as_refusal(404, "NotFound", "ConversationNotFound"));
}

#[tokio::test]
async fn who_writes_is_seen_to_write_until_they_have_said_it() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, theirs) = conversation(&mut anna, &mut ben).await;
    assert_eq!(act(&ben, theirs.link("setIsTyping").unwrap()).await.status(), 204);
    let events = told(&mut anna, TYPING).await;
    let writer = &events.iter().find(|event| line(event) == TYPING).unwrap().href;
    assert_eq!(get(&anna, writer).await.body.text("uri"), "sip:ben@office.test");
    ben.say(&theirs, "So").await.unwrap();
    told(&mut anna, "conversation deleted participant in typingParticipants").await;
    assert_eq!(get(&anna, ours.href().unwrap()).await.body.text("state"), "Connected");
}

#[tokio::test]
async fn a_conversation_and_its_participants_are_resources() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let conversation = get(&anna, ours.link("conversation").unwrap()).await.body;
    assert_eq!((conversation.text("rel"), conversation.text("state")), ("conversation", "Connected"));
    assert_eq!(
        (&conversation.0["participantCount"], &conversation.0["recording"]),
        (&json!(2), &json!(false))
    );
    let listed = get(&anna, &at(&anna, "communication/conversations?filter=active")).await.body;
    assert_eq!(listed.links("conversation"), [conversation.href().unwrap()]);
    let local = get(&anna, conversation.link("localParticipant").unwrap()).await.body;
    assert_eq!((local.text("uri"), &local.0["local"]), ("sip:anna@office.test", &json!(true)));
    has_links(&local, &["self", "conversation", "me"]);
    let participants = get(&anna, conversation.link("participants").unwrap()).await.body;
    assert_eq!(participants.links("participant").len(), 2);
    let ben =
        get(&anna, &format!("{}/participants/ben@office.test", conversation.href().unwrap())).await.body;
    assert_eq!(
        (ben.text("rel"), ben.text("name"), ben.text("uri")),
        ("participant", "ben", "sip:ben@office.test")
    );
    assert_eq!((&ben.0["anonymous"], ben.text("sourceNetwork")), (&json!(false), "SameEnterprise"));
    has_links(&ben, &["self", "conversation", "contact", "contactPresence", "participantMessaging"]);
    let messaging = get(&anna, ben.link("participantMessaging").unwrap()).await.body;
    assert_eq!(messaging.text("rel"), "participantMessaging");
}

#[tokio::test]
async fn stopping_ends_it_for_both() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, theirs) = conversation(&mut anna, &mut ben).await;
    let stopped = act(&anna, ours.link("stopMessaging").unwrap()).await;
    assert_eq!((stopped.status(), stopped.reply.body.len()), (204, 0));
    for application in [&mut anna, &mut ben] {
        let events = told(application, "communication deleted conversation").await;
        let messaging = embedded(&events, "conversation updated messaging");
        assert_eq!(messaging.text("state"), "Disconnected");
        assert!(messaging.link("sendMessage").is_err());
    }
    let late = ben.ask(Method::POST, theirs.link("sendMessage").unwrap(), &[TEXT], "But").await.unwrap();
    let (status, ..) = refusal(&late);
    assert!([404, 409].contains(&status), "{late:?}");
    let listed = get(&anna, &at(&anna, "communication/conversations?filter=active")).await.body;
    assert_eq!(listed.links("conversation"), [""; 0]);
}

#[tokio::test]
async fn a_deleted_conversation_is_left() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let place = ours.link("conversation").unwrap();
    let deleted = anna.ask(Method::DELETE, place, &[], "").await.unwrap();
    assert_eq!((deleted.status(), deleted.reply.body.len()), (204, 0));
    for application in [&mut anna, &mut ben] {
        told(application, "communication deleted conversation").await;
    }
}
