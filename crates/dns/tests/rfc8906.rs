//! RFC 8906, "A Common Operational Problem in DNS Servers: Failure to Communicate": the tests of its section 8, each
//! named by its section, asked over sockets.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fulmar_dns::{Catalog, Publisher, Server, Snapshot, Zone, serve_tcp, serve_udp};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

const ZONE: &str = "@ 60 IN SOA ns hostmaster 1 3600 600 604800 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\n";
/// `office.test.`, as it stands in a question.
const NAME: &[u8] = b"\x06office\x04test\0";
const SOA: u16 = 6;

const QR: u8 = 0x80;
const AA: u8 = 0x04;
const TC: u8 = 0x02;
const RD: u8 = 0x01;
/// In the second byte of flags.
const RA: u8 = 0x80;
const Z: u8 = 0x40;
const AD: u8 = 0x20;
const CD: u8 = 0x10;

async fn server() -> SocketAddr {
    let mut zone = ZONE.to_owned();
    for i in 0..30 {
        zone.push_str(&format!(
            "many 60 IN TXT \"record {i} of a set that fits into no datagram of 512 bytes\"\n"
        ));
    }
    let zone = Zone::from_master_file(&zone, Some("office.test.")).unwrap();
    let publisher = Publisher::default();
    publisher.publish(Snapshot::same_everywhere(Catalog::from_iter([zone])), 1);
    let server = Server::new(publisher).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let udp = Arc::new(UdpSocket::bind(address).await.unwrap());
    let answers = server.clone();
    tokio::spawn(async move { serve_udp(&udp, answers, CancellationToken::new()).await });
    tokio::spawn(async move { serve_tcp(&tcp, server, CancellationToken::new()).await });
    address
}

/// A query for the SOA, and what is changed in it.
struct Query {
    flags: [u8; 2],
    name: &'static [u8],
    record_type: u16,
    opt: Option<Opt>,
}

#[derive(Default)]
struct Opt {
    payload: u16,
    version: u8,
    flags: u16,
    options: &'static [u8],
}

const PLAIN: Query = Query { flags: [0, 0], name: NAME, record_type: SOA, opt: None };

fn edns(opt: Opt) -> Query {
    Query { opt: Some(opt), ..PLAIN }
}

impl Query {
    fn bytes(&self) -> Vec<u8> {
        let [f1, f2] = self.flags;
        let mut bytes = vec![0x12, 0x34, f1, f2, 0, 1, 0, 0, 0, 0, 0, u8::from(self.opt.is_some())];
        bytes.extend(self.name);
        bytes.extend([self.record_type.to_be_bytes(), [0, 1]].concat());
        if let Some(opt) = &self.opt {
            bytes.extend([0, 0, 41]);
            bytes.extend(opt.payload.to_be_bytes());
            bytes.extend([0, opt.version]);
            bytes.extend(opt.flags.to_be_bytes());
            bytes.extend((opt.options.len() as u16).to_be_bytes());
            bytes.extend(opt.options);
        }
        bytes
    }
}

/// What is looked at in a response. The OPT record is the last one, for there is nothing else in that section.
#[derive(Debug)]
struct Response {
    flags: [u8; 2],
    rcode: u16,
    answers: u8,
    authorities: u8,
    opt: Option<ResponseOpt>,
    length: usize,
}

#[derive(Debug)]
struct ResponseOpt {
    version: u8,
    flags: u16,
    options: Vec<u8>,
}

fn read(bytes: &[u8]) -> Response {
    assert_eq!(bytes[..2], [0x12, 0x34], "the id comes back");
    let start = bytes.windows(5).rposition(|window| window == [0, 0, 41, 0x04, 0xd0]);
    let opt = start.filter(|_| bytes[11] > 0).map(|start| ResponseOpt {
        version: bytes[start + 6],
        flags: u16::from_be_bytes([bytes[start + 7], bytes[start + 8]]),
        options: bytes[start + 11..].to_vec(),
    });
    let extended = start.filter(|_| bytes[11] > 0).map_or(0, |start| u16::from(bytes[start + 5]));
    Response {
        flags: [bytes[2], bytes[3] & 0xf0],
        rcode: extended << 4 | u16::from(bytes[3] & 0x0f),
        answers: bytes[7],
        authorities: bytes[9],
        opt,
        length: bytes.len(),
    }
}

async fn ask_bytes(server: SocketAddr, query: &[u8]) -> Response {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(query, server).await.unwrap();
    let mut buffer = [0; 4096];
    let length = timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await.unwrap().unwrap();
    read(&buffer[..length])
}

async fn ask(query: Query) -> Response {
    ask_bytes(server().await, &query.bytes()).await
}

impl Response {
    /// The SOA, from the zone, without an error.
    #[track_caller]
    fn is_the_soa(&self) -> &Self {
        assert_eq!((self.rcode, self.answers), (0, 1), "{self:?}");
        assert_eq!(self.flags[0] & (QR | AA | TC), QR | AA, "{self:?}");
        assert_eq!(self.flags[1] & (RA | Z | AD), 0, "{self:?}");
        self
    }

    #[track_caller]
    fn has_opt(&self) -> &ResponseOpt {
        let opt = self.opt.as_ref().unwrap();
        assert_eq!(opt.version, 0);
        opt
    }
}

/// The server is there for plain questions (§8.1.1).
#[tokio::test]
async fn section_8_1_1_the_zone_is_served() {
    let response = ask(PLAIN).await;
    assert!(response.is_the_soa().opt.is_none());
    let soa = ask(Query { flags: [RD, 0], ..PLAIN }).await;
    assert_eq!(soa.is_the_soa().flags[0] & RD, RD);
}

