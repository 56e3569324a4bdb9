//! "myGroups", "group", "groupContacts", "myGroupMemberships", with the writes of their second version.

use super::*;

async fn place(anna: &Application, rel: &str) -> String {
    anna.follow(&["people"]).await.unwrap().link(rel).unwrap().to_owned()
}

async fn groups(anna: &Application) -> Resource {
    get(anna, &place(anna, "myGroups").await).await.body
}

/// Makes a group; its resource.
async fn make(anna: &Application, name: &str) -> Resource {
    let made = post(anna, &place(anna, "myGroups").await, &json!({ "displayName": name })).await;
    assert_eq!((made.status(), made.reply.body.len()), (204, 0), "{made:?}");
    let own = groups(anna).await.all_embedded("group");
    own.into_iter().find(|group| group.text("name") == name).unwrap()
}

/// Puts somebody into a group.
async fn add(anna: &Application, group: &str, name: &str) -> Answer {
    let wanted = json!({ "contactUri": format!("sip:{name}@office.test"), "groupId": group });
    post(anna, &place(anna, "myGroupMemberships").await, &wanted).await
}

async fn members(anna: &Application, group: &Resource) -> Vec<String> {
    let list = get(anna, group.link("groupContacts").unwrap()).await.body;
    assert_eq!(list.text("rel"), "groupContacts");
    list.all_embedded("contact").iter().map(|contact| contact.text("name").to_owned()).collect()
}

async fn remove(anna: &Application, href: &str) -> Answer {
    anna.ask(Method::DELETE, href, &[], "").await.unwrap()
}

#[tokio::test]
async fn groups_are_embedded_or_linked() {
    let (_office, anna) = anna().await;
    let list = groups(&anna).await;
    assert_eq!((list.text("rel"), list.all_embedded("group").len()), ("myGroups", 0));
    for (rel, id, name) in [
        ("pinnedGroup", "pinned", "Pinned Contacts"),
        ("defaultGroup", "default", "Other Contacts"),
        ("delegatesGroup", "delegates", "Delegates"),
        ("delegatorsGroup", "delegators", "Delegators"),
    ] {
        let group = list.embedded(rel).unwrap();
        assert_eq!((group.text("rel"), group.text("id"), group.text("name")), (rel, id, name));
        has_links(&group, &["groupContacts", "subscribeToGroupPresence"]);
        assert_eq!(get(&anna, group.href().unwrap()).await.body, group);
    }
    make(&anna, "Sales").await;
    let linked = get(&anna, &format!("{}?expand=false", list.href().unwrap())).await.body;
    assert!(linked.0.get("_embedded").is_none(), "{linked:?}");
    has_links(&linked, &["pinnedGroup", "defaultGroup", "delegatesGroup", "delegatorsGroup"]);
    assert_eq!(linked.links("group").len(), 1);
    for nothing in ["people/groups/99", "people/groups/friends", "people/contacts?groupId=99"] {
        let refused = as_refusal(404, "NotFound", "ResourceNotFound");
        assert_eq!(refusal(&get(&anna, &at(&anna, nothing)).await), refused, "{nothing}");
    }
}

#[tokio::test]
async fn a_group_has_contacts_and_is_followed() {
    let (_office, anna) = anna().await;
    let group = groups(&anna).await.embedded("defaultGroup").unwrap();
    assert_eq!(members(&anna, &group).await, ["ben", "carla"]);
    let place = group.link("groupContacts").unwrap();
    let linked = get(&anna, &format!("{place}&expand=false")).await.body;
    assert_eq!((linked.links("contact").len(), linked.all_embedded("contact").len()), (2, 0));
    let follow = format!("{}&duration=11", group.link("subscribeToGroupPresence").unwrap());
    let followed = act(&anna, &follow).await;
    assert_eq!((followed.status(), followed.body.text("rel")), (201, "presenceSubscription"));
}

