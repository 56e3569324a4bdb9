//! Events of `tracing` as entries of the journal. Each field becomes a field of the entry.

use std::{fmt, io};

use log::{
    Record,
    kv::{Key, Source, Value, VisitSource},
};
use systemd_journal_logger::JournalLog;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Writes to the journal of systemd.
pub(crate) struct Journal(JournalLog);

impl Journal {
    pub(crate) fn connect() -> io::Result<Self> {
        Ok(Self(JournalLog::new()?.with_syslog_identifier("fulmard".to_owned())))
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let mut record = Record::builder();
        record
            .level(level(*metadata.level()))
            .target(metadata.target())
            .module_path(metadata.module_path())
            .file(metadata.file())
            .line(metadata.line())
            .key_values(&fields);
        // A journal that does not take an entry is nothing that could be logged.
        let _ = self.0.journal_send(&record.args(format_args!("{}", fields.message)).build());
    }
}

fn level(level: Level) -> log::Level {
    match level {
        Level::ERROR => log::Level::Error,
        Level::WARN => log::Level::Warn,
        Level::INFO => log::Level::Info,
        Level::DEBUG => log::Level::Debug,
        Level::TRACE => log::Level::Trace,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        self.record_debug(field, &format_args!("{text}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.others.push((field.name(), format!("{value:?}")));
        }
    }
}

impl Source for Fields {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), log::kv::Error> {
        self.others
            .iter()
            .try_for_each(|(key, value)| visitor.visit_pair(Key::from_str(key), Value::from(value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Collect(Arc<Mutex<Vec<Fields>>>);

    impl<S: Subscriber> Layer<S> for Collect {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields);
        }
    }

    #[test]
    fn message_and_fields_are_told_apart_and_errors_name_their_causes() {
        let seen = Collect::default();
        let subscriber = tracing_subscriber::registry().with(seen.clone());
        tracing::subscriber::with_default(subscriber, || {
            let error = anyhow::anyhow!("the cause").context("the effect");
            let error: &(dyn std::error::Error + 'static) = error.as_ref();
            tracing::info!(person = "anna", number = 3, error, "It happened.");
        });
        let Fields { message, others } = seen.0.lock().unwrap().remove(0);
        assert_eq!(message, "It happened.");
        let fields: Vec<_> = others.iter().map(|(key, value)| (*key, value.as_str())).collect();
        assert_eq!(fields, [("person", "anna"), ("number", "3"), ("error", "the effect: the cause")]);
    }
}
