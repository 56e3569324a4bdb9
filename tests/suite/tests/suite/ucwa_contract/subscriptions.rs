//! "presenceSubscriptions", "presenceSubscriptionMemberships", "subscribedContacts",
//! "myContactsAndGroupsSubscription".

use super::*;

async fn place(anna: &Application, rel: &str) -> String {
    anna.follow(&["people"]).await.unwrap().link(rel).unwrap().to_owned()
}

/// Begins a subscription to these people, as the task page does.
async fn subscribe(anna: &Application, names: &[&str]) -> Resource {
    let uris: Vec<_> = names.iter().map(|name| format!("sip:{name}@office.test")).collect();
    let wanted = json!({ "duration": 11, "Uris": uris });
    let made = post(anna, &place(anna, "presenceSubscriptions").await, &wanted).await;
    assert_eq!((made.status(), made.body.text("rel")), (201, "presenceSubscription"), "{made:?}");
    assert_eq!(made.location().unwrap(), made.body.href().unwrap());
    made.body
}

async fn subscribed(anna: &Application) -> Vec<String> {
    let list = get(anna, &place(anna, "subscribedContacts").await).await.body;
    assert_eq!(list.text("rel"), "subscribedContacts");
    list.links("contact").iter().map(|href| href.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn selected_contacts_are_followed() {
    let (_office, mut anna, ben) = anna_and_ben().await;
    let subscription = subscribe(&anna, &["ben"]).await;
    assert!(!subscription.text("id").is_empty());
    has_links(&subscription, &["self", "memberships", "addToPresenceSubscription"]);
    assert_eq!(get(&anna, subscription.href().unwrap()).await.body, subscription);
    let list = get(&anna, &place(&anna, "presenceSubscriptions").await).await.body;
    assert_eq!(
        (list.text("rel"), list.all_embedded("presenceSubscription")),
        ("presenceSubscriptions", vec![subscription.clone()])
    );
    assert_eq!(subscribed(&anna).await, ["ben@office.test"]);

    let events = told(&mut anna, "people added presenceSubscription").await;
    in_order(
        &events,
        &["people added contact in subscribedContacts", "people updated contactPresence in contact"],
    );
    let added = events.iter().find(|event| event.is("added", "presenceSubscription")).unwrap();
    assert_eq!(added.href, subscription.href().unwrap());

    post(&ben, &at(&ben, "me/presence"), &json!({ "availability": "Busy" })).await;
    let events = told(&mut anna, "people updated contactPresence in contact").await;
    let changed = events.iter().find(|event| event.rel == "contactPresence").unwrap();
    assert_eq!(changed.body["in"]["href"], json!(at(&anna, "people/ben@office.test")));
    let presence = get(&anna, &changed.href).await.body;
    assert_eq!((presence.text("rel"), presence.text("availability")), ("contactPresence", "Busy"));
    for (path, name, rel) in
        [("me/note", "message", "contactNote"), ("me/location", "location", "contactLocation")]
    {
        post(&ben, &at(&ben, path), &json!({ name: "in room 3" })).await;
        told(&mut anna, &format!("people updated {rel} in contact")).await;
    }
}

#[tokio::test]
async fn a_subscription_is_extended_and_ended() {
    let (_office, mut anna, _ben) = anna_and_ben().await;
    let subscription = subscribe(&anna, &["ben"]).await;
    let href = subscription.href().unwrap().to_owned();
    told(&mut anna, "people added presenceSubscription").await;
    let extended = act(&anna, &format!("{href}?duration=30")).await;
    assert_eq!((extended.status(), &extended.body), (200, &subscription));
    for bad in ["", "?duration=9", "?duration=31", "?duration=-10", "?duration=soon"] {
        let refused = as_refusal(400, "BadRequest", "ParameterValidationFailure");
        assert_eq!(refusal(&act(&anna, &format!("{href}{bad}")).await), refused, "{bad}");
    }
    assert_eq!(anna.ask(Method::DELETE, &href, &[], "").await.unwrap().status(), 204);
    let events = told(&mut anna, "people deleted presenceSubscription").await;
    in_order(
        &events,
        &["people deleted contact in subscribedContacts", "people deleted presenceSubscription"],
    );
    assert!(subscribed(&anna).await.is_empty());
    let gone = as_refusal(404, "NotFound", "ResourceNotFound");
    assert_eq!(refusal(&get(&anna, &href).await), gone);
    assert_eq!(refusal(&act(&anna, &format!("{href}?duration=11")).await), gone);
    assert_eq!(refusal(&anna.ask(Method::DELETE, &href, &[], "").await.unwrap()), gone);
}

#[tokio::test]
async fn people_are_added_to_a_subscription_and_taken_out() {
    let (_office, mut anna, _ben) = anna_and_ben().await;
    let subscription = subscribe(&anna, &["ben"]).await;
    let add = subscription.link("addToPresenceSubscription").unwrap();
    let added = post(&anna, add, &json!({ "contactUris": ["sip:carla@office.test"] })).await;
    assert_eq!(
        (added.status(), added.body.text("rel")),
        (201, "presenceSubscriptionMemberships"),
        "{added:?}"
    );
    assert_eq!(subscribed(&anna).await, ["ben@office.test", "carla@office.test"]);
    for list in
        [subscription.link("memberships").unwrap(), &place(&anna, "presenceSubscriptionMemberships").await]
    {
        let memberships = get(&anna, list).await.body.all_embedded("presenceSubscriptionMembership");
        assert_eq!(memberships.len(), 2, "{list}");
        assert_eq!(memberships[1].link("presenceSubscription").unwrap(), subscription.href().unwrap());
        assert_eq!(memberships[1].link("contact").unwrap(), at(&anna, "people/carla@office.test"));
        let own = memberships[1].href().unwrap();
        assert_eq!(get(&anna, own).await.body, memberships[1]);
    }
    told(&mut anna, "people added presenceSubscription").await;
    let carla = added.body.all_embedded("presenceSubscriptionMembership")[1].href().unwrap().to_owned();
    assert_eq!(anna.ask(Method::DELETE, &carla, &[], "").await.unwrap().status(), 204);
    let events = told(&mut anna, "people deleted contact in subscribedContacts").await;
    assert!(
        events
            .iter()
            .all(|event| event.kind != "deleted" || event.href == at(&anna, "people/carla@office.test"))
    );
    assert_eq!(subscribed(&anna).await, ["ben@office.test"]);
    let gone = as_refusal(404, "NotFound", "ResourceNotFound");
    assert_eq!(refusal(&get(&anna, &carla).await), gone);
    assert_eq!(refusal(&anna.ask(Method::DELETE, &carla, &[], "").await.unwrap()), gone);
}

#[tokio::test]
async fn a_subscription_that_can_not_be_is_refused_as_a_whole() {
    let (_office, anna) = anna().await;
    let collection = place(&anna, "presenceSubscriptions").await;
    let ask = async |wanted: Value| refusal(&post(&anna, &collection, &wanted).await);
    let invalid = as_refusal(400, "BadRequest", "ParameterValidationFailure");
    let ben = "sip:ben@office.test";
    for wanted in [
        json!({ "uris": [ben] }),
        json!({ "duration": 9, "uris": [ben] }),
        json!({ "duration": 31, "uris": [ben] }),
        json!({ "duration": 11 }),
        json!({ "duration": 11, "uris": [] }),
        json!({ "duration": 11, "uris": [ben, "ben"] }),
        json!({ "duration": 11, "groupId": "friends" }),
    ] {
        assert_eq!(ask(wanted.clone()).await, invalid, "{wanted}");
    }
    let nobody = json!({ "duration": 11, "uris": [ben, "sip:nobody@office.test"] });
    assert_eq!(ask(nobody).await, as_refusal(404, "NotFound", "DestinationNotFound"));
    let no_group = json!({ "duration": 11, "groupId": "99" });
    assert_eq!(ask(no_group).await, as_refusal(404, "NotFound", "ResourceNotFound"));
    assert!(subscribed(&anna).await.is_empty());
}

#[tokio::test]
async fn a_group_is_followed_in_one_subscription() {
    let (_office, mut anna, _ben) = anna_and_ben().await;
    let follow = format!("{}?groupId=default&duration=11", place(&anna, "presenceSubscriptions").await);
    for _ in 0..2 {
        let made = act(&anna, &follow).await;
        assert_eq!((made.status(), made.body.text("rel")), (201, "presenceSubscription"), "{made:?}");
        has_links(&made.body, &["memberships"]);
        assert!(made.body.link("addToPresenceSubscription").is_err(), "who is in it is the group's");
        assert_eq!(subscribed(&anna).await, ["ben@office.test", "carla@office.test"]);
    }
    let list = get(&anna, &place(&anna, "presenceSubscriptions").await).await.body;
    assert_eq!(list.all_embedded("presenceSubscription").len(), 1);
    let events = told(&mut anna, "people added presenceSubscription").await;
    let added = events.iter().filter(|event| line(event) == "people added contact in subscribedContacts");
    assert_eq!(added.count(), 2);
}

#[tokio::test]
async fn the_list_is_followed_until_that_is_stopped() {
    let (_office, anna) = anna().await;
    let here = place(&anna, "myContactsAndGroupsSubscription").await;
    let state = async || {
        let subscription = get(&anna, &here).await.body;
        assert_eq!(subscription.text("rel"), "myContactsAndGroupsSubscription");
        subscription
    };
    let stop = "stopSubscriptionToContactsAndGroups";
    let stopped = state().await;
    assert_eq!((stopped.text("state"), stopped.link(stop).is_err()), ("Disconnected", true));
    let start = stopped.link("startOrRefreshSubscriptionToContactsAndGroups").unwrap();
    for bad in ["", "?duration=9", "?duration=61"] {
        let refused = as_refusal(400, "BadRequest", "ParameterValidationFailure");
        assert_eq!(refusal(&act(&anna, &format!("{start}{bad}")).await), refused, "{bad}");
    }
    assert_eq!(act(&anna, &format!("{start}?duration=60")).await.status(), 201);
    let refreshed = post(&anna, start, &json!({ "duration": 10 })).await;
    assert_eq!((refreshed.status(), refreshed.body.text("state")), (201, "Connected"));
    let stop = state().await.link(stop).unwrap().to_owned();
    assert!(subscribed(&anna).await.is_empty(), "it does not subscribe to presence");
    let list = get(&anna, &place(&anna, "presenceSubscriptions").await).await.body;
    assert!(list.all_embedded("presenceSubscription").is_empty());
    assert_eq!(act(&anna, &stop).await.status(), 204);
    assert_eq!(state().await.text("state"), "Disconnected");
    assert_eq!(refusal(&act(&anna, &stop).await), as_refusal(409, "Conflict", ""));
}

/// Lets all subscriptions end then, and the box look after a start.
async fn end_in(office: &mut Office, seconds: i64) {
    let database = rusqlite::Connection::open(office.database()).unwrap();
    let update = "UPDATE timed_subscription SET ends_at = (unixepoch() + ?1) * 1000";
    assert_eq!(database.execute(update, [seconds]).unwrap(), 2);
    drop(database);
    office.power_cut().await.unwrap();
}

#[tokio::test]
async fn subscriptions_warn_before_their_end_and_end() {
    let mut office = Office::new(Kind::Binary).await.unwrap();
    let mut anna = available(&office, "anna").await;
    let subscription = subscribe(&anna, &["ben"]).await;
    let list = get(&anna, &place(&anna, "myContactsAndGroupsSubscription").await).await.body;
    let start = list.link("startOrRefreshSubscriptionToContactsAndGroups").unwrap();
    assert_eq!(act(&anna, &format!("{start}?duration=10")).await.status(), 201);
    told(&mut anna, "people added presenceSubscription").await;
    end_in(&mut office, 60).await;
    let events = told(&mut anna, "people updated presenceSubscription").await;
    in_order(&events, &["people updated myContactsAndGroupsSubscription"]);
    assert_eq!(embedded(&events, "people updated presenceSubscription"), subscription);
    end_in(&mut office, -1).await;
    let events = told(&mut anna, "people deleted presenceSubscription").await;
    in_order(
        &events,
        &["people deleted contact in subscribedContacts", "people deleted presenceSubscription"],
    );
    assert_eq!(get(&anna, list.href().unwrap()).await.body, list, "it is disconnected again");
}

#[tokio::test]
async fn a_subscription_is_made_in_xml() {
    let (_office, anna) = anna().await;
    let xml = "application/xml";
    let input = "<input xmlns=\"http://schemas.microsoft.com/rtc/2012/03/ucwa\"><property name=\"duration\">11</property>\
         <propertyList name=\"uris\"><item>sip:ben@office.test</item></propertyList></input>";
    let collection = place(&anna, "presenceSubscriptions").await;
    let made =
        anna.ask(Method::POST, &collection, &[("content-type", xml), ("accept", xml)], input).await.unwrap();
    let text = std::str::from_utf8(&made.reply.body).unwrap();
    let document = roxmltree::Document::parse(text).unwrap();
    let root = document.root_element();
    assert_eq!((made.status(), root.attribute("rel")), (201, Some("presenceSubscription")), "{text}");
    assert_eq!(root.attribute("href"), Some(made.location().unwrap()));
    assert_eq!(subscribed(&anna).await, ["ben@office.test"]);
}
