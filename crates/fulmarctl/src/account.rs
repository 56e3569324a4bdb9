//! Whose phone a command is, and how it finds the box.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use fulmar_domain::{SipUri, office::parse_resolver};
use fulmar_wire::Secret;
use ring::rand::{SecureRandom, SystemRandom};

use crate::phone::Network;

/// Somebody who signs in, and the network in which the box is looked for.
#[derive(Args)]
pub(crate) struct AccountOptions {
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

impl AccountOptions {
    pub(crate) fn open(&self) -> Result<(Setting, Person)> {
        let ca = read(&self.ca)?;
        let setting = Setting { network: Network::new(self.dns, &ca)?, port: self.port };
        Ok((setting, Person::read(&self.person, &self.password_file)?))
    }
}

impl Person {
    pub(crate) fn read(address: &str, password_file: &PathBuf) -> Result<Self> {
        let password = read(password_file)?.trim_end_matches(['\r', '\n']).into();
        Ok(Self { address: address.parse()?, password })
    }
}

fn read(path: &PathBuf) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("can not read `{}`", path.display()))
}

/// Random hexadecimal digits, two for each byte.
pub(crate) fn hexadecimal(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).ok().context("the system gave no random numbers")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
