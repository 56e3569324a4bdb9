//! The one thread that changes the database.
//!
//! It takes what waits for it, up to [`GROUP`] changes, and commits them together: one write to the disk for
//! all. Each change has a savepoint of its own, so one that fails leaves the others alone. Answers go out after
//! the commit. A panic in a change ends the thread; everybody is then told that the store has stopped, and the
//! process is to be started anew.

use std::sync::Arc;

use fulmar_domain::Timestamp;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError,
    signals::{Signals, Touched},
};

/// The most changes in one commit: it bounds how long the first of them waits for the last.
const GROUP: usize = 128;
/// How many changes may wait before callers are made to.
const QUEUE: usize = 1024;

/// The transaction as a change sees it.
pub(crate) struct Tx<'a> {
    pub(crate) sql: &'a Connection,
    pub(crate) touched: Touched,
    /// When the change is made, where that is known: events wait from then on.
    pub(crate) now: Option<Timestamp>,
}

/// Is given the transaction, or why there is none; says whether to keep what it did.
type Change = Box<dyn FnOnce(Result<&mut Tx<'_>, String>) -> (bool, Answer) + Send>;
/// Is given the fate of the commit, and tells whoever asked.
type Answer = Box<dyn FnOnce(Result<(), String>) + Send>;

#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Change>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, signals: Arc<Signals>) -> std::io::Result<Self> {
        let (queue, changes) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || run(&connection, changes, &signals))?;
        Ok(Self { queue })
    }

    /// Ends when the writing thread has.
    pub(crate) async fn stopped(&self) {
        self.queue.closed().await;
    }

    pub(crate) async fn change<T, F>(&self, operation: &'static str, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let change: Change = Box::new(move |tx| {
            let uncommitted = |problem| StoreError::Commit { operation, problem };
            let result = tx.map_err(uncommitted).and_then(change);
            let keep = result.is_ok();
            let answer: Answer = Box::new(move |committed| {
                // Whoever asked may have gone; the change is done all the same.
                let _ = sender.send(result.and_then(|value| committed.map(|()| value).map_err(uncommitted)));
            });
            (keep, answer)
        });
        self.queue.send(change).await.map_err(|_| StoreError::Stopped { operation })?;
        receiver.await.map_err(|_| StoreError::Stopped { operation })?
    }
}

fn run(connection: &Connection, mut changes: mpsc::Receiver<Change>, signals: &Signals) {
    let mut group = Vec::with_capacity(GROUP);
    while changes.blocking_recv_many(&mut group, GROUP) > 0 {
        metrics::histogram!("fulmar_store_commit_changes").record(group.len() as f64);
        let mut touched = Touched::default();
        let mut answers = Vec::with_capacity(group.len());
        let committed = commit(connection, group.drain(..), &mut touched, &mut answers);
        match &committed {
            Ok(()) => signals.raise(&touched),
            Err(error) => {
                tracing::error!(%error, "A group of changes could not be committed; none of it happened.");
                // Fails when SQLite has ended the transaction by itself, which is as good.
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
        let committed = committed.map_err(|error| error.to_string());
        for answer in answers {
            answer(committed.clone());
        }
    }
}

fn commit(
    connection: &Connection,
    changes: impl ExactSizeIterator<Item = Change>,
    touched: &mut Touched,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    // A change that is alone is undone with its transaction, and SQLite keeps no copies of pages for a savepoint.
    let is_alone = changes.len() == 1;
    let mut state = connection.execute_batch("BEGIN IMMEDIATE");
    for change in changes {
        if state.is_ok() && !is_alone {
            state = execute(connection, "SAVEPOINT change");
        }
        if let Err(error) = &state {
            answers.push(change(Err(error.to_string())).1);
            continue;
        }
        let mut tx = Tx { sql: connection, touched: Touched::default(), now: None };
        let (keep, answer) = change(Ok(&mut tx));
        answers.push(answer);
        if keep {
            touched.add(tx.touched);
        } else if is_alone {
            return connection.execute_batch("ROLLBACK");
        } else {
            state = execute(connection, "ROLLBACK TO change");
        }
        if !is_alone {
            state = state.and_then(|()| execute(connection, "RELEASE change"));
        }
    }
    state?;
    connection.execute_batch("COMMIT")
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
