//! UCWA's requests and answers as the public reference shows them, and what is written reads back.

use fulmar_wire::ucwa::{
    Event, EventsDocument, Input, Link, NAMESPACE, Resource, Status, Value,
    batch::{self, BatchAnswer},
    data_uri::{self, MessageFormat},
};
use proptest::{collection::vec, prelude::*};
use serde_json::json;

const APP: &str = "/ucwa/oauth/v1/applications/103";

fn at(path: &str) -> String {
    format!("{APP}{path}")
}

fn parsed(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// "Create an application": what the sample posts and what it is answered.
#[test]
fn an_application_is_created() {
    let body = br#"{"UserAgent":"UCWA Samples","EndpointId":"a917c6f4-976c-4cf3-847d-cdfffa28ccdf","Culture":"en-US"}"#;
    let input = Input::parse(Some("application/json"), None, body).unwrap();
    assert_eq!(input.required("culture"), Ok("en-US"));
    assert_eq!(input.required("endpointId"), Ok("a917c6f4-976c-4cf3-847d-cdfffa28ccdf"));
    assert_eq!(input.required("userAgent"), Ok("UCWA Samples"));
    let people = Resource::new("people", at("/people")).revised_link("myGroups", at("/people/groups"), 2);
    let application = Resource::new("application", APP)
        .property("culture", "en-US")
        .property("userAgent", "UCWA Samples")
        .link("policies", at("/policies"))
        .link("batch", at("/batch"))
        .link("events", at("/events?ack=1"))
        .embed(people)
        .etagged();
    let expected = json!({
        "culture": "en-US",
        "userAgent": "UCWA Samples",
        "_links": {
            "self": { "href": APP },
            "policies": { "href": at("/policies") },
            "batch": { "href": at("/batch") },
            "events": { "href": at("/events?ack=1") },
        },
        "_embedded": { "people": {
            "_links": {
                "self": { "href": at("/people") },
                "myGroups": { "href": at("/people/groups"), "revision": "2" },
            },
            "rel": "people",
        } },
        "rel": "application",
        "etag": application.etag(),
    });
    assert_eq!(parsed(&application.to_json()), expected);
}

/// "startMessaging": the invitation with its first message.
#[test]
fn an_invitation_carries_its_first_message() {
    let body = br#"{"importance":"Normal","sessionContext":"33dc0ef6-0570-4467-bb7e-49fcbea8e944","subject":"Task Sample",
        "telemetryId":null,"to":"sip:lenea@contoso.com","operationId":"5028e824-2268-4b14-9e59-1abad65ff393",
        "_links":{"message":{"href":"data:text/plain;charset=utf8,Hi+Lene"}}}"#;
    let input = Input::parse(Some("application/json"), None, body).unwrap();
    assert_eq!(input.required("to"), Ok("sip:lenea@contoso.com"));
    assert!(!input.has("telemetryId"));
    let message = data_uri::read(input.link("message").unwrap()).unwrap();
    assert_eq!((message.format, message.text.reveal()), (MessageFormat::Plain, "Hi Lene"));
}

