//! "photo", "contactPhoto", and the cookie that shows them ("Get my photo").

use fulmarctl::admin::{UserCommand, user};

use super::*;

/// Gives ben a photo, or takes it away.
async fn give_ben_a_photo(office: &Office, there: bool) {
    // A grey pixel.
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82";
    let file = office.dir().join("ben.png");
    std::fs::write(&file, png).unwrap();
    let file = there.then_some(file);
    let command = UserCommand::Photo { address: "ben@office.test".to_owned(), file, remove: !there };
    user::run(&office.admin(), command, &mut Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_photo_is_a_jpeg_that_a_client_keeps() {
    let (office, anna) = anna().await;
    let contact = get(&anna, &at(&anna, "people/ben@office.test")).await.body;
    let place = contact.link("contactPhoto").unwrap();
    assert_eq!(place, at(&anna, "photos/ben@office.test"));
    let none = as_refusal(404, "NotFound", "ResourceNotFound");
    assert_eq!(refusal(&get(&anna, place).await), none);
    give_ben_a_photo(&office, true).await;
    let mut sizes = Vec::new();
    for query in ["", "?size=HR48X48", "?size=HR648X648"] {
        let photo = get(&anna, &format!("{place}{query}")).await;
        assert_eq!((photo.status(), photo.reply.header("content-type")), (200, Some("image/jpeg")));
        assert!(photo.reply.body.starts_with(b"\xff\xd8\xff"), "{query}");
        assert_eq!(photo.reply.header("cache-control"), Some("private, no-cache"));
        sizes.push(photo.reply.body.len());
        let etag = photo.reply.header("etag").unwrap();
        let known = [("if-none-match", etag), ("accept", "image/jpeg")];
        let same = anna.ask(Method::GET, &format!("{place}{query}"), &known, "").await.unwrap();
        assert_eq!((same.status(), same.reply.body.len()), (304, 0));
    }
    assert!(sizes[0] == sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    let refused = get(&anna, &format!("{place}?size=huge")).await;
    assert_eq!(refusal(&refused), as_refusal(400, "BadRequest", "ParameterValidationFailure"));
    give_ben_a_photo(&office, false).await;
    assert_eq!(refusal(&get(&anna, place).await), none);
    let own = anna.follow(&["me"]).await.unwrap().link("photo").unwrap().to_owned();
    assert_eq!(own, at(&anna, "photos/anna@office.test"));
}

#[tokio::test]
async fn a_browser_shows_photos_by_a_cookie_and_nothing_else() {
    let office = office().await;
    give_ben_a_photo(&office, true).await;
    let network = office.network().unwrap();
    let origin = format!("https://web.office.test:{}", office.https().port());
    let bearer = format!("Bearer cwt={}", fresh_ticket(&office, "anna").await.reveal());
    let wanted = json!({ "userAgent": "Page", "endpointId": "page-1", "culture": "en-US" }).to_string();
    let headers = [("authorization", bearer.as_str()), JSON];
    let made =
        network.request(Method::POST, &format!("{origin}{APPLICATIONS}"), &headers, wanted).await.unwrap();
    let place = made.header("location").unwrap();
    let cookie = made.header("set-cookie").unwrap();
    assert!(cookie.contains(&format!("; path={place}/photos; secure; HttpOnly")), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert!(pair.starts_with("cwt_ucwa="), "{cookie}");
    let ask = async |path: &str, cookie: &str| {
        let url = format!("{origin}{place}{path}");
        network.request(Method::GET, &url, &[("cookie", cookie)], "").await.unwrap().status.as_u16()
    };
    assert_eq!(ask("/photos/ben@office.test", &format!("theme=dark; {pair}")).await, 200);
    assert_eq!(ask("/photos/ben@office.test", "cwt_ucwa=x").await, 401);
    for path in ["", "/me", "/people/ben@office.test"] {
        assert_eq!(ask(path, pair).await, 401, "{path}");
    }
}
