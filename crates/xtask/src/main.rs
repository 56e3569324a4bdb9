//! The developer's one entry point: `cargo xtask` runs the box, tests it and checks its structure.
//!
//! One module a task. This program depends on none of our crates and on little else, so that it is built in
//! seconds and works while the rest does not compile. Every path in it is relative to the top of the workspace.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "it talks to the person at the terminal")]

mod arrows;
mod cargo;
mod fuzz;
mod hints;
mod image;
mod image_test;
mod office;
mod places;
mod ports;
mod python;
mod run;
mod service;
mod soak;
mod test;
mod tools;

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Runs the box, tests it and checks its structure.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the box and run it for the made-up office `office.test`, on loopback, until Ctrl-C.
    Run(run::Options),
    /// Run every check and every test, fast ones first; stop at the first that fails.
    Test(test::Options),
    /// Measure the release build beside peers and limits, and write the table into `tests/bench/RESULTS.md`.
    Bench {
        /// What to measure, such as `signin`, and options of `fulmar-bench`; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        what: Vec<String>,
    },
    /// Try for long what a test tries for a minute, and print what happened.
    Soak(soak::Options),
    /// Fuzz the parsers of foreign input, guided by coverage, and print how many inputs each one was given.
    Fuzz(fuzz::Options),
    /// Make the image for tests of Debian's packages, with the release build of this machine (as root).
    Image(image::Options),
    /// Make the image with a made-up office, start it in an emulator, cut its power, and try it from outside.
    ImageTest(image::Options),
    /// Check that no crate uses another one that it may not use.
    Arrows,
    /// Ask the DNS server every question of a conformance file and print how many answers were right.
    DnsConformance {
        /// The cases, a JSON object a line, compressed by gzip.
        file: PathBuf,
        /// Passed on to `dns-conformance`, such as `--differences 3`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
}

fn main() -> ExitCode {
    match perform(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    let started_in = env::current_dir().context("failed to find the current directory")?;
    let root = cargo::workspace_root();
    env::set_current_dir(&root).with_context(|| format!("failed to enter `{}`", root.display()))?;
    match task {
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::test(&options),
        Task::Bench { what } => bench(&what),
        Task::Soak(options) => soak::soak(&options),
        Task::Fuzz(options) => fuzz::fuzz(&options),
        Task::Image(options) => image::image(&options),
        Task::ImageTest(options) => image_test::test(&options),
        Task::Arrows => arrows::check_workspace(),
        Task::DnsConformance { file, options } => dns_conformance(&started_in.join(file), &options),
    }
}

fn bench(what: &[String]) -> Result<()> {
    println!("Building with optimisation; the first time takes some minutes.");
    let packages = ["build", "--release", "--package", "fulmard", "--package", "fulmar-bench"];
    cargo::succeed(cargo::command().args(packages))?;
    let program = cargo::metadata()?.target_directory.join("release/fulmar-bench");
    cargo::succeed(Command::new(program).args(what))
}

fn dns_conformance(file: &Path, options: &[String]) -> Result<()> {
    let program = ["run", "--quiet", "--release", "--package", "dns-conformance", "--"];
    cargo::succeed(cargo::command().args(program).arg(file).args(options))
}
