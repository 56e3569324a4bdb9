//! Configuration objects: which scope decides, what is refused, what follows from a change.

use std::time::Duration;

use fulmar_domain::{
    SipUri,
    configuration::{InvalidParameter, McxConfiguration, Object, Scope},
    device::PushRegistration,
    event::Event,
};
use fulmar_store::{ConfigurationChange, ConfigurationRemoval, Granting, NtHash, Store, TicketDigest};

use crate::support::{Bench, NOON, after};

async fn configure(store: &Store, object: Object, scope: &str, parameters: &[&str]) -> ConfigurationChange {
    let changes = parameters.iter().map(|parameter| {
        let (name, word) = parameter.split_once('=').unwrap();
        (name.to_owned(), vec![word.to_owned()])
    });
    store.configure(object, scope.parse().unwrap(), changes.collect(), NOON).await.unwrap()
}

#[tokio::test]
async fn the_most_specific_scope_decides_as_a_whole() {
    let Bench { store, .. } = Bench::new().await;
    let domain = "office.test".parse().unwrap();
    let in_force = || async { store.configuration::<McxConfiguration>(&domain).await.unwrap() };
    assert_eq!(in_force().await, McxConfiguration::default());
    configure(&store, Object::Mcx, "global", &["ExposedWebURL=Internal", "SessionExpirationInterval=7200"])
        .await;
    assert_eq!(in_force().await.expiry.with_push, Duration::from_secs(7200));
    configure(&store, Object::Mcx, "site:other.test", &["SessionExpirationInterval=8000"]).await;
    assert_eq!(in_force().await.expiry.with_push, Duration::from_secs(7200));
    configure(&store, Object::Mcx, "site:office.test", &["SessionExpirationInterval=9000"]).await;
    let at_site = in_force().await;
    assert_eq!(at_site.expiry.with_push, Duration::from_secs(9000));
    assert_eq!(at_site.exposed_web_url, McxConfiguration::default().exposed_web_url);
    let site: Scope = "site:office.test".parse().unwrap();
    let removed = store.remove_configuration(Object::Mcx, site.clone(), NOON).await.unwrap();
    assert!(matches!(removed, ConfigurationRemoval::Done(_)));
    assert_eq!(in_force().await.expiry.with_push, Duration::from_secs(7200));
    let again = store.remove_configuration(Object::Mcx, site, NOON).await.unwrap();
    assert_eq!(again, ConfigurationRemoval::NotThere);
}

#[tokio::test]
async fn a_refused_change_leaves_everything_as_it_was() {
    let Bench { store, dir } = Bench::new().await;
    configure(&store, Object::Mcx, "global", &["SessionExpirationInterval=7200"]).await;
    let before = store.configured(Object::Mcx, Scope::Global).await.unwrap();
    for bad in [
        vec!["SessionExpirationInterval=9000", "SessionShortExpirationInterval=9000"],
        vec!["SessionExpirationInterval=9000", "Colour=red"],
        vec!["SessionExpirationInterval=9000", "ExposedWebURL=red"],
    ] {
        let refused = configure(&store, Object::Mcx, "global", &bad).await;
        assert!(matches!(refused, ConfigurationChange::Refused(_)), "{bad:?}");
    }
    let short = configure(&store, Object::Mcx, "global", &["SessionShortExpirationInterval=7200"]).await;
    assert!(matches!(short, ConfigurationChange::Refused(InvalidParameter::NotSmaller { .. })));
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.configured(Object::Mcx, Scope::Global).await.unwrap(), before);
}

#[tokio::test]
async fn a_granted_policy_decides_for_its_person_and_stays_while_they_have_it() {
    let Bench { store, .. } = Bench::new().await;
    let anna = "anna@office.test".parse().unwrap();
    let sales = Some("sales".parse().unwrap());
    let nothing = store.grant_mobility_policy("anna@office.test".parse().unwrap(), sales.clone(), NOON).await;
    assert_eq!(nothing.unwrap(), Granting::NoSuchPolicy);
    configure(&store, Object::MobilityPolicy, "tag:sales", &["EnableMobility=False"]).await;
    configure(&store, Object::MobilityPolicy, "site:office.test", &["EnableOutsideVoice=False"]).await;
    assert!(store.mobility_policy(&anna).await.unwrap().enable_mobility);
    let done = store.grant_mobility_policy(anna.clone(), sales.clone(), NOON).await.unwrap();
    assert_eq!(done, Granting::Done(None));
    let policy = store.mobility_policy(&anna).await.unwrap();
    assert!(!policy.enable_mobility && policy.enable_outside_voice);
    assert!(store.mobility_policy(&"ben@office.test".parse().unwrap()).await.unwrap().enable_mobility);
    let tag: Scope = "tag:sales".parse().unwrap();
    let kept = store.remove_configuration(Object::MobilityPolicy, tag.clone(), NOON).await.unwrap();
    assert_eq!(kept, ConfigurationRemoval::Granted(1));
    let unknown =
        store.grant_mobility_policy(anna.clone(), Some("none".parse().unwrap()), NOON).await.unwrap();
    assert_eq!(unknown, Granting::NoSuchPolicy);
    assert!(!store.mobility_policy(&anna).await.unwrap().enable_mobility);
    assert_eq!(store.grant_mobility_policy(anna.clone(), None, NOON).await.unwrap(), Granting::Done(sales));
    assert!(store.mobility_policy(&anna).await.unwrap().enable_mobility);
    let gone = store.remove_configuration(Object::MobilityPolicy, tag, NOON).await.unwrap();
    assert!(matches!(gone, ConfigurationRemoval::Done(_)));
}

