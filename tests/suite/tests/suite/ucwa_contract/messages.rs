//! "message", "messages", "typingParticipants", "addMessaging": what was said and what became of it.

use super::*;

const HTML: (&str, &str) = ("content-type", "text/html");
const HEARD: &str = "conversation completed message";

/// Somebody who reads plain text and nothing else.
async fn reader_of_text(office: &Office, name: &str) -> Application {
    let mut application = office.application(name, "e-1").await.unwrap();
    let place = at(&application, "me/makeMeAvailable");
    let wanted = json!({ "signInAs": "Online", "supportedMessageFormats": ["Plain"] });
    assert_eq!(post(&application, &place, &wanted).await.status(), 204);
    application.event("updated", "communication").await.unwrap();
    application.waiting().for_each(drop);
    application
}

async fn say(application: &Application, messaging: &Resource, text: &str) -> String {
    let place = messaging.link("sendMessage").unwrap();
    let sent = application.ask(Method::POST, place, &[TEXT], text).await.unwrap();
    assert_eq!(sent.status(), 201, "{sent:?}");
    sent.location().unwrap().to_owned()
}

#[tokio::test]
async fn who_takes_only_text_is_given_the_text_alone() {
    let office = office().await;
    let (mut anna, mut ben) = (available(&office, "anna").await, reader_of_text(&office, "ben").await);
    let (ours, theirs) = conversation(&mut anna, &mut ben).await;
    assert_eq!(ours.0["negotiatedMessageFormats"], json!(["Plain", "Html"]));
    assert_eq!(theirs.0["negotiatedMessageFormats"], json!(["Plain"]));
    let send = ours.link("sendMessage").unwrap();
    let sent = anna.ask(Method::POST, send, &[HTML], "<b>Hi</b> &amp; all").await.unwrap();
    let heard = embedded(&told(&mut ben, HEARD).await, HEARD);
    assert_eq!(heard.link("plainMessage").unwrap(), "data:text/plain;charset=utf-8,Hi+%26+all");
    assert!(heard.link("htmlMessage").is_err(), "{heard:?}");
    let said = get(&anna, sent.location().unwrap()).await.body;
    has_links(&said, &["plainMessage", "htmlMessage"]);
}

#[tokio::test]
async fn an_invitation_says_its_first_message_in_the_form_that_each_takes() {
    let office = office().await;
    let (anna, mut ben) = (available(&office, "anna").await, available(&office, "ben").await);
    let mut carla = reader_of_text(&office, "carla").await;
    let place = at(&anna, "communication/messagingInvitations");
    for (name, invited, wanted) in
        [("ben", &mut ben, "data:text/html"), ("carla", &mut carla, "data:text/plain;charset=utf-8,Hi")]
    {
        let message = json!({ "message": { "href": "data:text/html;charset=utf-8,%3Cb%3EHi%3C%2Fb%3E" } });
        let body = json!({ "to": format!("sip:{name}@office.test"), "operationId": "o", "_links": message });
        assert_eq!(post(&anna, &place, &body).await.status(), 201);
        let invitation = invited.invitation().await.unwrap();
        let href = invitation.link("message").unwrap();
        assert!(href.starts_with(wanted), "{name}: {href}");
        assert_eq!(act(invited, invitation.link("accept").unwrap()).await.status(), 204);
        let heard = embedded(&told(invited, HEARD).await, HEARD);
        assert_eq!(heard.link("plainMessage").unwrap(), "data:text/plain;charset=utf-8,Hi");
    }
}

#[tokio::test]
async fn a_message_is_pending_until_somebody_has_it() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let place = say(&anna, &ours, "Hi").await;
    let told_at_once = embedded(&told(&mut anna, HEARD).await, HEARD);
    assert_eq!(told_at_once.text("status"), "Pending");
    let heard = embedded(&told(&mut ben, HEARD).await, HEARD);
    assert_eq!(heard.text("status"), "Succeeded");
    // The next request is the acknowledgement.
    let held = timeout(Duration::from_secs(1), ben.fetch());
    let (events, _) = tokio::join!(told(&mut anna, "conversation updated message"), held);
    let later = embedded(&events, "conversation updated message");
    assert_eq!((later.href().unwrap(), later.text("status")), (place.as_str(), "Succeeded"));
    assert_eq!(get(&anna, &place).await.body.text("status"), "Succeeded");
}

