//! What resolvers answer, and how long it is known.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use fulmar_dns::{Transport, answer};
use hickory_server::proto::{
    op::{Message, ResponseCode},
    rr::{RData, Record, RecordType, rdata::TXT},
    serialize::binary::{BinDecodable, BinEncodable},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};

use crate::{
    office::{Fulmar, INSIDE, NINE, addresses, query, snapshot, with_edns},
    resolver::{Resolver, read, response, soa, write},
};

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
