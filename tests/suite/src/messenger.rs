//! Debian's pidgin-sipe as a client: one attempt to sign on, and what came of it.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::PrivateNetwork;

/// Our part of it, in C.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/pidgin-sipe");
/// After how many seconds the client gives up. Every attempt of these suites ends long before.
const PATIENCE: &str = "60";

/// A client that is ready to run.
pub struct Messenger {
    program: PathBuf,
    library_repair: PathBuf,
    dir: PathBuf,
}

/// How an attempt went.
#[derive(Debug)]
pub struct Attempt {
    /// `signed on`, `refused: WHY` or `timed out`.
    pub verdict: String,
    /// What libpurple and the plugin said meanwhile.
    pub said: String,
}

impl Messenger {
    /// Builds the client below `dir`, where it also keeps its account.
    ///
    /// # Errors
    /// When the compiler or a package is missing.
    pub fn build(dir: &Path) -> Result<Self> {
        let dir = dir.join("messenger");
        fs::create_dir(&dir)?;
        let (program, library_repair) = (dir.join("sign-on"), dir.join("sax1.so"));
        compile("sign-on.c", &program, &["--cflags", "--libs", "purple"], &[])?;
        compile("sax1.c", &library_repair, &["--cflags", "libxml-2.0"], &["-shared", "-fPIC"])?;
        Ok(Self { program, library_repair, dir })
    }

    /// Signs on as somebody, from nothing but an address and a password, trusting this authority too.
    ///
    /// # Errors
    /// When the client itself is not usable.
    pub fn sign_on(
        &self,
        network: &PrivateNetwork,
        authority: &Path,
        address: &str,
        password: &str,
    ) -> Result<Attempt> {
        let mut client = network
            .command(&self.program)
            .arg(self.dir.join("account"))
            .arg(authority)
            .args([address, PATIENCE])
            .env("HOME", &self.dir)
            .env("LD_PRELOAD", &self.library_repair)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        client.stdin.take().context("the client takes no password")?.write_all(password.as_bytes())?;
        let output = client.wait_with_output()?;
        let said = without_the_usual(&String::from_utf8_lossy(&output.stderr));
        ensure!(
            matches!(output.status.code(), Some(0..=2)),
            "the client ended with {}:\n{said}",
            output.status
        );
        let verdict = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Attempt { verdict, said })
    }
}

impl Attempt {
    /// Fails unless the client said all this, in this order.
    ///
    /// # Errors
    /// Names the first that it did not say.
    pub fn said_in_order(&self, facts: &[&str]) -> Result<()> {
        let mut rest = self.said.as_str();
        for fact in facts {
            let found = rest.split_once(fact);
            (_, rest) = found.with_context(|| format!("the client does not say `{fact}`:\n{}", self.said))?;
        }
        Ok(())
    }
}

/// A thousand lines about Debian's certificate authorities and other plugins would hide the rest.
fn without_the_usual(said: &str) -> String {
    let usual = |line: &&str| line.starts_with("certificate/x509/ca") || line.starts_with("plugins: ");
    said.lines().filter(|line| !usual(line)).map(|line| format!("{line}\n")).collect()
}

fn compile(source: &str, to: &Path, packages: &[&str], options: &[&str]) -> Result<()> {
    let flags = printed(Command::new("pkg-config").args(packages))?;
    let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    compiler.args(["-Wall", "-Wextra", "-Werror", "-O1"]).args(options).arg("-o").arg(to);
    compiler.arg(Path::new(SOURCES).join(source)).args(flags.split_whitespace());
    printed(&mut compiler).map(drop)
}

/// What a program prints that has to succeed.
fn printed(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let remedy = "Debian's packages are gcc, pkg-config, libpurple-dev and libxml2-dev";
    let output = command.output().with_context(|| format!("`{name}` does not start; {remedy}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{name}` fails; {remedy}:\n{errors}");
    Ok(String::from_utf8(output.stdout)?)
}
