use super::{Configuration, Expected, Object, Parameters, Value, boolean, one};

/// Which push services are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushNotificationConfiguration {
    /// Whether phones are woken through Apple.
    pub enable_apple_push_notification_service: bool,
}

impl Parameters for PushNotificationConfiguration {
    fn values(&self) -> Vec<(&'static str, Value)> {
        vec![
            (
                "EnableApplePushNotificationService",
                Value::Boolean(self.enable_apple_push_notification_service),
            ),
            ("EnableMicrosoftPushNotificationService", Value::Boolean(false)),
        ]
    }

    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected> {
        if name == "EnableApplePushNotificationService" {
            self.enable_apple_push_notification_service = boolean(words, false)?;
            return Ok(());
        }
        let read = |word: &str| boolean(&[word.to_owned()], false).ok().filter(|enabled| !enabled);
        one(words, false, read, "`False`: the service it stood for exists no more").map(drop)
    }
}

impl Configuration for PushNotificationConfiguration {
    const OBJECT: Object = Object::PushNotification;
}
