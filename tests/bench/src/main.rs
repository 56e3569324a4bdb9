//! `fulmar-bench WHAT`: one comparison, in rounds; prints a table and writes it into the results file.
//!
//! A figure counts as a ratio from one run: the box and what it is held against take turns on the same machine,
//! and the medians of the rounds are compared. Everything is on loopback and bounded in time.

#![expect(clippy::print_stdout, reason = "it talks to the person at the terminal")]

mod appliance;
mod im;
mod push;
mod report;
mod signin;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures the box beside peers and limits.
#[derive(Parser)]
struct Arguments {
    /// The file that keeps the last table of each comparison.
    #[arg(long, global = true, default_value = "tests/bench/RESULTS.md")]
    results: PathBuf,
    /// How many rounds; the medians count.
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Sign-ins while 1,000 polls are held, beside Argon2 alone.
    Signin,
    /// Messages while 5,000 phones wait, beside ejabberd, Prosody and ntfy.
    Im(im::Options),
    /// Notifications from the outbox to the ledger on one core, beside Sygnal and ntfy.
    Push(push::Options),
    /// What the measurement of pushes starts.
    #[command(subcommand, hide = true)]
    Part(push::Part),
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let table = match arguments.what {
        What::Signin => signin::measure(arguments.rounds).await?,
        What::Im(options) => im::measure(arguments.rounds, &options).await?,
        What::Push(options) => push::measure(arguments.rounds, &options).await?,
        What::Part(part) => return push::part(part).await,
    };
    report::publish(&arguments.results, &table)
}
