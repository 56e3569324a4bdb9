//! Foreign programs that tasks need: whether they are here, and how they come here.
//!
//! Nothing is left out in silence: a tool that is missing is installed, or named together with the command that
//! installs it. Debian packages are installed only when this runs as root.

use std::{
    env,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::cargo;

/// The release of cargo-deny that `.deny.toml` was written for.
const CARGO_DENY: &str = "0.20.2";
/// Where tools built from their sources are kept, when they are not on the path.
const OWN_TOOLS: &str = "target/tools";

/// Keeps packages from starting their services: tests start what they need themselves.
const NO_SERVICES: &str = "policy=/usr/sbin/policy-rc.d; if [ ! -e $policy ]; then trap 'rm -f $policy' EXIT; \
    printf '#!/bin/sh\\nexit 101\\n' > $policy; chmod 755 $policy; fi";

/// A program and the Debian package that brings it.
pub(crate) struct Tool {
    /// The name of the program, or the absolute path of a file that is none.
    pub(crate) program: &'static str,
    /// The name of the package.
    pub(crate) package: &'static str,
}

/// Fails when there is no C compiler: `ring` and SQLite are C code.
pub(crate) fn require_c_compiler() -> Result<()> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    if cargo::answers(Command::new(&compiler).arg("--version")) {
        return Ok(());
    }
    bail!(
        "there is no C compiler: `{compiler}` does not start, and TLS and SQLite are built with one.\n\
         On Debian, install it with\n\n    sudo apt-get install gcc libc6-dev\n"
    );
}

/// Makes sure that these programs are here.
pub(crate) fn require(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| on_path(tool.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let install = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if !is_root() {
        let programs: Vec<&str> = missing.iter().map(|tool| tool.program).collect();
        bail!("missing: {}. On Debian, install with\n\n    sudo {install}\n", programs.join(", "));
    }
    println!("Installing {} from Debian.", packages.join(", "));
    let script = format!("{NO_SERVICES}; apt-get update --quiet=2 && {install} --quiet=2");
    cargo::succeed(Command::new("sh").args(["-c", &script]).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The cargo-deny on the path, or one of our own, built when it is used for the first time.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    let own = Path::new(OWN_TOOLS).join("bin/cargo-deny");
    if let Some(found) = on_path("cargo-deny") {
        return Ok(found);
    }
    if !own.exists() {
        println!("Building cargo-deny {CARGO_DENY} for `{OWN_TOOLS}`; this happens once.");
        install_cargo_deny()?;
    }
    Ok(own)
}

/// Without optimisation: that halves the time to build it, and a check still takes a second.
fn install_cargo_deny() -> Result<()> {
    let what = ["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--no-default-features"];
    let how = ["--debug", "--root", OWN_TOOLS, "--target-dir", "target/tools/build"];
    let mut install = cargo::command();
    install.args(what).args(how).env("CARGO_PROFILE_DEV_DEBUG", "false").env("CARGO_INCREMENTAL", "0");
    cargo::succeed(&mut install)?;
    std::fs::remove_dir_all("target/tools/build").context("failed to clear `target/tools/build`")
}

/// Whether cargo-nextest is here; `cargo test` serves where it is not.
pub(crate) fn has_nextest() -> bool {
    cargo::answers(cargo::command().args(["nextest", "--version"]))
}

/// Where the path leads to for a program.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// Whether this process may install packages.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
