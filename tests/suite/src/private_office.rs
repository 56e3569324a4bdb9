//! An office in a network of its own, on the ports of a box in service: for clients that take no port and no resolver.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use anyhow::Result;
use http::Method;
use serde_json::json;

use crate::{Machine, Office, PASSWORD, PrivateNetwork};

/// The office's address for those inside.
pub const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 1));
/// The office's address for those outside.
pub const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
/// An address inside at which nothing listens: connections are refused.
pub const DESERTED: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 77, 9));

/// A running office `office.test` where alice works too.
pub struct PrivateOffice {
    /// The office. Its stand-in for Apple is not in the network.
    pub office: Office,
    /// The network, whose resolver is the box at its address inside.
    pub network: PrivateNetwork,
}

impl PrivateOffice {
    /// Sets an office up whose box serves phones with TLS at this port.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn new(https_port: u16) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let network = PrivateNetwork::new(dir.path(), &[INSIDE, OUTSIDE, DESERTED], INSIDE)?;
        let machine = Machine::start_in(&network, dir.path(), &[INSIDE, OUTSIDE], https_port)?;
        let office = Office::around(machine, dir, &intent(INSIDE, https_port), true).await?;
        let alice = json!({ "address": "alice@office.test", "name": "Alice", "password": PASSWORD });
        office.admin().change(Method::POST, "/api/v1/people", &alice).await?;
        Ok(Self { office, network })
    }

    /// Publishes another address for those inside.
    ///
    /// # Errors
    /// When the box refuses it.
    pub async fn move_inside(&self, address: IpAddr) -> Result<()> {
        let intent = intent(address, self.office.https().port());
        self.office.admin().change(Method::PUT, "/api/v1/office", &intent).await?;
        Ok(())
    }

    /// The certificate of the box's own authority.
    pub fn authority(&self) -> PathBuf {
        self.office.dir().join("state/tls/ca.pem")
    }

    /// What phones have asked so far and how it was answered, in the box's own words: `GET /route 200 from PEER`.
    ///
    /// # Errors
    /// When the log can not be read.
    pub fn answered(&self) -> Result<Vec<String>> {
        let log = self.office.machine.log()?;
        let phones = log.lines().filter(|line| line.contains("A request was answered. surface=\"phones\""));
        Ok(phones.filter_map(answered).collect())
    }
}

fn answered(line: &str) -> Option<String> {
    let field = |name: &str| {
        line.split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .map(|v| v.trim_matches('"'))
    };
    let (method, route, status, peer) = (field("method")?, field("route")?, field("status")?, field("peer")?);
    Some(format!("{method} {route} {status} from {peer}"))
}

fn intent(inside: IpAddr, https_port: u16) -> serde_json::Value {
    json!({
        "domains": ["office.test"],
        "inside": [inside],
        "outside": [OUTSIDE],
        "mode": "delegated",
        "https_port": https_port,
    })
}
