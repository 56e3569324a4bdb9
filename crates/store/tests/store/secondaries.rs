//! Secondaries and their keys.

use fulmar_domain::{
    office::Side,
    secondary::{Secondary, TsigAlgorithm, TsigKey, TsigSecret},
};
use fulmar_store::{NewSecondary, Store};

use crate::support::Bench;

fn secondary(name: &str) -> Secondary {
    let secret = TsigSecret(b"a-secret-of-thirty-two-bytes-...".to_vec());
    let key = TsigKey {
        name: format!("fulmar-{name}").parse().unwrap(),
        algorithm: TsigAlgorithm::HmacSha256,
        secret,
    };
    let (name, address) = (name.parse().unwrap(), "192.0.2.53:53".parse().unwrap());
    Secondary { name, address, side: Side::Outside, key: Some(key) }
}

#[tokio::test]
async fn a_secondary_is_kept_with_its_key_and_raises_the_generation() {
    let Bench { store, dir } = Bench::new().await;
    let before = *store.zone_generation().borrow();
    let added = store.add_secondary(secondary("ns2")).await.unwrap();
    assert_eq!(added, NewSecondary::Added(before + 1));
    assert_eq!(store.add_secondary(secondary("ns2")).await.unwrap(), NewSecondary::NameTaken);
    assert_eq!(*store.zone_generation().borrow(), before + 1);
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.secondaries().await.unwrap(), [secondary("ns2")]);
    assert_eq!(store.remove_secondary("ns2".parse().unwrap()).await.unwrap(), Some(before + 2));
    assert_eq!(store.remove_secondary("ns2".parse().unwrap()).await.unwrap(), None);
    assert!(store.secondaries().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_secret_of_a_key_is_not_in_the_database() {
    let Bench { store, dir } = Bench::new().await;
    store.add_secondary(secondary("ns2")).await.unwrap();
    let encoded = "YS1zZWNyZXQtb2YtdGhpcnR5LXR3by1ieXRlcy0";
    for file in ["fulmar.db", "fulmar.db-wal"] {
        let bytes = std::fs::read(dir.path().join(file)).unwrap();
        for secret in ["a-secret-of-thirty-two", encoded] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
        }
    }
}

#[tokio::test]
async fn without_an_office_there_is_nothing_to_take() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.add_secondary(secondary("ns2")).await.unwrap(), NewSecondary::NoOffice);
    assert!(store.secondaries().await.unwrap().is_empty());
}
