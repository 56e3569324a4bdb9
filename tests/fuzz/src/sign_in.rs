use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use fulmar_wire::{
    mcx::{PhotoQuery, Poll},
    ntlm::{Exchange, Message},
    oauth::{OAuthError, PasswordGrant, Token},
    ws_trust::{Fault, TokenRequest, TokenResponse},
};

/// Forms and queries, and the JSON with which forms are answered.
pub(crate) fn forms(bytes: &[u8]) {
    if let Ok(grant) = PasswordGrant::parse(bytes) {
        assert_eq!(PasswordGrant::parse(grant.to_form().as_bytes()), Ok(grant));
    }
    if let Some(poll) = std::str::from_utf8(bytes).ok().and_then(|query| Poll::parse(query).ok()) {
        assert_eq!(Poll::parse(&poll.to_query()), Ok(poll));
    }
    if let Some(photo) = std::str::from_utf8(bytes).ok().and_then(|query| PhotoQuery::parse(query).ok()) {
        assert_eq!(PhotoQuery::parse(&photo.to_query()), Ok(photo));
    }
    if let Ok(token) = Token::parse(bytes) {
        assert_eq!(Token::parse(token.to_json().as_bytes()), Ok(token));
    }
    if let Some(error) = OAuthError::parse(bytes) {
        assert_eq!(OAuthError::parse(error.to_json().as_bytes()), Some(error));
    }
}

/// A message in Base64, as it comes, and the bytes of one.
pub(crate) fn ntlm(bytes: &[u8]) {
    let _ = Message::read(&String::from_utf8_lossy(bytes));
    let Some(exchange) = exchange(b"NTLMSSP\0\x01\0\0\0\x01\x02\x08\0") else {
        panic!("the smallest first message is not taken")
    };
    if let Ok(Message::Authenticate(answer)) = Message::read(&BASE64.encode(bytes)) {
        let _ = exchange.proves(&answer, &[7; 16]);
    } else if let Some(exchange) = self::exchange(bytes) {
        assert!(exchange.www_authenticate().starts_with("NTLM "));
    }
}

fn exchange(bytes: &[u8]) -> Option<Exchange> {
    match Message::read(&BASE64.encode(bytes)) {
        Ok(Message::Negotiate(first)) => {
            Some(Exchange::begin(first, [3; 8], ("web.office.test", "office.test"), 1_767_323_045_000))
        }
        _ => None,
    }
}

pub(crate) fn ws_trust(bytes: &[u8]) {
    if let Ok(request) = TokenRequest::parse(bytes) {
        let again = request.to_xml("https://web.office.test/");
        assert_eq!(TokenRequest::parse(again.as_bytes()), Ok(request));
    }
    if let Ok(response) = TokenResponse::parse(bytes) {
        assert_eq!(TokenResponse::parse(response.to_xml().as_bytes()), Ok(response));
    }
    if let Ok(fault) = Fault::parse(bytes) {
        assert_eq!(Fault::parse(fault.to_xml().as_bytes()), Ok(fault));
    }
}
