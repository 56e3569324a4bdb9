//! An outbox that is full: thousands of notifications wait for services that do not answer.

use std::time::{Duration, Instant};

use fulmar_standins::{
    apns::Behaviour as Apple,
    web_push::{Behaviour as Web, WebPushStandin},
};
use fulmar_suite::{Office, uri};
use fulmarctl::phone::Phone;

use super::{super::web_push::switch_on, accounts::Accounts, people};

const SLEEPERS: usize = 8;
const MESSAGES: usize = 32;
/// How often somebody signs in and says something.
const TRIES: usize = 8;
/// What anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(3);

/// Signs in and says something that is heard, several times: how long the slowest took.
async fn slowest(office: &Office, anna: &mut Phone, conversation: &str, name: &str) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..TRIES {
        let begun = Instant::now();
        let mut carla = office.sign_in("carla", "phone").await.unwrap();
        carla.say(conversation, &format!("{name}-{number}"), "hello").await.unwrap();
        let heard = anna.message_in(conversation).await.unwrap();
        slowest = slowest.max(begun.elapsed());
        assert_eq!(heard.message_id, format!("{name}-{number}"));
    }
    slowest
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_is_full_keeps_nobody_from_signing_in_or_sending() {
    let office = Office::quiet(vec![]).await.unwrap();
    let web = WebPushStandin::start().await.unwrap();
    switch_on(&office, &web, &["localhost"]).await;
    let (_, sender) = people::gather(&office, &web, SLEEPERS).await;
    office.apns.decide(|_| Apple::Silence);
    web.decide(|_| Web::Silence);
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let mut carla = office.sign_in("carla", "phone").await.unwrap();
    let conversation = carla.invite(&uri("anna").unwrap(), "first", "hello").await.unwrap();
    anna.message_in(&conversation).await.unwrap();
    let empty = slowest(&office, &mut anna, &conversation, "empty").await;

    let begun = Instant::now();
    sender.say(0..MESSAGES).await;
    let saying = begun.elapsed() / MESSAGES as u32;
    let waiting = Accounts::waiting(&office.database());
    assert_eq!(waiting, SLEEPERS * people::PHONES * MESSAGES);
    assert!(saying < PATIENCE, "a message to many took {saying:?}");

    let full = slowest(&office, &mut anna, &conversation, "full").await;
    assert!(full < 2 * empty + PATIENCE, "{full:?} with {waiting} before it, {empty:?} without");
}
