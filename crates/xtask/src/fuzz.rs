//! `cargo xtask fuzz`: LLVM's libFuzzer on every parser, with what lies in `tests/fuzz`.
//!
//! Stable Rust is enough: `-C passes` runs the instrumentation that libFuzzer reads its coverage from. With
//! `--target`, what only builds things is not instrumented.

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::{
    cargo,
    tools::{self, Tool},
};

/// What libFuzzer, which is C++, is built with.
pub(crate) const TOOLS: &[Tool] = &[Tool { program: "g++", package: "g++" }];

/// The folders of the targets' first inputs, and the target with a planted fault.
const SEEDS: &str = "tests/fuzz/seeds";
const SELF_CHECK: &str = "self-check";
/// How long the planted fault may stay hidden. It is found in three seconds.
const SELF_CHECK_SECONDS: u32 = 60;
/// Below the build directory.
const OWN_DIRECTORY: &str = "fuzz";

/// As cargo-fuzz has it: branches, comparisons, and where each one is in the program.
const INSTRUMENTATION: &str = "--cfg fuzzing -C passes=sancov-module -C codegen-units=1 \
    -C llvm-args=-sanitizer-coverage-level=4 -C llvm-args=-sanitizer-coverage-inline-8bit-counters \
    -C llvm-args=-sanitizer-coverage-pc-table -C llvm-args=-sanitizer-coverage-trace-compares";
/// Bounds of an input: bytes, seconds, MiB.
const BOUNDS: [&str; 3] = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to fuzz, such as `mcx-requests`; everything when nothing is named.
    targets: Vec<String>,
    /// For how long, each.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { targets: Vec::new(), seconds: 60 }
    }
}

/// Builds, shows that a fault would be found, and fuzzes.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    tools::require(TOOLS)?;
    let targets = choose(Path::new(SEEDS), &options.targets)?;
    let fuzzer = Fuzzer::build()?;
    fuzzer.check_itself()?;
    println!("{} targets, {} s each:", targets.len(), options.seconds);
    let failures = fuzzer.run_all(&targets, options.seconds)?;
    if failures.is_empty() {
        return Ok(());
    }
    for (target, what) in &failures {
        println!("\n`{target}`:\n{what}");
    }
    let names: Vec<&str> = failures.iter().map(|(target, _)| target.as_str()).collect();
    bail!("something is wrong with {}; `tests/fuzz/README.md` says what to do", names.join(", "))
}

/// The targets that were named, or all.
fn choose(seeds: &Path, named: &[String]) -> Result<Vec<String>> {
    let folders = fs::read_dir(seeds).with_context(|| format!("failed to read `{}`", seeds.display()))?;
    let names = folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()));
    let mut all = names.collect::<Result<Vec<_>>>()?;
    all.retain(|name| name != SELF_CHECK);
    all.sort();
    if named.is_empty() {
        return Ok(all);
    }
    for name in named {
        ensure!(all.contains(name), "there is no target `{name}`; there are {}", all.join(", "));
    }
    Ok(named.to_vec())
}

/// The program, and where it keeps things.
struct Fuzzer {
    program: PathBuf,
    directory: PathBuf,
}

/// How a run ended.
struct Run {
    status: ExitStatus,
    log: String,
}

impl Fuzzer {
    fn build() -> Result<Self> {
        let host = cargo::host()?;
        let mut build = cargo::command();
        build.args(["build", "--package", "fulmar-fuzz", "--profile", "fuzz", "--target", &host]);
        cargo::succeed(build.env("RUSTFLAGS", INSTRUMENTATION))?;
        let target = cargo::metadata()?.target_directory;
        let directory = target.join(OWN_DIRECTORY);
        fs::create_dir_all(directory.join("found")).context("failed to make `fuzz/found`")?;
        Ok(Self { program: target.join(host).join("fuzz/fulmar-fuzz"), directory })
    }

    /// Fails unless the planted fault is found.
    fn check_itself(&self) -> Result<()> {
        let Run { status, log } = self.run(SELF_CHECK, SELF_CHECK_SECONDS)?;
        let found = !status.success() && log.contains("the planted fault");
        ensure!(found, "the fuzzer does not find a planted fault, so it is built wrongly:\n{}", end_of(&log));
        println!("The planted fault was found after {} executions.", executions(&log).unwrap_or_default());
        for left in artifacts(&self.directory, SELF_CHECK)? {
            fs::remove_file(&left).with_context(|| format!("failed to remove `{}`", left.display()))?;
        }
        Ok(())
    }

