//! Passwords: taken from standard input, or made up.

use std::io::{self, Read, Write};

use anyhow::{Context, Result, ensure};
use ring::rand::{SecureRandom, SystemRandom};

/// A password that was given or made up.
pub(super) struct Password {
    pub(super) text: String,
    made_up: bool,
}

impl Password {
    /// Prints it, if nobody knows it yet.
    pub(super) fn print(&self, out: &mut impl Write) -> Result<()> {
        if self.made_up {
            writeln!(out, "Password: {} (it is not shown again)", self.text)?;
        }
        Ok(())
    }
}

/// Takes a password from standard input, or makes one up.
pub(super) fn password(from_stdin: bool) -> Result<Password> {
    if !from_stdin {
        return Ok(Password { text: make_up()?, made_up: true });
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("can not read the password")?;
    let text = text.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(!text.is_empty(), "there is no password on standard input");
    Ok(Password { text, made_up: false })
}

/// Sixteen letters and digits that are hard to mistake for each other: 80 bits.
pub(super) fn make_up() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).ok().context("the system gave no random numbers")?;
    Ok(random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}
