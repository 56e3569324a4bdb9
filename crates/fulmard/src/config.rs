use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The version of the file that this release reads.
const VERSION: u32 = 1;

/// What must be known before the store opens. Everything else lives in the store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Looked at before the rest, which another version may have changed.
    #[serde(rename = "version")]
    _version: u32,
    /// Where things lie.
    pub paths: Paths,
    /// Where DNS is answered, by UDP and TCP.
    pub dns: Dns,
    /// Where phones are answered.
    pub phones: Phones,
    /// Where administrators and machines look.
    pub console: Console,
    /// What is logged.
    #[serde(default)]
    pub log: Log,
}

/// Where things lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// The directory of the store and the certificates.
    pub state: PathBuf,
    /// The Unix socket of the admin API.
    pub admin_socket: PathBuf,
}

/// DNS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Addresses with ports.
    pub listen: Vec<SocketAddr>,
}

/// Phones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phones {
    /// With TLS: everything.
    pub https: Vec<SocketAddr>,
    /// Without: where TLS is, and nothing else.
    pub http: Vec<SocketAddr>,
    /// The most connections with TLS at a time; a held poll is one. Whoever comes beyond is told that the box is full.
    #[serde(default = "connections")]
    pub connections: usize,
}

fn connections() -> usize {
    16_384
}

/// The console.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Console {
    /// With TLS.
    pub https: Vec<SocketAddr>,
}

/// The log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Which events: a level, or levels by target, such as `info,fulmar_http=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned() }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can not be read, is of another version, or names something unknown.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text =
            fs::read_to_string(path).with_context(|| format!("can not read the configuration `{shown}`"))?;
        Self::parse(&text).with_context(|| format!("the configuration `{shown}` is not usable"))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = toml::from_str(text)?;
        ensure!(version == VERSION, "it is of version {version}; this release reads version {VERSION}");
        Ok(toml::from_str(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../image/rootfs/etc/fulmar/fulmar.toml");

    #[test]
    fn the_file_of_the_image_is_read() {
        let config = Config::parse(SHIPPED).unwrap();
        assert_eq!(config.paths.state, Path::new("/var/lib/fulmar"));
        assert_eq!(config.dns.listen.len(), 2);
        assert_eq!(config.phones.connections, 16_384);
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let later = SHIPPED.replace("version = 1", "version = 2\nnews = true");
        assert!(Config::parse(&later).unwrap_err().to_string().contains("version 2"));
    }

    #[test]
    fn a_mistyped_name_is_refused_with_its_line() {
        let error = Config::parse(&SHIPPED.replace("state =", "sate =")).unwrap_err().to_string();
        assert!(error.contains("sate") && error.contains("line"), "{error}");
    }
}
