//! How invitations end, who is told, and how long they wait.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    conversation::{ConversationState, MissedConversations, Participation, Step},
    device::PushRegistration,
    event::{Event, Failure},
    invitation::{ANSWER_TIME, About, DeclineReason, Direction, Importance, Invitation, InvitationState},
    push::{Subject, TIME_TO_LIVE},
    session::{Activity, Session},
};
use fulmar_store::{Actor, Executed, Made, Opening};

use crate::support::{Bench, NOON, after, opening, said};

const IN_TIME: Timestamp = Timestamp::from_millis(NOON.as_millis() + 29_999);
const LATE: Timestamp = Timestamp::from_millis(NOON.as_millis() + 30_000);

async fn invite(bench: &Bench, from: &Actor, to: &str, message: Option<&str>) -> Made {
    let opening = opening("c1", to, message.map(|message| said(message, message)));
    made(bench.store.open_conversation(from, None, opening, NOON).await.unwrap())
}

fn made(executed: Executed) -> Made {
    let Executed::Done(Ok(made)) = executed else { panic!("{executed:?}") };
    made
}

fn failure(executed: &Executed) -> Failure {
    let Executed::Done(Err(failure)) = executed else { panic!("{executed:?}") };
    *failure
}

async fn step(bench: &Bench, who: &Actor, step: Step, now: Timestamp) -> Executed {
    bench.store.step_conversation(who, None, "c1".parse().unwrap(), step, now).await.unwrap()
}

async fn session(bench: &Bench, who: &Actor) -> Session {
    bench.store.session(&who.session, NOON).await.unwrap().unwrap()
}

/// How the invitation of the last event about its end stands.
async fn ended(bench: &Bench, who: &Actor, now: Timestamp) -> Option<Invitation> {
    let events = bench.events(who, 0, now).await;
    events.into_iter().rev().find_map(|numbered| match numbered.event {
        Event::InvitationEnded(invitation) => Some(*invitation),
        _ => None,
    })
}

async fn state(bench: &Bench, who: &Actor, now: Timestamp) -> ConversationState {
    let found = bench.store.conversation(who.account, &"c1".parse().unwrap(), now).await.unwrap();
    found.unwrap().state
}

/// anna on a phone and a tablet, ben at his desk.
async fn people() -> (Bench, Actor, Actor, Actor) {
    let bench = Bench::new().await;
    let (phone, tablet) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "tablet", NOON).await);
    let ben = bench.sign_in("ben", "desk", NOON).await;
    (bench, phone, tablet, ben)
}

#[tokio::test]
async fn both_see_what_was_said_of_an_invitation_and_the_inviter_alone_its_name() {
    let (bench, anna, _, ben) = people().await;
    let about = About {
        subject: "The budget".parse().unwrap(),
        importance: Importance::Urgent,
        thread: Some("t-1".parse().unwrap()),
        operation: Some("op-7".parse().unwrap()),
    };
    let opening = Opening { about, ..opening("c1", "anna", Some(said("m1", "now?"))) };
    let made = made(bench.store.open_conversation(&ben, None, opening.clone(), NOON).await.unwrap());
    for (who, direction) in [(&anna, Direction::Incoming), (&ben, Direction::Outgoing)] {
        let session = session(&bench, who).await;
        let id = made.invitation.clone().unwrap();
        let seen = bench.store.invitation(&session, id, NOON).await.unwrap().unwrap();
        let told = bench.events(who, 0, NOON).await.into_iter().next().unwrap().event;
        assert_eq!(told, Event::Invited(Box::new(seen.clone())));
        assert_eq!((seen.direction, seen.state), (direction, InvitationState::Ringing));
        assert_eq!((seen.from.uri.user(), seen.to.uri.user()), ("ben", "anna"));
        assert_eq!(
            (seen.subject.as_str(), seen.importance, seen.thread.as_str()),
            ("The budget", Importance::Urgent, "t-1")
        );
        assert_eq!(seen.operation.is_some(), direction == Direction::Outgoing);
        assert_eq!(seen.first.map(|message| message.id), made.message);
    }
    let carla = bench.sign_in("carla", "desk", NOON).await;
    let session = session(&bench, &carla).await;
    let unseen = bench.store.invitation(&session, made.invitation.clone().unwrap(), NOON).await.unwrap();
    assert_eq!(unseen, None);
    let again = bench.store.open_conversation(&ben, None, opening, NOON).await.unwrap();
    assert_eq!(again, Executed::Done(Ok(made)));
}

