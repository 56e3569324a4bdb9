//! Two clients of UCWA that follow links: signing in, being seen, a conversation from the invitation to its end.

use fulmar_suite::{Kind, Office, PASSWORD};
use fulmarctl::phone::Network;
use http::Method;
use serde_json::{Value, json};

/// Somebody's application.
struct Client {
    network: Network,
    origin: String,
    token: String,
    application: Value,
    /// Where the next events are.
    next: String,
}

/// An answer: status, where it leads, and what it holds.
struct Answer {
    status: u16,
    location: Option<String>,
    body: Value,
}

impl Client {
    /// Signs somebody in and makes an application.
    async fn new(office: &Office, name: &str) -> Self {
        let (network, port) = (office.network().unwrap(), office.https().port());
        let origin = format!("https://web.office.test:{port}");
        let form = format!("grant_type=password&username={name}@office.test&password={PASSWORD}");
        let url = format!("{origin}/WebTicket/oauthtoken");
        let form_type = [("content-type", "application/x-www-form-urlencoded")];
        let reply = network.request(Method::POST, &url, &form_type, form).await.unwrap();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let token = body["access_token"].as_str().unwrap().to_owned();
        let mut client = Self { network, origin, token, application: Value::Null, next: String::new() };
        let description = json!({ "UserAgent": "Suite/1", "EndpointId": "e-1", "culture": "en-US" });
        let made = client.post("/ucwa/oauth/v1/applications", &description).await;
        assert_eq!(made.status, 201, "{}", made.body);
        client.next = href(&made.body, "events");
        client.application = made.body;
        client
    }

    async fn ask(&self, method: Method, path: &str, content_type: &str, body: String) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        let url = format!("{}{path}", self.origin);
        let reply = self.network.request(method, &url, &headers, body).await.unwrap();
        let location = reply.headers.get("location").map(|place| place.to_str().unwrap().to_owned());
        let body = serde_json::from_slice(&reply.body).unwrap_or_default();
        Answer { status: reply.status.as_u16(), location, body }
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, "application/json", String::new()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, "application/json", body.to_string()).await
    }

    /// Posts nothing and expects to be done.
    async fn act(&self, path: &str) {
        let answer = self.ask(Method::POST, path, "application/json", String::new()).await;
        assert_eq!(answer.status, 204, "{path}: {}", answer.body);
    }

    async fn make_available(&self) {
        let place = href(&self.application["_embedded"]["me"], "makeMeAvailable");
        let wanted = json!({ "SupportedModalities": ["Messaging"], "signInAs": "Busy" });
        assert_eq!(self.post(&place, &wanted).await.status, 204);
    }

    /// The next events: who they are of, and what they say.
    async fn events(&mut self) -> Vec<(String, Value)> {
        let document = self.get(&self.next).await;
        self.next = href(&document, "next");
        let of = |sender: &Value| {
            let rel = sender["rel"].as_str().unwrap().to_owned();
            sender["events"].as_array().unwrap().iter().map(|event| (rel.clone(), event.clone())).collect()
        };
        let senders = document["sender"].as_array().unwrap();
        senders.iter().map(of).collect::<Vec<Vec<_>>>().concat()
    }

    /// Takes events until one of that kind about that resource.
    async fn until(&mut self, kind: &str, rel: &str) -> Value {
        for _ in 0..10 {
            let found = self.events().await.into_iter().find(|(_, event)| is(event, kind, rel));
            if let Some((_, event)) = found {
                return event;
            }
        }
        panic!("no `{rel}` was {kind}");
    }
}

fn is(event: &Value, kind: &str, rel: &str) -> bool {
    event["type"] == kind && event["link"]["rel"] == rel
}

fn href(resource: &Value, rel: &str) -> String {
    let href = resource["_links"][rel]["href"].as_str();
    href.unwrap_or_else(|| panic!("no link `{rel}` in {resource}")).to_owned()
}

#[tokio::test]
async fn a_conversation_from_the_invitation_to_its_end() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let (mut anna, mut ben) = (Client::new(&office, "anna").await, Client::new(&office, "ben").await);
    anna.make_available().await;
    ben.make_available().await;
    let communication = anna.until("updated", "communication").await;
    ben.until("updated", "communication").await;

    let start = href(&communication["_embedded"]["communication"], "startMessaging");
    let wanted = json!({ "to": "sip:ben@office.test", "operationId": "o-1",
        "_links": { "message": { "href": "data:text/plain;charset=utf-8,Hi+Ben%21" } } });
    let started = anna.post(&start, &wanted).await;
    assert_eq!(started.status, 201, "{}", started.body);
    let invitation = anna.get(&started.location.unwrap()).await;
    assert_eq!((&invitation["direction"], &invitation["state"]), (&json!("Outgoing"), &json!("Connecting")));

    let invited = ben.until("started", "messagingInvitation").await;
    let invitation = &invited["_embedded"]["messagingInvitation"];
    assert_eq!(invitation["_embedded"]["from"]["uri"], "sip:anna@office.test");
    ben.act(&href(invitation, "accept")).await;
    let accepted = ben.until("completed", "messagingInvitation").await;
    assert_eq!(accepted["status"], "Success");

    let done = anna.until("completed", "messagingInvitation").await;
    assert_eq!(
        (&done["status"], &done["_embedded"]["messagingInvitation"]["state"]),
        (&json!("Success"), &json!("Connected"))
    );
    let messaging = anna
        .get(&href(
            &anna.get(&href(&done["_embedded"]["messagingInvitation"], "conversation")).await,
            "messaging",
        ))
        .await;
    assert_eq!(messaging["state"], "Connected");
    let sent = anna.ask(Method::POST, &href(&messaging, "sendMessage"), "text/plain", "And?".into()).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    let told = anna.until("completed", "message").await;
    let own = &told["_embedded"]["message"];
    assert_eq!(own["direction"], "Outgoing");
    assert!(own["_links"]["plainMessage"].is_null(), "there are clients that answer any text: {own}");
    let long = format!("{}?operationId={}", href(&messaging, "sendMessage"), "x".repeat(51));
    assert_eq!(anna.ask(Method::POST, &long, "text/plain", "And?".into()).await.status, 400);
    let message = ben.until("completed", "message").await;
    let message = &message["_embedded"]["message"];
    assert_eq!(
        (&message["direction"], href(message, "plainMessage").as_str()),
        (&json!("Incoming"), "data:text/plain;charset=utf-8,And%3F")
    );

    // An answer to the message's own place.
    let place = href(message, "self");
    let sent = ben.ask(Method::POST, &place, "text/plain; charset=utf-8", "Yes".into()).await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    ben.act(
        &href(&messaging, "setIsTyping")
            .replace(&href(&anna.application, "self"), &href(&ben.application, "self")),
    )
    .await;
    let typing = anna.until("added", "participant").await;
    assert_eq!(typing["in"]["rel"], "typingParticipants");
    anna.act(&href(&messaging, "stopMessaging")).await;
    ben.until("deleted", "conversation").await;
}

