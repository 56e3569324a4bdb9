//! Whom sessions follow for a while.

use std::time::Duration;

use fulmar_domain::{
    DeviceId, Timestamp,
    contacts::{ContactEdit, GroupId},
    event::{Event, Failure},
    presence::{PreferredAvailability, SelfPresence},
    session::Activity,
    subscription::{
        Followed, Lease, MAX_FOLLOWED, MAX_SUBSCRIPTIONS, SubscriptionChange, SubscriptionEdit, WARNING,
    },
};
use fulmar_store::{Actor, Executed};

use crate::support::{Bench, NOON};

const TEN: Lease = Lease::MIN;

fn uri(name: &str) -> fulmar_domain::SipUri {
    format!("{name}@office.test").parse().unwrap()
}

fn people(names: &[&str]) -> Followed {
    Followed::People(names.iter().map(|name| uri(name)).collect())
}

fn start(name: &str, followed: Followed) -> SubscriptionEdit {
    SubscriptionEdit::Start(name.parse().unwrap(), followed, TEN)
}

fn minutes(minutes: u64) -> Timestamp {
    NOON + Duration::from_secs(minutes * 60)
}

async fn edit(bench: &Bench, actor: &Actor, edit: SubscriptionEdit, now: Timestamp) -> Result<(), Failure> {
    match bench.store.edit_subscription(actor, None, edit, now).await.unwrap() {
        Executed::Done(outcome) => outcome.map(drop),
        Executed::SessionEnded => panic!("the session lives"),
    }
}

async fn contacts(bench: &Bench, actor: &Actor, edit: ContactEdit) {
    let done = bench.store.edit_contacts(actor, None, edit, NOON).await.unwrap();
    assert!(matches!(done, Executed::Done(Ok(_))), "{done:?}");
}

async fn device(bench: &Bench, actor: &Actor, now: Timestamp) -> DeviceId {
    bench.store.session(&actor.session, now).await.unwrap().unwrap().device
}

/// Whom a session follows in a subscription.
async fn followed(bench: &Bench, actor: &Actor, name: &str, now: Timestamp) -> Option<Vec<String>> {
    let device = device(bench, actor, now).await;
    let found = bench.store.subscription(device, &name.parse().unwrap(), now).await.unwrap()?;
    Some(found.people.iter().map(|uri| uri.address().split('@').next().unwrap().to_owned()).collect())
}

/// What a session is told of subscriptions, and whose presence, and that it has dealt with it.
async fn told(bench: &Bench, actor: &Actor, now: Timestamp) -> Vec<String> {
    let events = bench.events(actor, 0, now).await;
    let last = events.last().map_or(0, |event| event.eid);
    bench.store.acknowledge(&actor.session, last, now).await.unwrap();
    let told = events.into_iter().filter_map(|event| match event.event {
        Event::SubscriptionChanged { subscription, change } => {
            Some(format!("{subscription} {}", change.as_str()))
        }
        Event::PresenceChanged { of, .. } => Some(of.address().split('@').next().unwrap().to_owned()),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn a_subscription_warns_before_its_end_and_ends() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    edit(&bench, &ben, start("s", people(&["anna"])), NOON).await.unwrap();
    assert_eq!(told(&bench, &ben, NOON).await, ["anna", "s added"]);
    let soon = minutes(10) - WARNING;
    bench.tidy(soon - Duration::from_millis(1)).await.unwrap();
    assert_eq!(told(&bench, &ben, soon).await.iter().filter(|t| t.starts_with('s')).count(), 0);
    for _ in 0..2 {
        bench.tidy(soon).await.unwrap();
    }
    let expiring = format!("s {}", SubscriptionChange::Expiring.as_str());
    assert_eq!(told(&bench, &ben, soon).await, [expiring]);
    assert_eq!(followed(&bench, &ben, "s", minutes(10)).await, None, "before it is told");
    bench.tidy(minutes(10)).await.unwrap();
    told(&bench, &ben, minutes(10)).await;
    let busy = SelfPresence { chosen: Some(Some(PreferredAvailability::Busy)), ..SelfPresence::default() };
    bench.store.publish_presence(&anna, None, busy, minutes(10)).await.unwrap();
    assert_eq!(told(&bench, &ben, minutes(10)).await, [] as [String; 0]);
    let gone = edit(&bench, &ben, SubscriptionEdit::Extend("s".parse().unwrap(), TEN), minutes(10)).await;
    assert_eq!(gone, Err(Failure::NoSuchSubscription));
}

#[tokio::test]
async fn what_is_extended_ends_later_and_warns_again() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    edit(&bench, &ben, start("s", people(&["carla"])), NOON).await.unwrap();
    bench.tidy(minutes(9)).await.unwrap();
    edit(&bench, &ben, SubscriptionEdit::Extend("s".parse().unwrap(), TEN), minutes(9)).await.unwrap();
    assert_eq!(told(&bench, &ben, minutes(9)).await, ["carla", "s added", "s expiring", "s extended"]);
    bench.tidy(minutes(19)).await.unwrap();
    assert_eq!(told(&bench, &ben, minutes(19)).await, ["s expiring"]);
    bench.tidy(minutes(20)).await.unwrap();
    assert_eq!(told(&bench, &ben, minutes(20)).await, ["s deleted"]);
}

#[tokio::test]
async fn a_new_colleague_is_followed_from_the_next_extension() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    edit(&bench, &ben, start("s", Followed::List), NOON).await.unwrap();
    let (before, _) = (followed(&bench, &ben, "s", NOON).await.unwrap(), told(&bench, &ben, NOON).await);
    bench.store.create_account(uri("dora"), "Dora".parse().unwrap(), "hash".into(), NOON).await.unwrap();
    edit(&bench, &ben, SubscriptionEdit::Extend("s".parse().unwrap(), TEN), NOON).await.unwrap();
    let after = followed(&bench, &ben, "s", NOON).await.unwrap();
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(told(&bench, &ben, NOON).await, ["dora", "s extended"], "and the others are no news");
}

