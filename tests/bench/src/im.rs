//! What a waiting phone costs, and how soon one hears what another says, beside ejabberd, Prosody and ntfy.
//!
//! In turn, round after round, each server is started anew and phones connect to it, over TLS and one connection
//! each, and wait for messages. The memory of the server is taken with fifty of them and with all, so that what it
//! needs once does not count. Then, while they wait: one message every few milliseconds between two more phones; and
//! pairs of phones, each of which says the next thing when the last was heard.

pub(crate) mod line;
mod mcx;
pub(crate) mod ntfy;
pub(crate) mod peer;
mod xmpp;

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::report::{Table, median};
use peer::Kind;

/// How many phones the server has seen before its memory is taken first.
const FIRST: usize = 50;
/// How many phones connect at a time.
const AT_A_TIME: usize = 10;
/// How long memory may take to settle.
const SETTLE: Duration = Duration::from_secs(3);
/// How many messages are timed, and the pause from one to the next.
const TIMED: usize = 1000;
const PAUSE: Duration = Duration::from_millis(5);
/// How many pairs talk at a time, and for how long.
const PAIRS: usize = 16;
const TALK: Duration = Duration::from_secs(5);
/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is compared.
#[derive(Args)]
pub(crate) struct Options {
    /// How many phones wait.
    #[arg(long, default_value_t = 5000)]
    phones: usize,
    /// The root of a Debian system in which the peers are installed: they run there (`chroot`). Those that are not
    /// installed are left out.
    #[arg(long, default_value = "/")]
    peers: PathBuf,
}

/// A server that runs, and how phones speak with it.
pub(crate) trait Service {
    type Listener: Listener;
    type Speaker: Speaker;

    /// Its process; those that it has started count, too.
    fn process(&self) -> u32;

    /// A phone that waits for messages from anybody.
    fn listener(&self, number: usize) -> impl Future<Output = Result<Self::Listener>> + Send + 'static;

    /// Two more phones, of which the one has something to say to the other.
    fn pair(&self, number: usize) -> impl Future<Output = Result<(Self::Speaker, Self::Listener)>> + Send;
}

/// A phone that waits for messages.
pub(crate) trait Listener: Send + 'static {
    /// The next message.
    fn hear(&mut self) -> impl Future<Output = Result<String>> + Send;
}

/// A phone that says something to another.
pub(crate) trait Speaker: Send + 'static {
    fn say(&mut self, text: &str) -> impl Future<Output = Result<()>> + Send;
}

/// What was measured of one server, a value a round.
#[derive(Default)]
struct Figures {
    idle_mib: Vec<f64>,
    kib_a_phone: Vec<f64>,
    median_ms: Vec<f64>,
    slow_ms: Vec<f64>,
    a_second: Vec<f64>,
}

pub(crate) async fn measure(rounds: usize, options: &Options) -> Result<Table> {
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let mut all =
        Vec::from(["the box", "ejabberd", "Prosody", "ntfy"].map(|name| (name, Figures::default())));
    for round in 1..=rounds {
        for (name, figures) in &mut all {
            match *name {
                "the box" => round_of(&mcx::Office::start(options.phones).await?, options, figures).await,
                "ejabberd" => match peer::start(Kind::Ejabberd, &options.peers).await? {
                    Some(peer) => round_of(&xmpp::Server(peer), options, figures).await,
                    None => continue,
                },
                "Prosody" => match peer::start(Kind::Prosody, &options.peers).await? {
                    Some(peer) => round_of(&xmpp::Server(peer), options, figures).await,
                    None => continue,
                },
                _ => match peer::start(Kind::Ntfy, &options.peers).await? {
                    Some(peer) => round_of(&ntfy::Server(peer), options, figures).await,
                    None => continue,
                },
            }
            .with_context(|| format!("{name} could not be measured"))?;
            println!("round {round}, {name}: {}", figures.last());
        }
    }
    Ok(table(all, options.phones, &load))
}