#[tokio::test]
async fn a_method_that_does_not_fit_is_refused_in_the_words_of_the_service() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = Client::new(&office, "anna").await;
    let at = |rel: &str| href(&anna.application, rel);
    for path in ["/ucwa/oauth/v1/applications".to_owned(), at("events"), at("batch"), at("policies")] {
        let refused = anna.ask(Method::PUT, &path, "application/json", "{}".into()).await;
        assert_eq!((refused.status, &refused.body["code"]), (405, &json!("MethodNotAllowed")), "{path}");
    }
}

#[tokio::test]
async fn a_batch_is_answered_part_by_part_and_what_stands_alone_is_refused_in_it() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = Client::new(&office, "anna").await;
    let at = |rel: &str| href(&anna.application, rel);
    let part = |request: &str| {
        format!(
            "--b\r\nContent-Type: application/http; msgtype=request\r\n\r\n{request} HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n"
        )
    };
    let requests = [
        format!("GET {}", at("policies")),
        format!("GET {}/people/contacts", at("self")),
        format!("GET {}", at("events")),
        format!("POST {}/me/makeMeAvailable", at("self")),
    ];
    let body: String = requests.iter().map(|request| part(request)).chain(["--b--\r\n".to_owned()]).collect();
    let bearer = format!("Bearer {}", anna.token);
    let headers = [("authorization", bearer.as_str()), ("content-type", "multipart/batching;boundary=b")];
    let url = format!("{}{}", anna.origin, at("batch"));
    let reply = anna.network.request(Method::POST, &url, &headers, body.clone()).await.unwrap();
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    assert_eq!(reply.status.as_u16(), 200, "{text}");
    let statuses: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).collect();
    assert_eq!(statuses, ["200 OK", "200 OK", "400 Bad Request", "204 No Content"], "{text}");
    assert!(text.contains("sip:ben@office.test") && text.contains("\"rel\":\"policies\""), "{text}");

    let many: String = (0..101).map(|_| part(&requests[0])).chain(["--b--\r\n".to_owned()]).collect();
    let refused = anna.network.request(Method::POST, &url, &headers, many).await.unwrap();
    assert_eq!(refused.status.as_u16(), 429);
}

#[tokio::test]
async fn a_meeting_is_planned_changed_as_it_was_seen_and_deleted() {
    let office = Office::new(Kind::InProcess).await.unwrap();
    let anna = Client::new(&office, "anna").await;
    let mine = href(&anna.application["_embedded"]["onlineMeetings"], "myOnlineMeetings");
    let wanted =
        json!({ "subject": "Plans", "attendees": ["sip:ben@office.test"], "accessLevel": "Invited" });
    let made = anna.post(&mine, &wanted).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (place, etag) = (made.location.unwrap(), made.body["etag"].as_str().unwrap().to_owned());
    assert_eq!(made.body["attendees"], json!(["sip:ben@office.test"]));
    let uri = made.body["onlineMeetingUri"].as_str().unwrap();
    assert!(uri.starts_with("sip:anna@office.test;gruu;opaque=app:conf:focus:id:"), "{uri}");

    let put = async |etag: Option<&str>, body: &Value| {
        let (bearer, tag) = (format!("Bearer {}", anna.token), etag.map(|etag| format!("\"{etag}\"")));
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
        let url = format!("{}{place}", anna.origin);
        let reply = anna.network.request(Method::PUT, &url, &headers, body.to_string()).await.unwrap();
        (reply.status.as_u16(), serde_json::from_slice::<Value>(&reply.body).unwrap_or_default())
    };
    let mut changed = made.body.clone();
    changed["subject"] = "Other plans".into();
    assert_eq!(put(None, &changed).await.0, 428);
    assert_eq!(put(Some("1"), &changed).await.0, 412);
    assert_eq!(put(Some(&etag), &json!({ "subject": "x" })).await.0, 400);
    let (status, now) = put(Some(&etag), &changed).await;
    assert_eq!((status, &now["subject"]), (200, &json!("Other plans")), "{now}");
    assert_eq!(put(Some(&etag), &changed).await.0, 412, "it was changed");
    assert_eq!(anna.get(&mine).await["_embedded"]["myOnlineMeeting"][0]["subject"], "Other plans");
    let gone = anna.ask(Method::DELETE, &place, "application/json", String::new()).await;
    assert_eq!(gone.status, 204);
    assert_eq!(anna.ask(Method::GET, &place, "", String::new()).await.status, 404);
}
