//! Where events go: to the journal with their fields when systemd started us, to standard error otherwise.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::journal::Journal;

/// What these say below `info` repeats headers and frames, in which tickets and passwords travel.
const TALKATIVE: [&str; 6] = ["h2", "hyper", "hyper_util", "rustls", "tokio_rustls", "axum"];

/// Starts logging what `filter` lets through.
///
/// # Errors
/// When the filter is none, or logging was started before.
pub fn start(filter: &str) -> Result<()> {
    let filter =
        EnvFilter::try_new(filter).with_context(|| format!("`{filter}` is no filter for the log"))?;
    let filter = TALKATIVE.iter().try_fold(filter, |filter, target| {
        anyhow::Ok(filter.add_directive(format!("{target}=info").parse()?))
    })?;
    let output = if systemd_journal_logger::connected_to_journal() {
        Journal::connect().context("can not reach the journal")?.boxed()
    } else {
        tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed()
    };
    // Some libraries use `log`; what they say becomes events like ours.
    tracing_log::LogTracer::init().context("logging was started twice")?;
    tracing_subscriber::registry()
        .with(output.with_filter(filter))
        .try_init()
        .context("logging was started twice")
}
