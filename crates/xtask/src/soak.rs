//! `cargo xtask soak push`: the test of the suite with that name, for as long as it takes.

use anyhow::Result;
use clap::ValueEnum;

use crate::{
    cargo,
    tools::{self, Tool},
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is tried.
    what: What,
    /// How many pushes there are.
    #[arg(long, default_value_t = 100_000)]
    pushes: u32,
    /// Has the dice fall as in an earlier run, which has printed it.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Pushes while services, clock and power fail.
    Push,
}

pub(crate) fn soak(options: &Options) -> Result<()> {
    tools::require(&[Tool { program: "faketime", package: "faketime" }])?;
    let What::Push = options.what;
    cargo::succeed(cargo::command().args(["build", "--workspace", "--bins"]))?;
    let test =
        ["test", "--package", "fulmar-suite", "--test", "suite", "--", "push_soak::whatever", "--nocapture"];
    let mut test_run = cargo::command();
    test_run.args(test).env("FULMAR_SOAK_PUSHES", options.pushes.to_string());
    if let Some(seed) = options.seed {
        test_run.env("FULMAR_SOAK_SEED", seed.to_string());
    }
    cargo::succeed(&mut test_run)
}
