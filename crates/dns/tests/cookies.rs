//! Cookies and allowances over real sockets, as somebody outside sees them.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use fulmar_dns::{Publisher, Server, Snapshot, serve_tcp, serve_udp};
use fulmar_domain::{
    Office, Timestamp,
    office::{Mode, Networks, OfficeIntent},
    zone::Generation,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const QUESTION: &[u8] = b"\x03web\x06office\x04test\0\0\x01\0\x01";
/// Answers at once for somebody who was silent before.
const BURST: usize = 200;

/// A server that sees this machine outside, or inside.
async fn server(inside: &str) -> SocketAddr {
    let addresses = |text: &str| BTreeSet::from([text.parse().unwrap()]);
    let networks = Networks::from_iter([inside.parse().unwrap()]);
    let intent = OfficeIntent::office_only(vec!["office.test".parse().unwrap()], addresses("192.168.1.2"));
    let outside = addresses("203.0.113.7");
    let intent = OfficeIntent { outside, mode: Mode::Delegated, networks, ..intent };
    let office = Office::new(intent, Timestamp::from_millis(1_700_000_000_000)).unwrap();
    let publisher = Publisher::default();
    publisher.publish(Snapshot::of_office(&office, Generation(1), &[], &[]).unwrap(), 1);
    let server = Server::new(publisher).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let udp = Arc::new(UdpSocket::bind(address).await.unwrap());
    let answers = server.clone();
    tokio::spawn(async move { serve_udp(&udp, answers, CancellationToken::new()).await });
    tokio::spawn(async move { serve_tcp(&tcp, server, CancellationToken::new()).await });
    address
}

/// A query; with this in the COOKIE option, where there is something.
fn query(question: &[u8], cookie: Option<&[u8]>) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, u8::from(!question.is_empty()), 0, 0, 0, 0, 0, 0];
    query.extend(question);
    if let Some(cookie) = cookie {
        let length = cookie.len() as u8;
        query[11] = 1;
        query.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, length + 4, 0, 10, 0, length]);
        query.extend(cookie);
    }
    query
}

#[derive(Debug)]
struct Response {
    rcode: u16,
    truncated: bool,
    answers: u8,
    /// The server's part of the cookie.
    cookie: Option<Vec<u8>>,
}

fn read(bytes: &[u8]) -> Response {
    let opt = bytes.windows(5).rposition(|window| window == [0, 0, 41, 0x04, 0xd0]);
    let option = opt.map(|start| &bytes[start + 11..]).filter(|options| !options.is_empty());
    Response {
        rcode: opt.map_or(0, |start| u16::from(bytes[start + 5]) << 4) | u16::from(bytes[3] & 0x0f),
        truncated: bytes[2] & 0x02 != 0,
        answers: bytes[7],
        cookie: option.map(|option| {
            assert_eq!(option[..12], *b"\0\x0a\0\x18ABCDEFGH");
            option[12..].to_vec()
        }),
    }
}

struct Client(UdpSocket);

impl Client {
    async fn new(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server).await.unwrap();
        Self(socket)
    }

    async fn ask(&self, query: &[u8]) -> Response {
        self.0.send(query).await.unwrap();
        let mut buffer = [0; 4096];
        let length = timeout(Duration::from_secs(5), self.0.recv(&mut buffer)).await.unwrap().unwrap();
        read(&buffer[..length])
    }

    /// Asks until the allowance is used up: then the first of what is beyond it is a hint.
    async fn use_up(&self, query: &[u8]) -> Response {
        for _ in 0..BURST * 10 {
            let response = self.ask(query).await;
            if response.truncated || response.rcode == 23 {
                return response;
            }
        }
        panic!("there is no limit");
    }
}

/// The cookie of a client with what the server gave it.
fn with(server: &[u8]) -> Vec<u8> {
    [b"ABCDEFGH", server].concat()
}

#[tokio::test]
async fn a_client_gets_a_cookie_and_may_show_it() {
    let client = Client::new(server("10.0.0.0/8").await).await;
    let first = client.ask(&query(QUESTION, Some(b"ABCDEFGH"))).await;
    assert_eq!((first.rcode, first.answers), (0, 1), "{first:?}");
    let given = first.cookie.unwrap();
    let second = client.ask(&query(QUESTION, Some(&with(&given)))).await;
    assert_eq!((second.rcode, second.answers, second.cookie), (0, 1, Some(given)));
}

#[tokio::test]
async fn a_wrong_cookie_is_answered_with_a_right_one() {
    let client = Client::new(server("10.0.0.0/8").await).await;
    for wrong in [&[7; 16][..], &[7; 8], &[7; 32]] {
        let response = client.ask(&query(QUESTION, Some(&with(wrong)))).await;
        assert_eq!((response.rcode, response.answers), (0, 1), "{response:?}");
        assert_ne!(response.cookie.as_deref(), Some(wrong));
    }
}

