//! "communication", and how a resource is changed ("Resources that can be updated").

use super::*;

async fn put(anna: &Application, place: &str, etag: Option<&str>, body: &Value) -> Answer {
    let mut headers = vec![JSON];
    headers.extend(etag.map(|etag| ("if-match", etag)));
    anna.ask(Method::PUT, place, &headers, &body.to_string()).await.unwrap()
}

#[tokio::test]
async fn communication_leads_to_conversations() {
    let (_office, anna) = anna().await;
    let before = anna.follow(&["communication"]).await.unwrap();
    assert_eq!(before.0["supportedModalities"], json!([]));
    anna.make_available("Online").await.unwrap();
    let communication = anna.follow(&["communication"]).await.unwrap();
    assert_eq!(communication.text("rel"), "communication");
    assert_eq!(communication.0["supportedModalities"], json!(["Messaging"]));
    assert_eq!(communication.0["supportedMessageFormats"], json!(["Plain", "Html"]));
    has_links(&communication, &["self", "conversations", "startMessaging"]);
    let conversations = get(&anna, communication.link("conversations").unwrap()).await;
    assert_eq!((conversations.status(), conversations.body.text("rel")), (200, "conversations"));
}

#[tokio::test]
async fn a_change_needs_the_state_that_is_changed_and_the_property_that_comes_back() {
    let (_office, anna) = anna().await;
    let place = at(&anna, "communication");
    let shown = get(&anna, &place).await;
    let etag = shown.reply.header("etag").unwrap();
    assert_eq!(etag, format!("\"{}\"", shown.body.text("etag")));
    let whole = &shown.body.0;
    let (status, code, _) = refusal(&put(&anna, &place, None, whole).await);
    assert_eq!((status, code.as_str()), (428, "PreconditionRequired"));
    let (status, code, _) = refusal(&put(&anna, &place, Some("\"1\""), whole).await);
    assert_eq!((status, code.as_str()), (412, "PreconditionFailed"));
    let without = put(&anna, &place, Some(etag), &json!({ "supportedModalities": ["Messaging"] })).await;
    assert_eq!(refusal(&without), as_refusal(400, "BadRequest", "ParameterValidationFailure"));
    let mut changed = whole.clone();
    changed["nobody knows"] = "this".into();
    let done = put(&anna, &place, Some(etag), &changed).await;
    assert_eq!((done.status(), done.body.text("rel")), (200, "communication"));
    assert!(done.reply.header("etag").is_some());
}