#[tokio::test]
async fn an_answer_on_one_device_is_told_to_the_others_as_given_elsewhere() {
    let (bench, phone, tablet, ben) = people().await;
    invite(&bench, &ben, "anna", None).await;
    assert_eq!(state(&bench, &ben, NOON).await, ConversationState::Connecting);
    assert_eq!(state(&bench, &phone, NOON).await, ConversationState::Incoming);
    made(step(&bench, &phone, Step::Accept, NOON).await);
    for (who, elsewhere) in [(&phone, false), (&tablet, true), (&ben, false)] {
        let ended = ended(&bench, who, NOON).await.unwrap();
        assert_eq!((ended.state, ended.elsewhere), (InvitationState::Accepted, elsewhere));
        assert_eq!(state(&bench, who, NOON).await, ConversationState::Connected);
    }
}

#[tokio::test]
async fn a_refusal_comes_with_its_reason() {
    let (bench, phone, _, ben) = people().await;
    invite(&bench, &ben, "anna", None).await;
    made(step(&bench, &phone, Step::Decline(DeclineReason::Global), NOON).await);
    let ended = ended(&bench, &ben, NOON).await.unwrap();
    assert_eq!((ended.state, ended.reason), (InvitationState::Declined, Some(DeclineReason::Global)));
    assert_eq!(state(&bench, &ben, NOON).await, ConversationState::Disconnected);
}

#[tokio::test]
async fn an_invitation_is_missed_after_thirty_seconds_and_can_be_answered_with_a_word() {
    let (bench, phone, _, ben) = people().await;
    invite(&bench, &ben, "anna", Some("m1")).await;
    assert_eq!(bench.store.sweep(IN_TIME).await.unwrap(), Some(NOON + ANSWER_TIME));
    assert_eq!(ended(&bench, &ben, IN_TIME).await, None);
    assert_eq!(bench.store.sweep(LATE).await.unwrap(), None);
    for who in [&phone, &ben] {
        assert_eq!(ended(&bench, who, LATE).await.unwrap().state, InvitationState::Missed);
        assert_eq!(state(&bench, who, LATE).await, ConversationState::Disconnected);
    }
    assert_eq!(failure(&step(&bench, &phone, Step::Accept, LATE).await), Failure::WrongState);
    let say = |who, id| bench.store.say(who, None, "c1".parse().unwrap(), said(id, id), LATE);
    assert_eq!(failure(&say(&ben, "m2").await.unwrap()), Failure::WrongState);
    assert_eq!(bench.texts(&phone, LATE).await, ["m1"]);
    made(say(&phone, "m3").await.unwrap());
    assert_eq!(bench.texts(&ben, LATE).await, ["m3"]);
    assert_eq!(state(&bench, &ben, LATE).await, ConversationState::Connected);
}

#[tokio::test]
async fn an_invitation_whose_time_is_over_is_missed_before_anything_swept() {
    let (bench, phone, _, ben) = people().await;
    let id = invite(&bench, &ben, "anna", None).await.invitation.unwrap();
    let session = session(&bench, &phone).await;
    let seen = bench.store.invitation(&session, id.clone(), LATE).await.unwrap().unwrap();
    assert_eq!(seen.state, InvitationState::Missed);
    assert_eq!(state(&bench, &ben, LATE).await, ConversationState::Disconnected);
    assert_eq!(bench.store.active_conversations(ben.account, LATE).await.unwrap(), []);
    assert_eq!(bench.store.missed_conversations(phone.account, LATE).await.unwrap().unread, 1);
    assert_eq!(failure(&step(&bench, &phone, Step::Accept, LATE).await), Failure::WrongState);
    let cancelled = bench.store.cancel_invitation(&ben, None, id, LATE).await.unwrap();
    assert_eq!(failure(&cancelled), Failure::WrongState);
}

