//! A resolver whose answers a test chooses.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fulmar_dns::Transport;
use hickory_server::proto::{
    op::{Edns, Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{A, SOA},
    },
    serialize::binary::{BinDecodable, BinEncodable},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
};

/// A resolver that a test scripts.
pub(crate) struct Resolver {
    pub(crate) address: SocketAddr,
    /// What was asked of it, and how.
    pub(crate) asked: Arc<Mutex<Vec<(Transport, Message)>>>,
    /// One for each response that may go out.
    pub(crate) gate: Arc<Semaphore>,
}

type Script = dyn Fn(&Message, Transport) -> Vec<Message> + Send + Sync;

impl Resolver {
    pub(crate) async fn new(
        script: impl Fn(&Message, Transport) -> Vec<Message> + Send + Sync + 'static,
    ) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = Arc::new(UdpSocket::bind(address).await.unwrap());
        let (asked, gate) = (Arc::default(), Arc::new(Semaphore::new(1000)));
        let desk = Arc::new(Scripted {
            script: Box::new(script),
            asked: Arc::clone(&asked),
            gate: Arc::clone(&gate),
        });
        tokio::spawn(by_udp(udp, Arc::clone(&desk)));
        tokio::spawn(by_tcp(tcp, desk));
        Self { address, asked, gate }
    }

    /// Answers everything with this address.
    pub(crate) async fn with(address: [u8; 4], ttl: u32) -> Self {
        Self::new(move |query, _| vec![found(query, address, ttl)]).await
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn asked_times(&self, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.asked() < times {
            assert!(Instant::now() < deadline, "asked {} times, not {times}", self.asked());
            tokio::task::yield_now().await;
        }
    }
}

struct Scripted {
    script: Box<Script>,
    asked: Arc<Mutex<Vec<(Transport, Message)>>>,
    gate: Arc<Semaphore>,
}

impl Scripted {
    async fn replies(&self, query: &[u8], transport: Transport) -> Vec<Vec<u8>> {
        let query = Message::from_bytes(query).unwrap();
        self.asked.lock().unwrap().push((transport, query.clone()));
        self.gate.acquire().await.unwrap().forget();
        (self.script)(&query, transport).iter().map(|reply| reply.to_bytes().unwrap()).collect()
    }
}

async fn by_udp(socket: Arc<UdpSocket>, scripted: Arc<Scripted>) {
    let mut buffer = [0; 4096];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
        let (query, socket, scripted) = (buffer[..length].to_vec(), socket.clone(), scripted.clone());
        tokio::spawn(async move {
            for reply in scripted.replies(&query, Transport::Udp).await {
                socket.send_to(&reply, peer).await.unwrap();
            }
        });
    }
}

async fn by_tcp(listener: TcpListener, scripted: Arc<Scripted>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let query = read(&mut stream).await;
        for reply in scripted.replies(&query, Transport::Tcp).await {
            write(&mut stream, &reply).await;
        }
    }
}

pub(crate) async fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut message = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut message).await.unwrap();
    message
}

pub(crate) async fn write(stream: &mut TcpStream, message: &[u8]) {
    stream.write_u16(message.len() as u16).await.unwrap();
    stream.write_all(message).await.unwrap();
}

/// A response without records; with flags that a client must not see.
pub(crate) fn response(query: &Message, code: ResponseCode) -> Message {
    let mut response = Message::response(query.metadata.id, OpCode::Query);
    response.metadata.response_code = code;
    response.metadata.authoritative = true;
    response.metadata.authentic_data = true;
    response.add_queries(query.queries.clone());
    response.edns = Some(Edns::new());
    response.edns.as_mut().unwrap().set_max_payload(4000);
    response
}

pub(crate) fn found(query: &Message, address: [u8; 4], ttl: u32) -> Message {
    let mut response = response(query, ResponseCode::NoError);
    let name = query.queries[0].name().clone();
    response.add_answer(Record::from_rdata(name, ttl, RData::A(A(address.into()))));
    response
}

pub(crate) fn soa() -> Record {
    let name = |text| Name::from_ascii(text).unwrap();
    let soa = SOA::new(name("ns.example."), name("host.example."), 1, 2, 3, 4, 60);
    Record::from_rdata(name("example."), 60, RData::SOA(soa))
}
