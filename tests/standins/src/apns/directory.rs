//! The files through which the stand-in and the appliance beside it get to know each other.
//!
//! They are made at the first start and used again at the next, so that an appliance that was set up once
//! keeps working. The directory and the keys in it are for their owner only.

use std::{net::SocketAddr, path::Path};

use serde_json::json;
use thiserror::Error;

use super::{ApnsStandin, Config, Credential, ProviderKey};
use crate::files::{Files, FilesError};

const CA_CERTIFICATE: &str = "apns-ca.pem";
const CA_KEY: &str = "apns-ca-key.pem";
const PROVIDER_KEY: &str = "AuthKey.p8";
const IDS: &str = "apns.json";

/// A directory with what a stand-in needs to be the same one after a restart.
pub struct Directory(Files);

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
    /// A file is missing or wrong.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The provider key could not be made or read.
    #[error("can not set up the provider key")]
    ProviderKey(#[from] rcgen::Error),
}

impl Directory {
    /// Opens a directory, and makes it if it is missing.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        Ok(Self(Files::open(path)?))
    }

    /// A stand-in with the authority and the key in this directory, which are made if they are missing.
    pub fn config(&self, ids: &Ids, listen: SocketAddr) -> Result<Config, DirectoryError> {
        Ok(Config {
            listen,
            authority: self.0.authority("APNs stand-in", CA_CERTIFICATE, CA_KEY)?,
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
            "trust_anchors": self.0.path(CA_CERTIFICATE),
            "key": self.0.path(PROVIDER_KEY),
        });
        Ok(self.0.write(IDS, &format!("{text:#}\n"))?)
    }

    fn provider_key(&self, ids: &Ids) -> Result<ProviderKey, DirectoryError> {
        if let Some(pem) = self.0.read(PROVIDER_KEY)? {
            return Ok(ProviderKey::read(&ids.team_id, &ids.key_id, &pem)?);
        }
        let key = ProviderKey::make(&ids.team_id, &ids.key_id)?;
        self.0.write(PROVIDER_KEY, key.pem())?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
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
