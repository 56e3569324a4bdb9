//! "myOnlineMeetings", "myOnlineMeeting", and what a meeting may be.

use super::*;

fn plan() -> Value {
    json!({
        "attendanceAnnouncementsStatus": "Disabled",
        "description": "hey guys let's do a musical!",
        "subject": "holiday party",
        "attendees": ["sip:ben@office.test", "sip:carla@office.test"],
        "leaders": [],
    })
}

#[tokio::test]
async fn a_meeting_is_made_and_says_how_to_come() {
    let (_office, anna) = anna().await;
    let place = anna.follow(&["onlineMeetings"]).await.unwrap().link("myOnlineMeetings").unwrap().to_owned();
    let made = post(&anna, &place, &plan()).await;
    assert_eq!(made.status(), 201, "{made:?}");
    let meeting = &made.body;
    assert_eq!((meeting.text("rel"), meeting.text("subject")), ("myOnlineMeeting", "holiday party"));
    assert_eq!(meeting.text("accessLevel"), "SameEnterprise");
    assert_eq!(meeting.0["attendees"], plan()["attendees"]);
    assert_eq!(meeting.text("organizerUri"), "sip:anna@office.test");
    let id = meeting.text("onlineMeetingId");
    assert_eq!(
        meeting.text("onlineMeetingUri"),
        format!("sip:anna@office.test;gruu;opaque=app:conf:focus:id:{id}")
    );
    assert!(meeting.text("expirationTime").starts_with("/Date("), "{meeting:?}");
    assert_eq!(made.reply.header("etag"), Some(format!("\"{}\"", meeting.text("etag")).as_str()));
    assert_eq!(get(&anna, meeting.href().unwrap()).await.body, *meeting);
    let listed = get(&anna, &place).await.body;
    assert_eq!(listed.all_embedded("myOnlineMeeting").len(), 1);
}

/// When a meeting expires, as clients write it: like the XML of the meeting has it.
async fn in_iso_8601(anna: &Application, meeting: &Resource) -> String {
    let xml = [("accept", "application/xml")];
    let answer = anna.ask(Method::GET, meeting.href().unwrap(), &xml, "").await.unwrap();
    let text = String::from_utf8(answer.reply.body.to_vec()).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let time = document.descendants().find(|node| node.attribute("name") == Some("expirationTime")).unwrap();
    let time = time.text().unwrap();
    assert!(time.starts_with("20") && time.contains('T') && time.ends_with('Z'), "{time}");
    time.to_owned()
}

#[tokio::test]
async fn a_meeting_is_changed_as_it_was_seen_and_deleted() {
    let (_office, anna) = anna().await;
    let place = at(&anna, "onlineMeetings/myOnlineMeetings");
    let mut meeting = post(&anna, &place, &plan()).await.body;
    meeting.0["subject"] = "other party".into();
    let expires = meeting.text("expirationTime").to_owned();
    meeting.0["expirationTime"] = in_iso_8601(&anna, &meeting).await.into();
    let changed = anna.put(&meeting).await.unwrap();
    assert_eq!((changed.text("subject"), changed.text("expirationTime")), ("other party", expires.as_str()));
    assert_ne!(changed.text("etag"), meeting.text("etag"));
    let stale = anna.put(&meeting).await.unwrap_err().to_string();
    assert!(stale.starts_with("412 Precondition Failed"), "{stale}");
    let deleted = anna.ask(Method::DELETE, meeting.href().unwrap(), &[], "").await.unwrap();
    assert_eq!(deleted.status(), 204);
    assert_eq!(refusal(&get(&anna, meeting.href().unwrap()).await).0, 404);
}

#[tokio::test]
async fn what_a_meeting_may_be_is_said() {
    let (_office, anna) = anna().await;
    let meetings = anna.follow(&["onlineMeetings"]).await.unwrap();
    for (rel, properties) in [
        ("onlineMeetingDefaultValues", &["accessLevel", "defaultOnlineMeetingRel"][..]),
        ("onlineMeetingEligibleValues", &["accessLevels", "eligibleOnlineMeetingRels"]),
        ("onlineMeetingPolicies", &["meetingSize", "voipAudio"]),
    ] {
        let said = get(&anna, meetings.link(rel).unwrap()).await.body;
        assert_eq!(said.text("rel"), rel);
        for property in properties {
            assert!(!said.0[property].is_null(), "{property}");
        }
    }
}