#[tokio::test]
async fn an_invitation_is_taken_back_by_its_inviter_alone() {
    let (bench, phone, _, ben) = people().await;
    let id = invite(&bench, &ben, "anna", None).await.invitation.unwrap();
    let cancel = |who, id| bench.store.cancel_invitation(who, None, id, NOON);
    assert_eq!(failure(&cancel(&phone, id.clone()).await.unwrap()), Failure::NoSuchInvitation);
    made(cancel(&ben, id.clone()).await.unwrap());
    made(cancel(&ben, id).await.unwrap());
    assert_eq!(ended(&bench, &phone, NOON).await.unwrap().state, InvitationState::Cancelled);
    assert_eq!(failure(&step(&bench, &phone, Step::Accept, NOON).await), Failure::WrongState);
}

#[tokio::test]
async fn who_leaves_takes_their_invitation_back() {
    let (bench, phone, _, ben) = people().await;
    invite(&bench, &ben, "anna", None).await;
    made(step(&bench, &ben, Step::Leave, NOON).await);
    assert_eq!(ended(&bench, &phone, NOON).await.unwrap().state, InvitationState::Cancelled);
    assert_eq!(state(&bench, &phone, NOON).await, ConversationState::Disconnected);
    let conversation = bench.store.conversation(phone.account, &"c1".parse().unwrap(), NOON).await.unwrap();
    let places: Vec<_> = conversation.unwrap().participants.iter().map(|p| p.participation).collect();
    assert_eq!(places, [Participation::Left, Participation::Missed]);
}

#[tokio::test]
async fn an_invitation_waits_for_a_phone_that_is_woken_as_long_as_its_notification() {
    let (bench, phone, _, ben) = people().await;
    let registration = PushRegistration::Apns("00fc13adff785122".parse().unwrap());
    bench.store.register_push(&phone, None, registration, NOON).await.unwrap();
    bench.store.set_activity(&phone, None, Activity::Background, NOON).await.unwrap();
    let id = invite(&bench, &ben, "anna", Some("m1")).await.invitation.unwrap();
    let next = bench.store.sweep(LATE).await.unwrap();
    assert_eq!(next, Some(NOON + TIME_TO_LIVE));
    let session = session(&bench, &ben).await;
    let seen = bench.store.invitation(&session, id, LATE).await.unwrap().unwrap();
    assert_eq!((seen.state, seen.deadline), (InvitationState::Ringing, NOON + TIME_TO_LIVE));
    made(step(&bench, &phone, Step::Accept, after(3600)).await);
}

#[tokio::test]
async fn an_invitation_with_which_nothing_was_said_wakes_a_phone_until_it_has_ended() {
    let (bench, phone, tablet, ben) = people().await;
    let registration = PushRegistration::Apns("00fc13adff785122".parse().unwrap());
    bench.store.register_push(&phone, None, registration, NOON).await.unwrap();
    bench.store.set_activity(&phone, None, Activity::Background, NOON).await.unwrap();
    let claim = async || {
        let claimed = bench.claim(after(40)).await;
        claimed.into_iter().map(|notification| notification.subject).collect::<Vec<_>>()
    };
    invite(&bench, &ben, "anna", None).await;
    assert_eq!(bench.store.sweep(LATE).await.unwrap(), Some(NOON + TIME_TO_LIVE));
    assert_eq!(claim().await, [Subject::Invitation { from: "ben".into() }]);
    made(step(&bench, &tablet, Step::Accept, after(60)).await);
    bench.store.release_claims(after(70)).await.unwrap();
    assert_eq!(bench.claim(after(70)).await, []);
}

#[tokio::test]
async fn a_phone_that_falls_asleep_is_woken_for_the_invitation_it_has_not_fetched() {
    let (bench, phone, _, ben) = people().await;
    let registration = PushRegistration::Apns("00fc13adff785122".parse().unwrap());
    bench.store.register_push(&phone, None, registration, NOON).await.unwrap();
    invite(&bench, &ben, "anna", None).await;
    assert_eq!(bench.claim(NOON).await, []);
    bench.store.set_activity(&phone, None, Activity::Background, NOON).await.unwrap();
    assert_eq!(bench.claim(NOON).await.len(), 1);
    bench.acknowledge(&phone, NOON).await;
    let later = after(5);
    assert_eq!(bench.claim(later).await, []);
}

