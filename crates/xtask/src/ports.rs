//! Whether the ports that the box wants are free, and who holds those that are not.
//!
//! The kernel lists every socket with its inode in `/proc/net`, and every process its open files in
//! `/proc/PID/fd`; the inode joins the two (proc(5)). Files of other people's processes can not be read, so the
//! holder of such a port is known by its user id only.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener, UdpSocket},
};

use anyhow::{Result, bail};

/// A port on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Tcp(u16),
    Udp(u16),
}

impl Port {
    fn number(self) -> u16 {
        match self {
            Self::Tcp(number) | Self::Udp(number) => number,
        }
    }

    /// Where the kernel lists the sockets of this kind.
    fn tables(self) -> [&'static str; 2] {
        match self {
            Self::Tcp(_) => ["/proc/net/tcp", "/proc/net/tcp6"],
            Self::Udp(_) => ["/proc/net/udp", "/proc/net/udp6"],
        }
    }

    /// The state of a socket that receives: TCP_LISTEN, or TCP_CLOSE as an unconnected UDP socket is shown.
    fn receiving(self) -> &'static str {
        match self {
            Self::Tcp(_) => "0A",
            Self::Udp(_) => "07",
        }
    }

    fn try_bind(self) -> io::Result<()> {
        let address = (Ipv4Addr::LOCALHOST, self.number());
        match self {
            Self::Tcp(_) => TcpListener::bind(address).map(drop),
            Self::Udp(_) => UdpSocket::bind(address).map(drop),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(number) => write!(f, "TCP port {number}"),
            Self::Udp(number) => write!(f, "UDP port {number}"),
        }
    }
}

/// Fails with a sentence for each port that can not be had, and what to do about it.
pub(crate) fn require_free(ports: &[Port]) -> Result<()> {
    let refused: Vec<String> = ports.iter().filter_map(|port| refusal(*port)).collect();
    if !refused.is_empty() {
        bail!("the box can not be started:\n  {}", refused.join("\n  "));
    }
    Ok(())
}

fn refusal(port: Port) -> Option<String> {
    let error = port.try_bind().err()?;
    Some(match error.kind() {
        ErrorKind::AddrInUse => format!("{port} is taken by {}", holder(port)),
        _ => format!("{port} can not be opened on 127.0.0.1: {error}"),
    })
}

/// Who holds a port, and how to get it back.
fn holder(port: Port) -> String {
    let tables: String = port.tables().iter().filter_map(|table| fs::read_to_string(table).ok()).collect();
    let Some(socket) = tables.lines().find_map(|line| Socket::parse(line, port)) else {
        return "somebody outside of this process namespace (a container?); stop that one and start again"
            .into();
    };
    match processes().find(|pid| holds(pid, &socket.inode)) {
        Some(pid) => {
            format!("process {pid}, `{}`; stop it with `kill {pid}` and start again", command_of(&pid))
        }
        None => format!(
            "a process of user {} that you may not look into; `sudo ss -lntup` names it. Stop it and start again",
            socket.user
        ),
    }
}

/// A line of a socket table of the kernel.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    user: String,
    inode: String,
}

impl Socket {
    /// The socket of this line, if it receives what is sent to `port` on 127.0.0.1.
    fn parse(line: &str, port: Port) -> Option<Self> {
        /// 127.0.0.1 and "any", each in IPv4 and IPv6, as the kernel prints them on a little-endian machine.
        const ADDRESSES: [&str; 4] =
            ["0100007F", "00000000", "0000000000000000FFFF00000100007F", "00000000000000000000000000000000"];
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (address, number) = columns.get(1)?.split_once(':')?;
        let wanted = ADDRESSES.contains(&address)
            && u16::from_str_radix(number, 16) == Ok(port.number())
            && *columns.get(3)? == port.receiving();
        wanted.then_some(Self { user: columns.get(7)?.to_string(), inode: columns.get(9)?.to_string() })
    }
}

fn processes() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
}

fn holds(pid: &str, inode: &str) -> bool {
    let wanted = format!("socket:[{inode}]");
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| target.as_os_str() == wanted.as_str())
}

/// The beginning of the command line of a process.
fn command_of(pid: &str) -> String {
    const SHOWN: usize = 100;
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).replace(|c: char| c.is_control(), " ");
    line.trim_end().chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_taken_port_names_the_process_that_holds_it() {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let udp = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        for port in [Port::Tcp(tcp.local_addr().unwrap().port()), Port::Udp(udp.local_addr().unwrap().port())]
        {
            let text = require_free(&[port]).unwrap_err().to_string();
            assert!(text.contains(&format!("{port} is taken by process {}, `", process::id())), "{text}");
        }
    }

    #[test]
    fn a_port_that_was_given_back_is_free() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = Port::Tcp(held.local_addr().unwrap().port());
        assert!(require_free(&[port]).is_err());
        drop(held);
        assert!(require_free(&[port]).is_ok());
    }

    #[test]
    fn a_connection_and_a_listener_elsewhere_do_not_take_a_port() {
        let line = |address: &str, state: &str| {
            format!(
                " 7: {address}:20FB 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 1000 0 4711 1"
            )
        };
        let found = |address, state| Socket::parse(&line(address, state), Port::Tcp(8443));
        assert_eq!(found("0100007F", "0A"), Some(Socket { user: "1000".into(), inode: "4711".into() }));
        assert_eq!(found("0100007F", "01"), None);
        assert_eq!(found("0101A8C0", "0A"), None);
        assert_eq!(Socket::parse(&line("0100007F", "0A"), Port::Tcp(8080)), None);
    }
}
