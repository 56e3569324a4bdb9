//! "applications" and "application".

use super::*;

fn description(endpoint: &str) -> Value {
    json!({ "UserAgent": "UCWA Samples", "EndpointId": endpoint, "Culture": "en-US" })
}

async fn make(office: &Office, body: &Value) -> Answer {
    let ticket = fresh_ticket(office, "anna").await;
    let bearer = format!("Bearer cwt={}", ticket.reveal());
    let url = format!("https://web.office.test:{}{APPLICATIONS}", office.https().port());
    let headers = [("authorization", bearer.as_str()), JSON, ("accept", "application/json")];
    let reply =
        office.network().unwrap().request(Method::POST, &url, &headers, body.to_string()).await.unwrap();
    let body = serde_json::from_slice(&reply.body).unwrap_or_default();
    Answer { reply, body: Resource(body) }
}

#[tokio::test]
async fn a_new_application_is_201_and_holds_what_leads_on() {
    let office = office().await;
    let made = make(&office, &description("e-1")).await;
    assert_eq!(made.status(), 201, "{made:?}");
    let application = &made.body;
    assert_eq!(application.text("rel"), "application");
    assert_eq!((application.text("culture"), application.text("userAgent")), ("en-US", "UCWA Samples"));
    assert_eq!((application.text("endpointId"), application.text("type")), ("e-1", "Browser"));
    has_links(application, &["self", "policies", "batch", "events"]);
    assert_eq!(application.link("events").unwrap(), format!("{}/events?ack=1", application.href().unwrap()));
    for rel in ["me", "people", "onlineMeetings", "communication"] {
        assert_eq!(application.embedded(rel).unwrap().text("rel"), rel);
    }
    assert_eq!(made.reply.header("etag"), Some(format!("\"{}\"", application.text("etag")).as_str()));
    assert_eq!(made.reply.header("cache-control"), Some("no-cache"));
}

#[tokio::test]
async fn the_same_client_again_is_200_and_the_same_application() {
    let office = office().await;
    let made = make(&office, &description("e-1")).await;
    let again = make(&office, &description("e-1")).await;
    assert_eq!((again.status(), &again.body), (200, &made.body));
    let other = make(&office, &description("e-2")).await;
    assert_eq!(other.status(), 201);
    assert_ne!(other.body.href().unwrap(), made.body.href().unwrap());
}

#[tokio::test]
async fn what_is_missing_or_too_long_is_400_and_named() {
    let office = office().await;
    let long = "x".repeat(101);
    for name in ["UserAgent", "EndpointId", "Culture"] {
        for value in [None, Some(""), Some(long.as_str())] {
            let mut body = description("e-1");
            match value {
                Some(value) => body[name] = value.into(),
                None => drop(body.as_object_mut().unwrap().remove(name)),
            }
            let refused = make(&office, &body).await;
            let wanted = as_refusal(400, "BadRequest", "ParameterValidationFailure");
            assert_eq!(refusal(&refused), wanted, "{name} {value:?}");
            let parameters = refused.body.0["parameters"].to_string().to_lowercase();
            assert!(parameters.contains(&name.to_lowercase()), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_person_whom_the_office_keeps_from_mobility_is_403() {
    let office = office().await;
    let path = "/api/v1/policies/MobilityPolicy/global";
    office.admin().change(Method::PUT, path, &json!({ "EnableMobility": false })).await.unwrap();
    let (status, code, _) = refusal(&make(&office, &description("e-1")).await);
    assert_eq!((status, code.as_str()), (403, "Forbidden"));
}

#[tokio::test]
async fn too_many_applications_of_a_person_are_409() {
    let office = office().await;
    let mut made = 0;
    let refused = loop {
        let answer = make(&office, &description(&format!("e-{made}"))).await;
        if answer.status() != 201 {
            break answer;
        }
        made += 1;
        assert!(made < 100);
    };
    assert_eq!(refusal(&refused), as_refusal(409, "Conflict", "TooManyApplications"));
    // The one that the client has is not one more.
    assert_eq!(make(&office, &description("e-0")).await.status(), 200);
}

#[tokio::test]
async fn an_application_is_not_sent_again_to_who_has_it() {
    let (_office, anna) = anna().await;
    let shown = get(&anna, anna.href()).await;
    assert_eq!((shown.status(), shown.body.text("rel")), (200, "application"));
    let etag = shown.reply.header("etag").unwrap();
    let same = anna.ask(Method::GET, anna.href(), &[("if-none-match", etag)], "").await.unwrap();
    assert_eq!((same.status(), same.reply.body.len()), (304, 0));
    let other = anna.ask(Method::GET, anna.href(), &[("if-none-match", "\"1\"")], "").await.unwrap();
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn a_deleted_application_is_gone_with_all_that_is_in_it() {
    let (_office, anna) = anna().await;
    let deleted = anna.ask(Method::DELETE, anna.href(), &[], "").await.unwrap();
    assert_eq!((deleted.status(), deleted.reply.body.len()), (204, 0));
    for path in ["", "/me", "/events?ack=1", "/communication"] {
        let gone = get(&anna, &format!("{}{path}", anna.href())).await;
        assert_eq!(refusal(&gone), as_refusal(404, "NotFound", "ApplicationNotFound"), "{path}");
    }
}

#[tokio::test]
async fn an_application_is_its_own_persons() {
    let (office, anna) = anna().await;
    let ben = office.application("ben", "e-1").await.unwrap();
    let gone = as_refusal(404, "NotFound", "ApplicationNotFound");
    for place in [ben.href().to_owned(), format!("{APPLICATIONS}/999"), format!("{APPLICATIONS}/x")] {
        assert_eq!(refusal(&get(&anna, &place).await), gone, "{place}");
    }
}

/// "Application lifetime": an application that was silent for too long is gone, and its client learns why.
#[tokio::test]
async fn an_application_that_was_silent_for_too_long_is_410() {
    let (office, anna) = anna().await;
    let disk = rusqlite::Connection::open(office.database()).unwrap();
    disk.execute("UPDATE session SET last_seen = last_seen - 3600000", []).unwrap();
    let expired = as_refusal(410, "Gone", "InactiveApplicationExpired");
    for path in ["", "/me", "/events?ack=1"] {
        assert_eq!(refusal(&get(&anna, &format!("{}{path}", anna.href())).await), expired, "{path}");
    }
    assert_eq!(make(&office, &description("a-1")).await.status(), 201, "it can be made anew");
}

/// "Application lifetime": so is one that had to make room for another device of its person.
#[tokio::test]
async fn an_application_that_made_room_is_410() {
    let (office, anna) = anna().await;
    let disk = rusqlite::Connection::open(office.database()).unwrap();
    disk.execute("UPDATE session SET last_seen = last_seen - 300000", []).unwrap();
    for number in 0..8 {
        assert_eq!(make(&office, &description(&format!("e-{number}"))).await.status(), 201);
    }
    assert_eq!(refusal(&get(&anna, anna.href()).await), as_refusal(410, "Gone", "TooManyApplications"));
}
