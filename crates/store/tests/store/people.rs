//! What is known of people, and finding them.

use fulmar_domain::{
    contacts::{ContactEdit, GroupId},
    details::Details,
    event::Event,
    search::{Found, SearchLimit},
};
use fulmar_store::Actor;

use crate::support::{Bench, NOON};

fn uri(name: &str) -> fulmar_domain::SipUri {
    format!("{name}@office.test").parse().unwrap()
}

fn of_ben() -> Details {
    Details {
        title: Some("Head of sales".parse().unwrap()),
        emails: vec!["b.berg@mail.test".parse().unwrap(), "sales@mail.test".parse().unwrap()],
        mobile_phone: Some("+49 151 123456".parse().unwrap()),
        ..Details::default()
    }
}

async fn search(bench: &Bench, by: &Actor, query: &str, limit: &str) -> Found {
    bench.store.search(by.account, query.parse().unwrap(), limit.parse().unwrap()).await.unwrap()
}

fn names(found: &Found) -> Vec<&str> {
    found.people.iter().map(|person| person.contact.display_name.as_str()).collect()
}

#[tokio::test]
async fn what_is_known_of_a_person_is_replaced_as_a_whole() {
    let bench = Bench::new().await;
    let name = Some("Ben Bérg".parse().unwrap());
    assert!(bench.store.set_details(uri("ben"), name, of_ben()).await.unwrap());
    let (contact, details) = bench.store.details(&uri("ben")).await.unwrap().unwrap();
    assert_eq!((contact.display_name.as_str(), details), ("Ben Bérg", of_ben()));
    assert!(bench.store.set_details(uri("ben"), None, Details::default()).await.unwrap());
    let (contact, details) = bench.store.details(&uri("ben")).await.unwrap().unwrap();
    assert_eq!((contact.display_name.as_str(), details), ("Ben Bérg", Details::default()));
    assert!(!bench.store.set_details(uri("nobody"), None, Details::default()).await.unwrap());
}

#[tokio::test]
async fn people_are_found_with_their_details_and_their_place_in_the_list() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    bench.store.set_details(uri("ben"), Some("Ben Bérg".parse().unwrap()), of_ben()).await.unwrap();
    let pin = ContactEdit::Add(uri("ben"), GroupId::Pinned);
    bench.store.edit_contacts(&anna, None, pin, NOON).await.unwrap();
    for query in ["berg be", "B.BERG@mail", "0151 1234", "ben@office.test"] {
        let found = search(&bench, &anna, query, "5").await;
        assert_eq!(names(&found), ["Ben Bérg"], "{query}");
        assert_eq!(found.people[0].details, of_ben());
        assert_eq!(found.people[0].groups, [GroupId::Pinned, GroupId::Default]);
    }
    let listed = bench.store.contact(anna.account, &uri("ben")).await.unwrap().unwrap();
    assert_eq!(listed.emails(), ["b.berg@mail.test", "sales@mail.test"]);
    bench.store.set_disabled(uri("ben"), true, NOON).await.unwrap();
    assert_eq!(names(&search(&bench, &anna, "ben", "5").await), [] as [&str; 0]);
}

#[tokio::test]
async fn no_more_are_found_than_were_asked_for() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    for number in 0..3 {
        let uri = uri(&format!("p{number}"));
        bench.store.create_account(uri, "Paul".parse().unwrap(), "h".into(), NOON).await.unwrap();
    }
    for (limit, found, more) in [("2", 2, true), ("3", 3, false), ("100", 3, false)] {
        let all = search(&bench, &anna, "paul", limit).await;
        assert_eq!((all.people.len(), all.more), (found, more), "{limit}");
    }
    assert_eq!(names(&search(&bench, &anna, "anna", "5").await), ["anna"], "oneself");
}

#[tokio::test]
async fn a_search_with_a_name_is_answered_by_an_event_as_things_are_then() {
    let bench = Bench::new().await;
    let anna = bench.sign_in("anna", "phone", NOON).await;
    let look = async |request: Option<fulmar_domain::RequestId>| {
        let query = "be st".parse().unwrap();
        bench.store.tell_search(&anna, request, query, SearchLimit::MAX, NOON).await.unwrap();
    };
    look(None).await;
    look(Some("r".parse().unwrap())).await;
    bench.store.set_details(uri("ben"), Some("Ben Stein".parse().unwrap()), of_ben()).await.unwrap();
    let events = bench.events(&anna, 0, NOON).await;
    let found: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.event {
            Event::Found { request, found } => Some((request.as_str(), names(found))),
            _ => None,
        })
        .collect();
    assert_eq!(found, [("r", vec!["Ben Stein"])]);
    look(Some("s".parse().unwrap())).await;
    let requests = bench.events(&anna, 0, NOON).await.into_iter().filter_map(|event| match event.event {
        Event::Found { request, .. } => Some(request.as_str().to_owned()),
        _ => None,
    });
    assert_eq!(requests.collect::<Vec<_>>(), ["s"], "nobody waits for what they looked for before");
}
