//! A notification as Apple takes it ("Sending notification requests to APNs"). Apple reads what it says.

use a2::{
    CollapseId, DefaultNotificationBuilder, NotificationBuilder, NotificationOptions, Priority, PushType,
    request::payload::{Payload, PayloadLike},
};
use bytes::Bytes;
use fulmar_domain::{device::DeviceToken, push::Notification};
use http::{Method, Request, header::AUTHORIZATION, request::Builder};
use http_body_util::Full;

use crate::{error::SendError, words};

/// The request for one notification. `apns_id` is a UUID; a client certificate takes the place of `token`.
pub(super) fn request(
    notification: &Notification,
    device: &DeviceToken,
    endpoint: &str,
    topic: &str,
    apns_id: &str,
    token: Option<&str>,
) -> Result<Request<Full<Bytes>>, SendError> {
    let payload = payload(notification, device, topic, apns_id)?;
    let body = payload.to_json_string().map_err(SendError::Payload)?;
    let mut request =
        Request::builder().method(Method::POST).uri(format!("{endpoint}/3/device/{}", payload.device_token));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("bearer {token}"));
    }
    with_options(request, payload.options).body(Full::from(body)).map_err(SendError::Request)
}

fn payload<'a>(
    notification: &'a Notification,
    device: &'a DeviceToken,
    topic: &'a str,
    apns_id: &'a str,
) -> Result<Payload<'a>, SendError> {
    let builder = DefaultNotificationBuilder::new().set_sound("default").set_badge(notification.badge);
    let (title, text) = words::of(&notification.subject);
    let builder = title.into_iter().fold(builder.set_body(text), DefaultNotificationBuilder::set_title);
    let options = NotificationOptions {
        apns_id: Some(apns_id),
        apns_push_type: Some(PushType::Alert),
        apns_expiration: u64::try_from(notification.expires_at.as_millis() / 1000).ok(),
        apns_priority: Some(Priority::High),
        apns_topic: Some(topic),
        apns_collapse_id: Some(CollapseId::new(&notification.collapse_id).map_err(SendError::Payload)?),
    };
    let mut payload = builder.build(device.reveal(), options);
    // a2 writes a zero here, which asks for nothing.
    payload.aps.mutable_content = None;
    Ok(payload)
}

fn with_options(request: Builder, options: NotificationOptions<'_>) -> Builder {
    let fields = [
        ("apns-id", options.apns_id.map(str::to_owned)),
        ("apns-push-type", options.apns_push_type.map(|kind| kind.to_string())),
        ("apns-expiration", options.apns_expiration.map(|seconds| seconds.to_string())),
        ("apns-priority", options.apns_priority.map(|priority| priority.to_string())),
        ("apns-topic", options.apns_topic.map(str::to_owned)),
        ("apns-collapse-id", options.apns_collapse_id.map(|id| id.value.to_owned())),
    ];
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .fold(request, |request, (name, value)| request.header(name, value))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// Apple takes 4,096 bytes ("Generating a remote notification").
    #[tokio::test]
    async fn the_longest_payload_is_taken() {
        for notification in words::tests::longest() {
            let device = "a".repeat(200).parse().unwrap();
            let request = request(&notification, &device, "https://a.test", "topic", "id", None).unwrap();
            let payload = request.into_body().collect().await.unwrap().to_bytes();
            assert!((200..=4096).contains(&payload.len()), "{} bytes", payload.len());
        }
    }
}
