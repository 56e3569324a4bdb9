//! What Firebase is told: whom to wake, and what the phone shows ("REST Resource: projects.messages").

use fulmar_domain::{Timestamp, device::FcmToken, push::Notification};
use serde_json::{Value, json};

use crate::words;

/// The body. The tag makes a later notification take the place of an earlier one that is shown; the collapse key does so
/// with those that wait.
pub(super) fn body(notification: &Notification, to: &FcmToken, now: Timestamp) -> Value {
    let (title, text) = words::of(&notification.subject);
    let id = &notification.collapse_id;
    let time_to_live = notification.expires_at.since(now).as_secs();
    let mut shown = json!({ "body": text });
    if let Some(title) = title {
        shown["title"] = title.into();
    }
    json!({ "message": {
        "token": to.reveal(),
        "notification": shown,
        "data": { "collapseId": id, "badge": notification.badge.to_string() },
        "android": {
            "priority": "HIGH",
            "ttl": format!("{time_to_live}s"),
            "collapse_key": id,
            "notification": { "tag": id, "notification_count": notification.badge },
        },
    } })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Firebase takes 4,096 bytes ("About FCM messages").
    #[test]
    fn the_longest_message_is_taken() {
        let token = "t".repeat(300).parse().unwrap();
        for notification in words::tests::longest() {
            let body = body(&notification, &token, Timestamp::from_millis(0)).to_string();
            assert!((500..=4096).contains(&body.len()), "{} bytes", body.len());
        }
    }
}