#[tokio::test]
async fn section_8_1_2_an_unknown_type_is_no_data() {
    let response = ask(Query { record_type: 1000, ..PLAIN }).await;
    assert_eq!((response.rcode, response.answers, response.authorities), (0, 0, 1), "{response:?}");
    assert_eq!(response.flags[0] & AA, AA);
}

#[tokio::test]
async fn section_8_1_3_1_checking_disabled_is_no_matter() {
    ask(Query { flags: [0, CD], ..PLAIN }).await.is_the_soa();
}

#[tokio::test]
async fn section_8_1_3_2_authentic_data_is_not_echoed() {
    ask(Query { flags: [0, AD], ..PLAIN }).await.is_the_soa();
}

#[tokio::test]
async fn section_8_1_3_3_the_reserved_flag_is_not_echoed() {
    ask(Query { flags: [0, Z], ..PLAIN }).await.is_the_soa();
}

#[tokio::test]
async fn section_8_1_3_4_recursion_desired_is_echoed_and_not_offered() {
    let response = ask(Query { flags: [RD, 0], ..PLAIN }).await;
    assert_eq!(response.is_the_soa().flags[0] & RD, RD);
}

/// Every opcode but QUERY, with a question and as a header alone.
#[tokio::test]
async fn section_8_1_4_unknown_opcodes_are_not_implemented() {
    let server = server().await;
    for opcode in 1..16_u8 {
        let query = Query { flags: [opcode << 3, 0], ..PLAIN }.bytes();
        let header_only = [&query[..4], &[0; 8]].concat();
        for query in [&query, &header_only] {
            let response = ask_bytes(server, query).await;
            assert_eq!((response.rcode, response.length), (4, 12), "{opcode}: {response:?}");
            assert_eq!(response.flags, [QR | opcode << 3, 0], "{opcode}");
        }
    }
}

#[tokio::test]
async fn section_8_1_5_tcp_is_served() {
    let mut stream = TcpStream::connect(server().await).await.unwrap();
    let query = PLAIN.bytes();
    stream.write_all(&[&(query.len() as u16).to_be_bytes(), &query[..]].concat()).await.unwrap();
    let mut response = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut response).await.unwrap();
    read(&response).is_the_soa();
}

#[tokio::test]
async fn section_8_2_1_edns_is_answered_with_edns() {
    let response = ask(edns(Opt { payload: 4096, ..Opt::default() })).await;
    let opt = response.is_the_soa().has_opt();
    assert!(opt.flags == 0 && opt.options.is_empty(), "{opt:?}");
}

#[tokio::test]
async fn section_8_2_2_another_version_is_told_ours() {
    let response = ask(edns(Opt { payload: 4096, version: 1, ..Opt::default() })).await;
    assert_eq!((response.rcode, response.answers), (16, 0), "{response:?}");
    response.has_opt();
}

#[tokio::test]
async fn section_8_2_3_an_unknown_option_is_passed_over() {
    let response = ask(edns(Opt { payload: 4096, options: &[0, 100, 0, 2, 1, 2], ..Opt::default() })).await;
    assert!(response.is_the_soa().has_opt().options.is_empty());
}

#[tokio::test]
async fn section_8_2_4_unknown_flags_are_not_echoed() {
    for flags in [0x0040, 0x4000, 0x7fff] {
        let response = ask(edns(Opt { payload: 4096, flags, ..Opt::default() })).await;
        assert_eq!(response.is_the_soa().has_opt().flags, 0);
    }
}

#[tokio::test]
async fn section_8_2_5_another_version_with_unknown_flags() {
    let response = ask(edns(Opt { payload: 4096, version: 1, flags: 0x0040, ..Opt::default() })).await;
    assert_eq!((response.rcode, response.answers), (16, 0));
    assert_eq!(response.has_opt().flags, 0);
}

#[tokio::test]
async fn section_8_2_6_another_version_with_an_unknown_option() {
    let options = &[0, 100, 0, 0];
    let response = ask(edns(Opt { payload: 4096, version: 1, options, ..Opt::default() })).await;
    assert_eq!((response.rcode, response.answers), (16, 0));
    assert!(response.has_opt().options.is_empty());
}

#[tokio::test]
async fn section_8_2_7_a_truncated_response_has_edns() {
    let many = Query { name: b"\x04many\x06office\x04test\0", record_type: 16, ..PLAIN };
    let response = ask(Query { opt: Some(Opt { payload: 512, ..Opt::default() }), ..many }).await;
    assert_eq!(response.flags[0] & TC, TC);
    assert!(response.length <= 512);
    response.has_opt();
}

#[tokio::test]
async fn section_8_2_8_do_comes_back() {
    let response = ask(edns(Opt { payload: 4096, flags: 0x8000, ..Opt::default() })).await;
    assert_eq!(response.is_the_soa().has_opt().flags, 0x8000);
}

#[tokio::test]
async fn section_8_2_9_do_comes_back_with_another_version() {
    let response = ask(edns(Opt { payload: 4096, version: 1, flags: 0x8000, ..Opt::default() })).await;
    assert_eq!((response.rcode, response.answers), (16, 0));
    response.has_opt();
}

/// NSID, EXPIRE, client subnet and a cookie at once: only the cookie is answered.
#[tokio::test]
async fn section_8_2_10_several_options_at_once() {
    let options = b"\0\x03\0\0\0\x09\0\0\0\x08\0\x04\0\x01\0\0\0\x0a\0\x08ABCDEFGH";
    let response = ask(edns(Opt { payload: 4096, options, ..Opt::default() })).await;
    let opt = response.is_the_soa().has_opt();
    assert_eq!(opt.options[..12], *b"\0\x0a\0\x18ABCDEFGH");
    assert_eq!(opt.options.len(), 28);
}
