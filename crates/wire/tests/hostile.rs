//! No input brings a parser down, and none gets more than its share.

use fulmar_wire::{
    MAX_BODY, XmlError,
    autodiscover::{Document, Format},
    challenge::{Challenge, presented},
    date,
    mcx::{Events, McxError, NAMESPACE, PhotoQuery, Poll, Requests, Responses},
    oauth::{OAuthError, PasswordGrant, Token},
    ucwa::{self, Input, InputError, batch, data_uri, etag_matches},
    ws_trust::{Fault, InvalidRequest, TokenRequest, TokenResponse},
};
use proptest::{collection::vec, prelude::*};

/// Every parser of this crate; what they say does not matter here, that they say something does.
fn feed(bytes: &[u8]) {
    let _ = Requests::parse(bytes);
    let _ = Responses::parse(bytes);
    let _ = Events::parse(bytes);
    let _ = McxError::parse(bytes);
    let _ = TokenRequest::parse(bytes);
    let _ = TokenResponse::parse(bytes);
    let _ = Fault::parse(bytes);
    let _ = Document::parse("text/xml", bytes);
    let _ = Document::parse("application/json", bytes);
    let _ = PasswordGrant::parse(bytes);
    let _ = Token::parse(bytes);
    let _ = OAuthError::parse(bytes);
    for content_type in [None, Some("application/json"), Some("application/xml")] {
        let _ = Input::parse(content_type, None, bytes);
    }
    let _ = batch::parse(Some("multipart/batching;boundary=b"), bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = Input::parse(Some(&text), Some(&text), bytes);
    let _ = batch::parse(Some(&text), bytes);
    let _ = data_uri::read(&text);
    let _ = ucwa::Format::negotiate(Some(&text));
    let _ = etag_matches(&text, "1");
    let _ = Poll::parse(&text);
    let _ = PhotoQuery::parse(&text);
    let _ = Challenge::read(Some(&text), [&*text]);
    let _ = presented(Some(&text), Some(&text));
    let _ = Format::negotiate(Some(&text));
    let _ = date::read(&text);
}

/// Pieces of real messages, so that random input gets beyond the first character.
const PIECES: [&str; 36] = [
    "<mcxRequests xmlns=\"urn:fulmar:mcx:1\" sid=\"s\">",
    "</mcxRequests>",
    "<mcxEvents xmlns=\"urn:fulmar:mcx:1\" sid=\"\" pollWaitTime=\"1\" ackId=\"2\" sessionTimeout=\"3\">",
    "</mcxEvents>",
    "<sendMessage rid=\"1\" confId=\"c\">",
    "</sendMessage>",
    "<message messageId=\"m\" format=\"text/plain\">",
    "</message>",
    "<subscribePresence rid=\"2\"><user uri=\"",
    "\"/></subscribePresence>",
    "<pushTested eid=\"-1\" rid=\"\" accepted=\"maybe\" reason=\"\"/>",
    "<messageReceived eid=\"1\" sentAt=\"99999-13-32T25:61:61Z\">",
    "<UsernameToken><Username>",
    "</Username><Password>",
    "<Fault><faultcode>:",
    "<AutodiscoverResponse AccessLocation=\"External\"><User>",
    "{\"_links\":{\"message\":{\"href\":\"data:text/plain;charset=utf-8,",
    "{\"a\":[null,1e999,{\"b\":",
    "]}",
    "\\ud800",
    "<input xmlns=\"http://schemas.microsoft.com/rtc/2012/03/ucwa\"><propertyList name=\"a\"><item>",
    "</item></propertyList></input>",
    "data:text/html;base64,",
    "%f",
    "multipart/batching;boundary=\"",
    "\r\n--b\r\nContent-Type: application/http\r\n\r\n",
    "POST http:///a HTTP/1.1\r\nData: ",
    "--b--",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "&#x0;",
    "&amp;",
    "\u{feff}",
    "\"",
];

proptest! {
    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..512)) {
        feed(&bytes);
    }

    #[test]
    fn shuffled_pieces_of_messages_are_survived(pieces in vec(prop::sample::select(PIECES.to_vec()), 0..24)) {
        feed(pieces.concat().as_bytes());
    }
}

