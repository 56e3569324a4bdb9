//! Calls of cargo and of other programs, and where things are.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The part of `cargo metadata --no-deps` that is used here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
    /// The directory of the top `Cargo.toml`.
    pub(crate) workspace_root: PathBuf,
}

/// One member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// The package name.
    pub(crate) name: String,
    /// Its `Cargo.toml`.
    pub(crate) manifest_path: PathBuf,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a dependency table.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package name, whatever it is renamed to.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Where it lies when it is not from a registry.
    pub(crate) path: Option<PathBuf>,
}

/// The top of the workspace that this program was built from.
pub(crate) fn workspace_root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_path_buf()
}

/// The cargo that started us, with no arguments yet.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if env::var_os("CI").is_some() {
        // Nothing is built there a second time: what a second build would need is not worth writing.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// What cargo knows of the workspace.
pub(crate) fn metadata() -> Result<Metadata> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1"];
    let text = output(command().args(arguments))?;
    serde_json::from_str(&text).context("failed to read the output of `cargo metadata`")
}

/// The kind of machine that cargo builds for when it is not told.
pub(crate) fn host() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

/// Runs a program at the terminal; an exit status other than 0 is an error.
pub(crate) fn succeed(program: &mut Command) -> Result<()> {
    let status = program.status().with_context(|| format!("failed to start {}", line(program)))?;
    if !status.success() {
        bail!("{} ended with {status}", line(program));
    }
    Ok(())
}

/// Runs a program and returns what it printed; its messages go to the terminal.
pub(crate) fn output(program: &mut Command) -> Result<String> {
    let output = program
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start {}", line(program)))?;
    if !output.status.success() {
        bail!("{} ended with {}", line(program), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something else than text", line(program)))
}

/// Whether a program can be started at all and answers a harmless question with success.
pub(crate) fn answers(program: &mut Command) -> bool {
    program
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// The command as a person would type it.
fn line(program: &Command) -> String {
    let words = [program.get_program()].into_iter().chain(program.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    format!("`{}`", words.join(" "))
}
