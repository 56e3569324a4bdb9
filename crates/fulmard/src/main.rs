//! `fulmard --config FILE`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use fulmard::{Appliance, Config, Exit, logging};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The daemon of the office box: discovery DNS, sign-in, messages and push for phones.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration: addresses, paths, log. Everything else is set with `fulmarctl`.
    #[arg(long, default_value = "/etc/fulmar/fulmar.toml")]
    config: PathBuf,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let config = Config::read(&arguments.config)?;
    logging::start(&config.log.filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(serve(config))?;
    // What still runs was cut off; its threads are not waited for.
    runtime.shutdown_background();
    Ok(match exit {
        Exit::Stopped => ExitCode::SUCCESS,
        Exit::Failed => ExitCode::FAILURE,
    })
}

async fn serve(config: Config) -> Result<Exit> {
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone())?);
    let appliance = Appliance::start(config, stop).await?;
    Ok(appliance.run().await)
}

fn stop_on_signal(stop: CancellationToken) -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("can not listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can not listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    })
}
