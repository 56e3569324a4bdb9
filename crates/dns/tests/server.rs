//! The server over real sockets, fed by a real store.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use fulmar_dns::{
    Catalog, Disposition, Publisher, Server as DnsServer, Snapshot, Transport, Zone, answer, run, serve_tcp,
    serve_udp,
};
use fulmar_domain::{
    Office, Timestamp,
    office::{Mode, OfficeIntent},
};
use fulmar_store::Store;
use hickory_server::proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RData, RecordType},
    serialize::binary::{BinDecodable, BinEncodable},
};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};
use tokio_util::sync::CancellationToken;

struct Server {
    store: Store,
    publisher: Publisher,
    udp: SocketAddr,
    tcp: SocketAddr,
    _dir: TempDir,
}

fn office(inside: &str) -> Office {
    let addresses = |text: &str| BTreeSet::from([text.parse::<IpAddr>().unwrap()]);
    let (inside, outside) = (addresses(inside), addresses("203.0.113.7"));
    let domains = vec!["office.test".parse().unwrap()];
    let intent =
        OfficeIntent { outside, mode: Mode::Delegated, ..OfficeIntent::office_only(domains, inside) };
    Office::new(intent, Timestamp::from_millis(1_700_000_000_000)).unwrap()
}

async fn server() -> Server {
    let server = server_without_zones().await;
    tokio::spawn(run(server.store.clone(), server.publisher.clone(), CancellationToken::new()));
    server.store.set_office(office("192.168.1.2")).await.unwrap();
    server.publisher.published().wait_for(|generation| *generation == 1).await.unwrap();
    server
}

/// Nothing is published before `run` does it.
async fn server_without_zones() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let (store, publisher) = (Store::open(dir.path()).unwrap(), Publisher::default());
    let stop = CancellationToken::new();
    let udp = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    let (answers, signal) = (DnsServer::new(publisher.clone()).unwrap(), stop.clone());
    let answers_too = answers.clone();
    tokio::spawn(async move { serve_udp(&udp, answers, signal).await });
    tokio::spawn(async move { serve_tcp(&tcp, answers_too, stop).await });
    Server { store, publisher, udp: addresses.0, tcp: addresses.1, _dir: dir }
}

fn query(name: &str, record_type: RecordType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), record_type));
    message
}

impl Server {
    async fn ask_message(&self, message: &Message) -> Message {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&message.to_bytes().unwrap(), self.udp).await.unwrap();
        let mut buffer = [0; 4096];
        let received = tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut buffer)).await;
        Message::from_bytes(&buffer[..received.expect("an answer").unwrap()]).unwrap()
    }

    async fn ask(&self, name: &str, record_type: RecordType) -> Message {
        self.ask_message(&query(name, record_type)).await
    }
}

fn addresses(message: &Message) -> Vec<IpAddr> {
    message.answers.iter().filter_map(|record| record.data.ip_addr()).collect()
}

#[tokio::test]
async fn every_name_that_a_phone_asks_for_is_answered() {
    let server = server().await;
    for host in ["lyncdiscover", "lyncdiscoverinternal", "web", "sip"] {
        let response = server.ask(&format!("{host}.office.test."), RecordType::A).await;
        assert_eq!(addresses(&response), ["192.168.1.2".parse::<IpAddr>().unwrap()], "{host}");
        assert!(response.metadata.authoritative && !response.metadata.recursion_available, "{host}");
    }
    for (service, port) in [("_sipinternaltls._tcp", 5061), ("_sip._tls", 5061)] {
        let response = server.ask(&format!("{service}.office.test."), RecordType::SRV).await;
        let RData::SRV(srv) = &response.answers[0].data else { panic!("{response}") };
        assert_eq!((srv.port, srv.target.to_string().as_str()), (port, "sip.office.test."));
        assert_eq!(response.additionals.len(), 1, "{response}");
    }
    assert_eq!(server.ask("office.test.", RecordType::SOA).await.answers.len(), 1);
    assert_eq!(server.ask("office.test.", RecordType::NS).await.answers.len(), 1);
}

