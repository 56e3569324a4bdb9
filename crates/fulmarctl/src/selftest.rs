//! Tests of the box as a phone would use it: DNS and HTTPS, and nothing else.

mod discovery;
mod p2p_im;
mod push;
mod report;

use std::{fs, io::Write, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use fulmar_domain::{SipUri, office::parse_resolver};
use fulmar_wire::Secret;
use ring::rand::{SecureRandom, SystemRandom};

use crate::phone::Network;
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
        /// A device token of a real phone; made up when absent, which Apple refuses and a stand-in takes.
        #[arg(long)]
        device_token: Option<String>,
    },
}

/// What every test needs to know.
#[derive(Args)]
pub struct Common {
    /// The DNS server to ask, such as 192.168.1.2 or 127.0.0.1:1053.
    #[arg(long, default_value = "127.0.0.1:53", value_parser = parse_resolver)]
    dns: SocketAddr,
    /// The certificates to trust, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// The port of the discovery names.
    #[arg(long, default_value_t = 443)]
    port: u16,
    /// Whose phone this is.
    #[arg(long = "as")]
    person: String,
    /// A file with the password.
    #[arg(long)]
    password_file: PathBuf,
    /// Print JSON, one object a step.
    #[arg(long)]
    json: bool,
}

/// Somebody with a password.
pub(crate) struct Person {
    pub(crate) address: SipUri,
    pub(crate) password: Secret,
}

/// The network and the port at which boxes are looked for.
pub(crate) struct Setting {
    pub(crate) network: Network,
    pub(crate) port: u16,
}

/// Runs a test and prints a line for each step; whether all passed.
///
/// # Errors
/// When the test can not begin: a file can not be read, or an address is none.
pub async fn run(test: SelfTest, out: &mut impl Write) -> Result<bool> {
    let (SelfTest::Discovery(common) | SelfTest::P2pIm { common, .. } | SelfTest::Push { common, .. }) =
        &test;
    let ca = read(&common.ca)?;
    let setting = Setting { network: Network::new(common.dns, &ca)?, port: common.port };
    let person = Person::read(&common.person, &common.password_file)?;
    let mut report = Report::new(out, common.json);
    // A step that fails has said why; what would follow it is not tried.
    let passed = match &test {
        SelfTest::Discovery(_) => discovery::run(&setting, &person, &mut report).await?.is_some(),
        SelfTest::P2pIm { with, with_password_file, .. } => {
            let other = Person::read(with, with_password_file)?;
            ensure!(other.address != person.address, "`--with` is to be somebody else than `--as`");
            p2p_im::run(&setting, &person, &other, &mut report).await?.is_some()
        }
        SelfTest::Push { device_token, .. } => {
            push::run(&setting, &person, device_token.clone(), &mut report).await?.is_some()
        }
    };
    Ok(passed)
}

impl Person {
    fn read(address: &str, password_file: &PathBuf) -> Result<Self> {
        let password = read(password_file)?.trim_end_matches(['\r', '\n']).into();
        Ok(Self { address: address.parse()?, password })
    }
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can not read `{}`", path.display()))
}

/// Random hexadecimal digits, two for each byte.
fn hexadecimal(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).ok().context("the system gave no random numbers")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
