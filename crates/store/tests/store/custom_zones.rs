//! Records and zones of the administrator's own.

use fulmar_domain::{
    custom_zone::{Content, CustomZone, Sides},
    zone::Generation,
};
use fulmar_store::Store;

use crate::support::Bench;

fn records(text: &str) -> CustomZone {
    let apex = "office.test".parse().unwrap();
    CustomZone { content: Content::Records, apex, sides: Sides::Both, text: text.into() }
}

#[tokio::test]
async fn a_custom_zone_is_kept_and_raises_the_generation() {
    let Bench { store, dir } = Bench::new().await;
    let before = *store.zone_generation().borrow();
    let (first, second) = (records("a A 192.0.2.1\n"), records("b A 192.0.2.2\n"));
    let changed = store.set_custom_zone(first.clone(), Generation(before)).await.unwrap();
    assert_eq!(changed, Some(Generation(before + 1)));
    assert_eq!(store.custom_zone_before().await.unwrap(), Some(records("")));
    store.set_custom_zone(second.clone(), Generation(before + 1)).await.unwrap();
    assert_eq!(*store.zone_generation().borrow(), before + 2);
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.custom_zones().await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.custom_zone_before().await.unwrap(), Some(first));
    store.set_custom_zone(records(""), Generation(before + 2)).await.unwrap();
    assert_eq!(store.custom_zones().await.unwrap(), []);
    assert_eq!(store.custom_zone_before().await.unwrap(), Some(second));
}

#[tokio::test]
async fn what_was_looked_at_for_another_generation_is_not_kept() {
    let Bench { store, .. } = Bench::new().await;
    let before = *store.zone_generation().borrow();
    let late = store.set_custom_zone(records("a A 192.0.2.1\n"), Generation(before - 1)).await.unwrap();
    assert_eq!(late, None);
    assert_eq!(*store.zone_generation().borrow(), before);
    assert_eq!(store.custom_zones().await.unwrap(), []);
    assert_eq!(store.custom_zone_before().await.unwrap(), None);
}
