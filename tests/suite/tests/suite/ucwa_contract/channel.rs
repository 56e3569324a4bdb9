//! "events": the channel, what is told together, and where it leads.

use super::*;

#[tokio::test]
async fn an_answer_says_where_it_was_asked_and_where_to_go_on() {
    let (_office, anna) = anna().await;
    anna.make_available("Online").await.unwrap();
    let first = at(&anna, "events?ack=1");
    assert_eq!(anna.next(), first);
    let answer = get(&anna, &first).await;
    assert_eq!((answer.status(), answer.body.href().unwrap()), (200, first.as_str()));
    assert_ne!(answer.body.link("next").unwrap(), first);
    let senders = answer.body.0["sender"].as_array().unwrap();
    let rels: Vec<_> = senders.iter().map(|sender| sender["rel"].as_str().unwrap()).collect();
    assert_eq!(rels, ["me", "communication"], "what one sender tells is together");
    for sender in senders {
        assert!(sender["href"].as_str().unwrap().starts_with(anna.href()));
        for event in sender["events"].as_array().unwrap() {
            assert!(event["type"].is_string() && event["link"]["rel"].is_string(), "{event}");
            assert!(event["link"]["href"].as_str().unwrap().starts_with(anna.href()), "{event}");
        }
    }
    // The answer may have been lost.
    assert_eq!(get(&anna, &first).await.body, answer.body);
}

/// What two requests for the same answer get, the second a moment after the first, while something happens later.
async fn both(anna: &Application, older: &str, newer: &str) -> (Answer, Answer) {
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        get(anna, newer).await
    };
    let happening = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        invite(anna, None).await
    };
    let (first, second, _) = tokio::join!(get(anna, older), second, happening);
    (first, second)
}

#[tokio::test]
async fn of_two_requests_the_newer_one_stays_unless_the_older_matters_more() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let replaced = as_refusal(409, "Conflict", "PGetReplaced");
    let place = anna.next().to_owned();
    let (first, second) = both(&anna, &place, &place).await;
    assert_eq!((refusal(&first), second.status()), (replaced.clone(), 200));
    let place = second.body.link("next").unwrap();
    let (first, second) = both(&anna, &format!("{place}&priority=1"), place).await;
    assert_eq!((first.status(), refusal(&second)), (200, replaced));
}

#[tokio::test]
async fn what_can_wait_is_merged_and_goes_with_what_can_not() {
    let (_office, mut anna, ben) = anna_and_ben().await;
    let note = at(&anna, "me/note");
    for text in ["one", "two", "three"] {
        post(&anna, &note, &json!({ "message": text })).await;
    }
    let inviting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let invitation = json!({ "to": "sip:anna@office.test", "operationId": "o" });
        post(&ben, &at(&ben, "communication/messagingInvitations"), &invitation).await
    };
    let began = Instant::now();
    let (fetched, _) = tokio::join!(anna.fetch(), inviting);
    fetched.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "it waited for the medium ones");
    let lines: Vec<_> = anna.waiting().map(|event| line(&event)).collect();
    let notes = lines.iter().filter(|line| *line == "me updated note").count();
    assert_eq!((notes, lines[0].as_str()), (1, "me updated note"), "{lines:?}");
    assert!(lines.contains(&"communication started messagingInvitation".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_place_that_is_none_leads_back_to_what_is_not_acknowledged() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let place = anna.next().to_owned();
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Hi" })).await;
    let waiting = get(&anna, &place).await;
    for wrong in [at(&anna, "events?ack=1"), at(&anna, "events?ack=900")] {
        let answer = get(&anna, &wrong).await;
        assert_eq!((answer.status(), answer.body.0["sender"].as_array().unwrap().len()), (200, 0), "{wrong}");
        let back = answer.body.link("resync").unwrap();
        assert_eq!(answer.body.link("next").unwrap(), back, "some look at nothing else");
        assert_eq!(get(&anna, back).await.body.0["sender"], waiting.body.0["sender"]);
    }
}

#[tokio::test]
async fn a_request_that_is_held_ends_with_its_application() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let deleting = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        anna.delete(anna.href()).await.unwrap();
    };
    let (held, ()) = tokio::join!(get(&anna, anna.next()), deleting);
    assert_eq!(refusal(&held), as_refusal(404, "NotFound", "ApplicationNotFound"));
}

/// Whether a request is held for that long, of which nothing comes then.
async fn is_held(anna: &Application, place: &str, seconds: u64) -> bool {
    timeout(Duration::from_secs(seconds), get(anna, place)).await.is_err()
}

