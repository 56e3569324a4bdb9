//! "people", "myContacts", "contact" and what is said of one.

use super::*;

#[tokio::test]
async fn contacts_are_embedded_or_linked() {
    let (_office, anna) = anna().await;
    let place = anna.follow(&["people"]).await.unwrap().link("myContacts").unwrap().to_owned();
    let list = get(&anna, &place).await.body;
    assert_eq!(list.text("rel"), "myContacts");
    let names: Vec<_> =
        list.all_embedded("contact").iter().map(|contact| contact.text("name").to_owned()).collect();
    assert_eq!(names, ["ben", "carla"]);
    let query = if place.contains('?') { '&' } else { '?' };
    let linked = get(&anna, &format!("{place}{query}expand=false")).await.body;
    assert_eq!((linked.links("contact").len(), linked.all_embedded("contact").len()), (2, 0));
}

#[tokio::test]
async fn a_contact_says_who_it_is_and_leads_to_how_they_are() {
    let (_office, anna) = anna().await;
    let place = at(&anna, "people/ben@office.test");
    let shown = get(&anna, &place).await;
    let contact = &shown.body;
    assert_eq!(
        (shown.status(), contact.text("rel"), contact.href().unwrap()),
        (200, "contact", place.as_str())
    );
    assert_eq!((contact.text("name"), contact.text("uri")), ("ben", "sip:ben@office.test"));
    assert_eq!((contact.text("type"), contact.text("sourceNetwork")), ("User", "SameEnterprise"));
    let wanted = ["contactPresence", "contactNote", "contactLocation", "contactSupportedModalities"];
    has_links(contact, &wanted);
    for rel in wanted {
        assert_eq!(get(&anna, contact.link(rel).unwrap()).await.body.text("rel"), rel);
    }
    let etag = shown.reply.header("etag").unwrap();
    let same = anna.ask(Method::GET, &place, &[("if-none-match", etag)], "").await.unwrap();
    assert_eq!(same.status(), 304);
    for nobody in
        ["people/nobody@office.test", "people/ben@elsewhere.test", "people/nobody@office.test/presence"]
    {
        let (status, code, _) = refusal(&get(&anna, &at(&anna, nobody)).await);
        assert_eq!((status, code.as_str()), (404, "NotFound"), "{nobody}");
    }
}

#[tokio::test]
async fn what_others_say_of_themselves_is_seen() {
    let (_office, anna, ben) = anna_and_ben().await;
    let contact = |rest: &str| at(&anna, &format!("people/ben@office.test{rest}"));
    post(&ben, &at(&ben, "me/presence"), &json!({ "availability": "Busy" })).await;
    post(&ben, &at(&ben, "me/note"), &json!({ "message": "Heads down" })).await;
    post(&ben, &at(&ben, "me/location"), &json!({ "location": "Room 3" })).await;
    let presence = get(&anna, &contact("/presence")).await.body;
    assert_eq!((presence.text("rel"), presence.text("availability")), ("contactPresence", "Busy"));
    assert!(["Web", "PC", "Mobile", "DeskPhone", "Unknown"].contains(&presence.text("deviceType")));
    assert!(presence.text("lastActive").starts_with("/Date("), "{presence:?}");
    let note = get(&anna, &contact("/note")).await.body;
    assert_eq!((note.text("message"), note.text("type")), ("Heads down", "Personal"));
    assert_eq!(get(&anna, &contact("/location")).await.body.text("location"), "Room 3");
    let modalities = get(&anna, &contact("/supportedMedia")).await.body;
    assert_eq!(modalities.0["modalities"], json!(["Messaging"]));
}

#[tokio::test]
async fn people_are_found_by_what_is_known_of_them() {
    let (office, anna) = anna().await;
    let details = json!({ "title": "Head of sales", "department": "Sales", "work_phone": "+49 30 1234567" });
    let path = "/api/v1/people/ben@office.test/details";
    office.admin().change(Method::PUT, path, &details).await.unwrap();
    let place = anna.follow(&["people"]).await.unwrap().link("search").unwrap().to_owned();
    for query in ["Ben", "sip:ben@office.test", "ben%40office.test", "030+1234567&limit=1"] {
        let found = get(&anna, &format!("{place}?query={query}")).await;
        assert_eq!((found.status(), found.body.text("rel")), (200, "search"), "{query}");
        assert_eq!(found.body.0["moreResultsAvailable"], json!(false));
        let contact = found.body.embedded("contact").unwrap();
        assert_eq!((contact.text("name"), contact.text("title")), ("ben", "Head of sales"), "{query}");
        assert_eq!(contact.text("workPhoneNumber"), "+49 30 1234567");
        assert_eq!(get(&anna, found.body.href().unwrap()).await.status(), 200);
    }
    assert!(get(&anna, &format!("{place}?query=nobody")).await.body.embedded("contact").is_none());
    let all = get(&anna, &format!("{place}?query=sip:&limit=2")).await.body;
    assert_eq!((all.all_embedded("contact").len(), &all.0["moreResultsAvailable"]), (2, &json!(true)));
    let long = "x".repeat(257);
    for bad in ["", "?query=", "?query=ben&limit=0", "?query=ben&limit=101", &format!("?query={long}")] {
        let refused = get(&anna, &format!("{place}{bad}")).await;
        assert_eq!(refusal(&refused), as_refusal(400, "BadRequest", "ParameterValidationFailure"), "{bad}");
    }
}

#[tokio::test]
async fn policies_say_what_there_is() {
    let (_office, anna) = anna().await;
    let place = get(&anna, anna.href()).await.body.link("policies").unwrap().to_owned();
    let policies = get(&anna, &place).await;
    assert_eq!((policies.status(), policies.body.text("rel")), (200, "policies"));
    for name in ["emoticons", "htmlMessaging", "logging", "messageArchiving", "photos"] {
        assert!(["Enabled", "Disabled"].contains(&policies.body.text(name)), "{name}: {policies:?}");
    }
    assert_eq!(policies.body.text("telephonyMode"), "None");
}