async fn round_of<S: Service>(service: &S, options: &Options, figures: &mut Figures) -> Result<()> {
    let mut waiting = JoinSet::new();
    connect(service, 0..FIRST, &mut waiting).await?;
    let (few, _) = memory(service).await?;
    connect(service, FIRST..options.phones, &mut waiting).await?;
    let (all, whole) = memory(service).await?;
    figures.idle_mib.push(whole / 1024.0);
    figures.kib_a_phone.push((all - few) / (options.phones - FIRST) as f64);

    let (speaker, listener) = service.pair(0).await?;
    let mut delays = delays(speaker, listener).await?;
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays.get((delays.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    figures.median_ms.push(at(0.5));
    figures.slow_ms.push(at(0.99));
    figures.a_second.push(talk(service).await?);
    if let Some(gone) = waiting.try_join_next() {
        return gone?.context("a phone that waited was cut off");
    }
    Ok(())
}

/// Connects phones, which then wait until this is dropped.
async fn connect<S: Service>(
    service: &S,
    numbers: std::ops::Range<usize>,
    waiting: &mut JoinSet<Result<()>>,
) -> Result<()> {
    let mut connecting = JoinSet::new();
    for number in numbers {
        if connecting.len() >= AT_A_TIME {
            waits(connecting.join_next().await.context("nobody connects")???, waiting);
        }
        connecting.spawn(service.listener(number));
    }
    while let Some(listener) = connecting.join_next().await {
        waits(listener??, waiting);
    }
    Ok(())
}

fn waits(mut listener: impl Listener, waiting: &mut JoinSet<Result<()>>) {
    waiting.spawn(async move {
        loop {
            listener.hear().await?;
        }
    });
}

/// What the server has of memory once it has settled, in KiB: its own, and with its share of what others use, too.
async fn memory<S: Service>(service: &S) -> Result<(f64, f64)> {
    tokio::time::sleep(SETTLE).await;
    let (mut own, mut whole) = (0.0, 0.0);
    for process in family(service.process()) {
        let Ok(smaps) = fs::read_to_string(format!("/proc/{process}/smaps_rollup")) else { continue };
        let of = |name: &str| {
            let line = smaps.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<f64>().ok()
        };
        own += of("Private_Clean:").unwrap_or(0.0) + of("Private_Dirty:").unwrap_or(0.0);
        whole += of("Pss:").unwrap_or(0.0);
    }
    if own == 0.0 {
        bail!("the memory of the server can not be read");
    }
    Ok((own, whole))
}

/// A process and those that it has started.
fn family(process: u32) -> Vec<u32> {
    let mut family = vec![process];
    let mut at = 0;
    while let Some(process) = family.get(at).copied() {
        at += 1;
        let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    family
}

/// How long each of many messages takes from before it is said until it is heard, in milliseconds.
async fn delays(mut speaker: impl Speaker, mut listener: impl Listener) -> Result<Vec<f64>> {
    let (heard, mut hearing) = mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        for _ in 0..TIMED {
            let text = listener.hear().await?;
            // Fails when nobody counts any more.
            let _ = heard.send((text, Instant::now()));
        }
        anyhow::Ok(())
    });
    let mut said = Vec::with_capacity(TIMED);
    for number in 0..TIMED {
        let begin = Instant::now();
        said.push(begin);
        speaker.say(&number.to_string()).await?;
        tokio::time::sleep(PAUSE.saturating_sub(begin.elapsed())).await;
    }
    timeout(PATIENCE, listening).await.context("not everything that was said was heard")???;
    let mut delays = Vec::with_capacity(TIMED);
    while let Some((text, at)) = hearing.recv().await {
        let number: usize = text.parse().context("something else was heard")?;
        let said = said.get(number).context("something was heard that nobody has said")?;
        delays.push(at.duration_since(*said).as_secs_f64() * 1000.0);
    }
    Ok(delays)
}

/// Messages a second between pairs.
async fn talk<S: Service>(service: &S) -> Result<f64> {
    let mut pairs = Vec::with_capacity(PAIRS);
    for number in 1..=PAIRS {
        pairs.push(service.pair(number).await?);
    }
    let begin = Instant::now();
    let mut talking = JoinSet::new();
    for (mut speaker, mut listener) in pairs {
        talking.spawn(async move {
            let mut heard = 0_u64;
            while begin.elapsed() < TALK {
                speaker.say(&heard.to_string()).await?;
                timeout(PATIENCE, listener.hear()).await.context("something was not heard")??;
                heard += 1;
            }
            anyhow::Ok(heard)
        });
    }
    let mut heard = 0;
    while let Some(pair) = talking.join_next().await {
        heard += pair??;
    }
    Ok(heard as f64 / begin.elapsed().as_secs_f64())
}

impl Figures {
    fn last(&self) -> String {
        let last = |values: &[f64]| values.last().copied().unwrap_or(f64::NAN);
        format!(
            "{:.1} KiB a phone, {:.1} MiB in all, p50 {:.2} ms, p99 {:.2} ms, {:.0} messages/s",
            last(&self.kib_a_phone),
            last(&self.idle_mib),
            last(&self.median_ms),
            last(&self.slow_ms),
            last(&self.a_second),
        )
    }

    fn row(mut self, name: &str) -> Vec<String> {
        let two = |values: &mut Vec<f64>| format!("{:.2}", median(values));
        vec![
            name.to_owned(),
            format!("{:.1}", median(&mut self.kib_a_phone)),
            format!("{:.0}", median(&mut self.idle_mib)),
            two(&mut self.median_ms),
            two(&mut self.slow_ms),
            format!("{:.0}", median(&mut self.a_second)),
        ]
    }
}

fn table(mut all: Vec<(&'static str, Figures)>, phones: usize, load: &str) -> Table {
    let a_phone = all.first_mut().map_or(f64::NAN, |(_, figures)| median(&mut figures.kib_a_phone));
    let columns = ["what", "KiB a phone", "MiB in all", "p50, ms", "p99, ms", "messages/s"];
    let mut rows = vec![columns.map(str::to_owned).to_vec()];
    let measured = all.into_iter().filter(|(_, figures)| !figures.kib_a_phone.is_empty());
    rows.extend(measured.map(|(name, figures)| figures.row(name)));
    Table {
        title: "Messages while 5,000 phones wait",
        about: format!(
            "{phones} phones wait, each over a TLS connection of its own. A phone's memory is the server's private \
             memory, TLS included, from {FIRST} phones on. One message every {} ms between two more phones, from \
             before it is said until it is heard; then {PAIRS} pairs, each of which says the next thing when the last \
             was heard. The box has every message on the disk before it is heard; ejabberd and Prosody keep one that \
             is heard at once in memory, ntfy writes it without waiting for the disk. The generator runs on the same \
             cores. Load of the machine before: {load}.",
            PAUSE.as_millis()
        ),
        rows,
        verdict: format!(
            "Target of 16 KiB a phone: {}.",
            if a_phone <= 16.0 { "reached" } else { "NOT reached" }
        ),
    }
}
