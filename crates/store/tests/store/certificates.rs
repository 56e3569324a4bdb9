//! Certificates, and what was agreed with a public authority.

use std::{collections::BTreeSet, fs};

use fulmar_domain::certificate::{AcmeSettings, Challenge, Kept, Order, Source};
use fulmar_store::{Store, StoreError};

use crate::support::{Bench, NOON, after, office};

fn kept(chain: &str) -> Kept {
    Kept { chain_pem: chain.into(), key_pem: format!("a-key-that-nobody-may-read of {chain}"), at: NOON }
}

fn settings(contact: &str) -> AcmeSettings {
    AcmeSettings {
        directory: "https://acme.test/dir".into(),
        contact: contact.into(),
        trust_anchors_pem: Some("anchors".into()),
        challenge: Some(Challenge::Dns01),
    }
}

fn order(url: &str) -> Order {
    Order {
        url: url.into(),
        names: BTreeSet::from(["web.office.test", "sip.office.test"].map(|name| name.parse().unwrap())),
        challenge: Challenge::Dns01,
        key_pem: format!("a-key-that-nobody-may-read of {url}"),
    }
}

/// Chain and key of the certificate that came from there.
async fn certificate(store: &Store, source: Source) -> Option<(String, String)> {
    let kept = store.certificate(source).await.unwrap()?;
    assert_eq!(kept.at, NOON);
    Some((kept.chain_pem, kept.key_pem))
}

fn pair(kept: Kept) -> Option<(String, String)> {
    Some((kept.chain_pem, kept.key_pem))
}

async fn order_url(store: &Store) -> Option<String> {
    store.acme_order().await.unwrap().map(|order| order.url)
}

/// An office with a public authority, an account, an order and a proof.
async fn ordering() -> Bench {
    let bench = Bench::new().await;
    let store = &bench.store;
    store.set_acme(settings("it@office.test")).await.unwrap();
    store.keep_acme_account(settings("it@office.test"), "an-account-that-nobody-may-read").await.unwrap();
    store.keep_acme_order(order("https://acme.test/order/1")).await.unwrap();
    let proof = ("_acme-challenge.web.office.test".parse().unwrap(), "proof".to_owned());
    assert_eq!(store.set_dns_proofs(vec![proof]).await.unwrap().unwrap().0, 2);
    bench
}

#[tokio::test]
async fn the_last_upload_is_shown_and_comes_back_as_it_was() {
    let Bench { store, dir } = Bench::new().await;
    let changes = store.certificate_generation();
    store.keep_uploaded_certificate(kept("first")).await.unwrap();
    assert!(changes.has_changed().unwrap());
    store.keep_uploaded_certificate(kept("second")).await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.certificate_source().await.unwrap(), Source::Uploaded);
    assert_eq!(certificate(&store, Source::Uploaded).await, pair(kept("second")));
    assert_eq!(certificate(&store, Source::Acme).await, None);
}

#[tokio::test]
async fn only_what_is_there_can_be_shown() {
    let store = &Bench::new().await.store;
    let changes = store.certificate_generation();
    for source in [Source::Uploaded, Source::Acme] {
        assert!(!store.use_certificate(source).await.unwrap());
        assert_eq!(store.certificate_source().await.unwrap(), Source::Own);
    }
    assert!(!changes.has_changed().unwrap(), "what was refused changes nothing");
    store.keep_uploaded_certificate(kept("first")).await.unwrap();
    store.set_acme(settings("it@office.test")).await.unwrap();
    assert_eq!(store.certificate_source().await.unwrap(), Source::Acme, "who was chosen last");
    for source in [Source::Uploaded, Source::Acme, Source::Own, Source::Uploaded] {
        assert!(store.use_certificate(source).await.unwrap());
        assert_eq!(store.certificate_source().await.unwrap(), source);
    }
    assert!(certificate(store, Source::Uploaded).await.is_some(), "who is not shown is not forgotten");
}

#[tokio::test]
async fn keys_are_sealed_and_open_with_their_key_file_only() {
    let Bench { store, dir } = ordering().await;
    store.keep_uploaded_certificate(kept("first")).await.unwrap();
    drop(store);
    for file in fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()) {
        let (bytes, secret) = (fs::read(&file).unwrap(), b"that-nobody-may-read");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
    }
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.acme_account().await.unwrap().unwrap(), "an-account-that-nobody-may-read");
    drop(store);
    fs::remove_file(dir.path().join("seal.key")).unwrap();
    let store = Store::open(dir.path()).unwrap();
    for error in [
        store.certificate(Source::Uploaded).await.err(),
        store.acme_account().await.err(),
        store.acme_order().await.err(),
    ] {
        assert!(matches!(error, Some(StoreError::Unseal { .. })), "{error:?}");
    }
    assert_eq!(store.certificate_source().await.unwrap(), Source::Uploaded);
    assert_eq!(store.acme().await.unwrap().unwrap().settings, settings("it@office.test"));
    store.keep_uploaded_certificate(kept("again")).await.unwrap();
    assert_eq!(certificate(&store, Source::Uploaded).await, pair(kept("again")));
}

