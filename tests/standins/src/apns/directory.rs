//! The files through which the stand-in and the appliance beside it get to know each other.
//!
//! They are made at the first start and used again at the next, so that an appliance that was set up once
//! keeps working. The directory and the keys in it are for their owner only.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde_json::json;
use thiserror::Error;

use super::{ApnsStandin, Config, Credential, ProviderKey};
use crate::authority::{Authority, CertificateError, Identity};

const CA_CERTIFICATE: &str = "apns-ca.pem";
const CA_KEY: &str = "apns-ca-key.pem";
const PROVIDER_KEY: &str = "AuthKey.p8";
const IDS: &str = "apns.json";

/// A directory with what a stand-in needs to be the same one after a restart.
pub struct Directory(PathBuf);

/// What a client has to know beside the key, each as Apple names it.
#[derive(Clone, Debug)]
pub struct Ids {
    /// The team, ten characters.
    pub team_id: String,
    /// The key's name, ten characters.
    pub key_id: String,
    /// The app.
    pub topic: String,
}

/// The files could not be made or read back.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The directory could not be made.
    #[error("can not make the directory `{0}`")]
    Make(PathBuf, #[source] io::Error),
    /// A file could not be written.
    #[error("can not write `{0}`")]
    Write(PathBuf, #[source] io::Error),
    /// A file could not be read.
    #[error("can not read `{0}`")]
    Read(PathBuf, #[source] io::Error),
    /// The authority could not be made or read.
    #[error("can not set up the stand-in's authority")]
    Authority(#[from] CertificateError),
    /// The provider key could not be made or read.
    #[error("can not set up the provider key")]
    ProviderKey(#[from] rcgen::Error),
}

impl Directory {
    /// Opens a directory, and makes it if it is missing.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|source| DirectoryError::Make(path.to_owned(), source))?;
        Ok(Self(path.to_owned()))
    }

    /// A stand-in with the authority and the key in this directory, which are made if they are missing.
    pub fn config(&self, ids: &Ids, listen: SocketAddr) -> Result<Config, DirectoryError> {
        Ok(Config {
            listen,
            authority: self.authority()?,
            topic: ids.topic.clone(),
            credential: Credential::Token(self.provider_key(ids)?),
            limits_token_updates: true,
        })
    }

    /// Writes down where the stand-in is reached and what it asks for.
    pub fn announce(&self, standin: &ApnsStandin, ids: &Ids) -> Result<(), DirectoryError> {
        let text = json!({
            "endpoint": standin.endpoint(),
            "team_id": ids.team_id,
            "key_id": ids.key_id,
            "topic": ids.topic,
            "trust_anchors": self.0.join(CA_CERTIFICATE),
            "key": self.0.join(PROVIDER_KEY),
        });
        self.write(IDS, &format!("{text:#}\n"))
    }

    fn authority(&self) -> Result<Authority, DirectoryError> {
        if let (Some(certificate_pem), Some(key_pem)) = (self.read(CA_CERTIFICATE)?, self.read(CA_KEY)?) {
            return Ok(Authority::read(Identity { certificate_pem, key_pem })?);
        }
        let authority = Authority::make("APNs stand-in")?;
        let made = authority.to_identity();
        self.write(CA_CERTIFICATE, &made.certificate_pem)?;
        self.write(CA_KEY, &made.key_pem)?;
        Ok(authority)
    }

    fn provider_key(&self, ids: &Ids) -> Result<ProviderKey, DirectoryError> {
        if let Some(pem) = self.read(PROVIDER_KEY)? {
            return Ok(ProviderKey::read(&ids.team_id, &ids.key_id, &pem)?);
        }
        let key = ProviderKey::make(&ids.team_id, &ids.key_id)?;
        self.write(PROVIDER_KEY, key.pem())?;
        Ok(key)
    }

    /// The text of a file, if there is one.
    fn read(&self, name: &str) -> Result<Option<String>, DirectoryError> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DirectoryError::Read(path, error)),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), DirectoryError> {
        let path = self.0.join(name);
        let mut options = fs::OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
            .map_err(|source| DirectoryError::Write(path, source))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        os::unix::fs::PermissionsExt,
    };

    use super::*;

    const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

    fn ids() -> Ids {
        Ids { team_id: "TEAM000001".into(), key_id: "KEY0000001".into(), topic: "org.example.app".into() }
    }

    #[tokio::test]
    async fn a_second_start_finds_the_same_authority_and_key() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("apns");
        let directory = Directory::open(&path).unwrap();
        let read = |name: &str| fs::read_to_string(path.join(name)).unwrap();
        let first = ApnsStandin::start(directory.config(&ids(), LOCAL).unwrap()).await.unwrap();
        let (ca, key) = (read(CA_CERTIFICATE), read(PROVIDER_KEY));

        let config = Directory::open(&path).unwrap().config(&ids(), LOCAL).unwrap();
        let Credential::Token(second_key) = &config.credential else { panic!("not a token") };
        assert_eq!(second_key.pem(), key);
        let second = ApnsStandin::start(config).await.unwrap();
        assert_eq!((second.ca_pem(), ca.as_str()), (first.ca_pem(), first.ca_pem()));
    }

    #[tokio::test]
    async fn the_announcement_names_the_endpoint_and_the_files_that_exist() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Directory::open(parent.path()).unwrap();
        let standin = ApnsStandin::start(directory.config(&ids(), LOCAL).unwrap()).await.unwrap();
        directory.announce(&standin, &ids()).unwrap();

        let text = fs::read_to_string(parent.path().join(IDS)).unwrap();
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(said["endpoint"], standin.endpoint());
        assert_eq!(said["team_id"], "TEAM000001");
        for file in ["trust_anchors", "key"] {
            assert!(Path::new(said[file].as_str().unwrap()).is_file(), "{file}");
        }
    }

    #[test]
    fn directory_and_keys_are_for_their_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("apns");
        Directory::open(&path).unwrap().config(&ids(), LOCAL).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        for key in [CA_KEY, PROVIDER_KEY] {
            assert_eq!(mode(&path.join(key)), 0o600, "{key}");
        }
    }
}
