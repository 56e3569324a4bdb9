//! "addParticipant", "participantInvitation", "joinOnlineMeeting", "startOnlineMeeting", "onlineMeetingInvitation",
//! "onlineMeeting".

use super::*;

const ASKED: &str = "communication started onlineMeetingInvitation";
const CAME: &str = "communication completed onlineMeetingInvitation";
const ASKING: &str = "communication started participantInvitation";
const ANSWERED: &str = "communication completed participantInvitation";
const UPDATED: &str = "communication updated conversation";
const MEETING: &str = "conversation added onlineMeeting in conversation";
const ENDED: &str = "communication deleted conversation";

/// A conversation of anna and ben as anna sees it, and carla, who is available.
async fn three() -> (Office, Application, Application, Application, Resource) {
    let (office, mut anna, mut ben) = anna_and_ben().await;
    let carla = available(&office, "carla").await;
    let (ours, _) = conversation(&mut anna, &mut ben).await;
    let conversation = get(&anna, ours.link("conversation").unwrap()).await.body;
    (office, anna, ben, carla, conversation)
}

/// Asks somebody in; where the invitation is.
async fn add(who: &Application, conversation: &Resource, whom: &str) -> Answer {
    let wanted = json!({ "operationId": "op-1", "to": format!("sip:{whom}@office.test") });
    post(who, conversation.link("addParticipant").unwrap(), &wanted).await
}

#[tokio::test]
async fn a_third_person_is_asked_in_and_comes() {
    let (_office, mut anna, mut ben, mut carla, before) = three().await;
    assert_eq!(before.text("state"), "Connected");
    assert!(before.link("onlineMeeting").is_err());
    let added = add(&anna, &before, "carla").await;
    assert_eq!((added.status(), added.reply.body.len()), (201, 0), "{added:?}");
    let events = told(&mut anna, ASKING).await;
    in_order(&events, &[UPDATED, MEETING, ASKING]);
    let invitation = embedded(&events, ASKING);
    assert_eq!(invitation.href().unwrap(), added.location().unwrap());
    for (name, value) in [
        ("direction", "Outgoing"),
        ("state", "Connecting"),
        ("to", "sip:carla@office.test"),
        ("operationId", "op-1"),
        ("threadId", before.text("threadId")),
    ] {
        assert_eq!(invitation.text(name), value);
    }
    has_links(&invitation, &["self", "from", "to", "cancel", "conversation", "participant"]);
    for application in [&anna, &ben] {
        let place = before.href().unwrap().replace(anna.href(), application.href());
        let conversation = get(application, &place).await.body;
        assert_eq!(conversation.text("state"), "Conferenced");
        assert_eq!(conversation.0["participantCount"], json!(3));
    }

    let events = told(&mut carla, "conversation updated messaging").await;
    in_order(&events, &[ASKED, "communication added conversation", "conversation added participant"]);
    let asked = embedded(&events, ASKED);
    assert_eq!((asked.text("direction"), asked.text("state")), ("Incoming", "Connecting"));
    assert_eq!(asked.embedded("from").unwrap().text("uri"), "sip:anna@office.test");
    has_links(&asked, &["self", "from", "to", "conversation", "accept", "decline"]);
    assert!(asked.text("onlineMeetingUri").starts_with("sip:anna@office.test;gruu;"), "{asked:?}");
    assert_eq!(embedded(&events, "communication added conversation").text("state"), "Incoming");
    let there = events.iter().filter(|event| line(event) == "conversation added participant").count();
    assert_eq!(there, 2);
    assert_eq!(act(&carla, asked.link("accept").unwrap()).await.status(), 204);

    let events = told(&mut carla, CAME).await;
    in_order(&events, &[UPDATED, MEETING, "conversation updated messaging", CAME]);
    let theirs = embedded(&events, UPDATED);
    assert_eq!((theirs.text("state"), embedded(&events, CAME).text("state")), ("Conferenced", "Connected"));
    let events = told(&mut anna, ANSWERED).await;
    in_order(&events, &[UPDATED, "conversation added participant", ANSWERED]);
    let answered = events.iter().find(|event| line(event) == ANSWERED).unwrap();
    let by = answered.resource().unwrap();
    assert_eq!((answered.status(), by.text("state")), ("Success", "Connected"));
    assert_eq!(by.all_embedded("acceptedByParticipant")[0].text("uri"), "sip:carla@office.test");

    let messaging = get(&carla, theirs.link("messaging").unwrap()).await.body;
    carla.say(&messaging, "Hello, both").await.unwrap();
    for application in [&mut anna, &mut ben] {
        assert_eq!(application.message().await.unwrap().text.reveal(), "Hello, both");
    }
    assert_eq!(act(&carla, messaging.link("stopMessaging").unwrap()).await.status(), 204);
    told(&mut carla, ENDED).await;
    told(&mut anna, "conversation deleted participant").await;
    assert_eq!(get(&anna, before.href().unwrap()).await.body.text("state"), "Conferenced");
}