#[tokio::test]
async fn an_order_is_carried_on_after_a_start_and_its_certificate_ends_it() {
    let Bench { store, dir } = ordering().await;
    store.fail_acme_order("refused".into(), NOON).await.unwrap();
    store.ask_for_certificate().await.unwrap();
    store.keep_acme_order(order("https://acme.test/order/2")).await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    let (begun, wanted) = (store.acme_order().await.unwrap().unwrap(), order("https://acme.test/order/2"));
    assert_eq!(
        (begun.url, begun.names, begun.challenge, begun.key_pem),
        (wanted.url, wanted.names, wanted.challenge, wanted.key_pem)
    );
    assert!(store.acme().await.unwrap().unwrap().asked);
    store.keep_ordered_certificate(kept("ordered")).await.unwrap();
    assert_eq!(certificate(&store, Source::Acme).await, pair(kept("ordered")));
    assert_eq!(order_url(&store).await, None);
    let acme = store.acme().await.unwrap().unwrap();
    assert_eq!((acme.asked, acme.failures.count, acme.failures.last), (false, 0, None));
}

#[tokio::test]
async fn failures_are_counted_until_an_administrator_asks_again() {
    let store = &ordering().await.store;
    store.fail_acme_order("refused".into(), NOON).await.unwrap();
    store.fail_acme_order("silent".into(), after(60)).await.unwrap();
    assert_eq!(order_url(store).await, None);
    let failures = store.acme().await.unwrap().unwrap().failures;
    assert_eq!((failures.count, failures.last), (2, Some((after(60), "silent".to_owned()))));
    let changes = store.certificate_generation();
    assert!(store.ask_for_certificate().await.unwrap());
    assert!(changes.has_changed().unwrap());
    let acme = store.acme().await.unwrap().unwrap();
    assert_eq!((acme.asked, acme.failures.count, acme.failures.last), (true, 0, None));
}

#[tokio::test]
async fn another_choice_ends_the_order_and_the_account_is_kept_where_it_is_good() {
    let store = &ordering().await.store;
    let other_way = AcmeSettings { challenge: None, ..settings("it@office.test") };
    store.set_acme(other_way.clone()).await.unwrap();
    assert_eq!(store.acme().await.unwrap().unwrap().settings, other_way);
    assert_eq!(order_url(store).await, None);
    assert_eq!(store.dns_proofs().await.unwrap(), []);
    assert!(store.acme_account().await.unwrap().is_some());
    store.set_acme(settings("boss@office.test")).await.unwrap();
    assert_eq!(store.acme_account().await.unwrap(), None);
    store.keep_acme_account(settings("it@office.test"), "late").await.unwrap();
    assert_eq!(store.acme_account().await.unwrap(), None, "an account for others is dropped");
    store.keep_ordered_certificate(kept("late")).await.unwrap();
    assert_eq!(certificate(store, Source::Acme).await, None, "so is what nobody has ordered any more");
}

#[tokio::test]
async fn a_forgotten_authority_leaves_nothing_behind() {
    let store = &ordering().await.store;
    store.keep_ordered_certificate(kept("ordered")).await.unwrap();
    store.keep_acme_order(order("https://acme.test/order/2")).await.unwrap();
    assert!(store.forget_acme().await.unwrap());
    assert_eq!(store.certificate_source().await.unwrap(), Source::Own);
    assert_eq!(certificate(store, Source::Acme).await, None);
    assert_eq!((store.acme().await.unwrap(), store.acme_account().await.unwrap()), (None, None));
    assert_eq!((order_url(store).await, store.dns_proofs().await.unwrap()), (None, vec![]));
    assert!(!store.forget_acme().await.unwrap());
    assert!(!store.ask_for_certificate().await.unwrap());
    store.keep_acme_order(order("https://acme.test/order/3")).await.unwrap();
    assert_eq!(order_url(store).await, None, "nobody is there to carry it out");
}

#[tokio::test]
async fn an_upload_that_is_shown_stays_when_the_authority_is_forgotten() {
    let store = &ordering().await.store;
    store.keep_uploaded_certificate(kept("first")).await.unwrap();
    assert!(store.forget_acme().await.unwrap());
    assert_eq!(store.certificate_source().await.unwrap(), Source::Uploaded);
    assert_eq!(certificate(store, Source::Uploaded).await, pair(kept("first")));
}

#[tokio::test]
async fn one_name_has_several_proofs_until_others_take_their_place() {
    let store = &ordering().await.store;
    let proof = |value: &str| ("_acme-challenge.web.office.test".parse().unwrap(), value.to_owned());
    let proofs = vec![proof("b"), proof("a"), proof("a")];
    assert_eq!(store.set_dns_proofs(proofs).await.unwrap().unwrap().0, 3);
    assert_eq!(store.dns_proofs().await.unwrap(), [proof("a"), proof("b")]);
    assert_eq!(store.set_dns_proofs(vec![]).await.unwrap().unwrap().0, 4);
    assert_eq!(store.dns_proofs().await.unwrap(), []);
    assert_eq!(store.set_dns_proofs(vec![]).await.unwrap().unwrap().0, 4, "no change is none");
    assert_eq!(*store.zone_generation().borrow(), 4);
}

#[tokio::test]
async fn without_an_office_no_zone_has_a_proof() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.set_dns_proofs(vec![]).await.unwrap(), None);
    store.set_office(office(&["office.test"])).await.unwrap();
    assert_eq!(store.set_dns_proofs(vec![]).await.unwrap().unwrap().0, 1);
}
