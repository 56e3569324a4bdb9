use fulmar_wire::{
    MAX_BODY,
    mcx::{Events, MAX_COMMANDS, McxError, Requests, Responses},
};

/// What the box reads.
pub(crate) fn requests(bytes: &[u8]) {
    let Ok(mut requests) = Requests::parse(bytes) else { return };
    assert!((1..=MAX_COMMANDS + 1).contains(&requests.commands.len()));
    // Rejections are not written.
    requests.commands.retain(Result::is_ok);
    let written = requests.to_xml();
    if !requests.commands.is_empty() && written.len() <= MAX_BODY {
        assert_eq!(Requests::parse(written.as_bytes()), Ok(requests));
    }
}

/// What a phone reads.
pub(crate) fn events(bytes: &[u8]) {
    if let Ok(events) = Events::parse(bytes) {
        assert_eq!(Events::parse(events.to_xml().as_bytes()), Ok(events));
    }
    if let Ok(responses) = Responses::parse(bytes) {
        assert_eq!(Responses::parse(responses.to_xml().as_bytes()), Ok(responses));
    }
    if let Ok(error) = McxError::parse(bytes) {
        assert_eq!(McxError::parse(error.to_xml().as_bytes()), Ok(error));
    }
}
