//! An office for one test: the box, a stand-in for Apple, and people with passwords.
//!
//! The box runs in this process or as the binary that ships. Everything is on ports that the system chooses and
//! in a directory that vanishes with the test.

mod dialogue;
mod machine;
mod messenger;
mod namespace;
mod private_office;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use fulmar_domain::SipUri;
use fulmar_standins::apns::{ApnsStandin, Config as ApnsConfig, Credential, ProviderKey};
use fulmar_support::ucwa::Application;
use fulmar_wire::Secret;
use fulmarctl::{
    admin::Client,
    phone::{Network, Phone},
};
use fulmard::Addresses;
use http::Method;
use serde_json::json;
use tempfile::TempDir;

pub use dialogue::Dialogue;
pub use machine::{Kind, Machine, program};
pub use messenger::{Attempt, Messenger};
pub use namespace::PrivateNetwork;
pub use private_office::{DESERTED, INSIDE, OUTSIDE, PrivateOffice};

/// What everybody's password is. It must never be in a log.
pub const PASSWORD: &str = "correct-horse-battery";
/// The team and the key of the office's app.
const TEAM: (&str, &str) = ("TEAM000001", "KEY0000001");

/// A running office `office.test` with anna, ben and carla.
pub struct Office {
    /// The box.
    pub machine: Machine,
    /// What plays Apple.
    pub apns: ApnsStandin,
    /// What the binary finds in its environment where it logs only what is wrong.
    environment: Option<Vec<(String, String)>>,
    dir: TempDir,
}

impl Office {
    /// Sets an office up.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn new(kind: Kind) -> Result<Self> {
        Self::start(kind, true).await
    }

    /// Sets an office up that has no key for Apple.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn without_key(kind: Kind) -> Result<Self> {
        Self::start(kind, false).await
    }

    async fn start(kind: Kind, has_key: bool) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let machine = Machine::start(kind, dir.path(), None).await?;
        let intent = intent(&machine);
        Self::around(machine, dir, &intent, has_key).await
    }

    /// Sets an office up whose box is the binary that ships, with these variables, and logs only what is wrong.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn quiet(environment: Vec<(String, String)>) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let machine = Machine::start_quietly(dir.path(), None, &environment)?;
        let intent = intent(&machine);
        Ok(Self { environment: Some(environment), ..Self::around(machine, dir, &intent, true).await? })
    }

    /// Makes an office of a box that runs.
    async fn around(
        machine: Machine,
        dir: TempDir,
        intent: &serde_json::Value,
        has_key: bool,
    ) -> Result<Self> {
        let key = ProviderKey::make(TEAM.0, TEAM.1)?;
        let key_pem = key.pem().to_owned();
        let config = ApnsConfig::new(Credential::Token(key))?;
        let topic = config.topic.clone();
        let apns = ApnsStandin::start(config).await?;
        let office = Self { machine, apns, environment: None, dir };
        office.set_up(intent).await?;
        if has_key {
            office.enter_key(&topic, &key_pem).await?;
        }
        Ok(office)
    }

    async fn set_up(&self, intent: &serde_json::Value) -> Result<()> {
        let admin = self.admin();
        let changed = admin.change(Method::PUT, "/api/v1/office", intent).await?;
        anyhow::ensure!(changed["published"] == true, "DNS does not serve the office: {changed}");
        for name in ["anna", "ben", "carla"] {
            let person =
                json!({ "address": format!("{name}@office.test"), "name": name, "password": PASSWORD });
            admin.change(Method::POST, "/api/v1/people", &person).await?;
        }
        Ok(())
    }

    async fn enter_key(&self, topic: &str, key_pem: &str) -> Result<()> {
        let apns = json!({
            "endpoint": self.apns.endpoint(),
            "topic": topic,
            "team_id": TEAM.0,
            "key_id": TEAM.1,
            "key_pem": key_pem,
            "trust_anchors_pem": self.apns.ca_pem(),
        });
        self.admin().change(Method::PUT, "/api/v1/push/apns", &apns).await.map(drop)
    }

    /// The directory of everything.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.dir().join("state/fulmar.db")
    }

    /// The admin API.
    pub fn admin(&self) -> Client {
        Client::new(self.dir().join("admin.sock"))
    }

    /// Where the box serves.
    pub fn addresses(&self) -> Addresses {
        self.machine.addresses()
    }

    /// Where DNS is served.
    pub fn dns(&self) -> SocketAddr {
        self.addresses().dns.unwrap_or_else(unspecified)
    }

    /// Where phones are served.
    pub fn https(&self) -> SocketAddr {
        self.addresses().https.unwrap_or_else(unspecified)
    }

    /// The network as a phone sees it that knows the box's DNS and trusts its authority.
    ///
    /// # Errors
    /// When the box has made no authority.
    pub fn network(&self) -> Result<Network> {
        let ca = self.dir().join("state/tls/ca.pem");
        let ca_pem =
            std::fs::read_to_string(&ca).with_context(|| format!("no authority at `{}`", ca.display()))?;
        Network::new(self.dns(), &ca_pem)
    }

    /// Signs somebody in on a device, from address and password alone.
    ///
    /// # Errors
    /// Whatever does not lead on.
    pub async fn sign_in(&self, name: &str, device: &str) -> Result<Phone> {
        Phone::sign_in(&self.network()?, &uri(name)?, &Secret::from(PASSWORD), device, self.https().port())
            .await
    }

    /// Signs somebody in with a client of UCWA, from address and password alone.
    ///
    /// # Errors
    /// Whatever does not lead on.
    pub async fn application(&self, name: &str, endpoint: &str) -> Result<Application> {
        let (network, port) = (self.network()?, self.https().port());
        Application::sign_in(&network, &uri(name)?, &Secret::from(PASSWORD), endpoint, port).await
    }

    /// Ends the box without a word and starts it again on the same addresses and the same disk.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn power_cut(&mut self) -> Result<()> {
        let addresses = self.addresses();
        self.machine.kill()?;
        self.machine = match &self.environment {
            None => Machine::start(Kind::Binary, self.dir.path(), Some(addresses)).await?,
            Some(environment) => Machine::start_quietly(self.dir.path(), Some(addresses), environment)?,
        };
        Ok(())
    }
}

/// What an administrator says of the office.
fn intent(machine: &Machine) -> serde_json::Value {
    let port = machine.addresses().https.unwrap_or_else(unspecified).port();
    json!({ "domains": ["office.test"], "inside": ["127.0.0.1"], "https_port": port })
}

/// The SIP URI of somebody of the office.
///
/// # Errors
/// When the name can not stand in one.
pub fn uri(name: &str) -> Result<SipUri> {
    Ok(format!("{name}@office.test").parse()?)
}

fn unspecified() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}
