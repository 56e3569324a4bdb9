use fulmar_wire::ucwa::{
    Input,
    batch::{self, BatchAnswer, MAX_PARTS},
    data_uri,
};

/// The first line is a type, the rest a body. Bodies of a batch are bodies of an answer, which reads back by its
/// boundary.
pub(crate) fn batch(bytes: &[u8]) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (content_type, body) = bytes.split_at(line);
    let Ok(requests) = batch::parse(std::str::from_utf8(content_type).ok(), body) else { return };
    assert!((1..=MAX_PARTS).contains(&requests.len()));
    let answer = |body: &String| BatchAnswer {
        status: 200,
        reason: "OK".into(),
        headers: Vec::new(),
        body: format!("> {}", body.replace(['\r', '\n'], " ")),
    };
    let answers: Vec<_> = requests.iter().map(|request| answer(&request.body)).collect();
    let written = batch::compose("fulmar", &answers);
    assert_eq!(written.lines().filter(|line| *line == "--fulmar").count(), answers.len());
    for request in requests {
        assert!(request.target.starts_with('/') && !request.method.is_empty(), "{request:?}");
    }
}

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
