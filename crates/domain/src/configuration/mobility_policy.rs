use super::{Configuration, Expected, Object, Parameters, Value, boolean};

/// What a person may do with a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MobilityPolicy {
    /// Whether the mobility service is theirs to use at all.
    pub enable_mobility: bool,
    /// Whether calls may come and go by the phone's own network. Read by nothing yet.
    pub enable_outside_voice: bool,
    /// Whether their phones are woken.
    pub enable_push_notifications: bool,
}

impl Default for MobilityPolicy {
    fn default() -> Self {
        Self { enable_mobility: true, enable_outside_voice: true, enable_push_notifications: true }
    }
}

impl Parameters for MobilityPolicy {
    fn values(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("EnableMobility", Value::Boolean(self.enable_mobility)),
            ("EnableOutsideVoice", Value::Boolean(self.enable_outside_voice)),
            ("EnablePushNotifications", Value::Boolean(self.enable_push_notifications)),
        ]
    }

    fn set(&mut self, name: &str, words: &[String]) -> Result<(), Expected> {
        let field = match name {
            "EnableMobility" => &mut self.enable_mobility,
            "EnableOutsideVoice" => &mut self.enable_outside_voice,
            _ => &mut self.enable_push_notifications,
        };
        *field = boolean(words, true)?;
        Ok(())
    }
}

impl Configuration for MobilityPolicy {
    const OBJECT: Object = Object::MobilityPolicy;
}