#[tokio::test]
async fn sessions_live_as_long_as_their_site_says() {
    let bench = Bench::new().await;
    configure(&bench.store, Object::Mcx, "site:office.test", &["SessionShortExpirationInterval=120"]).await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    assert!(bench.store.session(&anna.session, after(119)).await.unwrap().is_some());
    assert!(bench.store.session(&anna.session, after(120)).await.unwrap().is_none());
    bench.tidy(after(119)).await.unwrap();
    assert_eq!(bench.store.sessions().await.unwrap().len(), 1);
    bench.tidy(after(120)).await.unwrap();
    assert_eq!(bench.store.sessions().await.unwrap().len(), 0);
}

#[tokio::test]
async fn switching_push_off_withdraws_what_waits_and_wakes_nobody() {
    let bench = Bench::new().await;
    let ben = bench.sign_in("ben", "phone", NOON).await;
    let registration = PushRegistration::Apns("00fc13adff785122".parse().unwrap());
    let request = |name: &str| name.parse().unwrap();
    bench.store.register_push(&ben, request("r1"), registration, NOON).await.unwrap();
    bench.store.test_push(&ben, request("r2"), NOON).await.unwrap();
    assert!(bench.waits());
    let off = ["EnableApplePushNotificationService=False"];
    configure(&bench.store, Object::PushNotification, "global", &off).await;
    assert!(!bench.waits());
    bench.store.test_push(&ben, request("r3"), NOON).await.unwrap();
    assert!(!bench.waits());
    let tested = bench.events(&ben, 0, NOON).await.into_iter().filter_map(|event| match event.event {
        Event::PushTested { outcome, .. } => Some((outcome.accepted, outcome.reason)),
        _ => None,
    });
    let off = (false, "an administrator has switched push through Apple off".to_owned());
    assert_eq!(tested.collect::<Vec<_>>(), [off.clone(), off]);
    // Nor for a person whose policy says no, while the service is on.
    configure(&bench.store, Object::PushNotification, "global", &["EnableApplePushNotificationService=True"])
        .await;
    configure(&bench.store, Object::MobilityPolicy, "global", &["EnablePushNotifications=False"]).await;
    bench.store.test_push(&ben, request("r4"), NOON).await.unwrap();
    assert!(!bench.waits());
    configure(&bench.store, Object::MobilityPolicy, "global", &["EnablePushNotifications=True"]).await;
    bench.store.test_push(&ben, request("r5"), NOON).await.unwrap();
    assert!(bench.waits());
}

#[tokio::test]
async fn a_hash_for_ntlm_is_there_only_while_ntlm_is_in_force_for_its_person() {
    let Bench { store, .. } = Bench::new().await;
    let anna: SipUri = "anna@office.test".parse().unwrap();
    let password = || async { store.credentials(&anna).await.unwrap().unwrap() };
    let keep = || async {
        store.keep_nt_hash(anna.clone(), password().await.password_hash, NtHash([7; 16])).await.unwrap();
        store.nt_hash(&anna).await.unwrap().map(|(proved, hash)| (proved.account.uri, hash))
    };
    assert!(!password().await.lacks_nt_hash);
    assert_eq!(keep().await, None, "nobody asked for it");

    configure(&store, Object::WebService, "site:office.test", &["UseWindowsAuth=NTLM"]).await;
    assert!(password().await.lacks_nt_hash);
    assert_eq!(keep().await, Some((anna.clone(), NtHash([7; 16]))));
    assert!(!password().await.lacks_nt_hash);
    configure(&store, Object::WebService, "site:office.test", &["UseWindowsAuth=None"]).await;
    configure(&store, Object::WebService, "site:office.test", &["UseWindowsAuth=NTLM"]).await;
    assert!(password().await.lacks_nt_hash, "what was switched off is gone");

    keep().await;
    store.remove_configuration(Object::WebService, "site:office.test".parse().unwrap(), NOON).await.unwrap();
    configure(&store, Object::WebService, "global", &["UseWindowsAuth=NTLM"]).await;
    assert!(password().await.lacks_nt_hash);

    keep().await;
    let (before, _) = store.nt_hash(&anna).await.unwrap().unwrap();
    store.set_password(anna.clone(), "another".into(), NOON).await.unwrap();
    assert!(password().await.lacks_nt_hash, "the old password opens nothing");
    store.keep_nt_hash(anna.clone(), before.password_hash.clone(), NtHash([7; 16])).await.unwrap();
    assert!(password().await.lacks_nt_hash, "nor does one that was replaced meanwhile");
    assert!(!store.keep_ticket(TicketDigest::of(b"t"), before, NOON).await.unwrap(), "nor is there a ticket");
}