#[tokio::test]
async fn what_a_client_says_of_its_pace_holds_until_it_says_otherwise() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let place = anna.next().to_owned();
    assert!(is_held(&anna, &format!("{place}&medium=600&timeout=1"), 3).await, "180 seconds are the least");
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Hi" })).await;
    assert!(is_held(&anna, &place, 7).await);
    let released = get(&anna, &format!("{place}&medium=1")).await;
    assert_eq!(released.body.0["sender"][0]["rel"], "me");
    for wrong in ["timeout=soon", "medium=x", "priority=high"] {
        let (status, ..) = refusal(&get(&anna, &format!("{place}&{wrong}")).await);
        assert_eq!(status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn who_was_silent_for_long_is_told_to_resume_until_that_has_arrived() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Hi" })).await;
    let sql = rusqlite::Connection::open(office.database()).unwrap();
    let half_an_hour = 30 * 60 * 1000;
    sql.execute("UPDATE ucwa_channel SET polled_at = polled_at - ?1", [half_an_hour]).unwrap();
    let first = get(&anna, anna.next()).await;
    let on = first.body.link("resume").unwrap();
    assert_eq!(first.body.link("next").unwrap(), on, "some look at nothing else");
    assert_eq!(get(&anna, anna.next()).await.body, first.body, "the answer may have been lost");
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Again" })).await;
    assert!(get(&anna, on).await.body.link("resume").is_err());
}

#[tokio::test]
async fn for_whom_too_much_has_happened_is_told_to_look_again() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let sql = rusqlite::Connection::open(office.database()).unwrap();
    let newest = "UPDATE session SET last_event = last_event + 1";
    let told = "INSERT INTO event (device, eid, kind) SELECT device, last_event, 'resync' FROM session";
    assert_eq!((sql.execute(newest, []).unwrap(), sql.execute(told, []).unwrap()), (1, 1));
    let answer = get(&anna, anna.next()).await;
    let again = answer.body.link("resync").unwrap();
    assert_eq!(
        (again, answer.body.0["sender"].as_array().unwrap().len()),
        (answer.body.link("next").unwrap(), 0)
    );
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Hi" })).await;
    assert!(get(&anna, again).await.body.link("resync").is_err());
}

/// The same client in another window of the browser.
async fn window(anna: &Application, instance: &str) -> Answer {
    let client = json!({
        "userAgent": "Suite/1", "endpointId": "e-1", "culture": "en-US", "instanceId": instance,
    });
    post(anna, APPLICATIONS, &client).await
}

#[tokio::test]
async fn the_windows_of_a_client_share_its_application_and_each_has_events_of_its_own() {
    let office = office().await;
    let anna = available(&office, "anna").await;
    let made = window(&anna, "tab 2").await;
    assert_eq!((made.status(), made.body.text("instanceId")), (201, "tab 2"), "{made:?}");
    let place = made.body.href().unwrap();
    assert_eq!(place, format!("{}?instanceId=tab%202", anna.href()));
    has_links(&made.body.embedded("me").unwrap(), &["reportMyActivity"]);
    let again = window(&anna, "tab 2").await;
    assert_eq!((again.status(), &again.body), (200, &made.body));

    let theirs = made.body.link("events").unwrap();
    assert_ne!(theirs, anna.next());
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Hi" })).await;
    let (ours, theirs) = tokio::join!(get(&anna, anna.next()), get(&anna, theirs));
    // What nobody had acknowledged when it was opened is there for the new window, too.
    let last = |answer: &Answer| answer.body.0["sender"].as_array().unwrap().last().cloned().unwrap();
    assert_eq!(last(&ours), last(&theirs), "neither takes the place of the other");
    let [on, theirs_on] = [&ours, &theirs].map(|answer| answer.body.link("next").unwrap());
    assert!(theirs_on.ends_with("&instanceId=tab%202"), "{theirs_on}");

    let closing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        anna.ask(Method::DELETE, place, &[], "").await.unwrap().status()
    };
    let (held, deleted) = tokio::join!(get(&anna, theirs_on), closing);
    let gone = as_refusal(404, "NotFound", "ApplicationNotFound");
    assert_eq!((deleted, refusal(&held)), (204, gone.clone()));
    assert_eq!(refusal(&get(&anna, place).await), gone);
    assert_eq!(get(&anna, anna.href()).await.status(), 200, "the other window is still there");
    assert!(is_held(&anna, on, 1).await);
}

#[tokio::test]
async fn a_start_of_the_box_forgets_nothing_of_a_channel() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let anna = available(&office, "anna").await;
    let place = anna.next().to_owned();
    assert!(is_held(&anna, &format!("{place}&medium=600"), 1).await);
    office.power_cut().await.unwrap();
    post(&anna, &at(&anna, "me/note"), &json!({ "message": "Hi" })).await;
    assert!(is_held(&anna, &place, 7).await, "it waits as before");
    let answer = get(&anna, &format!("{place}&medium=5")).await;
    assert_eq!(answer.body.0["sender"][0]["events"][0]["link"]["rel"], "note");
    assert!(answer.body.link("resume").is_err() && answer.body.link("resync").is_err(), "{answer:?}");
}
