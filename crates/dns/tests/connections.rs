//! How the server bears with clients that do not behave.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fulmar_dns::{Publisher, Server, Snapshot, serve_tcp, serve_udp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::{self, Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// A question for `a.test` A, to which a server without zones answers REFUSED.
const QUERY: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01";
/// The most connections that are served at a time.
const MAX_CONNECTIONS: usize = 256;

fn server() -> Server {
    let publisher = Publisher::default();
    publisher.publish(Snapshot::default(), 0);
    Server::new(publisher).unwrap()
}

async fn tcp_server() -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let signal = stop.clone();
    tokio::spawn(async move { serve_tcp(&listener, server(), signal).await });
    (address, stop)
}

async fn ask(stream: &mut TcpStream) -> io::Result<u8> {
    let length = u16::try_from(QUERY.len()).unwrap().to_be_bytes();
    stream.write_all(&[&length, QUERY].concat()).await?;
    let mut response = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut response).await?;
    Ok(response[3] & 0x0f)
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]).await, Ok(0) | Err(_))
}

#[tokio::test]
async fn a_connection_is_closed_after_ten_idle_seconds() {
    let (address, _stop) = tcp_server().await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut silent).await.unwrap(), 5);
    time::pause();
    let asked = Instant::now();
    assert!(is_closed(&mut silent).await);
    assert!((9..12).contains(&asked.elapsed().as_secs()), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn half_a_query_does_not_hold_a_connection() {
    let (address, _stop) = tcp_server().await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(&[0, 100, 1, 2, 3]).await.unwrap();
    time::pause();
    assert!(is_closed(&mut slow).await);
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_the_others_are_served() {
    let (address, _stop) = tcp_server().await;
    let mut served = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        served.push(TcpStream::connect(address).await.unwrap());
    }
    let mut refused = TcpStream::connect(address).await.unwrap();
    assert!(timeout(Duration::from_secs(5), is_closed(&mut refused)).await.unwrap());
    for stream in [0, MAX_CONNECTIONS - 1] {
        assert_eq!(ask(&mut served[stream]).await.unwrap(), 5);
    }
}

#[tokio::test]
async fn connections_end_with_the_server() {
    let (address, stop) = tcp_server().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut stream).await.unwrap(), 5);
    stop.cancel();
    assert!(timeout(Duration::from_secs(5), is_closed(&mut stream)).await.unwrap());
}

#[tokio::test]
async fn clients_that_went_away_do_not_end_the_service() {
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let (address, stop) = (socket.local_addr().unwrap(), CancellationToken::new());
    let signal = stop.clone();
    let serving = tokio::spawn(async move { serve_udp(&socket, server(), signal).await });
    for _ in 0..50 {
        let gone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        gone.send_to(QUERY, address).await.unwrap();
    }
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.send_to(QUERY, address).await.unwrap();
    let mut response = [0; 512];
    timeout(Duration::from_secs(5), client.recv(&mut response)).await.unwrap().unwrap();
    assert_eq!(response[3] & 0x0f, 5);
    stop.cancel();
    serving.await.unwrap();
}
