//! Aliases of the box's own that lead to names of others.

use fulmar_dns::{Transport, answer};
use hickory_server::proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{CNAME, MX},
    },
    serialize::binary::{BinDecodable, BinEncodable},
};
use tokio::net::{TcpStream, UdpSocket};

use crate::{
    office::{Fulmar, INSIDE, NINE, addresses, query, snapshot, with_edns},
    resolver::{Resolver, found, read, response, soa, write},
};

fn owners(message: &Message) -> Vec<String> {
    message.answers.iter().map(|record| record.name.to_string()).collect()
}

#[tokio::test]
async fn an_alias_of_ours_is_followed_to_a_name_of_others() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    for (name, chain) in [
        ("Shop.office.test.", &["Shop.office.test.", "shop.example."][..]),
        ("far.office.test.", &["far.office.test.", "shop.office.test.", "shop.example."]),
        ("x.stage.office.test.", &["x.stage.office.test.", "host.example."]),
        ("a.old.office.test.", &["old.office.test.", "a.old.office.test.", "a.example."]),
    ] {
        for _ in 0..2 {
            let answer = fulmar.ask(&with_edns(name)).await;
            assert_eq!(
                (owners(&answer), addresses(&answer)),
                (chain.iter().map(ToString::to_string).collect(), vec![NINE])
            );
            assert_eq!(answer.queries[0].name().to_string(), name);
            assert!(answer.metadata.recursion_available && !answer.metadata.authentic_data, "{answer}");
            assert_eq!(answer.edns.unwrap().max_payload(), 1232);
        }
    }
    assert_eq!(resolver.asked(), 3, "shop.example, host.example, a.example");
}

#[tokio::test]
async fn names_in_the_records_of_others_are_right_behind_an_alias() {
    let resolver = Resolver::new(|query, _| {
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let mut response = response(query, ResponseCode::NoError);
        let next = RData::CNAME(CNAME(name("mail.shop.example.")));
        response.add_answer(Record::from_rdata(query.queries[0].name().clone(), 60, next));
        let mx = RData::MX(MX::new(10, name("mx.mail.shop.example.")));
        response.add_answer(Record::from_rdata(name("mail.shop.example."), 60, mx));
        vec![response]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let mut query = query("shop.office.test.");
    query.queries[0].set_query_type(RecordType::MX);
    let answer = fulmar.ask(&query).await;
    assert_eq!(owners(&answer), ["shop.office.test.", "shop.example.", "mail.shop.example."]);
    assert_eq!(answer.answers[2].data.to_string(), "10 mx.mail.shop.example.");
}

#[tokio::test]
async fn that_the_name_of_others_is_not_there_is_the_answer() {
    let resolver = Resolver::new(|query, _| {
        let mut response = response(query, ResponseCode::NXDomain);
        response.add_authority(soa());
        vec![response]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let answer = fulmar.ask(&query("shop.office.test.")).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!((owners(&answer), answer.authorities.len()), (vec!["shop.office.test.".to_owned()], 1));
}

#[tokio::test]
async fn without_a_resolver_that_answers_an_alias_fails() {
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let fulmar = Fulmar::new(INSIDE, &[nobody]).await;
    let answer = fulmar.ask(&query("shop.office.test.")).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn an_alias_alone_is_the_answer_to_who_wants_no_more() {
    let resolver = Resolver::with([192, 0, 2, 9], 300).await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let mut no_recursion = query("shop.office.test.");
    no_recursion.metadata.recursion_desired = false;
    let mut alias = query("shop.office.test.");
    alias.queries[0].set_query_type(RecordType::CNAME);
    for query in [no_recursion, alias.clone()] {
        let answer = fulmar.ask(&query).await;
        assert_eq!(owners(&answer), ["shop.office.test."]);
        assert!(answer.metadata.authoritative, "{answer}");
    }
    let mut out = Vec::new();
    let message = query("shop.office.test.").to_bytes().unwrap();
    let snapshot = snapshot(INSIDE, &[resolver.address]);
    answer(&snapshot, "127.0.0.1".parse().unwrap(), Transport::Udp, &message, &mut out);
    assert_eq!(owners(&Message::from_bytes(&out).unwrap()), ["shop.office.test."]);
    assert_eq!(resolver.asked(), 0);
}

#[tokio::test]
async fn the_ds_of_our_zone_is_its_parents_to_tell() {
    let resolver = Resolver::new(|query, _| {
        let mut response = response(query, ResponseCode::NoError);
        response.add_authority(soa());
        vec![response]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let mut query = query("office.test.");
    query.queries[0].set_query_type(RecordType::DS);
    let answer = fulmar.ask(&query).await;
    assert!(!answer.metadata.authoritative && answer.authorities[0].name == soa().name, "{answer}");
    query.metadata.recursion_desired = false;
    let answer = fulmar.ask(&query).await;
    assert!(answer.metadata.authoritative, "{answer}");
    assert_eq!(answer.authorities[0].name.to_string(), "office.test.");
    assert_eq!(resolver.asked(), 1);
}

#[tokio::test]
async fn what_does_not_fit_behind_an_alias_is_had_by_tcp() {
    let resolver = Resolver::new(|query, _| {
        let mut response = found(query, [192, 0, 2, 9], 60);
        for i in 0..40 {
            let more = found(query, [192, 0, 2, i], 60);
            response.add_answers(more.answers);
        }
        vec![response]
    })
    .await;
    let fulmar = Fulmar::new(INSIDE, &[resolver.address]).await;
    let query = query("shop.office.test.");
    let by_udp = fulmar.ask(&query).await;
    assert!(by_udp.metadata.truncation && by_udp.answers.is_empty(), "{by_udp}");
    let mut stream = TcpStream::connect(fulmar.address).await.unwrap();
    write(&mut stream, &query.to_bytes().unwrap()).await;
    let by_tcp = Message::from_bytes(&read(&mut stream).await).unwrap();
    assert_eq!(by_tcp.answers.len(), 42, "{by_tcp}");
}