#[tokio::test]
async fn people_come_and_go_in_a_subscription() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    edit(&bench, &ben, start("s", people(&["anna"])), NOON).await.unwrap();
    edit(&bench, &ben, SubscriptionEdit::Add("s".parse().unwrap(), vec![uri("carla")]), NOON).await.unwrap();
    assert_eq!(followed(&bench, &ben, "s", NOON).await.unwrap(), ["anna", "carla"]);
    edit(&bench, &ben, SubscriptionEdit::Remove("s".parse().unwrap(), uri("anna")), NOON).await.unwrap();
    assert_eq!(followed(&bench, &ben, "s", NOON).await.unwrap(), ["carla"]);
    edit(&bench, &ben, start("s", people(&["anna"])), NOON).await.unwrap();
    assert_eq!(followed(&bench, &ben, "s", NOON).await.unwrap(), ["anna", "carla"]);
    edit(&bench, &ben, SubscriptionEdit::End("s".parse().unwrap()), NOON).await.unwrap();
    assert_eq!(followed(&bench, &ben, "s", NOON).await, None);
    let unknown = edit(&bench, &ben, start("s", people(&["anna", "nobody"])), NOON).await;
    assert_eq!(unknown, Err(Failure::NoSuchPerson));
    assert_eq!(followed(&bench, &ben, "s", NOON).await, None, "nothing of it was done");
}

#[tokio::test]
async fn a_group_is_followed_as_it_changes() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    contacts(&bench, &ben, ContactEdit::Add(uri("anna"), GroupId::Pinned)).await;
    edit(&bench, &ben, start("pins", Followed::Group(GroupId::Pinned)), NOON).await.unwrap();
    edit(&bench, &ben, start("all", Followed::List), NOON).await.unwrap();
    assert_eq!(followed(&bench, &ben, "pins", NOON).await.unwrap(), ["anna"]);
    told(&bench, &ben, NOON).await;
    contacts(&bench, &ben, ContactEdit::Add(uri("carla"), GroupId::Pinned)).await;
    assert_eq!(followed(&bench, &ben, "pins", NOON).await.unwrap(), ["anna", "carla"]);
    assert_eq!(told(&bench, &ben, NOON).await, ["carla"]);
    contacts(&bench, &ben, ContactEdit::Remove(uri("anna"), None)).await;
    for name in ["pins", "all"] {
        assert_eq!(followed(&bench, &ben, name, NOON).await.unwrap(), ["carla"], "{name}");
    }
    let followed = bench.store.followed(device(&bench, &ben, NOON).await).await.unwrap();
    assert_eq!(followed.iter().map(|c| c.display_name.as_str()).collect::<Vec<_>>(), ["carla"]);
    let missing = edit(&bench, &ben, start("x", Followed::Group(GroupId::Own(99))), NOON).await;
    assert_eq!(missing, Err(Failure::NoSuchGroup));
}

