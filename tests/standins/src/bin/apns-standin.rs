//! An APNs on this machine: takes what the appliance pushes, and prints what a phone would show.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
};

use anyhow::Context;
use clap::Parser;
use fulmar_standins::apns::{Answer, ApnsStandin, Directory, Ids, Received};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// Stands in for Apple's push service: takes pushes over HTTP/2 and prints one line for each.
///
/// At its first start it writes its authority (`apns-ca.pem`), a provider key (`AuthKey.p8`) and a
/// description (`apns.json`) into the directory; later starts use the same files. It ends on SIGINT or SIGTERM.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:2197")]
    listen: SocketAddr,
    /// Directory of the authority, the key and the description.
    #[arg(long)]
    dir: PathBuf,
    /// Id of the team that owns the key.
    #[arg(long, default_value = "STANDIN001")]
    team_id: String,
    /// Id of the key.
    #[arg(long, default_value = "STANDINKEY")]
    key_id: String,
    /// App whose pushes are taken.
    #[arg(long, default_value = "org.example.fulmar")]
    topic: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, dir, team_id, key_id, topic } = Arguments::parse();
    let ids = Ids { team_id, key_id, topic };
    let mut interrupt = signal(SignalKind::interrupt()).context("can not listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("can not listen for SIGTERM")?;
    let directory = Directory::open(&dir)?;
    let standin = ApnsStandin::start(directory.config(&ids, listen)?).await?;
    directory.announce(&standin, &ids)?;
    writeln!(io::stdout(), "APNs stand-in on {}, described in {}", standin.endpoint(), dir.display())?;
    tokio::select! {
        printed = print_pushes(&standin) => printed,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn print_pushes(standin: &ApnsStandin) -> anyhow::Result<()> {
    let mut printed = 0;
    while let Some(request) = standin.next_received(printed).await {
        writeln!(io::stdout(), "{}", line(&request)).context("can not write to standard output")?;
        printed += 1;
    }
    Ok(())
}

fn line(request: &Received) -> String {
    let device = request.device.get(..6).unwrap_or(&request.device);
    match &request.answer {
        Answer::Accepted => format!("push for device {device}…: {}", alert(&request.payload)),
        Answer::Refused(refusal) => {
            format!("refused push for device {device}…: {} {}", refusal.status.as_u16(), refusal.reason)
        }
        Answer::Ignored => format!("ignored push for device {device}…"),
    }
}

/// Title and body of the alert.
fn alert(payload: &[u8]) -> String {
    let aps = serde_json::from_slice::<Value>(payload).unwrap_or_default()["aps"].take();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let alert = &aps["alert"];
    let parts: Vec<_> =
        [text(alert), text(&alert["title"]), text(&alert["body"])].into_iter().flatten().collect();
    parts.join(": ")
}
