//! The same zones in our server and in Knot DNS, the same questions to both: no difference that is not explained.
//!
//! `SEED` in the environment chooses other questions.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

mod explained;
mod knotd;
mod question;
mod reply;
mod zones;

use std::{
    collections::BTreeMap,
    env,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use fulmar_dns::{Publisher, Server, serve_udp};
use fulmar_domain::office::Mode;
use tokio_util::sync::CancellationToken;

use explained::{Explainer, Reason};
use knotd::Knot;
use question::{Chance, Question};
use reply::Reply;

const QUESTIONS: usize = 100_000;
/// Questions that are under way at once.
const BATCH: usize = 64;
/// Differences that are printed.
const SHOWN: usize = 10;

#[test]
fn a_hundred_thousand_answers_are_those_of_knot() {
    let seed = env::var("SEED").map_or(20_261_125, |seed| seed.parse().unwrap());
    eprintln!("seed {seed}");
    let mut chance = Chance(seed);
    let mut explained = BTreeMap::new();
    for mode in [Mode::Delegated, Mode::RecordsAtProvider] {
        let (differences, reasons) = differences(mode, QUESTIONS / 2, &mut chance, str::to_owned);
        let first = &differences[..differences.len().min(SHOWN)];
        assert!(first.is_empty(), "seed {seed}: {} differences\n{}", differences.len(), first.concat());
        for (reason, count) in reasons {
            *explained.entry(reason).or_insert(0) += count;
        }
    }
    eprintln!("explained: {explained:#?}");
    let stale: Vec<_> = Reason::ALL.iter().filter(|reason| !explained.contains_key(reason)).collect();
    assert!(stale.is_empty(), "nothing differs any more for {stale:?}");
}

#[test]
fn a_record_that_differs_is_noticed() {
    let other = |text: &str| text.replace("mail 600 IN A", "mail 601 IN A");
    let (differences, _) = differences(Mode::OfficeOnly, QUESTIONS / 10, &mut Chance(1), other);
    assert!(differences.len() > 10, "{}", differences.len());
    let strange = differences.iter().find(|difference| !difference.contains("mail\\x04rich\\x04test"));
    assert!(strange.is_none(), "{strange:?}");
}

/// Asks both servers questions about an office, of whose zones Knot has another text; what is not explained, and how
/// often the rest was.
fn differences(
    mode: Mode,
    questions: usize,
    chance: &mut Chance,
    other: impl Fn(&str) -> String,
) -> (Vec<String>, BTreeMap<Reason, usize>) {
    let (snapshot, mut zones) = zones::of_office(mode);
    zones.iter_mut().for_each(|zone| zone.text = other(&zone.text));
    let owners = zones::owners(&zones);
    let dir = tempfile::tempdir().unwrap();
    let knot = Knot::start(dir.path(), &zones);
    let publisher = Publisher::default();
    publisher.publish(snapshot, 1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clients = [serve(&runtime, &publisher), knot.address].map(client);
    let apexes = zones.iter().map(|zone| Question::soa(&zone.apex).name()).collect();
    let mut explainer = Explainer { knot, publisher, apexes, explained: BTreeMap::new() };
    let mut unexplained = Vec::new();
    for _ in 0..questions.div_ceil(BATCH) {
        let questions: Vec<_> = (0..BATCH).map(|_| Question::by_chance(&owners, chance)).collect();
        let [ours, theirs] = clients.each_ref().map(|client| ask(client, &questions));
        for ((question, ours), theirs) in questions.iter().zip(ours).zip(theirs) {
            assert!(ours.len() <= question.limit(), "{question}");
            let (ours, theirs) = (Reply::read(&ours).unwrap(), Reply::read(&theirs).unwrap());
            if ours != theirs && !explainer.explains(question, &ours, &theirs) {
                unexplained.push(format!("{question}\n ours\n{ours}\n Knot\n{theirs}\n"));
            }
        }
    }
    (unexplained, explainer.explained)
}

/// Serves on a port of 127.0.0.1, which is inside: there is no limit.
fn serve(runtime: &tokio::runtime::Runtime, publisher: &Publisher) -> SocketAddr {
    let server = Server::new(publisher.clone()).unwrap();
    let socket = runtime.block_on(tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = socket.local_addr().unwrap();
    let socket = Arc::new(socket);
    runtime.spawn(async move { serve_udp(&socket, server, CancellationToken::new()).await });
    address
}

fn client(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// The answers to questions that are sent at once, in the order of the questions.
fn ask(socket: &UdpSocket, questions: &[Question]) -> Vec<Vec<u8>> {
    for (id, question) in questions.iter().enumerate() {
        socket.send(&question.bytes(id as u16)).unwrap();
    }
    let mut answers = vec![Vec::new(); questions.len()];
    for _ in questions {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).unwrap();
        answers[usize::from(u16::from_be_bytes([buffer[0], buffer[1]]))] = buffer[..length].to_vec();
    }
    answers
}