#[tokio::test]
async fn a_message_that_nobody_fetched_names_who_has_not_got_it() {
    let (office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let place = say(&anna, &ours, "Hi").await;
    let sql = rusqlite::Connection::open(office.database()).unwrap();
    assert_eq!(sql.execute("UPDATE delivery SET failed_at = 1", []).unwrap(), 1);
    let failed = get(&anna, &place).await.body;
    assert_eq!(failed.text("status"), "Failed");
    let links = failed.links("failedDeliveryParticipant");
    assert!(failed.0["_links"]["failedDeliveryParticipant"].is_array(), "{failed:?}");
    assert_eq!(links.len(), 1);
    assert_eq!(get(&anna, links[0]).await.body.text("uri"), "sip:ben@office.test");
}

#[tokio::test]
async fn what_was_said_is_a_list_of_links() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, theirs) = conversation(&mut anna, &mut ben).await;
    let mut said = vec![say(&anna, &ours, "one").await, say(&anna, &ours, "two").await];
    let answer = say(&ben, &theirs, "three").await;
    said.push(answer.replace(ben.href(), anna.href()));
    let messages = get(&anna, ours.link("sendMessage").unwrap()).await.body;
    assert_eq!(messages.text("rel"), "messages");
    assert_eq!(messages.links("message"), said);
}

#[tokio::test]
async fn who_writes_is_among_those_who_write() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, theirs) = conversation(&mut anna, &mut ben).await;
    let place = ours.link("typingParticipants").unwrap();
    let nobody = get(&anna, place).await.body;
    assert_eq!((nobody.text("rel"), nobody.links("participant")), ("typingParticipants", Vec::new()));
    assert_eq!(act(&ben, theirs.link("setIsTyping").unwrap()).await.status(), 204);
    let writers = get(&anna, place).await.body;
    assert_eq!(get(&anna, writers.link("participant").unwrap()).await.body.text("name"), "ben");
    let theirs = get(&ben, theirs.link("typingParticipants").unwrap()).await.body;
    assert_eq!(theirs.links("participant"), Vec::<&str>::new(), "one knows it of oneself");
    // It goes away by itself.
    let gone = "conversation deleted participant in typingParticipants";
    assert!(told(&mut anna, gone).await.iter().any(|event| line(event) == gone));
    assert_eq!(get(&anna, place).await.body.links("participant"), Vec::<&str>::new());
}

#[tokio::test]
async fn who_is_left_alone_asks_the_other_again() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let (ours, theirs) = conversation(&mut anna, &mut ben).await;
    assert!(ours.link("addMessaging").is_err());
    assert_eq!(act(&ben, theirs.link("stopMessaging").unwrap()).await.status(), 204);
    let left = get(&anna, ours.href().unwrap()).await.body;
    assert_eq!(left.text("state"), "Disconnected");
    assert!(get(&ben, theirs.href().unwrap()).await.body.link("addMessaging").is_err(), "he has left");
    let again = json!({ "operationId": "again", "_links": { "message": { "href": "data:,Still+there?" } } });
    let asked = post(&anna, left.link("addMessaging").unwrap(), &again).await;
    assert_eq!((asked.status(), asked.reply.body.len()), (201, 0), "{asked:?}");
    let invitation = get(&anna, asked.location().unwrap()).await.body;
    assert_eq!((invitation.text("operationId"), invitation.text("state")), ("again", "Connecting"));
    assert_eq!(invitation.link("messaging").unwrap(), ours.href().unwrap());
    let theirs = ben.invitation().await.unwrap();
    assert_eq!(act(&ben, theirs.link("accept").unwrap()).await.status(), 204);
    let heard = embedded(&told(&mut ben, HEARD).await, HEARD);
    assert_eq!(heard.link("plainMessage").unwrap(), "data:text/plain;charset=utf-8,Still+there%3F");
    assert_eq!(get(&anna, ours.href().unwrap()).await.body.text("state"), "Connected");
    let now = post(&anna, left.link("addMessaging").unwrap(), &again).await;
    assert_eq!(refusal(&now).0, 409);
}
