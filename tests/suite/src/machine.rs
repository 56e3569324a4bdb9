//! The box, in this process or as its own.

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use fulmard::{Addresses, Appliance, Config, Exit};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::PrivateNetwork;

/// How long the box may take to serve, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// How the box runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As tasks of this process.
    InProcess,
    /// As the binary that ships.
    Binary,
}

/// A running box.
pub enum Machine {
    /// As tasks of this process.
    InProcess {
        /// Ends it.
        stop: CancellationToken,
        /// How it ended.
        ended: JoinHandle<Exit>,
        /// Where it serves.
        addresses: Addresses,
    },
    /// As the binary that ships.
    Binary {
        /// The process.
        child: Child,
        /// What it says.
        log: PathBuf,
        /// Where it serves.
        addresses: Addresses,
    },
}

impl Machine {
    /// Starts a box whose state and socket lie in `dir`, on free ports or on those it had before.
    ///
    /// # Errors
    /// When it does not serve within half a minute.
    pub async fn start(kind: Kind, dir: &Path, addresses: Option<Addresses>) -> Result<Self> {
        let config = config_text(dir, addresses, "trace");
        match kind {
            Kind::InProcess => {
                let stop = CancellationToken::new();
                let appliance = Appliance::start(Config::parse(&config)?, stop.clone()).await?;
                let addresses = appliance.addresses();
                Ok(Self::InProcess { stop, ended: tokio::spawn(appliance.run()), addresses })
            }
            Kind::Binary => spawn(Command::new(program("fulmard")?), dir, &config),
        }
    }

    /// Starts the binary with these variables. It logs only what is wrong.
    ///
    /// # Errors
    /// When it does not serve within half a minute.
    pub fn start_quietly(
        dir: &Path,
        addresses: Option<Addresses>,
        environment: &[(String, String)],
    ) -> Result<Self> {
        let mut command = Command::new(program("fulmard")?);
        command.envs(environment.iter().cloned());
        spawn(command, dir, &config_text(dir, addresses, "error,fulmard=info"))
    }

    /// Starts the binary in a network of its own, at all these addresses, on the ports of a box in service but for
    /// the one where phones are served with TLS.
    ///
    /// # Errors
    /// When it does not serve within half a minute.
    pub fn start_in(
        network: &PrivateNetwork,
        dir: &Path,
        addresses: &[IpAddr],
        https_port: u16,
    ) -> Result<Self> {
        let at = |port| addresses.iter().map(move |ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>();
        let console = [SocketAddr::from(([127, 0, 0, 1], 9443))];
        let config = config_file(dir, &at(53), &at(https_port), &at(80), &console, "trace");
        spawn(network.command(program("fulmard")?), dir, &config)
    }

    /// Where it serves.
    pub fn addresses(&self) -> Addresses {
        match self {
            Self::InProcess { addresses, .. } | Self::Binary { addresses, .. } => *addresses,
        }
    }

    /// What the binary has logged so far; nothing in process, where the log is the test's own.
    ///
    /// # Errors
    /// When the file can not be read.
    pub fn log(&self) -> Result<String> {
        match self {
            Self::InProcess { .. } => Ok(String::new()),
            Self::Binary { log, .. } => Ok(fs::read_to_string(log)?),
        }
    }

    /// The number of the process.
    ///
    /// # Errors
    /// When the box has no process of its own.
    pub fn pid(&self) -> Result<u32> {
        match self {
            Self::InProcess { .. } => bail!("the box runs in this process"),
            Self::Binary { child, .. } => Ok(child.id()),
        }
    }

    /// Takes its power away (SIGKILL).
    ///
    /// # Errors
    /// When the box has no process of its own.
    pub fn kill(&mut self) -> Result<()> {
        match self {
            Self::InProcess { .. } => bail!("the box runs in this process"),
            Self::Binary { child, .. } => {
                child.kill()?;
                child.wait().map(drop).context("can not wait for the box")
            }
        }
    }

    /// Asks it to stop (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it does not end, or has no process of its own.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let Self::Binary { child, .. } = self else { bail!("the box runs in this process") };
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("the box does not stop");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        match self {
            Self::InProcess { stop, .. } => stop.cancel(),
            Self::Binary { child, .. } => {
                // Both fail only when it has ended already.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// A program that was built with the tests.
///
/// # Errors
/// When it was not.
pub fn program(name: &str) -> Result<PathBuf> {
    let test = env::current_exe()?;
    let built = test.ancestors().nth(2).context("the test lies in no build directory")?.join(name);
    if !built.is_file() {
        bail!("`{}` is not there: build it with `cargo build --workspace --bins`", built.display());
    }
    Ok(built)
}

fn config_text(dir: &Path, addresses: Option<Addresses>, log: &str) -> String {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let at = |pick: fn(&Addresses) -> Option<SocketAddr>| addresses.as_ref().and_then(pick).unwrap_or(free);
    config_file(dir, &[at(|a| a.dns)], &[at(|a| a.https)], &[at(|a| a.http)], &[at(|a| a.console)], log)
}

fn config_file(
    dir: &Path,
    dns: &[SocketAddr],
    https: &[SocketAddr],
    http: &[SocketAddr],
    console: &[SocketAddr],
    log: &str,
) -> String {
    let list = |sockets: &[SocketAddr]| sockets.iter().map(|at| format!("\"{at}\",")).collect::<String>();
    format!(
        "version = 1\n[paths]\nstate = {:?}\nadmin_socket = {:?}\n\
         [dns]\nlisten = [{}]\n[phones]\nhttps = [{}]\nhttp = [{}]\n[console]\nhttps = [{}]\n\
         [log]\nfilter = {log:?}\n",
        dir.join("state"),
        dir.join("admin.sock"),
        list(dns),
        list(https),
        list(http),
        list(console),
    )
}

fn spawn(mut command: Command, dir: &Path, config: &str) -> Result<Machine> {
    let (file, log) = (dir.join("fulmar.toml"), dir.join("fulmard.log"));
    fs::write(&file, config)?;
    // A second start goes on in the same log.
    let output = File::options().create(true).append(true).open(&log)?;
    let before = output.metadata()?.len();
    let mut child = command
        .arg("--config")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()?;
    match wait_until_served(&mut child, &log, before) {
        Ok(addresses) => Ok(Machine::Binary { child, log, addresses }),
        Err(error) => {
            let _ = child.kill();
            Err(error)
        }
    }
}

/// The box says where it serves, once it does.
fn wait_until_served(child: &mut Child, log: &Path, before: u64) -> Result<Addresses> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut file = File::open(log)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(before))?;
        let served =
            BufReader::new(file).lines().map_while(Result::ok).find(|line| line.contains("The box serves."));
        if let Some(line) = served {
            return addresses(&line).with_context(|| format!("not understood: {line}"));
        }
        if let Some(status) = child.try_wait()? {
            bail!("the box ended with {status}:\n{}", fs::read_to_string(log)?);
        }
        if Instant::now() > deadline {
            bail!("the box does not serve:\n{}", fs::read_to_string(log)?);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn addresses(line: &str) -> Option<Addresses> {
    let at = |name: &str| line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok());
    Some(Addresses {
        dns: Some(at("dns=")?),
        https: at("https="),
        http: at("http="),
        console: at("console="),
    })
}