#[tokio::test]
async fn what_is_asked_before_the_first_zones_are_published_waits_for_them() {
    for (is_set_up, code) in [(true, ResponseCode::NoError), (false, ResponseCode::Refused)] {
        let server = server_without_zones().await;
        if is_set_up {
            server.store.set_office(office("192.168.1.2")).await.unwrap();
        }
        let question = query("web.office.test.", RecordType::A);
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&question.to_bytes().unwrap(), server.udp).await.unwrap();
        let mut stream = TcpStream::connect(server.tcp).await.unwrap();
        let bytes = question.to_bytes().unwrap();
        stream.write_all(&[&(bytes.len() as u16).to_be_bytes(), &bytes[..]].concat()).await.unwrap();
        let mut buffer = [0; 512];
        let early = Duration::from_millis(100);
        assert!(tokio::time::timeout(early, socket.recv(&mut buffer)).await.is_err(), "by UDP: {is_set_up}");
        assert!(tokio::time::timeout(early, stream.read_u16()).await.is_err(), "by TCP: {is_set_up}");

        tokio::spawn(run(server.store.clone(), server.publisher.clone(), CancellationToken::new()));
        let length = socket.recv(&mut buffer).await.unwrap();
        assert_eq!(Message::from_bytes(&buffer[..length]).unwrap().metadata.response_code, code);
        let length = stream.read_u16().await.unwrap().into();
        stream.read_exact(&mut buffer[..length]).await.unwrap();
        assert_eq!(Message::from_bytes(&buffer[..length]).unwrap().metadata.response_code, code);
    }
}

#[tokio::test]
async fn all_proofs_of_one_name_are_served_together() {
    let server = server().await;
    let proof = |value: &str| ("_acme-challenge.web.office.test".parse().unwrap(), value.to_owned());
    let proofs = vec![proof("of-the-name"), proof("of-its-wildcard")];
    let wanted = server.store.set_dns_proofs(proofs).await.unwrap().unwrap();
    server.publisher.published().wait_for(|generation| *generation == wanted.0).await.unwrap();
    let answer = server.ask("_acme-challenge.web.office.test.", RecordType::TXT).await;
    let texts: BTreeSet<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
    assert_eq!(texts, BTreeSet::from(["of-its-wildcard".to_owned(), "of-the-name".to_owned()]));
}

#[tokio::test]
async fn what_is_not_there_is_denied_with_the_soa() {
    let server = server().await;
    for (name, code) in [
        ("nobody.office.test.", ResponseCode::NXDomain),
        ("web.office.test.", ResponseCode::NoError),
        ("_tcp.office.test.", ResponseCode::NoError),
    ] {
        let response = server.ask(name, RecordType::TXT).await;
        assert_eq!(response.metadata.response_code, code, "{name}");
        assert!(response.answers.is_empty() && response.metadata.authoritative, "{name}");
        let soa = &response.authorities[0];
        assert_eq!((soa.record_type(), soa.ttl), (RecordType::SOA, 60), "{name}");
    }
}

#[tokio::test]
async fn foreign_names_classes_and_transfers_are_refused() {
    let server = server().await;
    let mut chaos = query("office.test.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    for message in [
        query("example.org.", RecordType::A),
        query(".", RecordType::NS),
        query("office.test.", RecordType::AXFR),
        chaos,
    ] {
        let response = server.ask_message(&message).await;
        assert_eq!(response.metadata.response_code, ResponseCode::Refused, "{response}");
        assert!(response.answers.is_empty() && !response.metadata.authoritative, "{response}");
    }
}

#[tokio::test]
async fn the_case_of_the_question_comes_back() {
    let server = server().await;
    let response = server.ask("LyncDiscover.OFFICE.test.", RecordType::A).await;
    assert_eq!(response.queries[0].name().to_string(), "LyncDiscover.OFFICE.test.");
    assert_eq!(response.answers[0].name.to_string(), "LyncDiscover.OFFICE.test.");
}

#[tokio::test]
async fn edns_is_spoken_in_version_0() {
    let server = server().await;
    for (version, code) in [(0, 0), (1, 16)] {
        let mut message = query("web.office.test.", RecordType::A);
        message.edns = Some(Edns::new());
        message.edns.as_mut().unwrap().set_version(version).set_max_payload(4096);
        let response = server.ask_message(&message).await;
        assert_eq!(u16::from(response.metadata.response_code), code);
        assert_eq!(response.edns.unwrap().max_payload(), 1232);
    }
    assert!(server.ask("web.office.test.", RecordType::A).await.edns.is_none());
}

#[tokio::test]
async fn other_operations_are_not_implemented_and_rubbish_is_malformed() {
    let server = server().await;
    let mut message = query("office.test.", RecordType::SOA);
    message.metadata.op_code = OpCode::Notify;
    assert_eq!(server.ask_message(&message).await.metadata.response_code, ResponseCode::NotImp);
    let mut two = query("office.test.", RecordType::SOA);
    two.add_query(Query::query(Name::root(), RecordType::A));
    assert_eq!(server.ask_message(&two).await.metadata.response_code, ResponseCode::FormErr);
}

