//! Meetings that people come into: who may, who is told, and how they end.

use fulmar_domain::{
    Timestamp,
    conversation::{
        Conversation, ConversationState, MAX_CONVERSATIONS, MAX_PARTICIPANTS, Participation, Step,
    },
    event::{Event, Failure},
    invitation::{About, Direction, InvitationKind, InvitationState},
    meeting::{AD_HOC_LIFETIME, AccessLevel, LIFETIME, MAX_MEETINGS, MeetingEdit, MeetingPlan, MeetingUri},
};
use fulmar_store::{Actor, Executed, Joining, Made, NewAccount, NewNames};

use crate::{
    meetings::{edit, plan},
    support::{Bench, NOON, opening, said},
};

/// anna has planned `m`, and everybody is signed in.
async fn planned(access: AccessLevel) -> (Bench, Actor, Actor, Actor) {
    let bench = Bench::new().await;
    let [anna, ben, carla] = [
        bench.sign_in("anna", "p", NOON),
        bench.sign_in("ben", "p", NOON),
        bench.sign_in("carla", "p", NOON),
    ];
    let (anna, ben, carla) = (anna.await, ben.await, carla.await);
    let attendees = vec!["ben@office.test".parse().unwrap()];
    let plan = MeetingPlan { access, attendees, ..plan("The budget\nof 2027") };
    edit(&bench, &anna, MeetingEdit::Plan(plan), "m", NOON).await.unwrap();
    (bench, anna, ben, carla)
}

fn uri() -> MeetingUri {
    "sip:anna@office.test;gruu;opaque=app:conf:focus:id:m".parse().unwrap()
}

fn outcome(executed: Executed) -> Result<Made, Failure> {
    match executed {
        Executed::Done(outcome) => outcome,
        Executed::SessionEnded => panic!("the session has ended"),
    }
}

fn names(name: &str) -> NewNames {
    NewNames { conversation: name.parse().unwrap(), invitation: name.parse().unwrap() }
}

async fn join_at(bench: &Bench, who: &Actor, name: &str, now: Timestamp) -> Result<Made, Failure> {
    let about = About { operation: Some("op".parse().unwrap()), ..About::default() };
    outcome(bench.store.join_meeting(who, None, (uri(), about), names(name), now).await.unwrap())
}

async fn join(bench: &Bench, who: &Actor, name: &str) -> Result<Made, Failure> {
    join_at(bench, who, name, NOON).await
}

async fn seen_at(bench: &Bench, who: &Actor, name: &str, now: Timestamp) -> Conversation {
    bench.store.conversation(who.account, &name.parse().unwrap(), now).await.unwrap().unwrap()
}

async fn seen(bench: &Bench, who: &Actor, name: &str) -> Conversation {
    seen_at(bench, who, name, NOON).await
}

async fn invite(bench: &Bench, who: &Actor, conversation: &str, whom: &str) -> Result<Made, Failure> {
    let joining = Joining {
        conversation: conversation.parse().unwrap(),
        invitation: format!("ask-{whom}").parse().unwrap(),
        whom: format!("{whom}@office.test").parse().unwrap(),
        operation: None,
    };
    outcome(bench.store.invite_into_conversation(who, None, joining, NOON).await.unwrap())
}

/// The steps that somebody is told of, as lines.
async fn steps(bench: &Bench, who: &Actor) -> Vec<String> {
    let line = |event| match event {
        Event::ParticipantChanged { who, participation, .. } => {
            Some(format!("{} {participation}", who.user()))
        }
        Event::Invited(invitation) => Some(format!("{} begins", invitation.kind)),
        Event::InvitationEnded(invitation) => Some(format!("{} {}", invitation.kind, invitation.state)),
        Event::Conversation(conversation) => Some(format!("meeting {}", conversation.meeting.is_some())),
        _ => None,
    };
    bench.events(who, 0, NOON).await.into_iter().filter_map(|numbered| line(numbered.event)).collect()
}

