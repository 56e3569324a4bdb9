//! The box as the binary that ships, for one measurement.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fulmar_domain::SipUri;
use fulmarctl::{admin::Client, phone::Network};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "correct-horse-battery";
/// How long the box may take to serve.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running box with the office `office.test`.
pub(crate) struct Appliance {
    child: Child,
    dns: SocketAddr,
    pub(crate) https: SocketAddr,
    dir: TempDir,
}

impl Appliance {
    /// Starts the box that lies beside this program, with these people.
    pub(crate) async fn start(people: &[SipUri]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (dns, https, http, console) = (free()?, free()?, free()?, free()?);
        let config = format!(
            "version = 1\n[paths]\nstate = {:?}\nadmin_socket = {:?}\n[dns]\nlisten = [\"{dns}\"]\n\
             [phones]\nhttps = [\"{https}\"]\nhttp = [\"{http}\"]\n[console]\nhttps = [\"{console}\"]\n\
             [log]\nfilter = \"warn\"\n",
            dir.path().join("state"),
            dir.path().join("admin.sock"),
        );
        let file = dir.path().join("fulmar.toml");
        fs::write(&file, config)?;
        let program = env::current_exe()?.with_file_name("fulmard");
        let mut command = Command::new(&program);
        // As its unit has it.
        command.env("MALLOC_MMAP_THRESHOLD_", "1048576");
        let child = command.arg("--config").arg(&file).stdin(Stdio::null()).spawn();
        let child = child.with_context(|| format!("can not start `{}`", program.display()))?;
        let mut appliance = Self { child, dns, https, dir };
        appliance.wait_until_served().await?;
        appliance.set_up(people).await?;
        Ok(appliance)
    }

    /// The network as a phone sees it.
    pub(crate) fn network(&self) -> Result<Network> {
        Network::new(self.dns, &self.authority()?)
    }

    /// The certificate of the box's own authority.
    pub(crate) fn authority(&self) -> Result<String> {
        Ok(fs::read_to_string(self.dir.path().join("state/tls/ca.pem"))?)
    }

    /// The process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    fn admin(&self) -> Client {
        Client::new(self.dir.path().join("admin.sock"))
    }

    async fn wait_until_served(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.admin().get::<Value>("/api/v1/status").await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the box ended with {status}");
            }
            if Instant::now() > deadline {
                bail!("the box does not serve");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn set_up(&self, people: &[SipUri]) -> Result<()> {
        let office =
            json!({ "domains": ["office.test"], "inside": ["127.0.0.1"], "https_port": self.https.port() });
        self.admin().change(Method::PUT, "/api/v1/office", &office).await?;
        for person in people {
            let person = json!({ "address": person.address(), "name": person.user(), "password": PASSWORD });
            self.admin().change(Method::POST, "/api/v1/people", &person).await?;
        }
        Ok(())
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on loopback that nobody listens on.
pub(crate) fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
