//! What senders learn of their messages, and what devices of a person learn of each other.

use fulmar_domain::{
    MessageId, Timestamp,
    conversation::{DeliveryState, MessageName, RECENT},
    event::{Event, Failure},
};
use fulmar_store::{Actor, Executed};

use crate::support::{Bench, NOON, opening, said};

/// ben at his desk has said m1, m2 and m3 to anna's phone and tablet.
async fn people() -> (Bench, Actor, Actor, Actor) {
    let bench = Bench::new().await;
    let (phone, tablet) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "tablet", NOON).await);
    let ben = bench.sign_in("ben", "desk", NOON).await;
    let opening = opening("c1", "anna", Some(said("m1", "m1")));
    bench.store.open_conversation(&ben, None, opening, NOON).await.unwrap();
    for message in ["m2", "m3"] {
        bench.store.say(&ben, None, "c1".parse().unwrap(), said(message, message), NOON).await.unwrap();
    }
    (bench, phone, tablet, ben)
}

fn by_ben(message: &str) -> MessageName {
    MessageName::Said { by: "ben@office.test".parse().unwrap(), as_what: message.parse().unwrap() }
}

async fn read(bench: &Bench, who: &Actor, up_to: MessageName) -> Executed {
    bench.store.mark_read(who, None, "c1".parse().unwrap(), up_to, NOON).await.unwrap()
}

/// What a session is told of reading and failing.
async fn told(bench: &Bench, who: &Actor, now: Timestamp) -> Vec<String> {
    let events = bench.events(who, 0, now).await.into_iter();
    let word = |event| match event {
        Event::MessageRead { message, by } => Some(format!("{} read {}", by.user(), message.client_id)),
        Event::MessageFailed { client_id, to, .. } => Some(format!("{client_id} lost to {}", to.user())),
        _ => None,
    };
    events.filter_map(|numbered| word(numbered.event)).collect()
}

async fn states(bench: &Bench, who: &Actor) -> Vec<DeliveryState> {
    let mut states = Vec::new();
    for message in 1..=3 {
        let deliveries = bench.store.deliveries(who.account, MessageId(message)).await.unwrap();
        states.extend(deliveries.into_iter().map(|delivery| delivery.state));
    }
    states
}

#[tokio::test]
async fn reading_is_told_once_to_the_sender_and_to_the_readers_devices() {
    let (bench, phone, tablet, ben) = people().await;
    assert!(matches!(read(&bench, &phone, by_ben("m2")).await, Executed::Done(Ok(_))));
    assert_eq!(
        states(&bench, &ben).await,
        [DeliveryState::Read, DeliveryState::Read, DeliveryState::Pending]
    );
    for who in [&phone, &tablet, &ben] {
        assert_eq!(told(&bench, who, NOON).await, ["anna read m2"]);
    }
    read(&bench, &tablet, by_ben("m1")).await;
    read(&bench, &tablet, MessageName::Newest).await;
    assert_eq!(told(&bench, &ben, NOON).await, ["anna read m2", "anna read m3"]);
    let delivered = bench.events(&ben, 0, NOON).await;
    let delivered = delivered.iter().filter(|e| matches!(e.event, Event::MessageDelivered { .. })).count();
    assert_eq!(delivered, 3, "what was read has arrived");
}

#[tokio::test]
async fn what_was_said_is_told_again_to_a_device_that_asks() {
    let (bench, phone, _, ben) = people().await;
    bench.acknowledge(&phone, NOON).await;
    bench.store.say(&phone, None, "c1".parse().unwrap(), said("m4", "m4"), NOON).await.unwrap();
    bench.acknowledge(&phone, NOON).await;
    let new = bench.sign_in("anna", "new", NOON).await;
    let query = |before| bench.store.query_messages(&new, None, "c1".parse().unwrap(), before, NOON);
    let told = async || {
        let events = bench.events(&new, 0, NOON).await.into_iter();
        let word = |event| match event {
            Event::MessageReceived(message) => Some(format!("heard {}", message.client_id)),
            Event::MessageSent(message) => Some(format!("said {}", message.client_id)),
            _ => None,
        };
        events.filter_map(|numbered| word(numbered.event)).collect::<Vec<_>>()
    };
    assert_eq!(told().await, Vec::<String>::new());
    query(by_ben("m3")).await.unwrap();
    assert_eq!(told().await, ["heard m1", "heard m2"]);
    bench.acknowledge(&new, NOON).await;
    query(MessageName::Newest).await.unwrap();
    assert_eq!(told().await, ["heard m1", "heard m2", "heard m3", "said m4"]);
    let unknown = query(by_ben("m9")).await.unwrap();
    assert_eq!(unknown, Executed::Done(Err(Failure::NoSuchMessage)));
    let delivered = bench.events(&ben, 0, NOON).await.into_iter();
    let delivered = delivered.filter(|numbered| matches!(numbered.event, Event::MessageDelivered { .. }));
    assert_eq!(delivered.count(), 3, "nothing is delivered twice");
}

#[tokio::test]
async fn what_was_not_said_there_can_not_be_read() {
    let (bench, phone, _, _) = people().await;
    for name in [by_ben("m9"), MessageName::Number(MessageId(77))] {
        assert_eq!(read(&bench, &phone, name).await, Executed::Done(Err(Failure::NoSuchMessage)));
    }
}

#[tokio::test]
async fn what_became_of_a_message_is_for_its_sender() {
    let (bench, phone, _, ben) = people().await;
    bench.acknowledge(&phone, NOON).await;
    assert_eq!(states(&bench, &ben).await, [DeliveryState::Delivered; 3]);
    assert_eq!(states(&bench, &phone).await, []);
}

#[tokio::test]
async fn a_message_that_nobody_fetched_in_time_is_given_up_and_its_sender_told() {
    let (bench, _, _, ben) = people().await;
    let end = NOON + RECENT;
    let ben = {
        bench.store.terminate_session(&ben.session, NOON).await.unwrap();
        bench.sign_in("ben", "desk", end).await
    };
    bench.tidy(end).await.unwrap();
    assert_eq!(told(&bench, &ben, end).await, ["m1 lost to anna", "m2 lost to anna", "m3 lost to anna"]);
    assert_eq!(states(&bench, &ben).await, [], "the messages are forgotten");
    bench.tidy(end).await.unwrap();
    assert_eq!(told(&bench, &ben, end).await.len(), 3);
}