#[tokio::test]
async fn a_new_address_is_answered_within_a_second_of_its_commit() {
    let server = server().await;
    let committed = {
        server.store.set_office(office("192.168.1.3")).await.unwrap();
        Instant::now()
    };
    let mut published = server.publisher.published();
    let waited =
        tokio::time::timeout(Duration::from_secs(1), published.wait_for(|generation| *generation == 2)).await;
    waited.expect("published within a second").unwrap();
    let response = server.ask("web.office.test.", RecordType::A).await;
    assert_eq!(addresses(&response), ["192.168.1.3".parse::<IpAddr>().unwrap()]);
    assert!(committed.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn queries_on_one_connection_are_answered_in_order() {
    let server = server().await;
    let mut stream = TcpStream::connect(server.tcp).await.unwrap();
    let names = ["web.office.test.", "nobody.office.test.", "sip.office.test."];
    for name in names {
        let bytes = query(name, RecordType::A).to_bytes().unwrap();
        stream.write_u16(bytes.len() as u16).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    }
    for name in names {
        let length = stream.read_u16().await.unwrap();
        let mut bytes = vec![0; length.into()];
        stream.read_exact(&mut bytes).await.unwrap();
        assert_eq!(Message::from_bytes(&bytes).unwrap().queries[0].name().to_string(), name);
    }
}

fn big_zone() -> Snapshot {
    let mut text = "@ 60 IN SOA ns hostmaster 1 3600 600 604800 60\n@ 60 IN NS ns\n".to_owned();
    for i in 0..60 {
        text.push_str(&format!("many 60 IN TXT \"record {i} of a set that fits into no datagram\"\n"));
    }
    text.push_str(
        "*.wild 60 IN CNAME many\nold 60 IN DNAME new\nsub 60 IN NS ns.sub\nns.sub 60 IN A 192.0.2.1\n",
    );
    Snapshot::same_everywhere(Catalog::from_iter([
        Zone::from_master_file(&text, Some("office.test.")).unwrap()
    ]))
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn what_does_not_fit_is_truncated_over_udp_and_whole_over_tcp() {
    let (snapshot, mut out) = (big_zone(), Vec::new());
    let message = query("many.office.test.", RecordType::TXT).to_bytes().unwrap();
    answer(&snapshot, HERE, Transport::Udp, &message, &mut out);
    let response = Message::from_bytes(&out).unwrap();
    assert!(response.metadata.truncation && response.answers.is_empty() && out.len() <= 512);
    answer(&snapshot, HERE, Transport::Tcp, &message, &mut out);
    assert_eq!(Message::from_bytes(&out).unwrap().answers.len(), 60);
}

#[test]
fn inside_and_outside_see_different_addresses() {
    let snapshot =
        Snapshot::of_office(&office("192.168.1.2"), fulmar_domain::zone::Generation(1), &[], &[]).unwrap();
    let ask = |source: &str, name: &str| {
        let mut out = Vec::new();
        let message = query(name, RecordType::A).to_bytes().unwrap();
        answer(&snapshot, source.parse().unwrap(), Transport::Udp, &message, &mut out);
        addresses(&Message::from_bytes(&out).unwrap())
    };
    let outside = "198.51.100.9";
    assert_eq!(ask("10.0.0.9", "web.office.test."), ["192.168.1.2".parse::<IpAddr>().unwrap()]);
    assert_eq!(ask(outside, "web.office.test."), ["203.0.113.7".parse::<IpAddr>().unwrap()]);
    assert!(ask(outside, "lyncdiscoverinternal.office.test.").is_empty());
}

proptest! {
    #[test]
    fn no_bytes_bring_the_server_down(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut out = Vec::new();
        answer(&big_zone(), HERE, Transport::Udp, &bytes, &mut out);
        prop_assert!(out.len() <= 1232);
    }

    #[test]
    fn every_response_is_read_by_another_parser_and_fits(
        name in "(many|[a-z]{1,3}\\.wild|old|a\\.old|x\\.sub|ns\\.sub|nobody|a{1,63}\\.b{1,63}\\.old)",
        record_type in prop::sample::select(vec![1_u16, 2, 5, 6, 16, 28, 39, 43, 255]),
        payload in prop::option::of(0_u16..5000),
    ) {
        let mut message = query(&format!("{name}.office.test."), RecordType::from(record_type));
        message.edns = payload.map(|payload| {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            edns
        });
        let mut out = Vec::new();
        let disposition = answer(&big_zone(), HERE, Transport::Udp, &message.to_bytes().unwrap(), &mut out);
        let response = Message::from_bytes(&out).unwrap();
        prop_assert_eq!(disposition, Disposition::Answered(u16::from(response.metadata.response_code)));
        prop_assert!(out.len() <= usize::from(payload.unwrap_or(512).clamp(512, 1232)));
        prop_assert_eq!(response.queries, message.queries);
    }
}
