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
