//! A push service of the Web on this machine, with one device: takes what the appliance pushes, and prints what the
//! device reads.

use std::{
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
};

use anyhow::Context;
use clap::Parser;
use fulmar_standins::web_push::{Received, WebPushStandin};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// Stands in for a push service (RFC 8030): takes pushes and prints one line for each.
///
/// At its first start it writes its authority (`web-push-ca.pem`) and the subscription of its device
/// (`subscription.json`) into the directory; later starts use the same files. It ends on SIGINT or SIGTERM.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:2198")]
    listen: SocketAddr,
    /// Directory of the authority and the subscription.
    #[arg(long)]
    dir: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { listen, dir } = Arguments::parse();
    let mut interrupt = signal(SignalKind::interrupt()).context("can not listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("can not listen for SIGTERM")?;
    let standin = WebPushStandin::start_in(&dir, listen).await?;
    writeln!(io::stdout(), "Web Push stand-in on {listen}, described in {}", dir.display())?;
    tokio::select! {
        printed = print_pushes(&standin) => printed,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn print_pushes(standin: &WebPushStandin) -> anyhow::Result<()> {
    let mut printed = 0;
    while let Some(request) = standin.next_received(printed).await {
        let line = line(standin, &request);
        writeln!(io::stdout(), "{line}").context("can not write to standard output")?;
        printed += 1;
    }
    Ok(())
}

fn line(standin: &WebPushStandin, request: &Received) -> String {
    let topic = request.headers.get("topic").and_then(|topic| topic.to_str().ok());
    let shown = standin.shown().into_iter().rfind(|shown| shown.topic.as_deref() == topic);
    match (request.answered, shown) {
        (Some(status), Some(shown)) if status.is_success() => {
            let text = serde_json::from_str::<Value>(&shown.text).unwrap_or_default();
            let parts = ["title", "body"].map(|name| text[name].as_str().unwrap_or_default());
            let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            format!("push for the device: {}", parts.join(": "))
        }
        (status, _) => format!("refused push: {}", status.map_or("no answer".into(), |s| s.to_string())),
    }
}
