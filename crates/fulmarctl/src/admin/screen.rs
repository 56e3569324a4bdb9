//! What a box shows at its own screen: where it is reached, and the code with which the first administrator comes in.
//!
//! While nobody administers the box, an administrator `setup` does, whose password is the code. It is kept in a file,
//! so that it is the same after a start. Once there is another administrator, `setup` is removed and the file with it.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use http::Method;
use serde_json::json;

use super::{Client, administrator::Administrator, password};

/// Whose password the code is.
const SETUP: &str = "setup";
/// How often it is looked whether something has changed.
const LOOK: Duration = Duration::from_secs(3);
/// Keeps a terminal from becoming that of this process (open(2), Linux).
const O_NOCTTY: i32 = 0o400;

/// How `fulmarctl screen` is told.
#[derive(Args)]
pub struct ScreenOptions {
    /// The directory in which the code is kept.
    #[arg(long, default_value = "/var/lib/fulmar-screen")]
    state: PathBuf,
    /// A terminal to write on, beside others; one that is not there is left out. Without it standard output.
    #[arg(long)]
    on: Vec<PathBuf>,
    /// The port of the console.
    #[arg(long, default_value_t = 9443)]
    console_port: u16,
}

/// Writes what is to be known, and again when it has changed, until it is ended.
///
/// # Errors
/// When standard output can not be written to.
pub async fn run(client: &Client, options: ScreenOptions, out: &mut impl Write) -> Result<()> {
    let mut shown = String::new();
    loop {
        let text = text(client, &options.state, options.console_port).await;
        if text != shown {
            if options.on.is_empty() {
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            options.on.iter().for_each(|terminal| write_on(terminal, &text));
            shown = text;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A screen that is not there or does not take anything is no reason to leave the others dark.
fn write_on(terminal: &Path, text: &str) {
    let opened = OpenOptions::new().write(true).custom_flags(O_NOCTTY).open(terminal);
    drop(opened.and_then(|mut terminal| terminal.write_all(text.replace('\n', "\r\n").as_bytes())));
}

/// What is to be known now.
pub async fn text(client: &Client, state: &Path, console_port: u16) -> String {
    let code = match code(client, state).await {
        Ok(code) => code,
        Err(error) => return format!("\nFulmar is not ready: {error:#}\n"),
    };
    let mut text = whereabouts(console_port);
    if let Some(code) = code {
        text.push_str("Nobody administers it yet. Open one of its addresses in a browser and sign in as\n\n");
        text.push_str(&format!("  {SETUP}   with the password   {code}\n\n"));
    }
    text
}

fn whereabouts(console_port: u16) -> String {
    let mut hosts = addresses(&fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default());
    if hosts.is_empty() {
        return "\nFulmar has no address yet. Is the network cable in?\n\n".to_owned();
    }
    if let Ok(name) = fs::read_to_string("/etc/hostname") {
        hosts.push(format!("{}.local", name.trim()));
    }
    let urls: Vec<_> = hosts.iter().map(|host| format!("  https://{host}:{console_port}/\n")).collect();
    format!("\nFulmar is at\n\n{}\n", urls.concat())
}

/// The code, while nobody else administers the box.
async fn code(client: &Client, state: &Path) -> Result<Option<String>> {
    let file = state.join("setup-code");
    let kept = match fs::read_to_string(&file) {
        Ok(code) => Some(code),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("can not read `{}`", file.display())),
    };
    let everybody: Vec<Administrator> = client.get("/api/v1/administrators").await?;
    let is_there = everybody.iter().any(|administrator| administrator.name == SETUP);
    let is_alone = everybody.len() == usize::from(is_there);
    match kept {
        Some(code) if is_alone && is_there => Ok(Some(code)),
        None if !everybody.is_empty() => Ok(None),
        kept if everybody.is_empty() => {
            // On the disk before it opens anything: a power cut in between leaves no administrator without a code.
            let code = kept.map_or_else(|| make_code(&file), Ok)?;
            let setup = json!({ "name": SETUP, "password": code });
            client.change(Method::POST, "/api/v1/administrators", &setup).await?;
            Ok(Some(code))
        }
        _ => {
            if is_there {
                let path = format!("/api/v1/administrators/{SETUP}");
                client.change(Method::DELETE, &path, &json!(null)).await?;
            }
            fs::remove_file(&file).with_context(|| format!("can not remove `{}`", file.display()))?;
            Ok(None)
        }
    }
}

fn make_code(file: &Path) -> Result<String> {
    let code = password::make_up()?;
    let code = [&code[..4], &code[4..8], &code[8..12]].join("-");
    let mut options = OpenOptions::new();
    let kept = options.write(true).create_new(true).mode(0o600).open(file);
    kept.and_then(|mut kept| {
        kept.write_all(code.as_bytes())?;
        kept.sync_all()
    })
    .with_context(|| format!("can not write `{}`", file.display()))?;
    Ok(code)
}

/// The addresses of this machine but loopback, from the routing table that the kernel prints (`fib_trie`): a leaf is
/// one where `/32 host LOCAL` is said of it.
fn addresses(fib_trie: &str) -> Vec<String> {
    let mut leaf = "";
    let mut found = Vec::new();
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address;
        } else if line == "/32 host LOCAL" && !leaf.starts_with("127.") && !found.iter().any(|f| f == leaf) {
            found.push(leaf.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_the_machine_once_each() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                     \x20    |-- 10.0.2.15\n        /32 host LOCAL\n     |-- 10.0.2.255\n        /32 link BROADCAST\n\
                     \x20    |-- 127.0.0.1\n        /32 host LOCAL\nLocal:\n     |-- 10.0.2.15\n        /32 host LOCAL\n\
                     \x20    |-- 169.254.7.8\n        /32 host LOCAL\n";
        assert_eq!(addresses(table), ["10.0.2.15", "169.254.7.8"]);
    }
}
