//! `dns-conformance FILE`: prints how many cases pass, and the first that do not.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use dns_conformance::{load, run};

/// Asks the DNS server every question of a dataset, each of its own zone, and compares the answers.
#[derive(Parser)]
struct Arguments {
    /// The dataset: gzip, one JSON object a line.
    file: PathBuf,
    /// The port of 127.0.0.1 to serve on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How many differences to print.
    #[arg(long, default_value_t = 10)]
    differences: usize,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let report = run(load(&arguments.file)?, arguments.port).await?;
    let mut out = std::io::stdout().lock();
    for difference in report.differences.iter().take(arguments.differences) {
        write!(out, "{}", difference.case)?;
        match &difference.got {
            Ok(answer) => writeln!(out, "{answer}")?,
            Err(problem) => writeln!(out, "  got: {problem}\n")?,
        }
    }
    writeln!(out, "{}/{}", report.passed(), report.total)?;
    Ok(if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
