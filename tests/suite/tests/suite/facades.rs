//! One engine, two façades: somebody with a phone that speaks MCX, and somebody with a client of UCWA.

use fulmar_suite::{Kind, Office, uri};
use fulmar_support::ucwa::{Led, Refused};
use fulmar_wire::mcx::{
    Command, Event, MeetingCommand, MeetingEvent, MeetingPlan, PeopleCommand, PeopleEvent,
};
use fulmarctl::phone::Phone;
use http::Method;
use serde_json::json;

/// Waits until the phone sees somebody like this.
async fn sees(phone: &mut Phone, wanted: u16) {
    phone
        .until("the presence", |event| match event {
            Event::People(PeopleEvent::UserPresence { presence, .. }) => {
                (presence.availability == wanted).then_some(())
            }
            _ => None,
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_phone_and_a_client_of_ucwa_see_each_other_and_talk() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut ben = office.sign_in("ben", "bens-phone").await.unwrap();
    let uris = vec!["sip:anna@office.test".to_owned()];
    ben.perform(Command::People(PeopleCommand::SubscribePresence { uris })).await.unwrap();
    sees(&mut ben, 18500).await;
    let mut anna = office.application("anna", "annas-desk").await.unwrap();
    anna.make_available("Busy").await.unwrap();
    sees(&mut ben, 6500).await;

    let invitation = anna.invite(&uri("ben").unwrap(), "o-1", "Lunch?").await.unwrap();
    let (conf_id, from) = ben.invitation().await.unwrap();
    assert_eq!(from, "sip:anna@office.test");
    assert_eq!(ben.message_in(&conf_id).await.unwrap().text.reveal(), "Lunch?");
    ben.perform(Command::AcceptImSession { conf_id: conf_id.clone() }).await.unwrap();
    let ended = anna.invitation_ended(invitation.href().unwrap()).await.unwrap();
    assert_eq!((ended.status(), ended.sender.as_str()), ("Success", "communication"));

    ben.say(&conf_id, "m-1", "At one.").await.unwrap();
    let message = anna.message().await.unwrap();
    assert_eq!(message.text.reveal(), "At one.");
    assert_eq!(anna.get(&message.participant).await.unwrap().text("uri"), "sip:ben@office.test");
    // The next request acknowledges the message.
    anna.say(&anna.messaging_of(&invitation).await.unwrap(), "Fine.").await.unwrap();
    anna.fetch().await.unwrap();
    ben.delivered("m-1").await.unwrap();

    assert_eq!(ben.message_in(&conf_id).await.unwrap().text.reveal(), "Fine.");
    let messaging = anna.messaging_of(&invitation).await.unwrap();
    assert_eq!(messaging.href().unwrap(), message.messaging);
    anna.act(messaging.link("setIsTyping").unwrap()).await.unwrap();
    ben.until("composing", |event| matches!(event, Event::Composing { .. }).then_some(())).await.unwrap();
    anna.say(&messaging, "Grüße <3 &\r\nmore").await.unwrap();
    assert_eq!(ben.message_in(&conf_id).await.unwrap().text.reveal(), "Grüße <3 &\r\nmore");
    ben.perform(Command::TerminateImSession { conf_id }).await.unwrap();
    anna.event("deleted", "conversation").await.unwrap();
}

#[tokio::test]
async fn a_client_of_ucwa_is_asked_by_a_phone_and_declines() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (mut anna, mut ben) =
        (office.application("anna", "e").await.unwrap(), office.sign_in("ben", "p").await.unwrap());
    anna.make_available("Online").await.unwrap();
    let conf_id = ben.invite(&uri("anna").unwrap(), "m-1", "Now?").await.unwrap();
    let invitation = anna.invitation().await.unwrap();
    assert_eq!(invitation.embedded("from").unwrap().text("uri"), "sip:ben@office.test");
    anna.post(invitation.link("decline").unwrap(), &json!({ "reason": "Local" })).await.unwrap();
    let declined = |event: &Event| match event {
        Event::ImSessionState { conf_id: of, state, .. } => {
            (*of == conf_id && state == "declined").then_some(())
        }
        _ => None,
    };
    ben.until("the refusal", declined).await.unwrap();
}

#[tokio::test]
async fn what_is_refused_says_why_and_a_wrong_place_in_the_channel_leads_back() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut anna = office.application("anna", "e").await.unwrap();
    let me = anna.follow(&["me"]).await.unwrap();
    let available = me.link("makeMeAvailable").unwrap();
    anna.post(available, &json!({})).await.unwrap();
    let refused = anna.post(available, &json!({})).await.unwrap_err();
    let Refused { status, code, subcode, .. } = refused.downcast().unwrap();
    assert_eq!((status.as_u16(), code.as_str(), subcode.as_str()), (409, "Conflict", "AlreadyExists"));
    let me = anna.follow(&["me"]).await.unwrap();
    assert!(me.link("makeMeAvailable").is_err() && me.link("presence").is_ok());

    assert_eq!(anna.fetch().await.unwrap(), Led::Next);
    let beyond = anna.next().replace("ack=", "ack=9");
    let answer = anna.ask(Method::GET, &beyond, &[], "").await.unwrap().success().unwrap();
    assert!(answer.body.link("resync").is_ok(), "{:?}", answer.body);

    anna.delete(anna.href()).await.unwrap();
    let refused: Refused = anna.get(anna.href()).await.unwrap_err().downcast().unwrap();
    assert_eq!((refused.status.as_u16(), refused.subcode.as_str()), (404, "ApplicationNotFound"));
}

