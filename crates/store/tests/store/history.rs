//! What a device is told when it signs in again, and what a person's devices are told of each other.

use fulmar_domain::{
    conversation::{HISTORY, Step},
    event::Event,
    invitation::{DeclineReason, Direction},
};
use fulmar_store::Actor;
use rusqlite::Connection;

use crate::support::{Bench, NOON, after, opening, said};

async fn invite(bench: &Bench, from: &Actor, to: &str, name: &str, message: &str) {
    let opening = opening(name, to, Some(said(message, message)));
    bench.store.open_conversation(from, None, opening, NOON).await.unwrap();
}

async fn say(bench: &Bench, from: &Actor, conversation: &str, message: &str) {
    let id = conversation.parse().unwrap();
    bench.store.say(from, None, id, said(message, message), NOON).await.unwrap();
}

/// What waits for a session, a word for each event.
async fn told(bench: &Bench, actor: &Actor) -> Vec<String> {
    let events = bench.events(actor, 0, NOON).await.into_iter();
    let word = |event| match event {
        Event::Invited(invitation) => match invitation.direction {
            Direction::Outgoing => format!("inviting to {}", invitation.conversation),
            Direction::Incoming => format!("invited to {}", invitation.conversation),
        },
        Event::InvitationEnded(invitation) => format!("{} {}", invitation.conversation, invitation.state),
        Event::ParticipantChanged { who, participation, .. } => format!("{} {participation}", who.user()),
        Event::MessageReceived(message) => format!("heard {}", message.client_id),
        Event::MessageSent(message) => format!("said {}", message.client_id),
        Event::MessageDelivered { client_id, .. } => format!("delivered {client_id}"),
        other => format!("{other:?}"),
    };
    events.map(|numbered| word(numbered.event)).collect()
}

#[tokio::test]
async fn what_somebody_says_is_told_to_all_their_devices() {
    let bench = Bench::new().await;
    let (phone, tablet) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "tablet", NOON).await);
    bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &phone, "ben", "c1", "m1").await;
    say(&bench, &tablet, "c1", "m2").await;
    for device in [&phone, &tablet] {
        assert_eq!(told(&bench, device).await, ["inviting to c1", "said m1", "said m2"]);
    }
}

#[tokio::test]
async fn a_device_that_signs_in_again_is_told_what_it_has_not_acknowledged_itself() {
    let bench = Bench::new().await;
    let (phone, tablet) =
        (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("anna", "tablet", NOON).await);
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", "m1").await;
    bench.acknowledge(&tablet, NOON).await;
    bench.store.terminate_session(&phone.session, NOON).await.unwrap();
    say(&bench, &ben, "c1", "m2").await;
    bench.acknowledge(&tablet, NOON).await;
    let phone = bench.sign_in("anna", "phone", after(1)).await;
    assert_eq!(told(&bench, &phone).await, ["invited to c1", "heard m1", "heard m2"]);
    let tablet = bench.sign_in("anna", "tablet", after(1)).await;
    assert_eq!(told(&bench, &tablet).await, Vec::<String>::new());
}

#[tokio::test]
async fn messages_keep_their_place_among_invitations_and_steps() {
    let bench = Bench::new().await;
    let (anna, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", "m1").await;
    let step = |conversation: &str, step| {
        bench.store.step_conversation(&anna, None, conversation.parse().unwrap(), step, NOON)
    };
    step("c1", Step::Accept).await.unwrap();
    say(&bench, &anna, "c1", "m2").await;
    invite(&bench, &ben, "anna", "c2", "m3").await;
    step("c2", Step::Decline(DeclineReason::Local)).await.unwrap();
    say(&bench, &ben, "c1", "m4").await;
    let before = told(&bench, &anna).await;
    let all = [
        "invited to c1",
        "heard m1",
        "anna connected",
        "c1 accepted",
        "said m2",
        "invited to c2",
        "heard m3",
        "c2 declined",
        "anna declined",
        "heard m4",
    ];
    assert_eq!(before, all);
    let anna = bench.sign_in("anna", "phone", after(1)).await;
    assert_eq!(told(&bench, &anna).await, all);
}

#[tokio::test]
async fn a_new_device_begins_where_the_others_are() {
    let bench = Bench::new().await;
    let (phone, ben) = (bench.sign_in("anna", "phone", NOON).await, bench.sign_in("ben", "desk", NOON).await);
    invite(&bench, &ben, "anna", "c1", "m1").await;
    bench.acknowledge(&phone, NOON).await;
    say(&bench, &ben, "c1", "m2").await;
    let tablet = bench.sign_in("anna", "tablet", NOON).await;
    assert_eq!(told(&bench, &tablet).await, ["heard m2"]);
}

#[tokio::test]
async fn what_is_older_than_the_history_is_told_to_nobody_and_forgotten() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", "m1").await;
    let anna = bench.sign_in("anna", "phone", NOON + HISTORY).await;
    assert_eq!(bench.events(&anna, 0, NOON + HISTORY).await, []);
    bench.store.tidy(NOON + HISTORY).await.unwrap();
    let sql = Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    let select = "SELECT group_concat(kind) FROM history";
    let left: String = sql.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!(left, "messageFailed", "ben is told");
}
