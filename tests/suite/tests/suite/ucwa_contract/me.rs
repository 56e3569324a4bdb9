//! "me", "makeMeAvailable", "presence", "note", "location", "reportMyActivity".

use super::*;

async fn me(anna: &Application) -> Resource {
    anna.follow(&["me"]).await.unwrap()
}

#[tokio::test]
async fn before_she_is_available_there_is_nothing_to_say_of_her() {
    let (_office, anna) = anna().await;
    let me = me(&anna).await;
    assert_eq!((me.text("name"), me.text("uri")), ("anna", "sip:anna@office.test"));
    assert_eq!(me.0["emailAddresses"], json!(["anna@office.test"]));
    has_links(&me, &["self", "makeMeAvailable"]);
    for rel in ["presence", "note", "location", "reportMyActivity"] {
        assert!(me.link(rel).is_err(), "{rel}");
        let required = as_refusal(409, "Conflict", "MakeMeAvailableRequired");
        let place = at(&anna, &format!("me/{rel}"));
        assert_eq!(refusal(&post(&anna, &place, &json!({})).await), required, "{rel}");
        if rel != "reportMyActivity" {
            assert_eq!(refusal(&get(&anna, &place).await), required, "{rel}");
        }
    }
}

#[tokio::test]
async fn being_available_changes_me_and_is_told_once() {
    let (_office, mut anna) = anna().await;
    let place = me(&anna).await.link("makeMeAvailable").unwrap().to_owned();
    let wanted = json!({ "SupportedModalities": ["Messaging"] });
    let done = post(&anna, &place, &wanted).await;
    assert_eq!((done.status(), done.reply.body.len()), (204, 0));
    assert_eq!(refusal(&post(&anna, &place, &wanted).await), as_refusal(409, "Conflict", "AlreadyExists"));

    let events = told(&mut anna, "communication updated communication").await;
    in_order(&events, &["me updated me", "me added presence", "me added note", "me added location"]);
    let communication = embedded(&events, "communication updated communication");
    assert_eq!(communication.0["supportedModalities"], json!(["Messaging"]));
    let me = me(&anna).await;
    has_links(&me, &["self", "presence", "note", "location", "reportMyActivity"]);
    assert!(me.link("makeMeAvailable").is_err());
}

#[tokio::test]
async fn she_signs_in_as_she_likes() {
    let (_office, anna) = anna().await;
    let place = at(&anna, "me/makeMeAvailable");
    let refused = post(&anna, &place, &json!({ "signInAs": "Dancing" })).await;
    assert_eq!(refusal(&refused), as_refusal(400, "BadRequest", "ParameterValidationFailure"));
    let wanted = json!({ "signInAs": "BeRightBack", "supportedModalities": ["Messaging"], "inactiveTimeout": 10,
        "supportedMessageFormats": ["Plain", "Html"], "audioPreference": "PhoneAudio" });
    assert_eq!(post(&anna, &place, &wanted).await.status(), 204);
    assert_eq!(get(&anna, &at(&anna, "me/presence")).await.body.text("availability"), "BeRightBack");
}

#[tokio::test]
async fn presence_is_set_and_reset() {
    let office = office().await;
    let mut anna = available(&office, "anna").await;
    let place = at(&anna, "me/presence");
    for (said, seen) in [
        ("Away", "Away"),
        ("BeRightBack", "BeRightBack"),
        ("Busy", "Busy"),
        ("DoNotDisturb", "DoNotDisturb"),
        ("Offwork", "Away"),
        ("Online", "Online"),
    ] {
        assert_eq!(post(&anna, &place, &json!({ "availability": said })).await.status(), 204);
        let presence = get(&anna, &place).await.body;
        assert_eq!((presence.text("rel"), presence.text("availability")), ("presence", seen), "{said}");
    }
    for bad in ["Offline", "IdleBusy", "Dancing"] {
        let refused = post(&anna, &place, &json!({ "availability": bad })).await;
        assert_eq!(refusal(&refused), as_refusal(400, "BadRequest", "ParameterValidationFailure"), "{bad}");
    }
    for reset in ["{}", ""] {
        post(&anna, &place, &json!({ "availability": "Busy" })).await;
        let answer = anna.ask(Method::POST, &place, &[JSON], reset).await.unwrap();
        assert_eq!(answer.status(), 204, "{reset}");
        assert_eq!(get(&anna, &place).await.body.text("availability"), "Online", "{reset}");
    }
    told(&mut anna, "me updated presence").await;
}

#[tokio::test]
async fn a_note_is_set_in_any_form_and_reset() {
    let office = office().await;
    let mut anna = available(&office, "anna").await;
    let place = at(&anna, "me/note");
    let note = async |anna: &Application| {
        let note = get(anna, &place).await.body;
        assert_eq!((note.text("rel"), note.text("type")), ("note", "Personal"));
        note.text("message").to_owned()
    };
    assert_eq!(note(&anna).await, "");
    assert_eq!(post(&anna, &place, &json!({ "message": "Heads down today" })).await.status(), 204);
    assert_eq!(note(&anna).await, "Heads down today");
    told(&mut anna, "me updated note").await;
    assert_eq!(act(&anna, &format!("{place}?message=In+the+query")).await.status(), 204);
    assert_eq!(note(&anna).await, "In the query");
    assert_eq!(act(&anna, &place).await.status(), 204);
    assert_eq!(note(&anna).await, "");
}

#[tokio::test]
async fn a_location_has_sixty_characters_at_most() {
    let office = office().await;
    let mut anna = available(&office, "anna").await;
    let place = at(&anna, "me/location");
    assert_eq!(post(&anna, &place, &json!({ "location": "By the beach..." })).await.status(), 204);
    let location = get(&anna, &place).await.body;
    assert_eq!((location.text("rel"), location.text("location")), ("location", "By the beach..."));
    told(&mut anna, "me updated location").await;
    let long = post(&anna, &place, &json!({ "location": "x".repeat(61) })).await;
    assert_eq!(refusal(&long), as_refusal(400, "BadRequest", "ParameterValidationFailure"));
    assert_eq!(act(&anna, &place).await.status(), 204);
    assert_eq!(get(&anna, &place).await.body.text("location"), "");
}

#[tokio::test]
async fn activity_is_reported_where_either_page_has_it() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    assert_eq!(act(&anna, me(&anna).await.link("reportMyActivity").unwrap()).await.status(), 204);
    assert_eq!(act(&anna, &at(&anna, "reportMyActivity")).await.status(), 204);
}
