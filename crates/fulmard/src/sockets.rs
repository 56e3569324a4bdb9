//! Binding everything before anything is served, so that a port that is taken is said at once.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixListener,
    },
    path::Path,
};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Socket, Type};

use crate::Config;

/// The sockets of the box. They are kept here, so that a service that is started again gets the same ones.
pub(crate) struct Sockets {
    pub(crate) dns: Vec<(UdpSocket, TcpListener)>,
    pub(crate) web: Web,
    pub(crate) admin: UnixListener,
}

/// Those that speak HTTP over TCP.
pub(crate) struct Web {
    pub(crate) phones: Vec<TcpListener>,
    pub(crate) plain_phones: Vec<TcpListener>,
    pub(crate) console: Vec<TcpListener>,
}

impl Sockets {
    pub(crate) fn bind(config: &Config) -> Result<Self> {
        let all = |addresses: &[SocketAddr], what: &str| -> Result<Vec<TcpListener>> {
            addresses.iter().map(|address| tcp(*address, what)).collect()
        };
        Ok(Self {
            dns: config.dns.listen.iter().map(|address| dns(*address)).collect::<Result<_>>()?,
            web: Web {
                phones: all(&config.phones.https, "phones (https)")?,
                plain_phones: all(&config.phones.http, "phones (http)")?,
                console: all(&config.console.https, "the console")?,
            },
            admin: admin(&config.paths.admin_socket)?,
        })
    }
}

fn tcp(address: SocketAddr, what: &str) -> Result<TcpListener> {
    let listen = || {
        let socket = bound(address, Type::STREAM)?;
        socket.listen(BACKLOG).map(|()| socket.into())
    };
    listen().with_context(|| format!("can not listen on {address} for {what}"))
}

/// UDP and TCP on the same port, also where the system chooses it.
fn dns(address: SocketAddr) -> Result<(UdpSocket, TcpListener)> {
    let listener = tcp(address, "DNS (TCP)")?;
    let address = SocketAddr::new(address.ip(), listener.local_addr()?.port());
    let socket =
        bound(address, Type::DGRAM).with_context(|| format!("can not listen on {address} for DNS (UDP)"))?;
    Ok((socket.into(), listener))
}

/// How many connections wait until they are accepted.
const BACKLOG: i32 = 1024;

/// A socket for IPv6 takes only IPv6, so that all addresses of both kinds can be listened on side by side.
fn bound(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        // Otherwise a box that is started again waits until the connections of before are forgotten.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket that nobody listens on any more is replaced; one that somebody does listen on is theirs.
fn admin(path: &Path) -> Result<UnixListener> {
    let shown = path.display();
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => bail!("another process listens on `{shown}`: is `fulmard` running already?"),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
            if is_socket {
                fs::remove_file(path)
                    .with_context(|| format!("can not replace the stale socket `{shown}`"))?;
            }
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path).with_context(|| format!("can not listen on `{shown}`"))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_both_kinds_are_listened_on_side_by_side() {
        let (udp, tcp) = dns("0.0.0.0:0".parse().unwrap()).unwrap();
        let port = tcp.local_addr().unwrap().port();
        assert_eq!(udp.local_addr().unwrap().port(), port);
        let (_, tcp_6) = dns(SocketAddr::new("::".parse().unwrap(), port)).unwrap();
        assert_eq!(tcp_6.local_addr().unwrap().port(), port);
        assert!(dns(SocketAddr::new("::".parse().unwrap(), port)).is_err());
    }
}
