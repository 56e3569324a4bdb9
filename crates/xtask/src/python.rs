//! A Python of the suites' own: a virtual environment with the clients of others that the package index has.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use crate::cargo;

/// What is installed, with the hash of each file: first what the others need to be built.
const REQUIREMENTS: [&str; 3] = [
    "tests/clients/ucwa/build-requirements.txt",
    "tests/clients/ucwa/requirements.txt",
    "tests/clients/web_push/requirements.txt",
];
/// Below the build directory.
const PLACE: &str = "tools/python";
const REMEDY: &str = "it needs the venv module of Python (on Debian the package python3-venv) and the package index \
                      that pip is configured for";

/// Makes sure that the environment is there, as the requirements have it.
pub(crate) fn require() -> Result<()> {
    let root = cargo::workspace_root();
    let wanted = REQUIREMENTS.map(|file| fs::read_to_string(root.join(file)));
    let wanted = wanted.into_iter().collect::<Result<String, _>>().context("failed to read requirements")?;
    let place = cargo::metadata()?.target_directory.join(PLACE);
    let installed = place.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    println!("Installing Python packages of others in `{}`.", place.display());
    install(&root, &place).with_context(|| format!("failed to make `{}`; {REMEDY}", place.display()))?;
    fs::write(&installed, wanted).with_context(|| format!("failed to write `{}`", installed.display()))
}

fn install(root: &Path, place: &Path) -> Result<()> {
    cargo::succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place))?;
    for file in REQUIREMENTS {
        let mut pip = Command::new(place.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--no-build-isolation"]);
        cargo::succeed(pip.arg("--requirement").arg(root.join(file)))?;
    }
    Ok(())
}
