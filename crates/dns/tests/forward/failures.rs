//! What is not forwarded, not answered, or not believed.

use std::{net::IpAddr, time::Duration};

use hickory_server::proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{DNSClass, Name, RecordType, rdata::opt::EdnsOption},
};
use tokio::{net::UdpSocket, time};

use crate::{
    office::{Fulmar, INSIDE, NINE, OUTSIDE, addresses, extended_error, query, with_edns},
    resolver::{Resolver, found, response},
};

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
