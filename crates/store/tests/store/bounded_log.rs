//! Sessions that do not fetch their events.

use fulmar_domain::{event::Event, session::Activity};
use fulmar_store::Actor;

use crate::support::{Bench, NOON, after, opening, said};

/// More than a log holds.
const MANY: usize = 1050;
/// What it holds, with the word that there was more.
const MOST: u64 = 1001;

/// How many events the store keeps for the device of that name.
fn kept(bench: &Bench, device: &str) -> u64 {
    let sql = rusqlite::Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    let count = "SELECT count(*) FROM event e JOIN device d ON d.id = e.device WHERE d.name = ?1";
    sql.query_row(count, [device], |row| row.get(0)).unwrap()
}

/// Fetches and acknowledges all that waits.
async fn fetch_all(bench: &Bench, actor: &Actor) -> Vec<Event> {
    let (mut all, mut ack) = (Vec::new(), 0);
    loop {
        assert!(bench.store.acknowledge(&actor.session, ack, NOON).await.unwrap());
        let events = bench.events(actor, ack, NOON).await;
        let Some(last) = events.last() else { return all };
        ack = last.eid;
        all.extend(events.into_iter().map(|numbered| numbered.event));
    }
}

fn heard(events: &[Event]) -> Vec<&str> {
    let messages = events.iter().filter_map(|event| match event {
        Event::MessageReceived(message) => Some(message.client_id.as_str()),
        _ => None,
    });
    messages.collect()
}

async fn say_many(bench: &Bench, from: &Actor) -> Vec<String> {
    let first = opening("c1", "anna", Some(said("m0", "text")));
    bench.store.open_conversation(from, None, first, NOON).await.unwrap();
    for number in 1..MANY {
        let said = said(&format!("m{number}"), "text");
        bench.store.say(from, None, "c1".parse().unwrap(), said, NOON).await.unwrap();
    }
    (0..MANY).map(|number| format!("m{number}")).collect()
}

#[tokio::test]
async fn what_happens_in_conversations_waits_beyond_the_bound_and_comes_in_its_order() {
    let bench = Bench::new().await;
    let (phone, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let all = say_many(&bench, &ben).await;
    assert_eq!((kept(&bench, "phone"), kept(&bench, "desk")), (MOST, MOST));
    let tablet = bench.sign_in("anna", "tablet", NOON).await;
    assert!(kept(&bench, "tablet") <= MOST);

    let on_phone = fetch_all(&bench, &phone).await;
    assert_eq!(heard(&on_phone), all);
    assert_eq!(heard(&fetch_all(&bench, &tablet).await), all, "a new session has them all, too");
    let on_desk = fetch_all(&bench, &ben).await;
    let count = |is: fn(&Event) -> bool| on_desk.iter().filter(|event| is(event)).count();
    assert_eq!(count(|event| matches!(event, Event::MessageSent(_))), MANY);
    assert_eq!(count(|event| matches!(event, Event::MessageDelivered { .. })), MANY);

    bench.store.say(&ben, None, "c1".parse().unwrap(), said("last", "text"), NOON).await.unwrap();
    assert_eq!(heard(&fetch_all(&bench, &phone).await), ["last"], "nothing lags any more");
}

#[tokio::test]
async fn what_is_not_acknowledged_of_a_full_log_is_in_the_next_session() {
    let bench = Bench::new().await;
    let (phone, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    let all = say_many(&bench, &ben).await;
    let ack = bench.events(&phone, 0, NOON).await.last().unwrap().eid;
    assert!(bench.store.acknowledge(&phone.session, ack, NOON).await.unwrap());
    let again = bench.sign_in("anna", "phone", after(1)).await;
    let rest = fetch_all(&bench, &again).await;
    // The invitation was the first event.
    assert_eq!(heard(&rest), all[usize::try_from(ack).unwrap() - 1..]);
}

#[tokio::test]
async fn what_can_be_looked_up_is_dropped_for_one_word() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let command = async |number: usize| {
        let request = format!("r{number}").parse::<fulmar_domain::RequestId>().unwrap();
        bench.store.set_activity(&anna, request, Activity::Foreground, NOON).await.unwrap();
    };
    for number in 0..MANY {
        command(number).await;
    }
    assert!(kept(&bench, "phone") <= MOST);
    let events = fetch_all(&bench, &anna).await;
    let words: Vec<_> = events.iter().filter(|event| **event == Event::Resync).collect();
    assert_eq!(words.len(), 1, "{events:?}");
    assert_eq!(events[0], Event::Resync, "it stands before what came after it");
    command(MANY).await;
    let told = fetch_all(&bench, &anna).await;
    assert!(matches!(told[..], [Event::RequestSucceeded { .. }]), "{told:?}");
    let session = bench.store.session(&anna.session, NOON).await.unwrap().unwrap();
    assert_eq!((session.acknowledged, session.last_event), (session.last_event, session.last_event));
}
