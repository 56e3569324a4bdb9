//! The worker of the box in a process of its own, on a copy of the store that was filled.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use fulmar_push::{Clients, ServicesLeftAlone};
use fulmar_store::Store;
use rusqlite::{Connection, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::{
    Turn,
    process::{MEASURED, Program},
    service::{Service, say},
};

/// How often it is looked whether all are sent, and then whether all are accepted.
const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(300);

/// Serves the outbox until the process is ended.
pub(super) async fn work(dir: &Path) -> Result<()> {
    let store = Store::open(dir)?;
    say("ready")?;
    std::io::stdin().read_line(&mut String::new())?;
    let (clients, left_alone) = (Clients::new(store), ServicesLeftAlone::default());
    fulmar_push::run(clients, left_alone, CancellationToken::new()).await;
    Ok(())
}

pub(super) async fn turn(filled: &Path, service: &mut Service) -> Result<Turn> {
    let dir = tempfile::tempdir()?;
    for file in fs::read_dir(filled)? {
        let file = file?;
        fs::copy(file.path(), dir.path().join(file.file_name()))?;
    }
    let database =
        Connection::open_with_flags(dir.path().join("fulmar.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, u64>(0));
    let pushes = count("SELECT count(*) FROM notification WHERE state = 'pending'")?;
    let mut worker = Program::start(MEASURED, &["part".into(), "worker".into(), dir.path().into()])?;
    worker.line().await?;
    let (before, begun) = (worker.usage()?, Instant::now());
    worker.say("go").await?;
    let accepted = "SELECT count(*) FROM push_ledger WHERE step = 'accepted'";
    while service.count().await?.pushes < pushes || count(accepted)? < pushes {
        ensure!(begun.elapsed() < PATIENCE, "the box has not sent everything");
        tokio::time::sleep(LOOK).await;
    }
    let (seconds, after) = (begun.elapsed().as_secs_f64(), worker.usage()?);
    let came = service.count().await?;
    let all = [came.pushes, came.alerts, count(accepted)?];
    ensure!(all == [pushes; 3], "{pushes} were due; sent, distinct, accepted in the ledger: {all:?}");
    Ok(Turn { pushes: pushes as f64, seconds, cpu: after.cpu - before.cpu, mib: after.mib })
}
