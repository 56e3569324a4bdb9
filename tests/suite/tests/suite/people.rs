//! What administrators say of people, and how colleagues find them.

use fulmar_suite::{Kind, Office};
use fulmar_wire::mcx::{Command, Contact, Event, PeopleCommand, PeopleEvent};
use fulmarctl::{
    admin::{UserCommand, details::Changes, user},
    phone::Phone,
};
use http::Method;
use serde_json::json;

async fn set(office: &Office, changes: Changes) -> anyhow::Result<String> {
    let mut out = Vec::new();
    let command = UserCommand::Set { address: "ben@office.test".to_owned(), changes: Box::new(changes) };
    user::run(&office.admin(), command, &mut out).await?;
    Ok(String::from_utf8(out)?)
}

async fn found(phone: &mut Phone, query: &str) -> Vec<Contact> {
    let search = PeopleCommand::Search { query: query.to_owned(), limit: None };
    phone.perform(Command::People(search)).await.unwrap();
    let result = phone.until("what was found", |event| match event {
        Event::People(PeopleEvent::SearchResult { contacts, .. }) => Some(contacts.clone()),
        _ => None,
    });
    result.await.unwrap()
}

#[tokio::test]
async fn what_an_administrator_says_of_a_person_is_what_colleagues_find_them_by() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let said = Changes {
        name: Some("Benoît Bérg".to_owned()),
        title: Some("Head of sales".to_owned()),
        email: vec!["b.berg@mail.test".to_owned()],
        mobile_phone: Some("+49 151 123456".to_owned()),
        ..Changes::default()
    };
    let out = set(&office, said).await.unwrap();
    assert!(out.contains("E-mail        b.berg@mail.test\n"), "{out}");
    for query in ["benoit be", "B.BERG", "0151 1234"] {
        let [ben] = found(&mut anna, query).await.try_into().unwrap();
        assert_eq!((ben.uri.as_str(), ben.display_name.as_str()), ("sip:ben@office.test", "Benoît Bérg"));
        assert_eq!(ben.details.title.as_deref(), Some("Head of sales"), "{query}");
    }
    set(&office, Changes { title: Some(String::new()), ..Changes::default() }).await.unwrap();
    let [ben] = found(&mut anna, "bérg").await.try_into().unwrap();
    assert_eq!((ben.details.title, ben.details.emails), (None, vec!["b.berg@mail.test".to_owned()]));
}

#[tokio::test]
async fn what_can_not_be_is_refused_and_changes_nothing() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let path = "/api/v1/people/ben@office.test/details";
    for (body, problem) in [
        (json!({ "mobile_phone": "call me" }), "is not a phone number"),
        (json!({ "emails": ["ben"] }), "is not an e-mail address"),
        (json!({ "emails": vec!["a@b"; 9] }), "8 e-mail addresses at most"),
        (json!({ "title": "x".repeat(101) }), "1 to 100 characters"),
        (json!({ "shoe_size": "44" }), "unknown field"),
    ] {
        let refused = office.admin().change(Method::PUT, path, &body).await.unwrap_err().to_string();
        assert!(refused.contains(problem), "{refused}");
    }
    let nobody = "/api/v1/people/nobody@office.test/details";
    assert!(office.admin().change(Method::PUT, nobody, &json!({})).await.is_err());
}
