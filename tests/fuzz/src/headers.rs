use fulmar_wire::{
    MAX_CREDENTIAL,
    autodiscover::Format,
    challenge::{self, Challenge},
    date, ucwa,
};

/// The first line is one header field, the second another.
pub(crate) fn challenge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (one, other) = text.split_once('\n').unwrap_or((&text, &text));
    let _ = Challenge::read(Some(one), Some(other));
    let _ = challenge::presented(Some(one), Some(other));
    if let Some((username, password)) = challenge::basic(one) {
        assert!(username.len() <= MAX_CREDENTIAL && password.reveal().len() <= MAX_CREDENTIAL);
    }
    let said = challenge::diagnostics(28_020, one, other);
    assert!(said.matches('"').count() == 4 && !said.contains(char::is_control), "{said:?}");
}

pub(crate) fn date(bytes: &[u8]) {
    if let Some(millis) = std::str::from_utf8(bytes).ok().and_then(date::read) {
        assert_eq!(date::read(&date::write(millis)), Some(millis));
    }
}

pub(crate) fn negotiation(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Format::negotiate(Some(&text));
    let _ = ucwa::Format::negotiate(Some(&text));
    let _ = ucwa::etag_matches(&text, "17");
}
