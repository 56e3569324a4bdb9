//! Notifications a second on one core, from the outbox to the ledger, beside Sygnal and what limits both.
//!
//! In turn, round after round: a bare client of HTTP/2 with many requests in flight, the box, and Sygnal, each of them
//! on the first core and towards the same push service, which is on the second one with all else. The box has its
//! notifications from real messages to people who sleep, which were said before it starts; the time is from there until
//! the last notification is accepted in its ledger, on the disk. Sygnal keeps nothing: it is posted to over many
//! connections, and what arrives at the service counts.

mod limits;
mod office;
mod ours;
mod process;
mod service;
mod sygnal;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    im::{ntfy, peer},
    report::{Table, median},
};
pub(crate) use process::Usage;
use process::{MEASURED, OTHERS, Program};
use service::Service;

/// How Apple, a push service of the Web and this machine are called in the certificate of the service.
pub(crate) const NAMES: [&str; 3] = ["localhost", sygnal::APPLE, sygnal::WEB];

/// What is compared.
#[derive(Args)]
pub(crate) struct Options {
    /// How many notifications the box and the limits send.
    #[arg(long, default_value_t = 20_000)]
    pushes: usize,
    /// How long the service takes for each answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// A Python environment in which Sygnal is installed; without it Sygnal is left out. It is only run by root, in a
    /// mount namespace of its own, where the names of the services are this machine's.
    #[arg(long)]
    sygnal: Option<PathBuf>,
    /// The root of a Debian system in which ntfy is installed; it is left out where it is not.
    #[arg(long, default_value = "/")]
    peers: PathBuf,
}

/// A process of its own.
#[derive(Subcommand)]
pub(crate) enum Part {
    /// The push service.
    Service { dir: PathBuf, port: u16, delay: u64 },
    /// The worker of the box, on a store that was filled.
    Worker { dir: PathBuf },
    /// A bare client of HTTP/2.
    Client { dir: PathBuf, port: u16, kind: Kind, pushes: usize },
    /// Nothing but the cryptography of Web Push.
    Cryptography { messages: usize },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Apple,
    Web,
}

pub(crate) async fn part(part: Part) -> Result<()> {
    match part {
        Part::Service { dir, port, delay } => service::serve(&dir, port, delay).await,
        Part::Worker { dir } => ours::work(&dir).await,
        Part::Client { dir, port, kind, pushes } => limits::send(&dir, port, kind, pushes).await,
        Part::Cryptography { messages } => limits::encrypt(messages),
    }
}

/// What was measured of one contestant, a value a round.
#[derive(Default)]
struct Figures {
    a_second: Vec<f64>,
    cpu_us: Vec<f64>,
    mib: Vec<f64>,
}

/// One turn of one contestant.
pub(crate) struct Turn {
    pub(crate) pushes: f64,
    pub(crate) seconds: f64,
    /// In seconds.
    pub(crate) cpu: f64,
    /// The most that it had.
    pub(crate) mib: f64,
}

const APPLE: [&str; 3] = ["Apple: a bare client of HTTP/2", "Apple: the box", "Apple: Sygnal"];
const WEB: [&str; 4] = [
    "Web Push: a bare client of HTTP/2",
    "Web Push: its cryptography alone",
    "Web Push: the box",
    "Web Push: Sygnal",
];
const NTFY: &str = "ntfy: published, woken nobody";

pub(crate) async fn measure(rounds: usize, options: &Options) -> Result<Table> {
    process::keep_to(OTHERS)?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let dir = tempfile::tempdir()?;
    let (chain, key) = peer::credentials(&NAMES)?;
    fs::write(dir.path().join("leaf.crt"), chain)?;
    fs::write(dir.path().join("leaf.key"), key)?;
    let bench = Bench { dir: dir.path(), options };
    let begun = Instant::now();
    for kind in [Kind::Apple, Kind::Web] {
        let service = bench.service().await?;
        office::fill(&bench.filled(kind), kind, service.port, bench.dir, options.pushes).await?;
    }
    let fill = begun.elapsed().as_secs_f64() / 2.0;
    let mut all: Vec<_> = [&APPLE[..], &WEB[..], &[NTFY]].concat();
    if options.sygnal.is_none() {
        println!("Sygnal is left out: `--sygnal` names no Python environment in which it is installed.");
        all.retain(|name| !name.ends_with("Sygnal"));
    }
    let mut all: Vec<_> = all.into_iter().map(|name| (name, Figures::default())).collect();
    for round in 1..=rounds {
        for (name, figures) in &mut all {
            let turn = bench.turn(name).await.with_context(|| format!("{name} could not be measured"))?;
            let Some(turn) = turn else { continue };
            println!("round {round}, {name}: {:.0}/s", turn.pushes / turn.seconds);
            figures.note(&turn);
        }
    }
    Ok(table(all, options, fill, &load))
}

struct Bench<'a> {
    dir: &'a Path,
    options: &'a Options,
}

