//! Planned meetings.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    event::{Event, Failure},
    id::MeetingId,
    meeting::{AccessLevel, LIFETIME, MAX_MEETINGS, Meeting, MeetingEdit, MeetingPlan},
};
use fulmar_store::{Actor, Executed, Store};

use crate::support::{Bench, NOON};

pub(crate) fn plan(subject: &str) -> MeetingPlan {
    let uri = |name: &str| format!("sip:{name}@office.test").parse().unwrap();
    MeetingPlan {
        subject: subject.into(),
        description: "What to do\nnext".into(),
        access: AccessLevel::Invited,
        attendees: vec![uri("ben"), uri("carla")],
        leaders: vec![],
        expires_at: NOON + LIFETIME,
    }
}

pub(crate) async fn edit(
    bench: &Bench,
    who: &Actor,
    edit: MeetingEdit,
    name: &str,
    now: Timestamp,
) -> Result<Option<MeetingId>, Failure> {
    match bench.store.edit_meeting(who, None, edit, name.parse().unwrap(), now).await.unwrap() {
        Executed::Done(outcome) => outcome.map(|made| made.meeting),
        Executed::SessionEnded => panic!("the session has ended"),
    }
}

async fn planned(bench: &Bench, who: &Actor, name: &str) -> Meeting {
    let made = edit(bench, who, MeetingEdit::Plan(plan(name)), name, NOON).await.unwrap().unwrap();
    bench.store.meeting(made, NOON).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_meeting_is_kept_until_it_ends() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let made = planned(&bench, &anna, "one").await;
    assert_eq!((&made.plan, made.revision), (&plan("one"), 1));
    let Bench { store, dir } = bench;
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.meetings(anna.account, NOON).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(store.meeting(made.id.clone(), NOON).await.unwrap(), Some(made.clone()));
    assert_eq!(store.meeting(made.id.clone(), NOON + LIFETIME).await.unwrap(), None);
    store.forget_old(NOON + LIFETIME + Duration::from_secs(1)).await.unwrap();
    assert_eq!(store.meeting(made.id, NOON).await.unwrap(), None, "it is forgotten");
}

#[tokio::test]
async fn only_its_organizer_changes_it_and_only_as_it_was_seen() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let ben = bench.sign_in("ben", "phone", NOON).await;
    let id = planned(&bench, &anna, "one").await.id;
    let change = async |who, revision, subject: &str| {
        let plan = plan(subject);
        edit(&bench, who, MeetingEdit::Change { id: id.clone(), revision, plan }, "x", NOON).await
    };
    assert_eq!(change(&ben, 1, "mine").await, Err(Failure::NoSuchMeeting));
    assert_eq!(change(&anna, 1, "two").await, Ok(Some(id.clone())));
    let changed = bench.store.meeting(id.clone(), NOON).await.unwrap().unwrap();
    assert_eq!((changed.plan.subject.as_str(), changed.revision), ("two", 2));
    assert_eq!(change(&anna, 1, "three").await, Err(Failure::Outdated));
    assert_eq!(change(&anna, 2, &"x".repeat(251)).await, Err(Failure::InvalidPlan));
    let delete = async |who| edit(&bench, who, MeetingEdit::Delete(id.clone()), "x", NOON).await;
    assert_eq!(delete(&ben).await, Err(Failure::NoSuchMeeting));
    assert_eq!(delete(&anna).await, Ok(None));
    assert_eq!(delete(&anna).await, Err(Failure::NoSuchMeeting));
    assert!(bench.store.meetings(anna.account, NOON).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_organizers_devices_are_told_and_nobody_elses() {
    let bench = Bench::new().await;
    let phone = bench.sign_in("anna", "phone", NOON).await;
    let desk = bench.sign_in("anna", "desk", NOON).await;
    let ben = bench.sign_in("ben", "phone", NOON).await;
    let told = async |who: &Actor| -> Vec<(String, Option<String>)> {
        let events =
            bench.events(who, 0, NOON).await.into_iter().filter_map(|numbered| match numbered.event {
                Event::Meeting { id, meeting } => {
                    Some((id.to_string(), meeting.map(|meeting| meeting.plan.subject)))
                }
                _ => None,
            });
        events.collect()
    };
    let one = ("one".to_owned(), Some("one".to_owned()));
    planned(&bench, &phone, "one").await;
    assert_eq!(told(&desk).await, std::slice::from_ref(&one));
    bench.store.query_meetings(&desk, None, NOON).await.unwrap();
    assert_eq!(told(&desk).await, [one.clone(), one]);
    edit(&bench, &phone, MeetingEdit::Delete("one".parse().unwrap()), "x", NOON).await.unwrap();
    assert_eq!(told(&phone).await, vec![("one".to_owned(), None); 2], "as it is when it is read");
    assert_eq!(told(&ben).await, []);
}

#[tokio::test]
async fn nobody_plans_without_end() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    for number in 0..MAX_MEETINGS {
        planned(&bench, &anna, &format!("m{number}")).await;
    }
    let one_more = edit(&bench, &anna, MeetingEdit::Plan(plan("more")), "more", NOON).await;
    assert_eq!(one_more, Err(Failure::LimitExceeded));
}
