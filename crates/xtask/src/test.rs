//! `cargo xtask test`: every check and every test, the fast ones first.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    arrows, cargo, fuzz, python,
    tools::{self, Tool},
};

/// What the suites below `tests/` start beside our own programs.
const TOOLS: &[Tool] = &[
    Tool { program: "curl", package: "curl" },
    Tool { program: "delv", package: "bind9-dnsutils" },
    Tool { program: "dig", package: "bind9-dnsutils" },
    Tool { program: "dnssec-verify", package: "bind9-utils" },
    Tool { program: "dnsperf", package: "dnsperf" },
    Tool { program: "faketime", package: "faketime" },
    Tool { program: "kdig", package: "knot-dnsutils" },
    Tool { program: "knotd", package: "knot" },
    Tool { program: "nsd", package: "nsd" },
    Tool { program: "openssl", package: "openssl" },
    Tool { program: "pebble", package: "pebble" },
    // pidgin-sipe in a network of its own, and what its two parts in C are built with.
    Tool { program: "/usr/lib/purple-2/libsipe.so", package: "pidgin-sipe" },
    Tool { program: "/usr/include/libpurple/purple.h", package: "libpurple-dev" },
    Tool { program: "/usr/include/libxml2/libxml/parser.h", package: "libxml2-dev" },
    Tool { program: "pkg-config", package: "pkg-config" },
    // A client of the UCWA kind, and a browser for the frame.
    Tool { program: "python3", package: "python3" },
    Tool { program: "node", package: "nodejs" },
    Tool { program: "ip", package: "iproute2" },
    Tool { program: "nsenter", package: "util-linux" },
    // What looks at the units and scripts of the image without starting them.
    Tool { program: "sfdisk", package: "fdisk" },
    Tool { program: "shellcheck", package: "shellcheck" },
    Tool { program: "systemd-analyze", package: "systemd" },
    Tool { program: "systemd-repart", package: "systemd" },
];

/// Where nextest leaves its result below the build directory (`.config/nextest.toml`).
const RESULT: &str = "nextest/default/junit.xml";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave out what seldom fails after a small change: dependencies, documentation and its examples, fuzzing.
    #[arg(long)]
    fast: bool,
}

/// Runs all steps; stops at the first that fails.
pub(crate) fn test(options: &Options) -> Result<()> {
    let mut report = Report::default();
    report.step("tools", || {
        tools::require(TOOLS)?;
        tools::require(fuzz::TOOLS)?;
        python::require()
    })?;
    report.step("format", || cargo(&["fmt", "--all", "--check"]))?;
    report.step("arrows", arrows::check_workspace)?;
    report.step("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    if !options.fast {
        report.step("documentation", documentation)?;
        report.step("dependencies", dependencies)?;
    }
    // Programs and tests in one go, so that both are built with the same features of their dependencies.
    report.step("build", || cargo(&["build", "--workspace", "--bins", "--tests"]))?;
    if !options.fast {
        report
            .step("examples in the documentation", || cargo(&["test", "--workspace", "--doc", "--quiet"]))?;
    }
    let has_nextest = tools::has_nextest();
    if has_nextest {
        report.step("tests", || cargo(&["nextest", "run", "--workspace"]))?;
    } else {
        println!("\ncargo-nextest is not installed; `cargo test` runs the tests.");
        report.step("tests", || cargo(&["test", "--workspace", "--lib", "--bins", "--tests"]))?;
    }
    if !options.fast {
        report.step("fuzz", || fuzz::fuzz(&fuzz::Options::default()))?;
    }
    report.print();
    if has_nextest { print_tally() } else { Ok(()) }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    cargo::succeed(cargo::command().args(arguments))
}

fn documentation() -> Result<()> {
    let mut doc = cargo::command();
    doc.args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    cargo::succeed(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Advisories need a database that is not on every machine: a release machine adds `advisories` (see `.deny.toml`).
fn dependencies() -> Result<()> {
    let mut deny = Command::new(tools::cargo_deny()?);
    deny.args(["--workspace", "--all-features", "check", "bans", "licenses", "sources"]);
    cargo::succeed(&mut deny)
}

/// What was done, and how long it took.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, Duration)>,
}

impl Report {
    /// Does one thing, and says how long it took.
    pub(crate) fn step(&mut self, name: &'static str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n== {name}");
        let started = Instant::now();
        run().with_context(|| format!("FAILED at the step `{name}`; the steps after it did not run"))?;
        let took = started.elapsed();
        println!("== {name}: fine, {:.1} s", took.as_secs_f64());
        self.steps.push((name, took));
        Ok(())
    }

    /// Prints all steps.
    pub(crate) fn print(&self) {
        println!("\nAll steps are fine:");
        for (name, took) in &self.steps {
            println!("  {:>7.1} s  {name}", took.as_secs_f64());
        }
        let total: Duration = self.steps.iter().map(|(_, took)| *took).sum();
        println!("  {:>7.1} s  in all", total.as_secs_f64());
    }
}

/// The last line: how many tests there were.
fn print_tally() -> Result<()> {
    let file = cargo::metadata()?.target_directory.join(RESULT);
    let result = fs::read_to_string(&file).with_context(|| format!("failed to read `{}`", file.display()))?;
    let count = |name| attribute(&result, name).with_context(|| format!("`{RESULT}` does not say `{name}`"));
    let failed = count("failures")? + count("errors")?;
    println!("\n{} passed, {failed} failed", count("tests")? - failed);
    Ok(())
}

/// A number in the root element of a JUnit file.
fn attribute(result: &str, name: &str) -> Option<u32> {
    let (_, root) = result.split_once("<testsuites ")?;
    let (root, _) = root.split_once('>')?;
    let (_, value) = root.split_once(&format!(" {name}=\""))?;
    value.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUNIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="120" failures="2" errors="1" time="3.5">
    <testsuite name="fulmar-store" tests="7" disabled="0" errors="0" failures="0">"#;

    #[test]
    fn the_tally_is_that_of_the_whole_run() {
        assert_eq!(attribute(JUNIT, "tests"), Some(120));
        assert_eq!(attribute(JUNIT, "failures"), Some(2));
        assert_eq!(attribute(JUNIT, "errors"), Some(1));
        assert_eq!(attribute(JUNIT, "disabled"), None);
    }

    #[test]
    fn a_step_that_fails_ends_the_run_and_is_named() {
        let mut report = Report::default();
        report.step("first", || Ok(())).unwrap();
        let error = report.step("second", || anyhow::bail!("no")).unwrap_err();
        assert!(error.to_string().contains("FAILED at the step `second`"));
        assert_eq!(report.steps.len(), 1);
    }
}
