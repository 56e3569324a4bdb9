//! "What is not offered has no link": everything that links lead to is there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;

/// What is posted to and not got, by the pages of the reference. Those that end something stand last.
const POSTED: [&str; 25] = [
    "makeMeAvailable",
    "reportMyActivity",
    "startMessaging",
    "startOnlineMeeting",
    "joinOnlineMeeting",
    "batch",
    "addParticipant",
    "addMessaging",
    "addToPresenceSubscription",
    "subscribeToGroupPresence",
    "startOrRefreshSubscriptionToContactsAndGroups",
    "userAcknowledged",
    "setIsTyping",
    "sendMessage",
    "groupMemberships",
    "removeContactFromAllGroups",
    "resetContactPrivacyRelationship",
    "accept",
    "decline",
    "cancel",
    "promote",
    "demote",
    "eject",
    "stopSubscriptionToContactsAndGroups",
    "stopMessaging",
];
/// What is held, and what is no place but the thing itself.
const NOT_ASKED: [&str; 6] = ["events", "next", "plainMessage", "htmlMessage", "message", "joinUrl"];

/// Places and the rels under which they were found.
#[derive(Default)]
struct Found {
    got: VecDeque<(String, String)>,
    posted: BTreeMap<String, BTreeSet<String>>,
    seen: BTreeSet<String>,
}

impl Found {
    /// Notes every place in an answer.
    fn look(&mut self, value: &Value) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.look(value)),
            Value::Object(members) => {
                for (rel, links) in members.get("_links").and_then(Value::as_object).into_iter().flatten() {
                    let several = links.as_array().map_or(std::slice::from_ref(links), Vec::as_slice);
                    several.iter().for_each(|link| self.note(rel, &link["href"]));
                }
                // An event, and the resource that tells of it.
                if members.get("type").is_none_or(|kind| kind != "deleted") {
                    for place in ["link", "in"].iter().filter_map(|name| members.get(*name)) {
                        self.note(place["rel"].as_str().unwrap_or_default(), &place["href"]);
                    }
                }
                if members.get("events").is_some_and(Value::is_array) {
                    self.note("sender", &members["href"]);
                }
                members.values().for_each(|value| self.look(value));
            }
            _ => {}
        }
    }

    fn note(&mut self, rel: &str, href: &Value) {
        let href = href.as_str().unwrap_or_default();
        if NOT_ASKED.contains(&rel) && (rel != "message" || href.starts_with("data:")) {
            return;
        }
        if POSTED.contains(&rel) {
            self.posted.entry(rel.to_owned()).or_default().insert(href.to_owned());
        } else if self.seen.insert(href.to_owned()) {
            self.got.push_back((rel.to_owned(), href.to_owned()));
        }
    }
}

fn is_there(answer: &Answer) -> bool {
    ![404, 405].contains(&answer.status())
}

/// A conversation that goes on with all that can be in it, one that was missed, invitations in both directions, a
/// subscription and two meetings; what anna was told of it.
async fn much_goes_on(anna: &mut Application, ben: &mut Application) -> Vec<Value> {
    let (ours, theirs) = conversation(anna, ben).await;
    anna.say(&ours, "Hi").await.unwrap();
    ben.say(&theirs, "Hello").await.unwrap();
    act(ben, theirs.link("setIsTyping").unwrap()).await;
    let invitations = at(ben, "communication/messagingInvitations");
    let asked = json!({ "to": "sip:anna@office.test", "operationId": "o" });
    let missed = post(ben, &invitations, &asked).await;
    act(ben, &format!("{}/cancel", missed.location().unwrap())).await;
    post(ben, &invitations, &asked).await;
    let asked = json!({ "to": "sip:carla@office.test", "operationId": "o" });
    assert_eq!(post(anna, &at(anna, "communication/messagingInvitations"), &asked).await.status(), 201);
    let followed = json!({ "duration": 10, "uris": ["sip:ben@office.test"] });
    assert_eq!(post(anna, &at(anna, "people/presenceSubscriptions"), &followed).await.status(), 201);
    let meeting = json!({ "subject": "Budget" });
    assert_eq!(post(anna, &at(anna, "onlineMeetings/myOnlineMeetings"), &meeting).await.status(), 201);
    let ad_hoc = at(anna, "communication/onlineMeetingInvitations?onlineMeetingUri=adhoc");
    assert_eq!(post(anna, &ad_hoc, &json!({ "operationId": "o-2" })).await.status(), 201);
    let told = get(anna, anna.next()).await;
    assert_eq!(told.status(), 200);
    vec![ours.0, told.body.0]
}

#[tokio::test]
async fn every_link_leads_to_something() {
    let (_office, mut anna, mut ben) = anna_and_ben().await;
    let mut found = Found::default();
    for answer in much_goes_on(&mut anna, &mut ben).await {
        found.look(&answer);
    }
    found.note("application", &anna.href().into());
    let mut broken = Vec::new();
    while let Some((rel, href)) = found.got.pop_front() {
        let answer = get(&anna, &href).await;
        // Who has no photo is known by the photo alone, so its link is always there.
        let no_photo = ["photo", "contactPhoto"].contains(&rel.as_str()) && answer.status() == 404;
        if !is_there(&answer) && !no_photo {
            broken.push(format!("GET {} of `{rel}`: {href}", answer.status()));
        }
        found.look(&answer.body.0);
    }
    for rel in POSTED {
        for href in found.posted.get(rel).into_iter().flatten() {
            let answer = act(&anna, href).await;
            if !is_there(&answer) {
                broken.push(format!("POST {} of `{rel}`: {href}", answer.status()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    let gone_through = found.seen.len();
    assert!(gone_through > 40 && found.posted.len() > 8, "{gone_through} places, {:?}", found.posted.keys());
}
