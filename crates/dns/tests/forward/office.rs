//! A box with resolvers, and those who ask it.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use fulmar_dns::{Publisher, Server, Snapshot, serve_tcp, serve_udp};
use fulmar_domain::{
    Office, Timestamp,
    custom_zone::{Content, CustomZone, Sides},
    office::{Networks, OfficeIntent},
    zone::Generation,
};
use hickory_server::proto::{
    op::{Edns, Message, MessageType, OpCode, Query},
    rr::{
        Name, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
    serialize::binary::{BinDecodable, BinEncodable},
};
use tokio::{
    net::{TcpListener, UdpSocket},
    time,
};
use tokio_util::sync::CancellationToken;

pub(crate) const INSIDE: &str = "127.0.0.0/8";
pub(crate) const OUTSIDE: &str = "10.0.0.0/8";
/// Records of the administrator's own.
const RECORDS: &str =
    "shop CNAME Shop.Example.\nfar CNAME shop\n*.stage CNAME host.example.\nold DNAME example.\n";

/// A box that sees these networks inside.
pub(crate) struct Fulmar {
    pub(crate) publisher: Publisher,
    pub(crate) address: SocketAddr,
}

pub(crate) fn snapshot(inside: &str, resolvers: &[SocketAddr]) -> Snapshot {
    let networks = Networks::from_iter([inside.parse().unwrap()]);
    let addresses = BTreeSet::from(["192.168.1.2".parse::<IpAddr>().unwrap()]);
    let intent = OfficeIntent::office_only(vec!["office.test".parse().unwrap()], addresses);
    let intent = OfficeIntent { networks, resolvers: resolvers.to_vec(), ..intent };
    let office = Office::new(intent, Timestamp::from_millis(1_700_000_000_000)).unwrap();
    let records = CustomZone {
        content: Content::Records,
        apex: "office.test".parse().unwrap(),
        sides: Sides::Both,
        text: RECORDS.into(),
    };
    Snapshot::of_office(&office, Generation(1), &[], &[records]).unwrap()
}

impl Fulmar {
    pub(crate) async fn new(inside: &str, resolvers: &[SocketAddr]) -> Self {
        let publisher = Publisher::default();
        publisher.publish(snapshot(inside, resolvers), 1);
        let server = Server::new(publisher.clone()).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = Arc::new(UdpSocket::bind(address).await.unwrap());
        let answers = server.clone();
        tokio::spawn(async move { serve_udp(&udp, answers, CancellationToken::new()).await });
        tokio::spawn(async move { serve_tcp(&tcp, server, CancellationToken::new()).await });
        Self { publisher, address }
    }

    pub(crate) async fn client(&self) -> Client {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        Client(socket)
    }

    pub(crate) async fn ask(&self, query: &Message) -> Message {
        let client = self.client().await;
        client.send(query).await;
        client.receive().await
    }
}

pub(crate) struct Client(UdpSocket);

impl Client {
    pub(crate) async fn send(&self, query: &Message) {
        self.0.send(&query.to_bytes().unwrap()).await.unwrap();
    }

    pub(crate) async fn receive(&self) -> Message {
        let mut buffer = [0; 4096];
        let length = time::timeout(Duration::from_secs(10), self.0.recv(&mut buffer)).await.unwrap().unwrap();
        Message::from_bytes(&buffer[..length]).unwrap()
    }
}

pub(crate) fn query(name: &str) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    message
}

pub(crate) fn with_edns(name: &str) -> Message {
    let mut message = query(name);
    message.edns = Some(Edns::new());
    message
}

pub(crate) fn addresses(message: &Message) -> Vec<IpAddr> {
    message.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
}

pub(crate) fn extended_error(message: &Message) -> Option<u16> {
    match message.edns.as_ref()?.option(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(15, data) => Some(u16::from_be_bytes(*data.first_chunk()?)),
        _ => None,
    }
}

pub(crate) const NINE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));
