use std::time::Duration;

use super::{Configuration, Expected, Object, Parameters, Value, one};

/// How long what happened in conversations is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivingConfiguration {
    /// For how many days.
    pub keep_archiving_data_for_days: u16,
}

impl ArchivingConfiguration {
    /// For how long.
    pub fn keeps(&self) -> Duration {
        Duration::from_secs(u64::from(self.keep_archiving_data_for_days) * 24 * 3600)
    }
}

const DEFAULT: u16 = 30;

impl Default for ArchivingConfiguration {
    fn default() -> Self {
        Self { keep_archiving_data_for_days: DEFAULT }
    }
}

impl Parameters for ArchivingConfiguration {
    fn values(&self) -> Vec<(&'static str, Value)> {
        vec![("KeepArchivingDataForDays", Value::Number(self.keep_archiving_data_for_days.into()))]
    }

    /// The bounds are the original's. Nothing can not be kept: a message waits for devices that are away.
    fn set(&mut self, _: &str, words: &[String]) -> Result<(), Expected> {
        let read = |word: &str| word.parse().ok().filter(|days| (1..=2562).contains(days));
        self.keep_archiving_data_for_days = one(words, DEFAULT, read, "days, 1 to 2562")?;
        Ok(())
    }
}

impl Configuration for ArchivingConfiguration {
    const OBJECT: Object = Object::Archiving;
}