impl Bench<'_> {
    fn filled(&self, kind: Kind) -> PathBuf {
        self.dir.join(match kind {
            Kind::Apple => "apple",
            Kind::Web => "web",
        })
    }

    /// Where the peers look for it, as far as one of them may be asked.
    async fn service(&self) -> Result<Service> {
        let port = if self.options.sygnal.is_some() { 443 } else { service::PORT };
        Service::start(self.dir, port, self.options.delay).await
    }

    async fn turn(&self, name: &str) -> Result<Option<Turn>> {
        let kind = if name.starts_with("Apple") { Kind::Apple } else { Kind::Web };
        if name == NTFY {
            return self.ntfy().await;
        }
        let mut service = self.service().await?;
        let pushes = self.options.pushes;
        let turn = if name.ends_with("HTTP/2") {
            let mut client = Program::start(MEASURED, &limits::client(self.dir, service.port, kind, pushes))?;
            limits::turn(&mut client, pushes).await?
        } else if name.ends_with("alone") {
            let arguments = ["part".into(), "cryptography".into(), pushes.to_string().into()];
            limits::turn(&mut Program::start(MEASURED, &arguments)?, pushes).await?
        } else if name.ends_with("Sygnal") {
            let Some(python) = &self.options.sygnal else { return Ok(None) };
            sygnal::turn(&python.join("bin/python"), self.dir, &mut service, kind).await?
        } else {
            ours::turn(&self.filled(kind), &mut service).await?
        };
        Ok(Some(turn))
    }

    async fn ntfy(&self) -> Result<Option<Turn>> {
        let Some(peer) = peer::start(peer::Kind::Ntfy, &self.options.peers).await? else { return Ok(None) };
        process::keep(MEASURED, peer.process())?;
        ntfy::publish(&peer).await.map(Some)
    }
}

impl Figures {
    fn note(&mut self, turn: &Turn) {
        self.a_second.push(turn.pushes / turn.seconds);
        self.cpu_us.push(turn.cpu * 1e6 / turn.pushes);
        self.mib.push(turn.mib);
    }
}

fn table(all: Vec<(&'static str, Figures)>, options: &Options, fill: f64, load: &str) -> Table {
    let mut rows = vec![
        ["what", "pushes/s", "of the limit", "times Sygnal", "CPU a push, µs", "MiB"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let all: Vec<_> = all
        .into_iter()
        .filter(|(_, figures)| !figures.a_second.is_empty())
        .map(|(name, mut f)| (name, median(&mut f.a_second), median(&mut f.cpu_us), median(&mut f.mib)))
        .collect();
    let of = |wanted: &str| all.iter().find(|(name, ..)| *name == wanted).map(|(_, a_second, ..)| *a_second);
    let ratio =
        |figure: f64, to: Option<f64>| to.map_or_else(String::new, |to| format!("{:.2}", figure / to));
    for (name, a_second, cpu_us, mib) in &all {
        let (limit, sygnal) = match name.split(':').next() {
            Some("Apple") => (of(APPLE[0]), of(APPLE[2])),
            Some("Web Push") => (of(WEB[0]), of(WEB[3])),
            _ => (None, None),
        };
        let (limit, sygnal) = (ratio(*a_second, limit), ratio(*a_second, sygnal));
        let figures = [format!("{a_second:.0}"), limit, sygnal, format!("{cpu_us:.1}"), format!("{mib:.1}")];
        rows.push([vec![(*name).to_owned()], figures.to_vec()].concat());
    }
    let target = |ours: &str, peer: &str, times: f64| match (of(ours), of(peer)) {
        (Some(ours), Some(peer)) if ours / peer >= times => "reached",
        (Some(_), Some(_)) => "NOT reached",
        _ => "not measured",
    };
    Table {
        title: "Pushes on one core",
        about: about(options, fill, load),
        verdict: format!(
            "Target of 20 times Sygnal for Apple: {}. Target of 10 times Sygnal for Web Push: {}.",
            target(APPLE[1], APPLE[2], 20.0),
            target(WEB[2], WEB[3], 10.0),
        ),
        rows,
    }
}

fn about(options: &Options, fill: f64, load: &str) -> String {
    format!(
        "{} notifications of messages in a conversation of {} people with {} devices each; to say the messages took {fill:.1} s, which is \
         not measured. Each contestant has the first core, the push service (HTTP/2 and HTTP/1.1 over TLS, {} ms an \
         answer) and whoever posts have the second one. The box: from its start until each notification is accepted \
         in the ledger, on the disk. The bare client: {} requests in flight, nothing kept. Sygnal: posted to over {} \
         connections, nothing kept. ntfy: {} connections publish into its own store. MiB: the most that the process \
         had. Load of the machine before: {load}.",
        options.pushes,
        office::PEOPLE,
        office::DEVICES,
        options.delay,
        limits::IN_FLIGHT,
        sygnal::CONNECTIONS,
        ntfy::CONNECTIONS,
    )
}