#[tokio::test]
async fn who_comes_first_begins_it_and_who_comes_later_is_with_them() {
    let (bench, anna, ben, _) = planned(AccessLevel::SameEnterprise).await;
    let made = join(&bench, &ben, "c1").await.unwrap();
    let alone = seen(&bench, &ben, "c1").await;
    assert_eq!((alone.state, alone.conference), (ConversationState::Connected, true));
    assert_eq!((alone.meeting, alone.subject.as_str()), (Some(uri()), "The budget of 2027"));
    let listed = bench.store.active_conversations(ben.account, NOON).await.unwrap();
    assert_eq!(listed.len(), 1, "one may be alone in a meeting");
    let again = join(&bench, &anna, "c2").await.unwrap();
    assert_eq!((again.conversation, again.meeting), (made.conversation, made.meeting));
    assert_eq!(
        steps(&bench, &ben).await,
        ["join begins", "ben connected", "join accepted", "anna connected"]
    );
    assert_eq!(steps(&bench, &anna).await, ["join begins", "anna connected", "join accepted"]);
    bench.store.say(&anna, None, "c1".parse().unwrap(), said("m1", "Hello"), NOON).await.unwrap();
    assert_eq!(bench.texts(&ben, NOON).await, ["Hello"]);

    let session = bench.store.session(&anna.session, NOON).await.unwrap().unwrap();
    let joined = bench.store.invitation(&session, "c2".parse().unwrap(), NOON).await.unwrap().unwrap();
    assert_eq!((joined.kind, joined.direction), (InvitationKind::Join, Direction::Outgoing));
    assert_eq!((joined.state, joined.meeting), (InvitationState::Accepted, Some(uri())));
    assert_eq!(joined.operation.unwrap().as_str(), "op");
}

#[tokio::test]
async fn only_those_come_whom_the_level_of_access_admits() {
    for (access, admitted) in [
        (AccessLevel::Everyone, [true; 3]),
        (AccessLevel::SameEnterprise, [true; 3]),
        (AccessLevel::Invited, [true, true, false]),
        (AccessLevel::Locked, [true, false, false]),
    ] {
        let (bench, anna, ben, carla) = planned(access).await;
        let comes = [(&anna, "x"), (&ben, "y"), (&carla, "z")].into_iter().zip(admitted);
        for ((who, name), admitted) in comes {
            let refused = (!admitted).then_some(Failure::NotAdmitted);
            assert_eq!(join(&bench, who, name).await.err(), refused, "{access:?} {name}");
        }
    }
}

#[tokio::test]
async fn who_is_asked_in_may_come_and_others_ask_only_those_who_might() {
    let (bench, anna, ben, carla) = planned(AccessLevel::Invited).await;
    join(&bench, &ben, "c1").await.unwrap();
    assert_eq!(invite(&bench, &ben, "c1", "carla").await.unwrap_err(), Failure::NotAdmitted);
    join(&bench, &anna, "c2").await.unwrap();
    invite(&bench, &anna, "c1", "carla").await.unwrap();
    join(&bench, &carla, "c3").await.unwrap();
    assert_eq!(seen(&bench, &carla, "c1").await.state, ConversationState::Connected);
    let told = steps(&bench, &anna).await;
    assert!(told.contains(&"participant accepted".to_owned()), "the invitation is answered: {told:?}");
}

#[tokio::test]
async fn what_is_not_there_or_over_is_not_joined() {
    let (bench, anna, ben, _) = planned(AccessLevel::Everyone).await;
    let foreign = MeetingUri { organizer: "ben@office.test".parse().unwrap(), ..uri() };
    let done = bench.store.join_meeting(&ben, None, (foreign, About::default()), names("x"), NOON).await;
    assert_eq!(outcome(done.unwrap()), Err(Failure::NoSuchMeeting));
    join(&bench, &anna, "c1").await.unwrap();
    join(&bench, &ben, "c2").await.unwrap();
    let over = NOON + LIFETIME;
    let late = bench.sign_in("carla", "late", over).await;
    assert_eq!(join_at(&bench, &late, "c3", over).await, Err(Failure::NoSuchMeeting));
    bench.tidy(over).await.unwrap();
    let seen = seen_at(&bench, &ben, "c1", over).await;
    assert_eq!((seen.state, seen.meeting, seen.ended), (ConversationState::Connected, None, false));
}

