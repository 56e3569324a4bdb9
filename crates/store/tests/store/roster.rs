//! Conversations of several: who is asked, who is told, and how many there may be.

use fulmar_domain::{
    conversation::{
        Conversation, ConversationState, MAX_PARTICIPANTS, MessageName, Participation, RECENT, Step,
    },
    event::{Event, Failure},
    invitation::{DeclineReason, InvitationState},
};
use fulmar_store::{Actor, Executed, Joining, NewAccount};

use crate::support::{Bench, NOON, opening, said};

/// ben has begun a conversation with anna, who has accepted; carla is signed in.
async fn people() -> (Bench, Actor, Actor, Actor) {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    let carla = bench.sign_in("carla", "desk", NOON).await;
    let opening = opening("c1", "anna", Some(said("m1", "m1")));
    bench.store.open_conversation(&ben, None, opening, NOON).await.unwrap();
    step(&bench, &anna, Step::Accept).await;
    (bench, anna, ben, carla)
}

async fn step(bench: &Bench, who: &Actor, step: Step) {
    let done = bench.store.step_conversation(who, None, "c1".parse().unwrap(), step, NOON).await.unwrap();
    assert!(matches!(done, Executed::Done(Ok(_))), "{done:?}");
}

async fn invite(bench: &Bench, who: &Actor, whom: &str, name: &str) -> Result<(), Failure> {
    let joining = Joining {
        conversation: "c1".parse().unwrap(),
        invitation: name.parse().unwrap(),
        whom: format!("{whom}@office.test").parse().unwrap(),
        operation: None,
    };
    match bench.store.invite_into_conversation(who, None, joining, NOON).await.unwrap() {
        Executed::Done(outcome) => outcome.map(drop),
        Executed::SessionEnded => panic!("the session has ended"),
    }
}

async fn say(bench: &Bench, who: &Actor, message: &str) {
    bench.store.say(who, None, "c1".parse().unwrap(), said(message, message), NOON).await.unwrap();
}

