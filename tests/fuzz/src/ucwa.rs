use fulmar_wire::ucwa::{Input, data_uri};

/// The first line is a query, the rest a body that is what it begins like.
pub(crate) fn input(bytes: &[u8]) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (query, body) = bytes.split_at(line);
    let Ok(input) = Input::parse(None, std::str::from_utf8(query).ok(), body) else { return };
    for name in ["operationId", "to", "Uris", "duration", "expirationTime", "automatic"] {
        let values = input.list(name).unwrap_or_default();
        assert!(input.has(name) || values.is_none(), "{name}");
        if let Ok(Some(text)) = input.text(name) {
            assert_eq!(values, Some(&[text.to_owned()][..]), "{name}");
        }
        let _ = (input.required(name), input.number(name), input.bool(name), input.date(name));
    }
    let _ = input.link("message");
}

pub(crate) fn message(bytes: &[u8]) {
    if let Some(message) = std::str::from_utf8(bytes).ok().and_then(|uri| data_uri::read(uri).ok()) {
        let written = data_uri::write(message.format, message.text.reveal());
        assert_eq!(data_uri::read(&written), Ok(message));
    }
}
