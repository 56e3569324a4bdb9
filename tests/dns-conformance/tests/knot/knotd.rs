//! Knot DNS with the same zones, in a directory of its own; it ends with the test.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{question::Question, zones::ZoneFile};

/// How long Knot may take to load the zones.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Knot {
    child: Child,
    pub(crate) address: SocketAddr,
    stream: TcpStream,
}

impl Drop for Knot {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Knot {
    pub(crate) fn start(dir: &Path, zones: &[ZoneFile]) -> Self {
        let address = free_address();
        let shown = dir.display();
        // Limits of its own must not come between: there is no rate limit without its module.
        let mut conf = format!(
            "server:\n  rundir: {shown}\n  listen: 127.0.0.1@{}\n  tcp-idle-timeout: 600\n\
             database:\n  storage: {shown}\nlog:\n  - target: stderr\n    any: info\nzone:\n",
            address.port()
        );
        for zone in zones {
            fs::write(dir.join(format!("{}.zone", zone.apex)), &zone.text).unwrap();
            writeln!(conf, "  - domain: {0}.\n    storage: {shown}\n    file: {0}.zone", zone.apex).unwrap();
        }
        fs::write(dir.join("conf"), conf).unwrap();
        let log = File::create(dir.join("log")).unwrap();
        let child = Command::new("knotd")
            .arg("-c")
            .arg(dir.join("conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("`knotd` does not start: {error}"));
        let deadline = Instant::now() + PATIENCE;
        let log = || fs::read_to_string(dir.join("log")).unwrap_or_default();
        let stream = loop {
            if let Ok(stream) = TcpStream::connect(address) {
                break stream;
            }
            assert!(Instant::now() < deadline, "{}", log());
        };
        let mut knot = Self { child, address, stream };
        for zone in zones {
            let soa = Question::soa(&zone.apex);
            while knot.whole(&soa.bytes(0))[3] & 0x0f != 0 {
                assert!(Instant::now() < deadline, "`{}` is not served: {}", zone.apex, log());
            }
        }
        knot
    }

    /// The answer over TCP, which is never truncated.
    pub(crate) fn whole(&mut self, query: &[u8]) -> Vec<u8> {
        let length = u16::try_from(query.len()).unwrap().to_be_bytes();
        self.stream.write_all(&[&length, query].concat()).unwrap();
        let mut length = [0; 2];
        self.stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        self.stream.read_exact(&mut answer).unwrap();
        answer
    }
}

/// An address that is free for UDP and TCP.
fn free_address() -> SocketAddr {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = tcp.local_addr().unwrap();
    UdpSocket::bind(address).map_or_else(|_| free_address(), |_| address)
}
