//! Administrators and their sessions at the console.

use std::time::Duration;

use fulmar_store::{Administrator, Store, TicketDigest};

use crate::support::{Bench, NOON};

fn marie(password_hash: &str) -> Administrator {
    Administrator { name: "marie".parse().unwrap(), password_hash: password_hash.into() }
}

fn cookie(text: &str) -> TicketDigest {
    TicketDigest::of(text.as_bytes())
}

#[tokio::test]
async fn an_administrator_and_a_session_survive_and_end() {
    let Bench { store, dir } = Bench::new().await;
    assert!(store.add_administrator(marie("one")).await.unwrap());
    assert!(!store.add_administrator(marie("two")).await.unwrap(), "the name is taken");
    let (now, later) = (NOON, NOON + Duration::from_secs(60));
    assert!(store.begin_console_session(marie("one"), cookie("a"), later).await.unwrap());
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.administrator(marie("").name).await.unwrap().unwrap().password_hash, "one");
    assert_eq!(store.console_session(cookie("a"), now).await.unwrap(), Some(marie("").name));
    assert_eq!(store.console_session(cookie("b"), now).await.unwrap(), None);
    assert_eq!(store.console_session(cookie("a"), later).await.unwrap(), None);
    store.end_console_session(cookie("a")).await.unwrap();
    assert_eq!(store.console_session(cookie("a"), now).await.unwrap(), None);
}

#[tokio::test]
async fn another_password_and_the_end_of_an_administrator_are_the_end_of_their_sessions() {
    let Bench { store, .. } = Bench::new().await;
    assert!(!store.set_administrator_password(marie("one")).await.unwrap(), "nobody yet");
    store.add_administrator(marie("one")).await.unwrap();
    let (now, later) = (NOON, NOON + Duration::from_secs(60));
    store.begin_console_session(marie("one"), cookie("a"), later).await.unwrap();
    assert!(store.set_administrator_password(marie("two")).await.unwrap());
    assert_eq!(store.console_session(cookie("a"), now).await.unwrap(), None);
    let outdated = store.begin_console_session(marie("one"), cookie("b"), later).await.unwrap();
    assert!(!outdated, "the password was changed while it was checked");
    store.begin_console_session(marie("two"), cookie("c"), later).await.unwrap();
    assert!(store.remove_administrator(marie("").name).await.unwrap());
    assert_eq!(store.console_session(cookie("c"), now).await.unwrap(), None);
    assert!(!store.remove_administrator(marie("").name).await.unwrap());
    assert!(store.administrators().await.unwrap().is_empty());
}