#[tokio::test]
async fn who_is_asked_in_declines_and_others_can_not_be_asked() {
    let (_office, mut anna, _ben, mut carla, conversation) = three().await;
    add(&anna, &conversation, "carla").await;
    let again = add(&anna, &conversation, "carla").await;
    assert_eq!(refusal(&again), as_refusal(409, "Conflict", "AlreadyExists"));
    let nobody = add(&anna, &conversation, "nobody").await;
    assert_eq!(refusal(&nobody), as_refusal(404, "NotFound", "DestinationNotFound"));
    let elsewhere = at(&anna, "communication/participantInvitations?conversation=x");
    let lost = post(&anna, &elsewhere, &json!({ "to": "sip:carla@office.test" })).await;
    assert_eq!(refusal(&lost), as_refusal(404, "NotFound", "ConversationNotFound"));
    let asked = embedded(&told(&mut carla, ASKED).await, ASKED);
    let declined = post(&carla, asked.link("decline").unwrap(), &json!({ "reason": "Local" })).await;
    assert_eq!(declined.status(), 204);
    let events = told(&mut anna, ANSWERED).await;
    let answered = events.iter().find(|event| line(event) == ANSWERED).unwrap();
    assert_eq!((answered.status(), answered.subcode()), ("Failure", "Declined"));
    assert_eq!(get(&anna, conversation.href().unwrap()).await.body.text("state"), "Conferenced");
}

/// anna plans a meeting; where it is joined.
async fn plan(anna: &Application, access: &str) -> Resource {
    let place = anna.follow(&["onlineMeetings"]).await.unwrap().link("myOnlineMeetings").unwrap().to_owned();
    let wanted =
        json!({ "subject": "The budget", "accessLevel": access, "attendees": ["sip:ben@office.test"] });
    let made = post(anna, &place, &wanted).await;
    assert_eq!(made.status(), 201, "{made:?}");
    made.body
}

async fn join(who: &Application, uri: &str) -> Answer {
    let place = who.follow(&["communication"]).await.unwrap().link("joinOnlineMeeting").unwrap().to_owned();
    let wanted = json!({ "importance": "Normal", "operationId": "123", "onlineMeetingUri": uri });
    post(who, &place, &wanted).await
}

#[tokio::test]
async fn a_planned_meeting_is_joined() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let meeting = plan(&anna, "Invited").await;
    let uri = meeting.text("onlineMeetingUri");
    let joined = join(&ben, uri).await;
    assert_eq!((joined.status(), joined.reply.body.len()), (201, 0), "{joined:?}");
    let events = told(&mut ben, CAME).await;
    in_order(
        &events,
        &[
            ASKED,
            "communication added conversation",
            "conversation added localParticipant",
            UPDATED,
            MEETING,
            "conversation updated messaging",
            CAME,
        ],
    );
    let started = embedded(&events, ASKED);
    assert_eq!(started.href().unwrap(), joined.location().unwrap());
    for (name, value) in [
        ("direction", "Outgoing"),
        ("importance", "Normal"),
        ("onlineMeetingUri", uri),
        ("operationId", "123"),
        ("state", "Connecting"),
    ] {
        assert_eq!(started.text(name), value);
    }
    assert_eq!(rels(&started), ["conversation", "from", "self"]);
    assert_eq!(embedded(&events, "communication added conversation").text("state"), "Conferencing");
    let conversation = embedded(&events, UPDATED);
    assert_eq!((conversation.text("state"), conversation.text("subject")), ("Conferenced", "The budget"));
    assert_eq!(embedded(&events, CAME).text("state"), "Connected");
    let seen = get(&ben, conversation.link("onlineMeeting").unwrap()).await.body;
    assert_eq!((seen.text("rel"), seen.text("organizerName")), ("onlineMeeting", "anna"));
    assert_eq!((seen.text("onlineMeetingUri"), seen.text("accessLevel")), (uri, "Invited"));
    has_links(&seen, &["self", "conversation", "organizer"]);

    join(&anna, uri).await;
    let events = told(&mut anna, CAME).await;
    in_order(&events, &["conversation added participant", UPDATED, MEETING, CAME]);
    told(&mut ben, "conversation added participant").await;
    let messaging = get(&ben, conversation.link("messaging").unwrap()).await.body;
    ben.say(&messaging, "Good morning").await.unwrap();
    assert_eq!(anna.message().await.unwrap().text.reveal(), "Good morning");

    let deleted = anna.ask(Method::DELETE, meeting.href().unwrap(), &[], "").await.unwrap();
    assert_eq!(deleted.status(), 204);
    for application in [&mut anna, &mut ben] {
        let events = told(application, ENDED).await;
        assert_eq!(events.iter().find(|event| line(event) == ENDED).unwrap().subcode(), "Ended");
    }
    let late = join(&ben, uri).await;
    assert_eq!(refusal(&late), as_refusal(404, "NotFound", "DestinationNotFound"));
}