#[tokio::test]
async fn a_phone_plans_a_meeting_and_a_client_of_ucwa_comes() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (mut anna, mut ben) =
        (office.application("anna", "e").await.unwrap(), office.sign_in("ben", "p").await.unwrap());
    anna.make_available("Online").await.unwrap();
    let plan = MeetingPlan {
        subject: "The budget".into(),
        access_level: "Everyone".into(),
        expires_at: 4_102_444_800_000,
        ..MeetingPlan::default()
    };
    let far = Command::Meetings(MeetingCommand::PlanMeeting { plan: plan.clone() });
    assert!(ben.perform(far).await.unwrap_err().to_string().contains("invalidPlan"));
    let soon = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap() + 3_600_000;
    let plan = MeetingPlan { expires_at: soon, ..plan };
    ben.perform(Command::Meetings(MeetingCommand::PlanMeeting { plan })).await.unwrap();
    let planned = |event: &Event| match event {
        Event::Meetings(MeetingEvent::Meeting { meeting_uri, .. }) => Some(meeting_uri.clone()),
        _ => None,
    };
    let meeting_uri = ben.until("the meeting", planned).await.unwrap();
    let join = MeetingCommand::JoinMeeting { meeting_uri: meeting_uri.clone(), operation_id: None };
    ben.perform(Command::Meetings(join)).await.unwrap();
    let joined = |event: &Event| match event {
        Event::Meetings(MeetingEvent::MeetingJoined { conf_id, .. }) => Some(conf_id.clone()),
        _ => None,
    };
    let conf_id = ben.until("to be in", joined).await.unwrap();

    let communication = anna.follow(&["communication"]).await.unwrap();
    let place = communication.link("joinOnlineMeeting").unwrap();
    anna.post(place, &json!({ "onlineMeetingUri": meeting_uri })).await.unwrap();
    let here = |event: &Event| match event {
        Event::ImSessionState { user, state, .. } => {
            (user == "sip:anna@office.test" && state == "connected").then_some(())
        }
        _ => None,
    };
    ben.until("anna", here).await.unwrap();
    ben.say(&conf_id, "m-1", "Good morning").await.unwrap();
    assert_eq!(anna.message().await.unwrap().text.reveal(), "Good morning");
}
