//! The made-up office `office.test`: its people, their passwords, and how it is set up through `fulmarctl`.
//!
//! People are added last: once all of them are there, the office is complete. A start that was broken off before
//! is completed by the next one.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{cargo, places::Places, run::PHONES_HTTPS};

/// The SIP domain of the office.
pub(crate) const DOMAIN: &str = "office.test";

/// Who works there: account name and display name.
const PEOPLE: [(&str, &str); 3] = [("anna", "Anna Arndt"), ("ben", "Ben Berg"), ("carla", "Carla Costa")];

/// Who administers it from the console.
const ADMINISTRATOR: &str = "marie";

/// The office as it was set up.
pub(crate) struct Office {
    /// Who signs in at the console.
    pub(crate) administrator: Login,
    /// Everybody, in the order of [`PEOPLE`].
    pub(crate) people: Vec<Login>,
}

/// What somebody signs in with.
pub(crate) struct Login {
    /// `anna@office.test`; of an administrator a word.
    pub(crate) name: String,
    /// In the clear, for trying things out.
    pub(crate) password: String,
    /// A file with the password and nothing else.
    pub(crate) password_file: PathBuf,
}

/// What `apns-standin` says of itself in `apns.json`.
#[derive(Deserialize)]
struct Apns {
    endpoint: String,
    topic: String,
    team_id: String,
    key_id: String,
    key: String,
    trust_anchors: String,
}

impl Office {
    /// Sets up through `fulmarctl` what is not there yet.
    pub(crate) fn make(fulmarctl: &PathBuf, places: &Places) -> Result<Self> {
        let control = Control { program: fulmarctl, socket: places.socket() };
        let people = PEOPLE
            .iter()
            .map(|(account, _)| Login::of(account, format!("{account}@{DOMAIN}"), places))
            .collect::<Result<Vec<_>>>()?;
        let administrator = Login::of(ADMINISTRATOR, ADMINISTRATOR.to_owned(), places)?;
        if !administrator.is_in(&control.ask(&["admin", "list"])?) {
            let arguments = ["admin", "add", &administrator.name, "--password-stdin"];
            control.tell(&arguments, &administrator.password)?;
        }
        let authority = places.web_push_authority().display().to_string();
        let contact = ["--contact", "mailto:admin@office.example", "--private-host", "localhost"];
        let web_push = ["push", "keys", "set", "web"].into_iter().chain(contact).chain(["--ca", &authority]);
        control.ask(&web_push.collect::<Vec<_>>())?;
        let known = control.ask(&["user", "list"])?;
        if people.iter().all(|person| person.is_in(&known)) {
            return Ok(Self { administrator, people });
        }
        let port = PHONES_HTTPS.to_string();
        control.ask(&[
            "office",
            "set",
            "--domain",
            DOMAIN,
            "--inside",
            "127.0.0.1",
            "--https-port",
            &port,
        ])?;
        control.set_push(&places.apns_description())?;
        for (person, (_, name)) in people.iter().zip(PEOPLE).filter(|(person, _)| !person.is_in(&known)) {
            let arguments = ["user", "add", &person.name, "--name", name, "--password-stdin"];
            control.tell(&arguments, &person.password)?;
        }
        Ok(Self { administrator, people })
    }
}

impl Login {
    /// Reads the password that is kept for an account, or makes one up and keeps it.
    fn of(account: &str, name: String, places: &Places) -> Result<Self> {
        let password_file = places.passwords().join(format!("{account}.txt"));
        let password = match fs::read_to_string(&password_file) {
            Ok(kept) => kept,
            Err(_) => make_password(&password_file)?,
        };
        Ok(Self { name, password, password_file })
    }

    fn is_in(&self, list: &str) -> bool {
        list.split_whitespace().any(|word| word == self.name)
    }
}

fn make_password(file: &PathBuf) -> Result<String> {
    let password = new_password().context("failed to make up a password")?;
    let mut options = OpenOptions::new();
    let kept = options.write(true).create_new(true).mode(0o600).open(file);
    kept.and_then(|mut kept| kept.write_all(password.as_bytes()))
        .with_context(|| format!("failed to write `{}`", file.display()))?;
    Ok(password)
}

/// Sixteen random letters and digits that are hard to mistake for each other: 80 bits.
fn new_password() -> std::io::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// `fulmarctl` at the box's socket.
struct Control<'a> {
    program: &'a PathBuf,
    socket: PathBuf,
}

impl Control<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.arg("--socket").arg(&self.socket).args(arguments);
        command
    }

    /// What it prints.
    fn ask(&self, arguments: &[&str]) -> Result<String> {
        cargo::output(&mut self.command(arguments))
    }

    /// Hands it a secret on its standard input.
    fn tell(&self, arguments: &[&str], secret: &str) -> Result<()> {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("failed to start `fulmarctl`")?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(secret.as_bytes()).context("failed to write to `fulmarctl`")?;
        }
        let status = child.wait().context("failed to wait for `fulmarctl`")?;
        anyhow::ensure!(status.success(), "`fulmarctl {}` ended with {status}", arguments.join(" "));
        Ok(())
    }

    fn set_push(&self, description: &PathBuf) -> Result<()> {
        let shown = description.display();
        let text = fs::read_to_string(description).with_context(|| format!("failed to read `{shown}`"))?;
        let apns: Apns =
            serde_json::from_str(&text).with_context(|| format!("`{shown}` is not as expected"))?;
        let ids = ["--topic", &apns.topic, "--team-id", &apns.team_id, "--key-id", &apns.key_id];
        let mut arguments = vec!["push", "keys", "set", "apns", "--endpoint", &apns.endpoint];
        arguments.extend(ids);
        arguments.extend(["--key", &apns.key, "--ca", &apns.trust_anchors]);
        self.ask(&arguments).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_differ_and_are_plain_letters_and_digits() {
        let (one, other) = (new_password().unwrap(), new_password().unwrap());
        assert_ne!(one, other);
        assert!(one.len() == 16 && one.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    }

    #[test]
    fn somebody_is_known_by_the_whole_name() {
        let file = PathBuf::new();
        let anna = Login { name: "anna@office.test".into(), password: String::new(), password_file: file };
        assert!(anna.is_in("anna@office.test   Anna Arndt\n"));
        assert!(!anna.is_in("joanna@office.test Joanna\nanna@office.test.example Anna\n"));
    }
}