#[test]
fn deep_input_is_survived_and_refused() {
    for piece in ["<a>", "[", "{\"a\":", "<mcxRequests>", "<input>", "&a;", "--b\r\n", "\r\n", ";", ",", "%"]
    {
        feed(piece.repeat(MAX_BODY / piece.len()).as_bytes());
    }
    let nested = format!(
        r#"<mcxRequests xmlns="{NAMESPACE}">{}{}</mcxRequests>"#,
        "<a>".repeat(2000),
        "</a>".repeat(2000)
    );
    assert_eq!(Requests::parse(nested.as_bytes()), Err(XmlError::TooDeep));
    for (content_type, open, close) in
        [("application/json", "{\"a\":[", "]}"), ("application/xml", "<input>", "</input>")]
    {
        let nested = format!("{}{}", open.repeat(1000), close.repeat(1000));
        let input = Input::parse(Some(content_type), None, nested.as_bytes());
        assert!(matches!(input, Err(InputError::Malformed(_))), "{content_type}");
    }
}

#[test]
fn a_document_type_is_refused_wherever_xml_is_read() {
    let dtd = format!(r#"<!DOCTYPE x [<!ENTITY e "e">]><mcxRequests xmlns="{NAMESPACE}">&e;</mcxRequests>"#);
    let dtd = dtd.as_bytes();
    let refused = |error| matches!(error, Some(XmlError::Malformed(_)));
    assert!(refused(Requests::parse(dtd).err()));
    assert!(refused(Responses::parse(dtd).err()));
    assert!(refused(Events::parse(dtd).err()));
    assert!(refused(McxError::parse(dtd).err()));
    assert!(refused(TokenResponse::parse(dtd).err()));
    assert!(refused(Fault::parse(dtd).err()));
    assert!(matches!(TokenRequest::parse(dtd), Err(InvalidRequest::Xml(XmlError::Malformed(_)))));
    let input = br#"<!DOCTYPE x [<!ENTITY e "e">]><input><property name="a">&e;</property></input>"#;
    assert!(matches!(Input::parse(Some("text/xml"), None, input), Err(InputError::Malformed(_))));
}

#[test]
fn the_box_reads_no_more_than_its_limit() {
    let long = "x".repeat(MAX_BODY + 1);
    assert_eq!(Requests::parse(long.as_bytes()), Err(XmlError::TooLong(long.len())));
    let too_long = InvalidRequest::Xml(XmlError::TooLong(long.len()));
    assert_eq!(TokenRequest::parse(long.as_bytes()), Err(too_long));
    let form = format!("grant_type=password&username=a&password=b&c={long}");
    assert_eq!(PasswordGrant::parse(form.as_bytes()), Err(OAuthError::InvalidRequest));
}

#[test]
fn a_refusal_repeats_little_of_what_it_refuses() {
    let long = "x".repeat(60_000);
    let body = format!(r#"<mcxRequests xmlns="{NAMESPACE}"><{long} rid="1"/></mcxRequests>"#);
    let command = Requests::parse(body.as_bytes()).unwrap().commands.remove(0);
    assert!(command.unwrap_err().reason.len() < 200);
    let kind = format!("<RequestSecurityToken><TokenType>{long}</TokenType></RequestSecurityToken>");
    assert!(TokenRequest::parse(kind.as_bytes()).unwrap_err().to_string().len() < 400);
    let missing = format!(r#"<mcxRequests xmlns="{NAMESPACE}"><{long}/></mcxRequests>"#);
    let command = Requests::parse(missing.as_bytes()).unwrap().commands.remove(0);
    assert!(command.unwrap_err().reason.len() < 200);
}

#[test]
fn what_xml_can_not_carry_is_replaced() {
    let error = McxError { code: "a\0b".into(), reason: "c\u{1b}\u{ffff}".into() };
    let read = McxError::parse(error.to_xml().as_bytes());
    assert_eq!(read, Ok(McxError { code: "a\u{fffd}b".into(), reason: "c\u{fffd}\u{fffd}".into() }));
}
