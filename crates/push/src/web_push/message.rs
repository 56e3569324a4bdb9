//! A notification as a request to a push service (RFC 8030 §5).

use std::time::Duration;

use bytes::Bytes;
use fulmar_domain::{Timestamp, device::Endpoint, push::Notification};
use http::{
    Method, Request,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::Full;
use serde_json::json;

use crate::words;

/// What the device is told, in JSON. Only the device can read it; the collapse id lets it show one alert for one message.
pub(super) fn text(notification: &Notification) -> String {
    let (title, body) = words::of(&notification.subject);
    let (badge, id) = (notification.badge, &notification.collapse_id);
    json!({ "title": title.unwrap_or_default(), "body": body, "badge": badge, "collapseId": id }).to_string()
}

/// The request. The topic makes a later message take the place of an earlier one that still waits (RFC 8030 §5.4): a
/// collapse id is one, having at most 32 of the characters of base64url.
pub(super) fn request(
    endpoint: &Endpoint,
    authorization: &str,
    notification: &Notification,
    sealed: Vec<u8>,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let time_to_live: Duration = notification.expires_at.since(now);
    Request::builder()
        .method(Method::POST)
        .uri(endpoint.reveal())
        .header(AUTHORIZATION, authorization)
        .header(CONTENT_ENCODING, "aes128gcm")
        .header(CONTENT_TYPE, "application/octet-stream")
        .header("ttl", time_to_live.as_secs())
        .header("urgency", "high")
        .header("topic", &notification.collapse_id)
        .body(Full::from(sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service takes 4,096 bytes of what is encrypted (RFC 8030 §7.2), which leaves 3,993 for the text (RFC 8291 §4).
    #[test]
    fn the_longest_text_is_taken() {
        for notification in words::tests::longest() {
            let text = text(&notification);
            assert!((200..=3993).contains(&text.len()), "{} bytes", text.len());
        }
    }
}