#[tokio::test]
async fn who_is_alone_when_the_time_is_over_is_told() {
    let (bench, _, ben, _) = planned(AccessLevel::Everyone).await;
    join(&bench, &ben, "c1").await.unwrap();
    bench.tidy(NOON + LIFETIME).await.unwrap();
    let seen = seen(&bench, &ben, "c1").await;
    let left = seen.participation_of(&"ben@office.test".parse().unwrap());
    assert_eq!((seen.ended, left), (true, Some(Participation::Left)));
}

#[tokio::test]
async fn what_its_organizer_gives_up_is_over_for_everybody() {
    let (bench, anna, ben, carla) = planned(AccessLevel::Everyone).await;
    join(&bench, &anna, "c1").await.unwrap();
    join(&bench, &ben, "c2").await.unwrap();
    invite(&bench, &anna, "c1", "carla").await.unwrap();
    edit(&bench, &anna, MeetingEdit::Delete("m".parse().unwrap()), "x", NOON).await.unwrap();
    for who in [&anna, &ben, &carla] {
        let seen = seen(&bench, who, "c1").await;
        assert_eq!((seen.state, seen.ended), (ConversationState::Disconnected, true));
    }
    assert_eq!(steps(&bench, &ben).await[3..], ["carla ringing", "ben left"]);
    assert_eq!(steps(&bench, &carla).await, ["participant begins", "participant cancelled", "carla missed"]);
    let say = bench.store.say(&carla, None, "c1".parse().unwrap(), said("m1", "But"), NOON).await.unwrap();
    assert_eq!(outcome(say), Err(Failure::NotAdmitted));
    assert_eq!(join(&bench, &ben, "c4").await, Err(Failure::NoSuchMeeting));
}

#[tokio::test]
async fn a_meeting_begins_at_once_and_is_among_nobodys_plans() {
    let (bench, anna, ben, _) = planned(AccessLevel::Everyone).await;
    let about = || About { subject: "Now".parse().unwrap(), ..About::default() };
    let start = async |name: &str| bench.store.start_meeting(&anna, None, about(), names(name), NOON).await;
    let made = outcome(start("now").await.unwrap()).unwrap();
    assert_eq!(bench.store.meetings(anna.account, NOON).await.unwrap().len(), 1);
    let meeting = bench.store.meeting(made.meeting.unwrap(), NOON).await.unwrap().unwrap();
    assert_eq!((meeting.ad_hoc, meeting.plan.subject.as_str()), (true, "Now"));
    let join =
        bench.store.join_meeting(&ben, None, (meeting.uri(), about()), names("b"), NOON).await.unwrap();
    assert_eq!(outcome(join).unwrap().conversation, made.conversation);
    let not_hers = edit(&bench, &anna, MeetingEdit::Delete(meeting.id), "x", NOON).await;
    assert_eq!(not_hers, Err(Failure::NoSuchMeeting));
    for number in 1..MAX_MEETINGS {
        outcome(start(&format!("n{number}")).await.unwrap()).unwrap();
    }
    assert_eq!(outcome(start("more").await.unwrap()), Err(Failure::LimitExceeded));
}

#[tokio::test]
async fn with_a_third_person_a_conversation_becomes_a_meeting_for_those_who_were_there() {
    let (bench, anna, ben, carla) = planned(AccessLevel::Everyone).await;
    bench.store.open_conversation(&ben, None, opening("c1", "anna", None), NOON).await.unwrap();
    let step = async |who: &Actor, step| {
        bench.store.step_conversation(who, None, "c1".parse().unwrap(), step, NOON).await.unwrap();
    };
    step(&anna, Step::Accept).await;
    assert_eq!(seen(&bench, &anna, "c1").await.meeting, None);
    invite(&bench, &anna, "c1", "carla").await.unwrap();
    assert_eq!(steps(&bench, &ben).await[3..], ["meeting true", "carla ringing"]);
    let meeting = seen(&bench, &ben, "c1").await.meeting.unwrap();
    assert_eq!(meeting.organizer.user(), "anna");
    step(&carla, Step::Decline(fulmar_domain::invitation::DeclineReason::Local)).await;
    step(&anna, Step::Leave).await;
    assert_eq!(seen(&bench, &ben, "c1").await.state, ConversationState::Connected);
    let back = (meeting.clone(), About::default());
    outcome(bench.store.join_meeting(&anna, None, back, names("b"), NOON).await.unwrap()).unwrap();
    assert_eq!(
        seen(&bench, &anna, "c1").await.participation_of(&meeting.organizer),
        Some(Participation::Connected)
    );
    assert_eq!(seen_at(&bench, &ben, "c1", NOON + AD_HOC_LIFETIME).await.meeting, None);
}

