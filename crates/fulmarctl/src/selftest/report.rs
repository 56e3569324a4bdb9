use std::{io::Write, time::Instant};

use anyhow::Result;
use serde::Serialize;

/// Prints each step as it ends: target, result, latency, diagnosis.
pub(crate) struct Report<'a> {
    out: &'a mut dyn Write,
    json: bool,
}

#[derive(Serialize)]
struct Step<'a> {
    step: &'a str,
    target: &'a str,
    passed: bool,
    latency_ms: f64,
    diagnosis: String,
}

impl<'a> Report<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self { out, json }
    }

    /// Runs a step. What it returns is its value and what a person should know of it; an error is a step that
    /// failed, and nothing comes back.
    pub(crate) async fn step<T>(
        &mut self,
        step: &str,
        target: &str,
        work: impl Future<Output = Result<(T, String)>>,
    ) -> Result<Option<T>> {
        let begun = Instant::now();
        let result = work.await;
        let latency_ms = begun.elapsed().as_secs_f64() * 1000.0;
        let (value, diagnosis) = match result {
            Ok((value, diagnosis)) => (Some(value), diagnosis),
            Err(error) => (None, format!("{error:#}")),
        };
        self.print(&Step {
            step,
            target,
            passed: value.is_some(),
            latency_ms: round(latency_ms),
            diagnosis,
        })?;
        Ok(value)
    }

    fn print(&mut self, step: &Step<'_>) -> Result<()> {
        if self.json {
            writeln!(self.out, "{}", serde_json::to_string(step)?)?;
        } else {
            let result = if step.passed { "ok    " } else { "FAILED" };
            let Step { step, target, latency_ms, diagnosis, .. } = step;
            writeln!(self.out, "{result}  {step:<10}  {latency_ms:>8.1} ms  {target}\n        {diagnosis}")?;
        }
        Ok(())
    }
}

/// To a hundredth.
fn round(milliseconds: f64) -> f64 {
    (milliseconds * 100.0).round() / 100.0
}
