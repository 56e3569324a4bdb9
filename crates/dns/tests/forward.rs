//! Names of others, asked of resolvers on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use fulmar_dns::{Publisher, Server, Snapshot, Transport, answer, serve_tcp, serve_udp};
use fulmar_domain::{
    Office, Timestamp,
    office::{Networks, OfficeIntent},
    zone::Generation,
};
use hickory_server::proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::{
            A, SOA, TXT,
            opt::{EdnsCode, EdnsOption},
        },
    },
    serialize::binary::{BinDecodable, BinEncodable},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time,
};
use tokio_util::sync::CancellationToken;

const INSIDE: &str = "127.0.0.0/8";
const OUTSIDE: &str = "10.0.0.0/8";

/// A resolver that a test scripts.
struct Resolver {
    address: SocketAddr,
    /// What was asked of it, and how.
    asked: Arc<Mutex<Vec<(Transport, Message)>>>,
    /// One for each response that may go out.
    gate: Arc<Semaphore>,
}

type Script = dyn Fn(&Message, Transport) -> Vec<Message> + Send + Sync;

impl Resolver {
    async fn new(script: impl Fn(&Message, Transport) -> Vec<Message> + Send + Sync + 'static) -> Self {
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
    async fn with(address: [u8; 4], ttl: u32) -> Self {
        Self::new(move |query, _| vec![found(query, address, ttl)]).await
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Waits until it was asked so often.
    async fn asked_times(&self, times: usize) {
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

async fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut message = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut message).await.unwrap();
    message
}

async fn write(stream: &mut TcpStream, message: &[u8]) {
    stream.write_u16(message.len() as u16).await.unwrap();
    stream.write_all(message).await.unwrap();
}

/// A response without records; with flags that a client must not see.
fn response(query: &Message, code: ResponseCode) -> Message {
    let mut response = Message::response(query.metadata.id, OpCode::Query);
    response.metadata.response_code = code;
    response.metadata.authoritative = true;
    response.metadata.authentic_data = true;
    response.add_queries(query.queries.clone());
    response.edns = Some(Edns::new());
    response.edns.as_mut().unwrap().set_max_payload(4000);
    response
}

fn found(query: &Message, address: [u8; 4], ttl: u32) -> Message {
    let mut response = response(query, ResponseCode::NoError);
    let name = query.queries[0].name().clone();
    response.add_answer(Record::from_rdata(name, ttl, RData::A(A(address.into()))));
    response
}

fn soa() -> Record {
    let name = |text| Name::from_ascii(text).unwrap();
    let soa = SOA::new(name("ns.example."), name("host.example."), 1, 2, 3, 4, 60);
    Record::from_rdata(name("example."), 60, RData::SOA(soa))
}

/// A box that sees these networks inside.
struct Fulmar {
    publisher: Publisher,
    address: SocketAddr,
}

fn snapshot(inside: &str, resolvers: &[SocketAddr]) -> Snapshot {
    let networks = Networks::from_iter([inside.parse().unwrap()]);
    let addresses = BTreeSet::from(["192.168.1.2".parse::<IpAddr>().unwrap()]);
    let intent = OfficeIntent::office_only(vec!["office.test".parse().unwrap()], addresses);
    let intent = OfficeIntent { networks, resolvers: resolvers.to_vec(), ..intent };
    let office = Office::new(intent, Timestamp::from_millis(1_700_000_000_000)).unwrap();
    Snapshot::of_office(&office, Generation(1), &[], &[]).unwrap()
}

impl Fulmar {
    async fn new(inside: &str, resolvers: &[SocketAddr]) -> Self {
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

    async fn client(&self) -> Client {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        Client(socket)
    }

    async fn ask(&self, query: &Message) -> Message {
        let client = self.client().await;
        client.send(query).await;
        client.receive().await
    }
}

struct Client(UdpSocket);

impl Client {
    async fn send(&self, query: &Message) {
        self.0.send(&query.to_bytes().unwrap()).await.unwrap();
    }

    async fn receive(&self) -> Message {
        let mut buffer = [0; 4096];
        let length = time::timeout(Duration::from_secs(10), self.0.recv(&mut buffer)).await.unwrap().unwrap();
        Message::from_bytes(&buffer[..length]).unwrap()
    }
}

fn query(name: &str) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    message
}

fn with_edns(name: &str) -> Message {
    let mut message = query(name);
    message.edns = Some(Edns::new());
    message
}

fn addresses(message: &Message) -> Vec<IpAddr> {
    message.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
}

fn extended_error(message: &Message) -> Option<u16> {
    match message.edns.as_ref()?.option(EdnsCode::Unknown(15))? {
        EdnsOption::Unknown(15, data) => Some(u16::from_be_bytes(*data.first_chunk()?)),
        _ => None,
    }
}

const NINE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

#[tokio::test]
async fn a_name_of_others_is_asked_of_the_resolver() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let answer = fulmar.ask(&with_edns("Www.example.")).await;
    assert_eq!((addresses(&answer), answer.answers[0].ttl), (vec![NINE], 300));
    let flags = answer.metadata;
    assert!(flags.recursion_desired && flags.recursion_available, "{answer}");
    assert!(!flags.authoritative && !flags.authentic_data && !flags.checking_disabled, "{answer}");
    assert_eq!(answer.queries[0].name().to_string(), "Www.example.");
    assert_eq!(answer.edns.as_ref().unwrap().max_payload(), 1232, "ours, not the resolver's");
    assert!(fulmar.ask(&query("www.example.")).await.edns.is_none());
    let (transport, asked) = resolver.asked.lock().unwrap()[0].clone();
    assert_eq!((transport, asked.queries[0].name().to_string().as_str()), (Transport::Udp, "www.example."));
    assert!(asked.metadata.recursion_desired && !asked.metadata.checking_disabled, "{asked}");
    assert!(!asked.edns.as_ref().unwrap().flags().dnssec_ok, "{asked}");
}

#[tokio::test]
async fn do_and_cd_go_to_the_resolver_and_are_questions_of_their_own() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    for (dnssec_ok, checking_disabled) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut query = with_edns("www.example.");
        query.edns.as_mut().unwrap().set_dnssec_ok(dnssec_ok);
        query.metadata.checking_disabled = checking_disabled;
        let answer = fulmar.ask(&query).await;
        assert_eq!(answer.metadata.checking_disabled, checking_disabled);
        assert_eq!(answer.edns.unwrap().flags().dnssec_ok, dnssec_ok);
        let (_, asked) = resolver.asked.lock().unwrap().last().unwrap().clone();
        assert_eq!(asked.metadata.checking_disabled, checking_disabled);
        assert_eq!(asked.edns.unwrap().flags().dnssec_ok, dnssec_ok);
    }
    assert_eq!(resolver.asked(), 4);
}