#[tokio::test]
async fn a_group_is_made_renamed_and_taken_away() {
    let (_office, mut anna) = anna().await;
    let sales = make(&anna, "Sales").await;
    assert_eq!(
        (sales.text("rel"), sales.text("id")),
        ("group", sales.href().unwrap().rsplit('/').next().unwrap())
    );
    let collection = place(&anna, "myGroups").await;
    let again = post(&anna, &collection, &json!({ "displayName": "Sales" })).await;
    assert_eq!(refusal(&again), as_refusal(409, "Conflict", "AlreadyExists"));
    for bad in [json!({}), json!({ "displayName": " " })] {
        let refused = post(&anna, &collection, &bad).await;
        assert_eq!(refusal(&refused), as_refusal(400, "BadRequest", "ParameterValidationFailure"), "{bad}");
    }
    let events = told(&mut anna, "people added group in myGroups").await;
    let added = events.iter().find(|event| event.is("added", "group")).unwrap();
    assert_eq!((added.href.as_str(), &added.body["link"]["title"]), (sales.href().unwrap(), &json!("Sales")));

    let mut renamed = sales.clone();
    renamed.0["name"] = json!("Sales and service");
    let put = async |headers: &[(&str, &str)]| {
        let headers = [&[JSON], headers].concat();
        anna.ask(Method::PUT, sales.href().unwrap(), &headers, &renamed.0.to_string()).await.unwrap()
    };
    assert_eq!(refusal(&put(&[]).await), as_refusal(428, "PreconditionRequired", ""));
    assert_eq!(refusal(&put(&[("if-match", "\"1\"")]).await), as_refusal(412, "PreconditionFailed", ""));
    let changed = anna.put(&renamed).await.unwrap();
    assert_eq!(changed.text("name"), "Sales and service");
    assert_ne!(changed.text("etag"), sales.text("etag"));
    told(&mut anna, "people updated group").await;
    let etag = format!("\"{}\"", changed.text("etag"));
    let headers = [("content-type", "application/xml"), ("if-match", etag.as_str())];
    let body = r#"<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="name">XML</property></resource>"#;
    let put = anna.ask(Method::PUT, sales.href().unwrap(), &headers, body).await.unwrap();
    assert_eq!((put.status(), put.body.text("name")), (200, "XML"), "{put:?}");

    let href = sales.href().unwrap();
    assert_eq!(remove(&anna, href).await.status(), 204);
    told(&mut anna, "people deleted group in myGroups").await;
    assert_eq!(refusal(&get(&anna, href).await), as_refusal(404, "NotFound", "ResourceNotFound"));
}

#[tokio::test]
async fn groups_that_every_list_has_stay() {
    let (_office, anna) = anna().await;
    let mut pinned = groups(&anna).await.embedded("pinnedGroup").unwrap();
    pinned.0["name"] = json!("Friends");
    let etag = format!("\"{}\"", pinned.text("etag"));
    let headers = [JSON, ("if-match", etag.as_str())];
    let href = pinned.href().unwrap();
    let renamed = anna.ask(Method::PUT, href, &headers, &pinned.0.to_string()).await.unwrap();
    let forbidden = as_refusal(403, "Forbidden", "OperationNotSupported");
    assert_eq!(refusal(&renamed), forbidden);
    assert_eq!(refusal(&remove(&anna, href).await), forbidden);
}

