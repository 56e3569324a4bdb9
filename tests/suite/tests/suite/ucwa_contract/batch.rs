//! "batch".

use super::*;

const TYPE: (&str, &str) = ("content-type", "multipart/batching;boundary=77f2569d");

fn part(request: &str, rest: &str) -> String {
    format!(
        "\r\n--77f2569d\r\nContent-Type: application/http; msgtype=request\r\n\r\n{request} HTTP/1.1\r\n\
         Host: web.office.test\r\nAccept: application/json\r\n{rest}\r\n\r\n"
    )
}

async fn batch(anna: &Application, parts: &[String]) -> Answer {
    let body = parts.concat() + "--77f2569d--\r\n";
    let accept = ("accept", "multipart/batching");
    anna.ask(Method::POST, &at(anna, "batch"), &[TYPE, accept], &body).await.unwrap()
}

/// The status and the body of each part.
fn answers(answer: &Answer) -> Vec<(u16, Value)> {
    let (kind, boundary) = answer.reply.header("content-type").unwrap().split_once("boundary=").unwrap();
    assert!(kind.starts_with("multipart/batching"), "{kind}");
    let text = String::from_utf8(answer.reply.body.to_vec()).unwrap();
    let delimiter = format!("--{}", boundary.trim_matches('"'));
    let mut parts = text.split(&delimiter).skip(1);
    let read = |part: &str| {
        let (outer, inner) = part.trim_start().split_once("\r\n\r\n").unwrap();
        assert_eq!(outer, "Content-Type: application/http; msgtype=response");
        let (header, body) = inner.split_once("\r\n\r\n").unwrap();
        let status = header.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        (status, serde_json::from_str(body.trim()).unwrap_or_default())
    };
    let answers = parts.by_ref().take_while(|part| !part.starts_with("--")).map(read).collect();
    assert_eq!(parts.next(), None);
    answers
}

#[tokio::test]
async fn two_requests_are_answered_in_their_order() {
    let (_office, anna) = anna().await;
    let note = "Content-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"message\":\"Hi\"}";
    let me = at(&anna, "me");
    let requests = [
        part(&format!("GET {}", at(&anna, "people/contacts")), ""),
        part(&format!("POST {me}/makeMeAvailable"), ""),
        part(&format!("POST {me}/note"), note),
        part(&format!("GET {me}/note"), ""),
        part(&format!("GET {}", at(&anna, "nothing")), ""),
    ];
    let answer = batch(&anna, &requests).await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    let answers = answers(&answer);
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 204, 204, 200, 404]);
    assert_eq!((&answers[0].1["rel"], &answers[3].1["message"]), (&json!("myContacts"), &json!("Hi")));
    assert_eq!(answers[4].1["code"], "NotFound");
}

#[tokio::test]
async fn more_than_a_hundred_are_429_and_nothing_is_done() {
    let (_office, anna) = anna().await;
    let available = part(&format!("POST {}/makeMeAvailable", at(&anna, "me")), "");
    let many = vec![part(&format!("GET {}", at(&anna, "me")), ""); 100];
    let refused = batch(&anna, &[vec![available], many.clone()].concat()).await;
    let (status, code, _) = refusal(&refused);
    assert_eq!((status, code.as_str()), (429, "TooManyRequests"));
    assert_eq!(refused.reply.header("retry-after"), Some("5"));
    assert!(anna.follow(&["me"]).await.unwrap().link("makeMeAvailable").is_ok(), "it was carried out");
    assert_eq!(answers(&batch(&anna, &many).await).len(), 100);
}

#[tokio::test]
async fn what_stands_alone_is_refused_in_its_place() {
    let (_office, anna) = anna().await;
    let alone = ["batch", "events?ack=1", "photos/anna@office.test"];
    let requests = alone.map(|path| part(&format!("GET {}", at(&anna, path)), ""));
    for (status, body) in answers(&batch(&anna, &requests).await) {
        assert_eq!((status, &body["code"]), (400, &json!("BadRequest")));
    }
}

#[tokio::test]
async fn what_is_no_batch_is_refused_whole() {
    let (_office, anna) = anna().await;
    let place = at(&anna, "batch");
    let (status, ..) = refusal(&post(&anna, &place, &json!({})).await);
    assert_eq!(status, 415);
    for (content_type, body) in [("multipart/batching", "x"), (TYPE.1, "x"), (TYPE.1, "--77f2569d\r\n")] {
        let refused = anna.ask(Method::POST, &place, &[("content-type", content_type)], body).await.unwrap();
        assert_eq!(refusal(&refused).0, 400, "{content_type} {body}");
    }
}