#[tokio::test]
async fn nobody_else_and_nothing_else_is_forwarded() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    let inside = Fulmar::new(INSIDE, &[resolver.address]).await;
    let outside = Fulmar::new(OUTSIDE, &[resolver.address]).await;
    let alone = Fulmar::new(INSIDE, &[]).await;
    let mut no_recursion = query("www.example.");
    no_recursion.metadata.recursion_desired = false;
    let mut chaos = query("version.bind.");
    chaos.queries[0].set_query_class(DNSClass::CH);
    let mut transfer = query("www.example.");
    transfer.queries[0].set_query_type(RecordType::AXFR);
    for (fulmar, query, available) in [
        (&outside, &query("www.example."), false),
        (&alone, &query("www.example."), false),
        (&inside, &no_recursion, true),
        (&inside, &chaos, true),
        (&inside, &transfer, true),
    ] {
        let answer = fulmar.ask(query).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::Refused, "{answer}");
        assert_eq!(answer.metadata.recursion_available, available, "{answer}");
    }
    let own = inside.ask(&query("web.office.test.")).await;
    assert!(own.metadata.authoritative && own.metadata.recursion_available, "{own}");
    assert_eq!(addresses(&own), ["192.168.1.2".parse::<IpAddr>().unwrap()]);
    let absent = inside.ask(&query("nobody.office.test.")).await;
    assert_eq!(absent.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(resolver.asked(), 0);
}