#[tokio::test]
async fn people_are_put_into_groups_and_taken_out() {
    let (_office, mut anna) = anna().await;
    let sales = make(&anna, "Sales").await;
    let added = add(&anna, sales.text("id"), "ben").await;
    assert_eq!((added.status(), added.body.text("rel")), (201, "myGroupMembership"), "{added:?}");
    let membership = added.body.href().unwrap().to_owned();
    assert_eq!(added.location().unwrap(), membership);
    assert_eq!(added.body.link("group").unwrap(), sales.href().unwrap());
    assert_eq!(added.body.link("contact").unwrap(), at(&anna, "people/ben@office.test"));
    assert_eq!(get(&anna, &membership).await.body, added.body);
    assert_eq!(members(&anna, &sales).await, ["ben"]);
    let exists = as_refusal(409, "Conflict", "AlreadyExists");
    assert_eq!(refusal(&add(&anna, sales.text("id"), "ben").await), exists);
    assert_eq!(refusal(&add(&anna, "default", "ben").await), exists, "who is in the list is not added to it");
    let events = told(&mut anna, "people added contact in group").await;
    in_order(&events, &["people added group in myGroups", "people added contact in group"]);
    in_order(&events, &["people deleted contact in defaultGroup"]);

    let of_group = get(&anna, sales.link("groupMemberships").unwrap()).await.body;
    assert_eq!(
        (of_group.text("rel"), of_group.all_embedded("myGroupMembership").len()),
        ("groupMemberships", 1)
    );
    let all = get(&anna, &place(&anna, "myGroupMemberships").await).await.body;
    let memberships = all.all_embedded("myGroupMembership");
    assert_eq!((all.text("rel"), memberships.len()), ("myGroupMemberships", 2));
    assert!(memberships.iter().any(|of_carla| of_carla.link("defaultGroup").is_ok()));

    assert_eq!(remove(&anna, &membership).await.status(), 204);
    told(&mut anna, "people deleted contact in group").await;
    let gone = as_refusal(404, "NotFound", "ResourceNotFound");
    assert_eq!(refusal(&get(&anna, &membership).await), gone);
    assert_eq!(refusal(&remove(&anna, &membership).await), gone);
}

#[tokio::test]
async fn somebody_is_taken_out_of_the_list_and_comes_back() {
    let (_office, mut anna) = anna().await;
    let memberships = get(&anna, &place(&anna, "myGroupMemberships").await).await.body;
    let everywhere = memberships.link("removeContactFromAllGroups").unwrap();
    assert_eq!(act(&anna, &format!("{everywhere}?contactUri=sip:ben@office.test")).await.status(), 204);
    told(&mut anna, "people deleted contact in myContacts").await;
    let group = groups(&anna).await.embedded("defaultGroup").unwrap();
    assert_eq!(members(&anna, &group).await, ["carla"]);
    let collection = place(&anna, "myGroupMemberships").await;
    let back = post(&anna, &collection, &json!({ "contactUri": "sip:ben@office.test" })).await;
    assert_eq!((back.status(), back.body.link("defaultGroup").unwrap()), (201, group.href().unwrap()));
    told(&mut anna, "people added contact in myContacts").await;
    assert_eq!(members(&anna, &group).await, ["ben", "carla"]);
}

#[tokio::test]
async fn delegators_decide_for_themselves() {
    let office = office().await;
    let anna = office.application("anna", "a-1").await.unwrap();
    let mut ben = office.application("ben", "b-1").await.unwrap();
    assert_eq!(add(&anna, "delegates", "ben").await.status(), 201);
    told(&mut ben, "people added contact in delegatorsGroup").await;
    let delegators = groups(&ben).await.embedded("delegatorsGroup").unwrap();
    assert_eq!(members(&ben, &delegators).await, ["anna"]);
    let forbidden = as_refusal(403, "Forbidden", "OperationNotSupported");
    assert_eq!(refusal(&add(&ben, "delegators", "carla").await), forbidden);
    for path in
        ["people/groupMemberships?groupId=delegators", "people/groupMemberships/delegators/anna@office.test"]
    {
        assert_eq!(refusal(&get(&ben, &at(&ben, path)).await), forbidden, "{path}");
    }
    let nobody = as_refusal(404, "NotFound", "DestinationNotFound");
    assert_eq!(refusal(&add(&anna, "pinned", "nobody").await), nobody);
    assert_eq!(refusal(&add(&anna, "99", "ben").await), as_refusal(404, "NotFound", "ResourceNotFound"));
}