#[tokio::test]
async fn two_hundred_and_fifty_people_are_enough_for_a_meeting() {
    let (bench, anna, ben, _) = planned(AccessLevel::Everyone).await;
    join(&bench, &anna, "c1").await.unwrap();
    for number in 1..MAX_PARTICIPANTS {
        let name = format!("p{number}");
        let uri = format!("{name}@office.test").parse().unwrap();
        let made = bench.store.create_account(uri, name.parse().unwrap(), "hash".into(), NOON).await.unwrap();
        assert!(matches!(made, NewAccount::Created(_)));
        let who = bench.sign_in(&name, "p", NOON).await;
        join(&bench, &who, &name).await.unwrap();
    }
    assert_eq!(join(&bench, &ben, "late").await, Err(Failure::TooManyParticipants));
    assert_eq!(invite(&bench, &anna, "c1", "ben").await, Err(Failure::TooManyParticipants));
    join(&bench, &anna, "again").await.unwrap();
}

#[tokio::test]
async fn who_has_begun_enough_conversations_begins_no_meeting() {
    let (bench, anna, ben, _) = planned(AccessLevel::Everyone).await;
    let insert = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?2)
         INSERT INTO conversation (name, creator, created_at) SELECT 'x' || n, ?1, ?3 FROM number";
    let sql = rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    let values = rusqlite::params![anna.account.0, MAX_CONVERSATIONS, NOON.as_millis()];
    sql.execute(insert, values).unwrap();
    let started = bench.store.start_meeting(&anna, None, About::default(), names("now"), NOON).await.unwrap();
    assert_eq!(outcome(started), Err(Failure::TooManyConversations));
    assert_eq!(join(&bench, &anna, "c1").await, Err(Failure::TooManyConversations));
    join(&bench, &ben, "c2").await.unwrap();
    join(&bench, &anna, "c3").await.unwrap();
}

#[tokio::test]
async fn who_was_asked_by_mistake_does_not_come() {
    let (bench, anna, _, carla) = planned(AccessLevel::Invited).await;
    join(&bench, &anna, "c1").await.unwrap();
    invite(&bench, &anna, "c1", "carla").await.unwrap();
    bench.store.cancel_invitation(&anna, None, "ask-carla".parse().unwrap(), NOON).await.unwrap();
    assert_eq!(join(&bench, &carla, "c2").await, Err(Failure::NotAdmitted));
}

#[tokio::test]
async fn nobody_comes_once_it_is_over() {
    let (bench, anna, ben, carla) = planned(AccessLevel::Invited).await;
    for (who, name) in [(&anna, "c1"), (&ben, "c2")] {
        join(&bench, who, name).await.unwrap();
    }
    invite(&bench, &anna, "c1", "carla").await.unwrap();
    let late = NOON + LIFETIME;
    let anna = bench.sign_in("anna", "p", late).await;
    let carla = Actor { session: bench.sign_in("carla", "p", late).await.session, ..carla };
    let word = bench.store.say(&carla, None, "c1".parse().unwrap(), said("m1", "Late"), late).await.unwrap();
    assert_eq!(outcome(word).unwrap_err(), Failure::NotAdmitted, "she has missed it");
    let joining = Joining {
        conversation: "c1".parse().unwrap(),
        invitation: "again".parse().unwrap(),
        whom: "carla@office.test".parse().unwrap(),
        operation: None,
    };
    let asked = bench.store.invite_into_conversation(&anna, None, joining, late).await.unwrap();
    assert_eq!(outcome(asked).unwrap_err(), Failure::NotAdmitted);
}
