//! Planned meetings.

use std::time::Duration;

use fulmar_domain::meeting::{AccessLevel, LIFETIME, MAX_MEETINGS, Meeting, MeetingPlan};
use fulmar_store::{MeetingChange, NewMeeting, Store};

use crate::support::{Bench, NOON};

fn plan(subject: &str) -> MeetingPlan {
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

async fn planned(bench: &Bench, name: &str) -> Meeting {
    let anna = bench.credentials("anna").await.account.id;
    let made = bench.store.plan_meeting(anna, name.parse().unwrap(), plan(name), NOON).await.unwrap();
    let NewMeeting::Planned(meeting) = made else { panic!("{made:?}") };
    meeting
}

#[tokio::test]
async fn a_meeting_is_kept_until_it_ends() {
    let bench = Bench::new().await;
    let made = planned(&bench, "one").await;
    assert_eq!((&made.plan, made.revision), (&plan("one"), 1));
    let anna = bench.credentials("anna").await.account.id;
    let Bench { store, dir } = bench;
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.meetings(anna, NOON).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(store.meeting(made.id.clone(), NOON).await.unwrap(), Some(made.clone()));
    assert_eq!(store.meeting(made.id.clone(), NOON + LIFETIME).await.unwrap(), None);
    store.tidy(NOON + LIFETIME + Duration::from_secs(1)).await.unwrap();
    assert_eq!(store.meeting(made.id, NOON).await.unwrap(), None, "it is forgotten");
}

#[tokio::test]
async fn only_its_organizer_changes_it_and_only_as_it_was_seen() {
    let bench = Bench::new().await;
    let made = planned(&bench, "one").await;
    let (anna, ben) = (bench.credentials("anna").await.account.id, bench.credentials("ben").await.account.id);
    let change = |who, revision, subject: &str| {
        bench.store.change_meeting(who, made.id.clone(), revision, plan(subject), NOON)
    };
    assert_eq!(change(ben, 1, "mine").await.unwrap(), MeetingChange::NoSuchMeeting);
    let MeetingChange::Changed(changed) = change(anna, 1, "two").await.unwrap() else { panic!() };
    assert_eq!((changed.plan.subject.as_str(), changed.revision), ("two", 2));
    assert_eq!(change(anna, 1, "three").await.unwrap(), MeetingChange::Outdated);
    assert!(!bench.store.delete_meeting(ben, made.id.clone()).await.unwrap());
    assert!(bench.store.delete_meeting(anna, made.id.clone()).await.unwrap());
    assert!(bench.store.meetings(anna, NOON).await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_plans_without_end() {
    let bench = Bench::new().await;
    let anna = bench.credentials("anna").await.account.id;
    for number in 0..MAX_MEETINGS {
        planned(&bench, &format!("m{number}")).await;
    }
    let one_more = bench.store.plan_meeting(anna, "more".parse().unwrap(), plan("more"), NOON).await.unwrap();
    assert_eq!(one_more, NewMeeting::TooMany);
}