#[tokio::test]
async fn a_meeting_that_is_not_for_somebody_or_not_there_is_not_joined() {
    let (office, anna, ben) = anna_and_ben().await;
    let carla = available(&office, "carla").await;
    let invited = plan(&anna, "Invited").await;
    let stranger = join(&carla, invited.text("onlineMeetingUri")).await;
    assert_eq!(refusal(&stranger), as_refusal(403, "Forbidden", "InviteesOnly"));
    let locked = plan(&anna, "Locked").await;
    assert_eq!(refusal(&join(&ben, locked.text("onlineMeetingUri")).await).0, 403);
    assert_eq!(join(&anna, locked.text("onlineMeetingUri")).await.status(), 201);
    for none in ["sip:anna@office.test;gruu;opaque=app:conf:focus:id:0", "sip:anna@office.test"] {
        assert_eq!(refusal(&join(&ben, none).await), as_refusal(404, "NotFound", "DestinationNotFound"));
    }
}

#[tokio::test]
async fn a_meeting_begins_at_once() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let place = anna.follow(&["communication"]).await.unwrap().link("startOnlineMeeting").unwrap().to_owned();
    assert!(place.ends_with("?onlineMeetingUri=adhoc"), "{place}");
    let wanted = json!({ "operationId": "o", "importance": "Urgent", "subject": "Now", "threadId": "t-1" });
    assert_eq!(post(&anna, &place, &wanted).await.status(), 201);
    let events = told(&mut anna, CAME).await;
    let conversation = embedded(&events, UPDATED);
    assert_eq!((conversation.text("state"), conversation.text("subject")), ("Conferenced", "Now"));
    assert_eq!((conversation.text("importance"), conversation.text("threadId")), ("Urgent", "t-1"));
    let listed = get(&anna, &at(&anna, "communication/conversations?filter=active")).await.body;
    assert_eq!(listed.links("conversation"), [conversation.href().unwrap()], "one may be alone");
    let planned = get(&anna, &at(&anna, "onlineMeetings/myOnlineMeetings")).await.body;
    assert_eq!(planned.all_embedded("myOnlineMeeting").len(), 0);

    let meeting = get(&anna, conversation.link("onlineMeeting").unwrap()).await.body;
    assert_eq!(join(&ben, meeting.text("onlineMeetingUri")).await.status(), 201);
    told(&mut anna, "conversation added participant").await;
    let theirs = embedded(&told(&mut ben, CAME).await, UPDATED);
    let left = ben.ask(Method::DELETE, theirs.href().unwrap(), &[], "").await.unwrap();
    assert_eq!(left.status(), 204);
    told(&mut ben, ENDED).await;
    told(&mut anna, "conversation deleted participant").await;
    assert_eq!(get(&anna, conversation.href().unwrap()).await.body.text("state"), "Conferenced");
}

/// What somebody sees at that address who has not signed in.
async fn page(office: &Office, url: &str) -> (u16, String) {
    let network = office.network().unwrap();
    let reply = network.request(Method::GET, url, &[], Vec::new()).await.unwrap();
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    (reply.status.as_u16(), String::from_utf8(reply.body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_address_of_a_meeting_is_a_page_that_gives_nothing_away() {
    let (office, anna) = anna().await;
    let meeting = plan(&anna, "Invited").await;
    let url = meeting.text("joinUrl");
    let origin = format!("https://web.office.test:{}/meet/anna/", office.https().port());
    assert_eq!(url, format!("{origin}{}", meeting.text("onlineMeetingId")));
    let (status, text) = page(&office, url).await;
    assert_eq!(status, 200, "{text}");
    for said in
        [meeting.text("onlineMeetingUri"), "anna@office.test", "Those who are invited may come.", " UTC"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    for kept in ["budget", "ben@", "<script"] {
        assert!(!text.contains(kept), "{kept}: {text}");
    }
    let style = format!("https://web.office.test:{}/trust.css", office.https().port());
    let network = office.network().unwrap();
    assert_eq!(network.request(Method::GET, &style, &[], Vec::new()).await.unwrap().status, 200);
    for wrong in [url.replace("/anna/", "/ben/"), format!("{url}0"), format!("{origin}%20")] {
        let (status, text) = page(&office, &wrong).await;
        assert_eq!((status, text.contains("No such meeting")), (404, true), "{wrong}");
    }
}
