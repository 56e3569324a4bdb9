//! Judges a request as Apple documents it: path, header fields, payload.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, request::Parts};
use serde_json::Value;

use super::{Refusal, Shown};

/// The longest payload of an alert.
pub(super) const MAX_PAYLOAD: usize = 4096;
const MAX_COLLAPSE_ID: usize = 64;
const PUSH_TYPES: [&str; 8] =
    ["alert", "background", "location", "voip", "fileprovider", "mdm", "liveactivity", "pushtotalk"];

/// The device token in a request path; empty where there is none.
pub(super) fn device(path: &str) -> &str {
    path.strip_prefix("/3/device/").unwrap_or_default()
}

/// Checks method and path.
pub(super) fn check_line(head: &Parts) -> Result<(), Refusal> {
    if head.method != Method::POST {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"));
    }
    if !head.uri.path().starts_with("/3/device/") {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "BadPath"));
    }
    match device(head.uri.path()) {
        "" => Err(bad("MissingDeviceToken")),
        token if token.len().is_multiple_of(2) && token.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(()),
        _ => Err(bad("BadDeviceToken")),
    }
}

/// Checks everything that does not say who pushes, and tells what the phone then shows.
pub(super) fn check_content(
    head: &Parts,
    payload: &Bytes,
    topic: &str,
    needs_topic: bool,
) -> Result<Shown, Refusal> {
    let fields = Fields::read(&head.headers)?;
    match fields.topic {
        None if needs_topic => return Err(bad("MissingTopic")),
        Some(other) if other != topic => return Err(bad("TopicDisallowed")),
        _ => {}
    }
    Ok(Shown {
        device: device(head.uri.path()).to_owned(),
        collapse_id: fields.collapse_id.map(str::to_owned),
        payload: check_payload(payload)?,
    })
}

struct Fields<'a> {
    topic: Option<&'a str>,
    collapse_id: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Refusal> {
        if headers.keys().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
            return Err(bad("DuplicateHeaders"));
        }
        let field = |name, valid: fn(&str) -> bool, reason| field(headers, name, valid, reason);
        field("apns-id", is_uuid, "BadMessageId")?;
        // The field is required since iOS 13; a phone of that age or later shows nothing without it.
        field("apns-push-type", |text| PUSH_TYPES.contains(&text), "InvalidPushType")?
            .ok_or_else(|| bad("InvalidPushType"))?;
        field("apns-priority", |text| ["10", "5", "1"].contains(&text), "BadPriority")?;
        field("apns-expiration", |text| text.parse::<u32>().is_ok(), "BadExpirationDate")?;
        Ok(Self {
            topic: field("apns-topic", |text| !text.is_empty(), "BadTopic")?,
            collapse_id: field("apns-collapse-id", |text| text.len() <= MAX_COLLAPSE_ID, "BadCollapseId")?,
        })
    }
}

fn field<'a>(
    headers: &'a HeaderMap,
    name: &str,
    valid: fn(&str) -> bool,
    reason: &str,
) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().ok().filter(|text| valid(text)).map(Some).ok_or_else(|| bad(reason))
}

/// RFC 9562 §4: 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn check_payload(payload: &Bytes) -> Result<Value, Refusal> {
    if payload.len() > MAX_PAYLOAD {
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"));
    }
    serde_json::from_slice::<Value>(payload)
        .ok()
        .filter(|value| value["aps"].is_object())
        .ok_or_else(|| bad("PayloadEmpty"))
}

fn bad(reason: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const GOOD: [(&str, &str); 6] = [
        ("apns-id", "eabeae54-14a8-11e5-b60b-1697f925ec7b"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", "0"),
        ("apns-topic", "t"),
        ("apns-collapse-id", "m1"),
    ];
    const PAYLOAD: &str = r#"{"aps":{"alert":"x"}}"#;

    fn head(method: &str, path: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    /// The good request with one field changed; an empty value takes it away.
    fn changed(name: &str, value: &str) -> Parts {
        let mut fields = GOOD.to_vec();
        fields.retain(|(field, _)| *field != name);
        if !value.is_empty() {
            fields.push((name, value));
        }
        head("POST", "/3/device/00fc", &fields)
    }

    fn judge(head: &Parts, payload: &str) -> Result<Shown, String> {
        check_line(head)
            .and_then(|()| check_content(head, &Bytes::copy_from_slice(payload.as_bytes()), "t", true))
            .map_err(|refusal| format!("{} {}", refusal.status.as_u16(), refusal.reason))
    }

    #[test]
    fn a_good_request_is_shown() {
        let shown = judge(&head("POST", "/3/device/00fc", &GOOD), PAYLOAD).unwrap();
        assert_eq!((shown.device.as_str(), shown.collapse_id.as_deref()), ("00fc", Some("m1")));
        assert_eq!(shown.payload["aps"]["alert"], "x");
    }

    #[test]
    fn a_wrong_line_has_its_own_reason() {
        for (method, path, refusal) in [
            ("GET", "/3/device/00fc", "405 MethodNotAllowed"),
            ("POST", "/4/device/00fc", "404 BadPath"),
            ("POST", "/3/device/", "400 MissingDeviceToken"),
            ("POST", "/3/device/00fg", "400 BadDeviceToken"),
            ("POST", "/3/device/00f", "400 BadDeviceToken"),
        ] {
            assert_eq!(judge(&head(method, path, &GOOD), PAYLOAD), Err(refusal.to_owned()));
        }
    }

    #[test]
    fn every_wrong_field_has_its_own_reason() {
        for (name, value, reason) in [
            ("apns-id", "eabeae54", "BadMessageId"),
            ("apns-push-type", "shout", "InvalidPushType"),
            ("apns-push-type", "", "InvalidPushType"),
            ("apns-priority", "9", "BadPriority"),
            ("apns-expiration", "tomorrow", "BadExpirationDate"),
            ("apns-topic", "", "MissingTopic"),
            ("apns-topic", "other", "TopicDisallowed"),
            ("apns-collapse-id", &"x".repeat(65), "BadCollapseId"),
        ] {
            assert_eq!(judge(&changed(name, value), PAYLOAD), Err(format!("400 {reason}")));
        }
        let twice = [GOOD.as_slice(), &[("apns-priority", "5")]].concat();
        assert_eq!(
            judge(&head("POST", "/3/device/00fc", &twice), PAYLOAD),
            Err("400 DuplicateHeaders".to_owned())
        );
    }

    #[test]
    fn optional_fields_may_be_missing() {
        for name in ["apns-id", "apns-priority", "apns-expiration", "apns-collapse-id"] {
            assert!(judge(&changed(name, ""), PAYLOAD).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_payload_is_a_short_object_with_aps() {
        let good = head("POST", "/3/device/00fc", &GOOD);
        let of_size = |size: usize| format!(r#"{{"aps":{{"alert":"{}"}}}}"#, "x".repeat(size - 20));
        assert!(judge(&good, &of_size(MAX_PAYLOAD)).is_ok());
        assert_eq!(judge(&good, &of_size(MAX_PAYLOAD + 1)), Err("413 PayloadTooLarge".to_owned()));
        for empty in ["", "{}", "[]", "no json", r#"{"aps":"x"}"#] {
            assert_eq!(judge(&good, empty), Err("400 PayloadEmpty".to_owned()));
        }
    }
}