/// "Receive an IM": an invitation with the one who invites in it, and the message that comes after.
#[test]
fn an_incoming_message_is_told_in_events() {
    let conversation = at("/communication/conversations/c1");
    let participant = format!("{conversation}/participants/toshm@contoso.com");
    let invitation = at("/communication/messagingInvitations/i1");
    let from = Resource::new("participant", &participant)
        .property("sourceNetwork", "SameEnterprise")
        .property("anonymous", false)
        .property("name", "Tosh Meston")
        .property("uri", "sip:toshm@contoso.com")
        .link("conversation", &conversation);
    let text = data_uri::write(MessageFormat::Plain, "Hi Tosh\r\n");
    let started = Resource::new("messagingInvitation", &invitation)
        .property("direction", "Incoming")
        .property("state", "Connecting")
        .link("accept", format!("{invitation}/accept"))
        .link("message", &text)
        .embed_as("from", from);
    let message = Resource::new("message", format!("{conversation}/messaging/messages/2"))
        .property("direction", "Incoming")
        .property("timeStamp", Value::Date(1_364_327_898_968))
        .titled_link("participant", &participant, "Tosh Meston")
        .link("plainMessage", &text);
    let mut document = EventsDocument::new(at("/events?ack=2"), at("/events?ack=3"));
    let link = Link::new("messagingInvitation", &invitation);
    document.push("communication", &at("/communication"), Event::started(link).embed(started));
    let completed = Event::completed(Link::new("message", message.href())).status(Status::Success);
    document.push("conversation", &conversation, completed.embed(message));

    let json = parsed(&document.to_json());
    let [communication, conversation] = json["sender"].as_array().unwrap().as_slice() else {
        panic!("{json}")
    };
    let started = &communication["events"][0];
    assert_eq!(started["type"], "started");
    assert_eq!(started["link"], json!({ "rel": "messagingInvitation", "href": invitation }));
    assert_eq!(started["_embedded"]["messagingInvitation"]["_embedded"]["from"]["name"], "Tosh Meston");
    let completed = &conversation["events"][0];
    assert_eq!((&completed["type"], &completed["status"]), (&json!("completed"), &json!("Success")));
    let message = &completed["_embedded"]["message"];
    assert_eq!(message["timeStamp"], "/Date(1364327898968)/");
    assert_eq!(message["_links"]["plainMessage"]["href"], "data:text/plain;charset=utf-8,Hi+Tosh%0D%0A");
    assert_eq!(message["_links"]["participant"], json!({ "href": participant, "title": "Tosh Meston" }));
    assert!(document.to_json().contains(r#""\/Date(1364327898968)\/""#));
}

/// "Set up presence subscriptions": the key of the sample differs from that of the reference.
#[test]
fn a_subscription_is_asked_for_in_either_spelling() {
    for key in ["uris", "Uris"] {
        let body = format!(r#"{{"duration":11,"{key}":["sip:SaraD@contoso.com"]}}"#);
        let input = Input::parse(Some("application/json"), None, body.as_bytes()).unwrap();
        assert_eq!(input.number("duration"), Ok(Some(11)));
        assert_eq!(input.list("uris").unwrap().unwrap(), ["sip:SaraD@contoso.com"]);
    }
    let extended = Input::parse(Some("application/json"), Some("duration=11&groupId=7"), b"").unwrap();
    assert_eq!(extended.number("duration"), Ok(Some(11)));
}

/// The answer to a batch, read as Microsoft's own library reads it.
#[test]
fn the_answer_to_a_batch_is_read_by_lines() {
    let me = Resource::new("me", at("/me")).property("name", "Dana\r\nBirkby").to_json();
    let answer = BatchAnswer {
        status: 200,
        reason: "OK".into(),
        headers: vec![
            ("content-type".into(), "application/json; charset=utf-8".into()),
            ("etag".into(), "\"1\"".into()),
        ],
        body: me.clone(),
    };
    let body = batch::compose("3968fb75", &[answer.clone(), answer]);
    let parts: Vec<_> =
        body.split("--3968fb75").map(str::trim).filter(|part| !["", "--"].contains(part)).collect();
    assert_eq!(parts.len(), 2);
    for part in parts {
        let lines: Vec<_> = part.split("\r\n").collect();
        assert_eq!(lines[0], "Content-Type: application/http; msgtype=response");
        assert_eq!(lines[2], "HTTP/1.1 200 OK");
        let head: Vec<_> = lines[3..].iter().take_while(|line| !line.is_empty()).collect();
        assert_eq!(head, [&"Etag: \"1\"", &"Content-Type: application/json; charset=utf-8"]);
        assert_eq!(lines.last(), Some(&me.as_str()));
    }
}

fn text() -> impl Strategy<Value = String> {
    "[^\0-\u{1f}\u{fffe}\u{ffff}]{0,20}[\r\n\t]?"
}

proptest! {
    /// What a client gets it sends back in a PUT.
    #[test]
    fn a_resource_reads_back_as_input(name in text(), items in vec(text(), 0..4), count: u32, yes: bool, at in -62_135_596_800_000_i64..253_370_764_800_000) {
        let resource = Resource::new("myOnlineMeeting", "/m/1")
            .property("subject", name.as_str())
            .property("attendees", items.clone())
            .property("count", count)
            .property("yes", yes)
            .property("expirationTime", Value::Date(at))
            .link("message", name.as_str())
            .embed(Resource::new("organizer", "/o"));
        let json = resource.to_json();
        prop_assert!(!json.contains('\n'));
        let xml = resource.to_xml().replacen("<resource ", "<input ", 1);
        let xml = format!("{}</input>", xml.strip_suffix("</resource>").unwrap());
        for (content_type, body) in [("application/json", json), ("application/xml", xml)] {
            let input = Input::parse(Some(content_type), None, body.as_bytes()).unwrap();
            prop_assert_eq!(input.text("subject"), Ok(Some(name.as_str())));
            prop_assert_eq!(input.list("attendees"), Ok(Some(&items[..])));
            prop_assert_eq!(input.number("count"), Ok(Some(count.into())));
            prop_assert_eq!(input.bool("yes"), Ok(Some(yes)));
            prop_assert_eq!(input.date("expirationTime"), Ok(Some(at)));
            prop_assert_eq!(input.link("message"), Some(name.as_str()));
            prop_assert!(!input.has("organizer"));
        }
    }

    #[test]
    fn a_form_reads_back(message in text(), location in text()) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("message", &message).append_pair("location", &location).finish();
        let xml = format!(r#"<input xmlns="{NAMESPACE}"/>"#);
        let as_body = Input::parse(Some("application/x-www-form-urlencoded"), None, form.as_bytes()).unwrap();
        let as_query = Input::parse(Some("text/xml"), Some(&form), xml.as_bytes()).unwrap();
        prop_assert_eq!(as_body.text("message"), Ok(Some(message.as_str())));
        prop_assert_eq!(as_body, as_query);
    }

    #[test]
    fn a_batch_keeps_its_requests_and_their_order(bodies in vec("[^\r\n]{1,30}(\r\n)?[a-z]{1,9}", 1..20)) {
        let parts: String = bodies.iter().enumerate().map(|(n, body)| format!(
            "--b\r\nContent-Type: application/http\r\n\r\nPOST /m/{n} HTTP/1.1\r\nHost: h\r\n\r\n{body}\r\n"
        )).collect();
        let requests = batch::parse(Some("multipart/batching;boundary=b"), format!("{parts}--b--").as_bytes()).unwrap();
        let read: Vec<_> = requests.iter().map(|request| request.body.clone()).collect();
        prop_assert_eq!(read, bodies);
        for (n, request) in requests.iter().enumerate() {
            prop_assert_eq!(&request.target, &format!("/m/{n}"));
        }
    }
}
