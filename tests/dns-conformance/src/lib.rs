//! Each case is a zone, a question and the answer on which four well-known servers agree.
//!
//! The zone is loaded by the code that serves imported zones, the question goes over real UDP, and the answer
//! is read by another library's parser.

mod case;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use fulmar_dns::{Catalog, Publisher, Server, Snapshot, Zone, serve_udp};
use tokio::{net::UdpSocket, time::timeout};
use tokio_util::sync::CancellationToken;

pub use case::{Answer, Case};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// How many cases there were.
    pub total: usize,
    /// The cases whose answer differs.
    pub differences: Vec<Difference>,
}

/// A case whose answer is not what it should be.
#[derive(Debug)]
pub struct Difference {
    /// The case.
    pub case: Case,
    /// What was answered instead, or why there was no answer.
    pub got: Result<Answer, String>,
}

impl Report {
    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.total - self.differences.len()
    }
}

/// Reads the cases of a file: gzip, one JSON object a line.
///
/// # Errors
/// When the file can not be read, or a line is no case.
pub fn load(path: &Path) -> Result<Vec<Case>> {
    let file = File::open(path).with_context(|| format!("can not open `{}`", path.display()))?;
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_str(&line?).with_context(|| format!("line {} is no case", number + 1))
        })
        .collect()
}

/// Asks every case, on this port of 127.0.0.1 (0 takes a free one).
///
/// # Errors
/// When the port can not be used.
pub async fn run(cases: Vec<Case>, port: u16) -> Result<Report> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await.context("can not bind the port")?;
    let socket = Arc::new(socket);
    let server = socket.local_addr()?;
    let (publisher, stop) = (Publisher::default(), CancellationToken::new());
    let (answers, signal) = (Server::new(publisher.clone())?, stop.clone());
    let serving = tokio::spawn(async move { serve_udp(&socket, answers, signal).await });
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut report = Report { total: cases.len(), ..Report::default() };
    for case in cases {
        let got = ask(&client, server, &publisher, &case).await.map_err(|error| format!("{error:#}"));
        if !got.as_ref().is_ok_and(|got| case.is_answered_by(got)) {
            report.differences.push(Difference { case, got });
        }
    }
    stop.cancel();
    serving.await?;
    Ok(report)
}

async fn ask(client: &UdpSocket, server: SocketAddr, publisher: &Publisher, case: &Case) -> Result<Answer> {
    let zone = Zone::from_master_file(&case.zone.join("\n"), Some(case.origin()?))?;
    publisher.publish(Snapshot::same_everywhere(Catalog::from_iter([zone])), case.id);
    let query = case.query()?;
    client.send_to(&query, server).await?;
    let mut response = [0; 4096];
    let length = timeout(PATIENCE, client.recv(&mut response)).await.context("no answer")??;
    if response[..2] != query[..2] {
        bail!("the answer is to another question");
    }
    Answer::read(&response[..length])
}
