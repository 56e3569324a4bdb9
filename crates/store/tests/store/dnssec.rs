//! Whether zones are signed, and the keys of zones.

use std::time::Duration;

use fulmar_domain::dnssec::{Pkcs8, Signatures};
use fulmar_store::Store;

use crate::support::{Bench, NOON};

const NOW: Signatures = Signatures { made_at: NOON };

#[tokio::test]
async fn zones_are_signed_until_somebody_says_otherwise() {
    let Bench { store, dir } = Bench::new().await;
    assert_eq!(store.signatures().await.unwrap(), None);
    store.renew_signatures(NOW).await.unwrap();
    assert_eq!(store.signatures().await.unwrap(), None, "nothing is switched on by renewal");
    assert_eq!(store.sign_zones(NOW).await.unwrap().unwrap().0, 2);
    let later = Signatures { made_at: NOON + Duration::from_secs(1) };
    store.renew_signatures(later).await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.signatures().await.unwrap(), Some(later));
    assert_eq!(*store.zone_generation().borrow(), 3);
    assert_eq!(store.sign_no_zones().await.unwrap().unwrap().0, 4);
    assert_eq!(store.signatures().await.unwrap(), None);
}

#[tokio::test]
async fn without_an_office_there_is_nothing_to_sign() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.sign_zones(NOW).await.unwrap(), None);
    assert_eq!(store.signatures().await.unwrap(), None);
}

#[tokio::test]
async fn the_first_key_of_a_zone_stays_and_is_sealed() {
    let Bench { store, dir } = Bench::new().await;
    let key = |zone: &str, text: &str| (zone.parse().unwrap(), Pkcs8(text.as_bytes().to_vec()));
    let first = key("office.test", "a-key-that-nobody-may-read");
    store.keep_zone_keys(vec![first.clone()]).await.unwrap();
    let other = key("a.test", "another");
    store.keep_zone_keys(vec![key("office.test", "third"), other.clone()]).await.unwrap();
    store.sign_zones(NOW).await.unwrap();
    store.sign_no_zones().await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.zone_keys().await.unwrap(), [other, first]);
    for file in ["fulmar.db", "fulmar.db-wal"] {
        let bytes = std::fs::read(dir.path().join(file)).unwrap();
        for secret in ["nobody-may-read", "YS1rZXktdGhhdC1ub2JvZHkt"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
}