async fn seen(bench: &Bench, who: &Actor) -> Conversation {
    bench.store.conversation(who.account, &"c1".parse().unwrap(), NOON).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_third_person_is_asked_and_everybody_is_told() {
    let (bench, anna, ben, carla) = people().await;
    assert!(!seen(&bench, &ben).await.conference);
    invite(&bench, &anna, "carla", "i2").await.unwrap();
    assert_eq!(seen(&bench, &carla).await.state, ConversationState::Incoming);
    step(&bench, &carla, Step::Accept).await;
    for who in [&anna, &ben, &carla] {
        let seen = seen(&bench, who).await;
        assert_eq!((seen.state, seen.conference), (ConversationState::Connected, true));
        assert_eq!(seen.participants.len(), 3);
    }
    let told = bench.events(&ben, 0, NOON).await.into_iter().filter_map(|numbered| match numbered.event {
        Event::ParticipantChanged { who, participation, .. } if who.user() == "carla" => Some(participation),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [Participation::Ringing, Participation::Connected]);
    let ended = bench.events(&ben, 0, NOON).await.into_iter().filter(|numbered| match &numbered.event {
        Event::InvitationEnded(invitation) => invitation.to.uri.user() == "carla",
        _ => false,
    });
    assert_eq!(ended.count(), 0, "the invitation was anna's");
    say(&bench, &carla, "m2").await;
    assert_eq!(bench.texts(&ben, NOON).await, ["m2"]);
    assert_eq!(bench.texts(&carla, NOON).await, Vec::<String>::new(), "what was said before is not hers");
}

#[tokio::test]
async fn who_went_can_be_asked_again_and_who_is_there_can_not() {
    let (bench, anna, ben, carla) = people().await;
    assert_eq!(invite(&bench, &ben, "anna", "i2").await, Err(Failure::AlreadyExists));
    step(&bench, &anna, Step::Leave).await;
    say(&bench, &ben, "unheard").await;
    invite(&bench, &ben, "anna", "i3").await.unwrap();
    say(&bench, &ben, "m2").await;
    step(&bench, &anna, Step::Accept).await;
    assert_eq!(bench.texts(&anna, NOON).await, ["m1", "m2"]);
    assert_eq!(invite(&bench, &carla, "anna", "i4").await, Err(Failure::NoSuchConversation));
    assert_eq!(invite(&bench, &ben, "ben", "i5").await, Err(Failure::NoSuchPerson));
    step(&bench, &ben, Step::Leave).await;
    assert_eq!(invite(&bench, &ben, "carla", "i6").await, Err(Failure::WrongState));
}

#[tokio::test]
async fn one_who_leaves_takes_their_own_invitations_back_and_nobody_elses() {
    let (bench, anna, ben, carla) = people().await;
    invite(&bench, &anna, "carla", "i2").await.unwrap();
    step(&bench, &ben, Step::Leave).await;
    assert_eq!(seen(&bench, &carla).await.state, ConversationState::Incoming);
    step(&bench, &anna, Step::Leave).await;
    let ended = bench.events(&carla, 0, NOON).await.into_iter().find_map(|numbered| match numbered.event {
        Event::InvitationEnded(invitation) => Some(invitation.state),
        _ => None,
    });
    assert_eq!(ended, Some(InvitationState::Cancelled));
}

#[tokio::test]
async fn two_hundred_and_fifty_people_are_enough() {
    let (bench, _, ben, _) = people().await;
    for number in 2..=MAX_PARTICIPANTS {
        let name = format!("p{number}");
        let uri = format!("{name}@office.test").parse().unwrap();
        let made = bench.store.create_account(uri, name.parse().unwrap(), "hash".into(), NOON).await.unwrap();
        assert!(matches!(made, NewAccount::Created(_)));
        let expected = if number < MAX_PARTICIPANTS { Ok(()) } else { Err(Failure::TooManyParticipants) };
        assert_eq!(invite(&bench, &ben, &name, &format!("i-{name}")).await, expected, "{number}");
    }
}

#[tokio::test]
async fn a_conversation_in_which_nothing_happens_is_not_active_for_ever() {
    let (bench, anna, ben, _) = people().await;
    let active = async |now| bench.store.active_conversations(ben.account, now).await.unwrap().len();
    assert_eq!((active(NOON).await, active(NOON + RECENT).await), (1, 0));
    let late = NOON + RECENT;
    let anna = {
        bench.store.terminate_session(&anna.session, NOON).await.unwrap();
        bench.sign_in("anna", "phone", late).await
    };
    bench.store.say(&anna, None, "c1".parse().unwrap(), said("m2", "m2"), late).await.unwrap();
    assert_eq!(active(late).await, 1);
}

#[tokio::test]
async fn a_session_is_told_who_is_in_its_conversations() {
    let (bench, anna, ben, carla) = people().await;
    let query = |who, name| bench.store.query_conversations(who, None, name, NOON);
    let done = query(&anna, Some("c1".parse().unwrap())).await.unwrap();
    assert!(matches!(done, Executed::Done(Ok(made)) if made.conversation.is_some()));
    let foreign = query(&carla, Some("c1".parse().unwrap())).await.unwrap();
    assert_eq!(foreign, Executed::Done(Err(Failure::NoSuchConversation)));
    query(&ben, None).await.unwrap();
    for who in [&anna, &ben] {
        let last = bench.events(who, 0, NOON).await.into_iter().next_back().unwrap().event;
        assert_eq!(last, Event::Conversation(Box::new(seen(&bench, who).await)));
    }
}

#[tokio::test]
async fn an_invitation_that_was_taken_back_opens_nothing_among_many() {
    let (bench, anna, _, carla) = people().await;
    invite(&bench, &anna, "carla", "i2").await.unwrap();
    bench.store.cancel_invitation(&anna, None, "i2".parse().unwrap(), NOON).await.unwrap();
    let said = bench.store.say(&carla, None, "c1".parse().unwrap(), said("m2", "m2"), NOON).await.unwrap();
    assert_eq!(said, Executed::Done(Err(Failure::WrongState)));
}

#[tokio::test]
async fn who_went_from_among_many_is_not_told_who_is_there() {
    let (bench, anna, ben, carla) = people().await;
    invite(&bench, &anna, "carla", "i2").await.unwrap();
    assert_eq!(seen(&bench, &carla).await.participants.len(), 3);
    step(&bench, &carla, Step::Decline(DeclineReason::Local)).await;
    let names: Vec<_> =
        seen(&bench, &carla).await.participants.into_iter().map(|there| there.person.uri).collect();
    assert_eq!(names, ["carla@office.test".parse().unwrap()]);
    assert_eq!(seen(&bench, &ben).await.participants.len(), 3);
}

#[tokio::test]
async fn what_became_of_a_message_is_not_told_among_many() {
    let (bench, anna, ben, carla) = people().await;
    invite(&bench, &anna, "carla", "i2").await.unwrap();
    step(&bench, &carla, Step::Accept).await;
    bench.acknowledge(&ben, NOON).await;
    say(&bench, &ben, "m2").await;
    bench.acknowledge(&ben, NOON).await;
    for who in [&anna, &carla] {
        bench.acknowledge(who, NOON).await;
        bench.store.mark_read(who, None, "c1".parse().unwrap(), MessageName::Newest, NOON).await.unwrap();
    }
    assert_eq!(bench.events(&ben, 0, NOON).await, []);
    let read = bench.events(&anna, 0, NOON).await.pop().unwrap().event;
    assert!(matches!(read, Event::MessageRead { .. }), "{read:?}");
}
