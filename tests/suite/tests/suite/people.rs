//! What administrators say of people, and how colleagues find them.

use base64::{Engine, engine::general_purpose::STANDARD};
use fulmar_suite::{Kind, Office};
use fulmar_wire::{
    challenge::TICKET_HEADER,
    mcx::{Base64, Command, Contact, Event, McxError, PeopleCommand, PeopleEvent},
};
use fulmarctl::{
    admin::{UserCommand, details::Changes, user},
    phone::{Phone, Reply},
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

/// A PNG of one pixel.
fn pixel() -> Vec<u8> {
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
    STANDARD.decode(png).unwrap()
}

async fn photo(phone: &Phone, office: &Office, query: &str, known: &str) -> Reply {
    let ticket = format!("cwt={}", phone.signed_in().ticket.reveal());
    let url = phone.signed_in().mcx_url.replace("/Mcx/McxService.svc", &format!("/Mcx/Photo?{query}"));
    let headers = [(TICKET_HEADER, ticket.as_str()), ("if-none-match", known)];
    office.network().unwrap().request(Method::GET, &url, &headers, Vec::new()).await.unwrap()
}

#[tokio::test]
async fn a_photo_is_given_by_an_administrator_or_by_oneself_and_seen_by_colleagues() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let mut anna = office.sign_in("anna", "phone").await.unwrap();
    let of_ben = "uri=sip:ben@office.test&size=HR96X96";
    let none = photo(&anna, &office, of_ben, "").await;
    assert_eq!((none.status.as_u16(), McxError::parse(&none.body).unwrap().code.as_str()), (404, "noPhoto"));
    let file = office.dir().join("ben.png");
    std::fs::write(&file, pixel()).unwrap();
    let command = |file, remove| UserCommand::Photo { address: "ben@office.test".to_owned(), file, remove };
    user::run(&office.admin(), command(Some(file.clone()), false), &mut Vec::new()).await.unwrap();
    let shown = photo(&anna, &office, of_ben, "").await;
    assert_eq!((shown.status.as_u16(), shown.header("content-type")), (200, Some("image/jpeg")));
    assert!(shown.body.starts_with(b"\xff\xd8\xff"));
    let etag = shown.header("etag").unwrap().to_owned();
    assert_eq!(photo(&anna, &office, of_ben, &etag).await.status, 304);
    std::fs::write(&file, b"GIF89a").unwrap();
    let refused = user::run(&office.admin(), command(Some(file), false), &mut Vec::new()).await;
    assert!(refused.unwrap_err().to_string().contains("a JPEG or a PNG"));
    assert_eq!(photo(&anna, &office, of_ben, &etag).await.status, 304, "the one that was there stays");
    user::run(&office.admin(), command(None, true), &mut Vec::new()).await.unwrap();
    assert_eq!(photo(&anna, &office, of_ben, &etag).await.status, 404);
    let own = |bytes| Command::People(PeopleCommand::SetPhoto { picture: Base64(bytes) });
    anna.perform(own(pixel())).await.unwrap();
    assert_eq!(photo(&anna, &office, "uri=anna@office.test", "").await.status, 200);
    let refused = anna.perform(own(b"GIF89a".to_vec())).await.unwrap_err().to_string();
    assert!(refused.contains("notAPicture"), "{refused}");
    anna.perform(own(Vec::new())).await.unwrap();
    assert_eq!(photo(&anna, &office, "uri=anna@office.test", "").await.status, 404);
    for query in ["", "uri=nobody", "uri=anna@office.test&size=huge"] {
        assert_eq!(photo(&anna, &office, query, "").await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_picture_of_more_than_two_mebibytes_is_refused() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let path = "/api/v1/people/ben@office.test/photo";
    let refused = office.admin().put_bytes(path, vec![0; 2 * 1024 * 1024 + 1]).await.unwrap_err();
    assert!(refused.to_string().contains("413"), "{refused}");
}
