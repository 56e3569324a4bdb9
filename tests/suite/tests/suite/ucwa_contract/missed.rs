//! "missedItems", "userAcknowledged": what somebody was asked in vain.

use super::*;

const UPDATED: &str = "communication updated missedItems";

/// All missed conversations, and those that are not acknowledged.
async fn missed(application: &Application) -> (Value, Value) {
    let items = application.follow(&["communication", "missedItems"]).await.unwrap();
    assert_eq!(items.text("rel"), "missedItems");
    for none in ["conversationLogsCount", "unreadVoicemailsCount", "voiceMailsCount"] {
        assert_eq!(items.0[none], 0, "{none}");
    }
    (items.0["missedConversationsCount"].clone(), items.0["unreadMissedConversationsCount"].clone())
}

#[tokio::test]
async fn what_was_missed_is_counted_until_it_is_acknowledged() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    assert_eq!(missed(&ben).await, (json!(0), json!(0)));
    for _ in 0..2 {
        let ours = get(&anna, &invite(&anna, Some("Hi")).await).await.body;
        assert_eq!(act(&anna, ours.link("cancel").unwrap()).await.status(), 204);
    }
    let events = told(&mut ben, UPDATED).await;
    assert_eq!(missed(&ben).await, (json!(2), json!(2)));
    assert_eq!(missed(&anna).await, (json!(0), json!(0)), "it is the other who has missed it");
    let invitation = embedded(&events, "communication started messagingInvitation");
    let conversation = get(&ben, invitation.link("conversation").unwrap()).await.body;
    ben.waiting().for_each(drop);
    let acknowledged = act(&ben, conversation.link("userAcknowledged").unwrap()).await;
    assert_eq!((acknowledged.status(), acknowledged.reply.body.len()), (204, 0));
    told(&mut ben, UPDATED).await;
    assert_eq!(missed(&ben).await, (json!(2), json!(1)));
    // The message counts as read, so the sender knows that it is there.
    told(&mut anna, "conversation updated message").await;
}

#[tokio::test]
async fn what_was_missed_is_answered_with_a_word() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let ours = get(&anna, &invite(&anna, Some("Hi")).await).await.body;
    let theirs = ben.invitation().await.unwrap();
    assert_eq!(act(&anna, ours.link("cancel").unwrap()).await.status(), 204);
    let messaging = get(&ben, theirs.link("messaging").unwrap()).await.body;
    assert_eq!(messaging.text("state"), "Disconnected");
    let send = messaging.link("sendMessage").unwrap();
    assert_eq!(ben.ask(Method::POST, send, &[TEXT], "What?").await.unwrap().status(), 201);
    assert_eq!(anna.message().await.unwrap().text.reveal(), "What?");
}

#[tokio::test]
async fn the_acknowledgement_of_nothing_is_refused() {
    let (_office, anna) = anna().await;
    let nothing = act(&anna, &at(&anna, "communication/conversations/x/userAcknowledged")).await;
    assert_eq!(refusal(&nothing), as_refusal(404, "NotFound", "ConversationNotFound"));
}