/// Whom a session is told that it follows now, and no more.
async fn following(bench: &Bench, actor: &Actor, now: Timestamp) -> Vec<String> {
    let events = bench.events(actor, 0, now).await;
    let last = events.last().map_or(0, |event| event.eid);
    bench.store.acknowledge(&actor.session, last, now).await.unwrap();
    let following = events.into_iter().filter_map(|event| match event.event {
        Event::FollowingChanged { people, change } => {
            let names: Vec<_> = people.iter().map(|uri| uri.address().replace("@office.test", "")).collect();
            Some(format!("{} {}", change.as_str(), names.join(" ")))
        }
        _ => None,
    });
    following.collect()
}

#[tokio::test]
async fn who_is_in_several_subscriptions_is_followed_until_the_last_ends() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    edit(&bench, &ben, start("s", people(&["anna", "carla"])), NOON).await.unwrap();
    edit(&bench, &ben, start("t", people(&["anna"])), NOON).await.unwrap();
    assert_eq!(following(&bench, &ben, NOON).await, ["added anna carla"]);
    edit(&bench, &ben, SubscriptionEdit::Remove("s".parse().unwrap(), uri("anna")), NOON).await.unwrap();
    assert_eq!(following(&bench, &ben, NOON).await, [] as [String; 0]);
    edit(&bench, &ben, SubscriptionEdit::End("s".parse().unwrap()), NOON).await.unwrap();
    assert_eq!(following(&bench, &ben, NOON).await, ["deleted carla"]);
    edit(&bench, &ben, start("all", Followed::List), minutes(1)).await.unwrap();
    assert_eq!(following(&bench, &ben, minutes(1)).await, ["added carla"]);
    bench.tidy(minutes(10)).await.unwrap();
    assert_eq!(following(&bench, &ben, minutes(10)).await, [] as [String; 0], "anna is in the list");
    contacts(&bench, &ben, ContactEdit::Remove(uri("anna"), None)).await;
    assert_eq!(following(&bench, &ben, minutes(10)).await, ["deleted anna"]);
    bench.tidy(minutes(11)).await.unwrap();
    assert_eq!(following(&bench, &ben, minutes(11)).await, ["deleted carla"]);
}

#[tokio::test]
async fn the_background_ends_all_of_it() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    edit(&bench, &ben, start("s", people(&["anna"])), NOON).await.unwrap();
    bench.store.set_activity(&ben, None, Activity::Background, NOON).await.unwrap();
    assert_eq!(followed(&bench, &ben, "s", NOON).await, None);
    assert!(bench.store.followed(device(&bench, &ben, NOON).await).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_session_follows_five_hundred_people_in_sixty_four_subscriptions() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    for number in 0..MAX_SUBSCRIPTIONS {
        edit(&bench, &ben, start(&number.to_string(), people(&["anna"])), NOON).await.unwrap();
    }
    let more = edit(&bench, &ben, start("more", people(&["anna"])), NOON).await;
    assert_eq!(more, Err(Failure::LimitExceeded));
    for number in 2..MAX_FOLLOWED {
        let uri = uri(&format!("p{number}"));
        bench.store.create_account(uri, "P".parse().unwrap(), "h".into(), NOON).await.unwrap();
    }
    // With anna and carla the list is as long as it may be.
    edit(&bench, &ben, start("0", Followed::List), NOON).await.unwrap();
    bench.store.create_account(uri("one-more"), "P".parse().unwrap(), "h".into(), NOON).await.unwrap();
    assert_eq!(edit(&bench, &ben, start("0", Followed::List), NOON).await, Err(Failure::LimitExceeded));
}

#[tokio::test]
async fn a_clock_that_was_set_back_lets_none_last_longer_than_it_may() {
    let bench = Bench::new().await;
    let tomorrow = minutes(24 * 60);
    let ben = bench.sign_in("ben", "desk", tomorrow).await;
    edit(&bench, &ben, start("s", people(&["anna"])), tomorrow).await.unwrap();
    bench.tidy(NOON).await.unwrap();
    assert!(followed(&bench, &ben, "s", minutes(29)).await.is_some());
    assert_eq!(followed(&bench, &ben, "s", minutes(30)).await, None);
}
