//! Tests of the box as a phone would use it: DNS and HTTPS, and nothing else.

mod discovery;
mod p2p_im;
mod push;
mod report;

use std::{io::Write, path::PathBuf};

use anyhow::{Result, ensure};
use clap::{Args, Subcommand};

use crate::account::{AccountOptions, Person};
use report::Report;

/// What is tested. The exit status is 0 only if every step passes.
#[derive(Subcommand)]
pub enum SelfTest {
    /// A name, a certificate, the documents, a ticket.
    Discovery(Common),
    /// Two phones write to each other.
    P2pIm {
        /// What every test needs to know.
        #[command(flatten)]
        common: Common,
        /// The other person.
        #[arg(long)]
        with: String,
        /// A file with the other person's password.
        #[arg(long)]
        with_password_file: PathBuf,
    },
    /// A phone is woken.
    Push {
        /// What every test needs to know.
        #[command(flatten)]
        common: Common,
        /// Which phone.
        #[command(flatten)]
        phone: push::Options,
    },
}

/// What every test needs to know.
#[derive(Args)]
pub struct Common {
    #[command(flatten)]
    account: AccountOptions,
    /// Print JSON, one object a step.
    #[arg(long)]
    json: bool,
}

/// Runs a test and prints a line for each step; whether all passed.
///
/// # Errors
/// When the test can not begin: a file can not be read, or an address is none.
pub async fn run(test: SelfTest, out: &mut impl Write) -> Result<bool> {
    let (SelfTest::Discovery(common) | SelfTest::P2pIm { common, .. } | SelfTest::Push { common, .. }) =
        &test;
    let (setting, person) = common.account.open()?;
    let mut report = Report::new(out, common.json);
    // A step that fails has said why; what would follow it is not tried.
    let passed = match &test {
        SelfTest::Discovery(_) => discovery::run(&setting, &person, &mut report).await?.is_some(),
        SelfTest::P2pIm { with, with_password_file, .. } => {
            let other = Person::read(with, with_password_file)?;
            ensure!(other.address != person.address, "`--with` is to be somebody else than `--as`");
            p2p_im::run(&setting, &person, &other, &mut report).await?.is_some()
        }
        SelfTest::Push { phone, .. } => push::run(&setting, &person, phone, &mut report).await?.is_some(),
    };
    Ok(passed)
}
