//! A network of a test's own: some addresses, one resolver, and programs that see nothing else.
//!
//! It is a network namespace whose loopback interface carries the addresses. Whoever connects to one of them comes
//! from the same one, so the address of the resolver decides from which side of the office a program looks.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Made inside the namespace; it then lasts until standard input is closed, and so no longer than the test.
const SET_UP: &str = r#"set -e
mount --bind "$1" /etc/resolv.conf
mount --bind "$2" /etc/nsswitch.conf
shift 2
ip link set lo up
for address; do ip address add "$address" dev lo; done
echo ready
exec cat"#;
/// What to do when the system does not allow it.
const REMEDY: &str = "Run the test as root (in a container: with the capability SYS_ADMIN), or allow ordinary users \
                      to make user namespaces: `sysctl --write kernel.unprivileged_userns_clone=1`.";

/// A running namespace.
pub struct PrivateNetwork {
    holder: Child,
    /// Whether it needed a user namespace, because whoever tests is not root.
    unprivileged: bool,
    resolver_file: PathBuf,
}

impl PrivateNetwork {
    /// Makes one; its files lie in `dir`.
    ///
    /// # Errors
    /// When the system does not allow it; the text says what to do.
    pub fn new(dir: &Path, addresses: &[IpAddr], resolver: IpAddr) -> Result<Self> {
        let (resolver_file, order) = (dir.join("resolv.conf"), dir.join("nsswitch.conf"));
        fs::write(&resolver_file, format!("nameserver {resolver}\n"))?;
        fs::write(&order, "passwd: files\ngroup: files\nhosts: dns\n")?;
        let unprivileged = fs::metadata("/proc/self")?.uid() != 0;
        let mut unshare = Command::new("unshare");
        if unprivileged {
            unshare.args(["--user", "--map-root-user"]);
        }
        unshare.args(["--net", "--mount", "sh", "-c", SET_UP, "sh"]).arg(&resolver_file).arg(&order);
        unshare.args(addresses.iter().map(IpAddr::to_string));
        unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let holder = unshare.spawn().context("`unshare` of Debian's util-linux does not start")?;
        let mut network = Self { holder, unprivileged, resolver_file };
        network.wait_until_ready()?;
        Ok(network)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let mut said = String::new();
        let output = self.holder.stdout.take().context("the namespace says nothing")?;
        BufReader::new(output).read_line(&mut said)?;
        if said == "ready\n" {
            return Ok(());
        }
        let mut why = String::new();
        if let Some(errors) = &mut self.holder.stderr {
            errors.read_to_string(&mut why)?;
        }
        bail!("there is no private network for this test: {}\n{REMEDY}", why.trim());
    }

    /// From now on programs of this network ask another resolver.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn set_resolver(&self, resolver: IpAddr) -> Result<()> {
        Ok(fs::write(&self.resolver_file, format!("nameserver {resolver}\n"))?)
    }

    /// A program that will run in this network, in the directory `/`: paths have to be absolute.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.arg(format!("--target={}", self.holder.id()));
        if self.unprivileged {
            nsenter.args(["--user", "--preserve-credentials"]);
        }
        nsenter.args(["--net", "--mount"]).arg(program);
        nsenter
    }
}

impl Drop for PrivateNetwork {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