#[tokio::test]
async fn what_was_missed_is_counted_until_it_is_acknowledged() {
    let (bench, phone, tablet, ben) = people().await;
    for name in ["c1", "c2"] {
        bench.store.open_conversation(&ben, None, opening(name, "anna", None), NOON).await.unwrap();
    }
    bench.store.sweep(LATE).await.unwrap();
    let count = async |who: &Actor| {
        let events = bench.events(who, 0, LATE).await.into_iter();
        let counts: Vec<_> = events
            .filter_map(|numbered| match numbered.event {
                Event::MissedConversations(missed) => Some(missed),
                _ => None,
            })
            .collect();
        counts
    };
    assert_eq!(count(&tablet).await, [MissedConversations { total: 2, unread: 2 }]);
    let acknowledge = |conversation| bench.store.acknowledge_missed(&phone, None, conversation, LATE);
    acknowledge(Some("c1".parse().unwrap())).await.unwrap();
    assert_eq!(count(&tablet).await, [MissedConversations { total: 2, unread: 1 }]);
    let again = bench.sign_in("anna", "phone", LATE + Duration::from_secs(1)).await;
    assert_eq!(count(&again).await, [MissedConversations { total: 2, unread: 1 }]);
    bench.store.acknowledge_missed(&again, None, None, LATE).await.unwrap();
    assert_eq!(count(&tablet).await, [MissedConversations { total: 2, unread: 0 }]);
    assert_eq!(count(&ben).await, []);
}

#[tokio::test]
async fn a_person_reads_the_messages_that_they_heard_and_said() {
    let (bench, phone, _, ben) = people().await;
    let first = invite(&bench, &ben, "anna", Some("m1")).await.message.unwrap();
    bench.store.say(&phone, None, "c1".parse().unwrap(), said("m2", "m2"), NOON).await.unwrap();
    let carla = bench.sign_in("carla", "desk", NOON).await;
    let read = async |who: &Actor, after| {
        let messages = bench.store.messages(who.account, &"c1".parse().unwrap(), after, 10).await.unwrap();
        messages.into_iter().map(|message| message.client_id.to_string()).collect::<Vec<_>>()
    };
    let beginning = fulmar_domain::MessageId(0);
    for who in [&phone, &ben] {
        assert_eq!(read(who, beginning).await, ["m1", "m2"]);
        assert_eq!(read(who, first).await, ["m2"]);
    }
    assert_eq!(read(&carla, beginning).await, Vec::<String>::new());
    assert!(bench.store.message(phone.account, &"c1".parse().unwrap(), first).await.unwrap().is_some());
    assert_eq!(bench.store.message(carla.account, &"c1".parse().unwrap(), first).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_said_before_the_answer_is_known_as_that_whatever_came_of_the_invitation() {
    let (bench, phone, _, desk) = people().await;
    let made = invite(&bench, &desk, "anna", Some("one")).await;
    let invitation = made.invitation.unwrap();
    let say = async |text: &str| {
        let said = bench.store.say(&desk, None, "c1".parse().unwrap(), said(text, text), NOON);
        self::made(said.await.unwrap()).message.unwrap()
    };
    let two = say("two").await;
    let before = async |message| bench.store.came_before_the_answer(phone.account, message).await.unwrap();
    assert!(before(made.message.unwrap()).await && before(two).await);
    step(&bench, &phone, Step::Accept, NOON).await;
    let three = say("three").await;
    assert!(before(two).await && !before(three).await);
    let texts = async |who: &Actor| {
        let said = bench.store.said_before_the_answer(who.account, invitation.clone()).await.unwrap();
        said.iter().map(|message| message.text.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&phone).await, ["one", "two"]);
    assert_eq!(texts(&desk).await, [""; 0]);
}
