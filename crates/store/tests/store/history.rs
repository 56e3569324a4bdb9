//! What a device is told when it signs in again, and what a person's devices are told of each other.

use std::time::Duration;

use fulmar_domain::{
    Timestamp,
    configuration::{Object, Scope},
    conversation::{MessageName, Step},
    device::PushRegistration,
    event::{Event, Failure},
    invitation::{DeclineReason, Direction},
    push::{Next, Outcome},
    session::Activity,
};
use fulmar_store::{Actor, Executed};
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

/// A day of the office in which it keeps what was said for so many days.
async fn kept_for(days: u16) -> Bench {
    let bench = Bench::new().await;
    let parameter = vec![("KeepArchivingDataForDays".to_owned(), vec![days.to_string()])];
    bench.store.configure(Object::Archiving, Scope::Global, parameter, NOON).await.unwrap();
    bench
}

fn days(days: u64) -> Timestamp {
    after(days * 24 * 3600)
}

/// How many rows of a table are on the disk.
fn rows(bench: &Bench, table: &str) -> usize {
    let sql = Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    sql.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_waited_while_the_box_was_off_is_told_before_it_is_forgotten() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", "m1").await;
    bench.store.tidy(days(31)).await.unwrap();
    let anna = bench.sign_in("anna", "phone", days(31)).await;
    assert_eq!(bench.texts(&anna, days(31)).await, ["m1"]);
}

#[tokio::test]
async fn after_the_box_was_off_nothing_is_forgotten_for_three_days() {
    let bench = Bench::new().await;
    let may_forget = async |now| bench.store.may_forget(now).await.unwrap();
    assert!(may_forget(NOON).await, "there is nothing yet");
    assert!(may_forget(days(1)).await, "it was up yesterday");
    assert!(!may_forget(days(36)).await);
    for hour in 1..72 {
        assert!(!may_forget(days(36) + Duration::from_secs(hour * 3600)).await, "{hour}");
    }
    assert!(may_forget(days(39)).await);
    assert!(may_forget(days(3)).await, "a clock that is set back was not off");
}

#[tokio::test]
async fn what_is_older_than_the_history_is_told_to_nobody_and_forgotten() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", "m1").await;
    bench.store.sweep(after(30)).await.unwrap();
    bench.tidy(days(31)).await.unwrap();
    let anna = bench.sign_in("anna", "phone", days(31)).await;
    assert_eq!(bench.events(&anna, 0, days(31)).await, []);
    let sql = Connection::open(bench.dir.path().join("fulmar.db")).unwrap();
    let select = "SELECT group_concat(kind) FROM history";
    let left: String = sql.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!(left, "messageFailed", "ben is told");
    assert_eq!((rows(&bench, "message"), rows(&bench, "delivery"), rows(&bench, "conversation")), (0, 0, 1));
    bench.tidy(days(62)).await.unwrap();
    let left = ["history", "conversation", "participant", "invitation"].map(|table| rows(&bench, table));
    assert_eq!(left, [0; 4], "nothing is told of it any more");
}

#[tokio::test]
async fn the_office_says_how_long_it_is_kept() {
    let bench = kept_for(2).await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c1", "m1").await;
    bench.store.step_conversation(&anna, None, "c1".parse().unwrap(), Step::Accept, NOON).await.unwrap();
    bench.acknowledge(&anna, NOON).await;
    let ben = bench.sign_in("ben", "desk", days(1)).await;
    bench.store.say(&ben, None, "c1".parse().unwrap(), said("m2", "m2"), days(1)).await.unwrap();
    bench.tidy(days(2)).await.unwrap();
    assert_eq!(rows(&bench, "message"), 1, "m2 is younger");
    let again = bench.sign_in("anna", "phone", days(2)).await;
    let texts = bench.texts(&again, days(2)).await;
    assert_eq!(texts, ["m2"]);
    bench.acknowledge(&again, days(2)).await;
    let query = MessageName::Newest;
    bench.store.query_messages(&again, None, "c1".parse().unwrap(), query, days(2)).await.unwrap();
    assert_eq!(bench.texts(&again, days(2)).await, ["m2"]);
    bench.tidy(days(3)).await.unwrap();
    assert_eq!((rows(&bench, "message"), rows(&bench, "conversation")), (0, 0));
    let again = bench.sign_in("anna", "phone", days(3)).await;
    let gone = bench.store.say(&again, None, "c1".parse().unwrap(), said("m3", "m3"), days(3)).await.unwrap();
    assert_eq!(gone, Executed::Done(Err(Failure::NoSuchConversation)));
}

#[tokio::test]
async fn a_message_that_is_forgotten_goes_with_all_that_is_about_it() {
    let bench = kept_for(1).await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let registration = PushRegistration::Apns("00fc13adff785122".parse().unwrap());
    bench.store.register_push(&anna, None, registration, NOON).await.unwrap();
    bench.store.set_activity(&anna, None, Activity::Background, NOON).await.unwrap();
    invite(&bench, &ben, "anna", "c1", "m1").await;
    let sent = bench.claim(NOON).await[0].id;
    bench.tidy(days(1)).await.unwrap();
    assert_eq!((rows(&bench, "notification"), rows(&bench, "push_ledger")), (0, 0));
    // The answer to a push that was on its way then is of no use.
    bench.ended(sent, &Outcome::Accepted, Next::Delivered, days(1)).await;
    let about = "event WHERE message IS NOT NULL";
    assert_eq!((rows(&bench, "message"), rows(&bench, about)), (0, 0));
}

#[tokio::test]
async fn more_than_is_forgotten_at_once_is_forgotten_all_the_same() {
    let bench = kept_for(1).await;
    let ben = bench.sign_in("ben", "desk", NOON).await;
    invite(&bench, &ben, "anna", "c0", "m0").await;
    for number in 1..400 {
        say(&bench, &ben, "c0", &format!("m{number}")).await;
    }
    for number in 1..300 {
        invite(&bench, &ben, "anna", &format!("c{number}"), &format!("first-{number}")).await;
    }
    bench.store.sweep(after(30)).await.unwrap();
    bench.tidy(days(2)).await.unwrap();
    assert_eq!((rows(&bench, "message"), rows(&bench, "history")), (0, 699), "each has failed");
    bench.tidy(days(4)).await.unwrap();
    assert_eq!((rows(&bench, "history"), rows(&bench, "conversation")), (0, 0));
}
