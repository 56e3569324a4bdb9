use super::{Configuration, Expected, Object, Parameters, Value, boolean};
use crate::device::Provider;

/// Which push services are used, and what they are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushNotificationConfiguration {
    /// Whether phones are woken through Apple.
    pub enable_apple_push_notification_service: bool,
    /// Whether devices are woken through WNS.
    pub enable_microsoft_push_notification_service: bool,
    /// Whether a notification says how the message begins, so that the service and a locked screen show it.
    pub enable_message_previews: bool,
}

impl PushNotificationConfiguration {
    /// The switches, and the services that they stand for.
    pub const SWITCHES: [(&str, Provider); 2] =
        [("EnableApplePushNotificationService", Provider::Apns), (MICROSOFT, Provider::Wns)];

    /// Whether the service is switched on. Those without a switch are, while the box has settings for them.
    pub fn is_on(&self, provider: Provider) -> bool {
        match provider {
            Provider::Apns => self.enable_apple_push_notification_service,
            Provider::Wns => self.enable_microsoft_push_notification_service,
            Provider::WebPush | Provider::Fcm => true,
        }
    }
}

const MICROSOFT: &str = "EnableMicrosoftPushNotificationService";
const PREVIEWS: &str = "EnableMessagePreviews";

impl Parameters for PushNotificationConfiguration {
    fn values(&self) -> Vec<(&'static str, Value)> {
        let value = |(name, provider)| (name, Value::Boolean(self.is_on(provider)));
        let previews = (PREVIEWS, Value::Boolean(self.enable_message_previews));
        Self::SWITCHES.into_iter().map(value).chain([previews]).collect()
    }

    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected> {
        let field = match name {
            MICROSOFT => &mut self.enable_microsoft_push_notification_service,
            PREVIEWS => &mut self.enable_message_previews,
            _ => &mut self.enable_apple_push_notification_service,
        };
        *field = boolean(words, false)?;
        Ok(())
    }
}

impl Configuration for PushNotificationConfiguration {
    const OBJECT: Object = Object::PushNotification;
}