    /// Runs the targets, as many at a time as there are cores; what went wrong, by target.
    fn run_all(&self, targets: &[String], seconds: u32) -> Result<Vec<(String, String)>> {
        let waiting = Mutex::new(targets.iter().collect::<VecDeque<_>>());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || -> Result<Vec<(String, String)>> {
            let mut failures = Vec::new();
            while let Some(target) = next() {
                let run = self.run(target, seconds)?;
                println!("  {}", summary(target, &run));
                if !run.status.success() {
                    failures.push((target.clone(), end_of(&run.log)));
                }
            }
            Ok(failures)
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let mut failures = Vec::new();
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                failures.extend(worker.join().map_err(|_| anyhow!("a thread of this program panicked"))??);
            }
            Ok(failures)
        })
    }

    fn run(&self, target: &str, seconds: u32) -> Result<Run> {
        let log = self.directory.join(format!("{target}.log"));
        let corpus = self.directory.join("corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("failed to make `{}`", corpus.display()))?;
        let written = File::create(&log).with_context(|| format!("failed to write `{}`", log.display()))?;
        let status = Command::new(&self.program)
            .args(BOUNDS)
            .args([&format!("-max_total_time={seconds}"), "-print_final_stats=1"])
            .arg(format!("-artifact_prefix={}/found/{target}-", self.directory.display()))
            .args([corpus.as_path(), &Path::new(SEEDS).join(target)])
            .env("FULMAR_FUZZ", target)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(written)
            .status()
            .context("failed to start the fuzzer")?;
        // What is fed can be anything, and libFuzzer prints it.
        let log = fs::read(&log).with_context(|| format!("failed to read `{}`", log.display()))?;
        Ok(Run { status, log: String::from_utf8_lossy(&log).into_owned() })
    }
}

/// The files that runs of a target left because something was wrong.
fn artifacts(directory: &Path, target: &str) -> Result<Vec<PathBuf>> {
    let found = fs::read_dir(directory.join("found")).context("failed to read `fuzz/found`")?;
    let paths = found.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let prefix = format!("{target}-");
    let is_of_it =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
    Ok(paths.into_iter().filter(is_of_it).collect())
}

fn summary(target: &str, run: &Run) -> String {
    let executions = executions(&run.log).unwrap_or_default();
    let reached = run.log.lines().rev().find_map(|line| line.split_once(" cov: ")?.1.split(' ').next());
    let verdict = if run.status.success() { "fine" } else { "FAILED" };
    format!("{target:<14}  {executions:>10} executions  {:>6} branches  {verdict}", reached.unwrap_or("no"))
}

fn executions(log: &str) -> Option<u64> {
    let line = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

/// What a person has to see of a failed run: from the panic on, without libFuzzer's own words about the machine.
fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with("stat::")).collect();
    let panic = lines.iter().position(|line| line.contains("panicked at") || line.starts_with("=="));
    let begin = panic.unwrap_or(lines.len().saturating_sub(10));
    lines[begin..].iter().take(30).map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const LOG: &str = "INFO: Seed: 1\n#2\tINITED cov: 10 ft: 10 corp: 1/1b\n#9\tDONE   cov: 12 ft: 15 corp: 6/16b\n\
        thread '<unnamed>' (1) panicked at tests/fuzz/src/lib.rs:53:5:\nthe planted fault\n\
        ==1== ERROR: libFuzzer: deadly signal\nstat::number_of_executed_units: 505536\nstat::peak_rss_mb: 28\n";

    #[test]
    fn a_run_is_summed_up_in_a_line() {
        let run = |status| Run { status: ExitStatus::from_raw(status), log: LOG.to_owned() };
        let line = summary("date", &run(0));
        assert_eq!(line, "date                505536 executions      12 branches  fine");
        assert!(summary("date", &run(77 << 8)).ends_with("FAILED"));
    }

    #[test]
    fn a_failure_is_shown_from_the_panic_on() {
        let shown = end_of(LOG);
        assert!(shown.trim_start().starts_with("thread '<unnamed>'"), "{shown}");
        assert!(shown.contains("the planted fault") && !shown.contains("stat::"), "{shown}");
    }

    #[test]
    fn a_target_that_does_not_exist_is_named() {
        let seeds = cargo::workspace_root().join(SEEDS);
        assert!(!choose(&seeds, &[]).unwrap().contains(&SELF_CHECK.to_owned()));
        assert_eq!(choose(&seeds, &["date".into()]).unwrap(), ["date"]);
        let error = choose(&seeds, &["dates".into()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no target `dates`; there are autodiscover"), "{error}");
    }
}