#[test]
fn without_sockets_names_of_others_are_refused() {
    let snapshot = snapshot(INSIDE, &["192.0.2.53:53".parse().unwrap()]);
    let (mut out, source) = (Vec::new(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    answer(&snapshot, source, Transport::Udp, &query("www.example.").to_bytes().unwrap(), &mut out);
    let answer = Message::from_bytes(&out).unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::Refused);
}

#[tokio::test]
async fn what_is_known_is_not_asked_again_and_its_ttl_counts_down() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    assert_eq!(fulmar.ask(&query("www.example.")).await.answers[0].ttl, 300);
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let answer = fulmar.ask(&query("WWW.example.")).await;
        assert_eq!(addresses(&answer), [NINE]);
        if answer.answers[0].ttl < 300 {
            break;
        }
        assert!(Instant::now() < deadline, "{answer}");
        time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn an_answer_that_may_not_be_kept_is_asked_for_again() {
    let resolver = Resolver::with([192, 0, 2, 9], 0).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    for times in 1..4 {
        assert_eq!(addresses(&fulmar.ask(&query("www.example.")).await), [NINE]);
        assert_eq!(resolver.asked(), times);
    }
}

#[tokio::test]
async fn that_a_name_does_not_exist_is_kept() {
    let resolver = Resolver::new(|query, _| {
        let mut response = response(query, ResponseCode::NXDomain);
        response.add_authority(soa());
        vec![response]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    for _ in 0..2 {
        let answer = fulmar.ask(&query("nobody.example.")).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
        assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
    }
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn when_nobody_answers_the_client_is_told_within_four_seconds() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let fulmar = Fulmar::new(INSIDE, &[silent.local_addr().unwrap()]).await;
    let client = fulmar.client().await;
    client.send(&with_edns("www.example.")).await;
    time::pause();
    let asked = time::Instant::now();
    let answer = client.receive().await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(extended_error(&answer), Some(22));
    assert!((3900..4100).contains(&asked.elapsed().as_millis()), "{:?}", asked.elapsed());
    // It is known for a while, and who does not speak EDNS is told without a reason.
    let again = fulmar.ask(&query("www.example.")).await;
    assert_eq!(again.metadata.response_code, ResponseCode::ServFail);
    assert!(again.edns.is_none() && asked.elapsed().as_millis() < 4100, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_resolver_that_can_not_be_reached_is_a_network_error() {
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fulmar = Fulmar::new(INSIDE, &[nobody]).await;
    let answer = fulmar.ask(&with_edns("www.example.")).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert_eq!(extended_error(&answer), Some(23));
}

#[tokio::test]
async fn the_next_resolver_is_asked_and_who_was_silent_comes_last() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refusing = Resolver::new(|query, _| vec![response(query, ResponseCode::Refused)]).await;
    let good = Resolver::with([192, 0, 2, 9], 300).await;
    let resolvers = [silent.local_addr().unwrap(), nobody, refusing.address, good.address];
    let fulmar = Fulmar::new(INSIDE, &resolvers).await;
    let client = fulmar.client().await;
    client.send(&query("www.example.")).await;
    time::pause();
    assert_eq!(addresses(&client.receive().await), [NINE]);
    let asked = time::Instant::now();
    assert_eq!(addresses(&fulmar.ask(&query("mail.example.")).await), [NINE]);
    assert!(asked.elapsed() < Duration::from_millis(1000), "{:?}", asked.elapsed());
    assert_eq!((refusing.asked(), good.asked()), (2, 2));
}

#[tokio::test]
async fn the_reason_of_a_resolver_is_passed_on() {
    let resolver = Resolver::new(|query, _| {
        let mut response = response(query, ResponseCode::ServFail);
        response.edns.as_mut().unwrap().options_mut().insert(EdnsOption::Unknown(15, vec![0, 6, b'!']));
        vec![response]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let answer = fulmar.ask(&with_edns("bogus.example.")).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    assert_eq!((extended_error(&answer), resolver.asked()), (Some(6), 1));
}

/// More than fits into a datagram.
fn big(query: &Message) -> Message {
    let mut response = response(query, ResponseCode::NoError);
    for i in 0..100 {
        let text = TXT::new(vec![format!("text {i} of a set that fits into no datagram at all")]);
        response.add_answer(Record::from_rdata(query.queries[0].name().clone(), 60, RData::TXT(text)));
    }
    response
}

#[tokio::test]
async fn what_is_truncated_is_fetched_by_tcp() {
    let resolver = Resolver::new(|query, transport| match transport {
        Transport::Udp => vec![big(query).truncate()],
        Transport::Tcp => vec![big(query)],
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let mut query = query("many.example.");
    query.queries[0].set_query_type(RecordType::TXT);
    let by_udp = fulmar.ask(&query).await;
    assert!(by_udp.metadata.truncation && by_udp.answers.is_empty(), "{by_udp}");
    let mut stream = TcpStream::connect(fulmar.address).await.unwrap();
    write(&mut stream, &query.to_bytes().unwrap()).await;
    let by_tcp = Message::from_bytes(&read(&mut stream).await).unwrap();
    assert!(!by_tcp.metadata.truncation && by_tcp.answers.len() == 100, "{by_tcp}");
    let transports: Vec<Transport> = resolver.asked.lock().unwrap().iter().map(|(t, _)| *t).collect();
    assert_eq!(transports, [Transport::Udp, Transport::Tcp]);
}

#[tokio::test]
async fn two_who_want_the_same_wait_for_one_question() {
    let resolver = Resolver::with([192, 0, 2, 9], 0).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    resolver.gate.forget_permits(1000);
    let (one, other) = (fulmar.client().await, fulmar.client().await);
    one.send(&query("www.example.")).await;
    resolver.asked_times(1).await;
    other.send(&query("www.example.")).await;
    // Datagrams are taken in order: when this is answered, the other one waits.
    other.send(&query("web.office.test.")).await;
    assert!(other.receive().await.metadata.authoritative);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    resolver.gate.add_permits(1000);
    for client in [one, other] {
        assert_eq!(addresses(&client.receive().await), [NINE]);
    }
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn what_is_not_the_answer_to_the_question_is_passed_over() {
    let resolver = Resolver::new(|query, _| {
        let right = found(query, [192, 0, 2, 9], 300);
        let forged = found(query, [192, 0, 2, 66], 300);
        let change = |change: fn(&mut Message)| {
            let mut message = forged.clone();
            change(&mut message);
            message
        };
        vec![
            change(|message| message.metadata.id ^= 1),
            change(|message| _ = message.queries[0].set_name(Name::from_ascii("wwx.example.").unwrap())),
            change(|message| _ = message.queries[0].set_query_type(RecordType::AAAA)),
            change(|message| _ = message.queries[0].set_query_class(DNSClass::CH)),
            change(|message| message.queries.clear()),
            change(|message| message.metadata.message_type = MessageType::Query),
            right,
        ]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    assert_eq!(addresses(&fulmar.ask(&query("www.example.")).await), [NINE]);
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn answers_are_kept_as_long_as_the_resolvers_are_the_same() {
    let resolver = Resolver::with([192, 0, 2, 1], 300).await;
    let other = Resolver::with([192, 0, 2, 9], 300).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    fulmar.ask(&query("www.example.")).await;
    fulmar.publisher.publish(snapshot(INSIDE, &[resolver.address]), 2);
    fulmar.ask(&query("www.example.")).await;
    assert_eq!(resolver.asked(), 1);
    fulmar.publisher.publish(snapshot(INSIDE, &[other.address]), 3);
    assert_eq!(addresses(&fulmar.ask(&query("www.example.")).await), [NINE]);
    assert_eq!((resolver.asked(), other.asked()), (1, 1));
}

#[tokio::test]
async fn on_a_connection_nobody_waits_for_the_resolver_of_another_question() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    resolver.gate.forget_permits(1000);
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let mut stream = TcpStream::connect(fulmar.address).await.unwrap();
    for name in ["www.example.", "web.office.test."] {
        write(&mut stream, &query(name).to_bytes().unwrap()).await;
    }
    // All is asked: what is under way is still answered.
    stream.shutdown().await.unwrap();
    let mut names = Vec::new();
    for _ in 0..2 {
        let answer = Message::from_bytes(&read(&mut stream).await).unwrap();
        names.push(answer.queries[0].name().to_string());
        resolver.gate.add_permits(1000);
    }
    assert_eq!(names, ["web.office.test.", "www.example."]);
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}
