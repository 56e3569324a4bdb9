//! Who is told that somebody is writing, and for how long.

use fulmar_domain::{Timestamp, conversation::TYPING_TIME, event::Event, session::Activity};
use fulmar_store::{Actor, Executed};

use crate::support::{Bench, NOON, after, opening, said};

/// ben at his desk in a conversation with anna's phone and tablet; the phone sleeps.
async fn people() -> (Bench, Actor, Actor, Actor) {
    let bench = Bench::new().await;
    let (phone, tablet) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "tablet", NOON).await);
    let ben = bench.sign_in("ben", "desk", NOON).await;
    bench.store.set_activity(&phone, None, Activity::Background, NOON).await.unwrap();
    let opening = opening("c1", "anna", Some(said("m1", "m1")));
    bench.store.open_conversation(&ben, None, opening, NOON).await.unwrap();
    (bench, phone, tablet, ben)
}

async fn compose(bench: &Bench, who: &Actor, writes: bool, now: Timestamp) {
    let done = bench.store.compose(who, None, "c1".parse().unwrap(), writes, now).await.unwrap();
    assert!(matches!(done, Executed::Done(Ok(_))), "{done:?}");
}

/// The signs that wait for a session, with the numbers of their events.
async fn signs(bench: &Bench, who: &Actor) -> Vec<(u64, bool)> {
    let events = bench.events(who, 0, NOON).await.into_iter();
    let sign = |event| if let Event::Composing { writes, .. } = event { Some(writes) } else { None };
    events.filter_map(|numbered| Some((numbered.eid, sign(numbered.event)?))).collect()
}

#[tokio::test]
async fn a_sign_is_told_once_to_who_looks_and_goes_away_by_itself() {
    let (bench, phone, tablet, ben) = people().await;
    compose(&bench, &ben, true, NOON).await;
    let told = signs(&bench, &tablet).await;
    assert_eq!(told.len(), 1);
    for second in 1..12 {
        compose(&bench, &ben, true, after(second)).await;
    }
    assert_eq!(signs(&bench, &tablet).await, told);
    assert_eq!(signs(&bench, &phone).await, []);
    // The notice after ten seconds was the last that had to be noted.
    let end = after(10) + TYPING_TIME;
    assert_eq!(bench.store.sweep(after(24)).await.unwrap(), Some(end));
    assert_eq!(signs(&bench, &tablet).await, told);
    assert_eq!(bench.store.sweep(end).await.unwrap(), Some(after(30)));
    assert!(matches!(signs(&bench, &tablet).await[..], [(_, false)]));
}

#[tokio::test]
async fn a_notice_that_says_nothing_new_is_not_written() {
    let (bench, _, _, ben) = people().await;
    compose(&bench, &ben, true, NOON).await;
    let blocker = rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    compose(&bench, &ben, true, after(4)).await;
    blocker.execute_batch("ROLLBACK").unwrap();
    bench.store.terminate_session(&ben.session, after(6)).await.unwrap();
    let ended = bench.store.compose(&ben, None, "c1".parse().unwrap(), true, after(6)).await.unwrap();
    assert_eq!(ended, Executed::SessionEnded);
}

#[tokio::test]
async fn a_sign_ends_with_a_word_or_when_its_person_says_so() {
    let (bench, _, tablet, ben) = people().await;
    compose(&bench, &ben, true, NOON).await;
    compose(&bench, &ben, false, NOON).await;
    assert!(matches!(signs(&bench, &tablet).await[..], [(_, false)]));
    compose(&bench, &ben, true, NOON).await;
    bench.store.say(&ben, None, "c1".parse().unwrap(), said("m2", "m2"), NOON).await.unwrap();
    let events = bench.events(&tablet, 0, NOON).await;
    let last: Vec<_> = events.iter().rev().take(2).map(|numbered| &numbered.event).collect();
    assert!(
        matches!(last[..], [Event::MessageReceived(_), Event::Composing { writes: false, .. }]),
        "{events:?}"
    );
}

#[tokio::test]
async fn who_looks_at_a_conversation_sees_who_is_writing() {
    let (bench, _, tablet, ben) = people().await;
    compose(&bench, &ben, true, NOON).await;
    let seen = async |now| {
        let seen = bench.store.conversation(tablet.account, &"c1".parse().unwrap(), now).await.unwrap();
        seen.unwrap().participants.iter().map(|participant| participant.writes).collect::<Vec<_>>()
    };
    assert_eq!(seen(NOON).await, [true, false]);
    assert_eq!(seen(NOON + TYPING_TIME).await, [false, false]);
}