#[tokio::test]
async fn a_cookie_of_an_impossible_length_is_malformed() {
    let client = Client::new(server("10.0.0.0/8").await).await;
    for bad in [&b""[..], b"ABCDEFG", b"ABCDEFGH1234567", &[b'x'; 41]] {
        let response = client.ask(&query(QUESTION, Some(bad))).await;
        assert_eq!((response.rcode, response.answers, response.cookie), (1, 0, None));
    }
}

/// RFC 7873 §5.4.
#[tokio::test]
async fn a_cookie_can_be_asked_for_without_a_question() {
    let client = Client::new(server("10.0.0.0/8").await).await;
    let first = client.ask(&query(b"", Some(b"ABCDEFGH"))).await;
    assert_eq!((first.rcode, first.answers), (0, 0));
    let given = first.cookie.unwrap();
    assert_eq!(client.ask(&query(b"", Some(&with(&given)))).await.rcode, 0);
    let wrong = client.ask(&query(b"", Some(&with(&[7; 16])))).await;
    assert_eq!((wrong.rcode, wrong.cookie.is_some()), (23, true));
    assert_eq!(client.ask(&query(b"", None)).await.rcode, 1, "without a cookie there is nothing to ask for");
}

#[tokio::test]
async fn who_asks_too_much_is_told_to_ask_by_tcp_and_is_answered_there() {
    let server = server("10.0.0.0/8").await;
    let client = Client::new(server).await;
    let hint = client.use_up(&query(QUESTION, None)).await;
    assert!(hint.truncated && hint.answers == 0 && hint.rcode == 0, "{hint:?}");
    let mut stream = TcpStream::connect(server).await.unwrap();
    let query = query(QUESTION, None);
    stream.write_all(&[&(query.len() as u16).to_be_bytes(), &query[..]].concat()).await.unwrap();
    let mut response = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut response).await.unwrap();
    assert_eq!(read(&response).answers, 1);
}

#[tokio::test]
async fn who_asks_too_much_and_knows_cookies_goes_on_with_one() {
    let client = Client::new(server("10.0.0.0/8").await).await;
    let hint = client.use_up(&query(QUESTION, Some(b"ABCDEFGH"))).await;
    assert_eq!((hint.rcode, hint.answers), (23, 0), "{hint:?}");
    let proven = query(QUESTION, Some(&with(&hint.cookie.unwrap())));
    for _ in 0..BURST * 3 {
        assert_eq!(client.ask(&proven).await.answers, 1);
    }
}

/// A signature by a key that nobody has (RFC 8945 §4.2).
fn badly_signed() -> Vec<u8> {
    let mut signed = query(QUESTION, None);
    signed[11] = 1;
    signed.extend(b"\x06nobody\0\0\xfa\0\xff\0\0\0\0\0\x3d\x0bhmac-sha256\0");
    signed.extend([0, 0, 0x65, 0x53, 0xf1, 0, 0x01, 0x2c, 0, 32]);
    signed.extend([7; 32]);
    signed.extend([0x12, 0x34, 0, 0, 0, 0]);
    signed
}

#[tokio::test]
async fn refused_signatures_and_rubbish_count_like_questions() {
    let rubbish = query(b"\x3fweb", None);
    for (bad, code) in [(badly_signed(), 9), (rubbish, 1)] {
        let client = Client::new(server("10.0.0.0/8").await).await;
        let first = client.ask(&bad).await;
        assert_eq!((first.rcode, first.answers), (code, 0), "{first:?}");
        let mut answered = 1;
        while answered < BURST * 10 {
            client.0.send(&bad).await.unwrap();
            if timeout(Duration::from_millis(500), client.0.recv(&mut [0; 512])).await.is_err() {
                break;
            }
            answered += 1;
        }
        assert!(answered < BURST * 10, "there is no limit for {code}");
    }
}

#[tokio::test]
async fn the_office_asks_as_much_as_it_likes() {
    let client = Client::new(server("127.0.0.0/8").await).await;
    for _ in 0..BURST * 3 {
        let response = client.ask(&query(QUESTION, None)).await;
        assert!(response.answers == 1 && !response.truncated);
    }
}

#[tokio::test]
async fn the_address_that_was_asked_is_the_one_that_answers() {
    for (all, asked) in [("0.0.0.0:0", "127.0.0.2"), ("0.0.0.0:0", "127.0.0.3"), ("[::]:0", "::1")] {
        let socket = Arc::new(UdpSocket::bind(all).await.unwrap());
        let port = socket.local_addr().unwrap().port();
        let publisher = Publisher::default();
        publisher.publish(Snapshot::default(), 0);
        let server = Server::new(publisher).unwrap();
        tokio::spawn(async move { serve_udp(&socket, server, CancellationToken::new()).await });
        let asked = SocketAddr::new(asked.parse().unwrap(), port);
        let own = if asked.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
        let client = UdpSocket::bind(own).await.unwrap();
        client.send_to(&query(QUESTION, None), asked).await.unwrap();
        let received = timeout(Duration::from_secs(5), client.recv_from(&mut [0; 512])).await;
        assert_eq!(received.unwrap().unwrap().1, asked);
    }
}
