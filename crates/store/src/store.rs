//! The handle that everybody holds.

use std::{path::Path, sync::Arc};

use fulmar_domain::{AccountId, SessionId, Timestamp};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::{
    StoreError, office, open,
    readers::Readers,
    rows::failed,
    seal::Seal,
    signals::Signals,
    writer::{Tx, Writer},
};

/// The name of the database in the directory of state.
const DATABASE: &str = "fulmar.db";
/// The name of the file with the key that seals secrets.
const KEY_FILE: &str = "seal.key";

/// Everything that the box remembers. Clones share it.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    readers: Readers,
    signals: Arc<Signals>,
    pub(crate) seal: Arc<Seal>,
}

/// On whose behalf a change is made: a signed-in session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub account: AccountId,
    /// The session that asked; results of its commands become its events.
    pub session: SessionId,
}

impl Store {
    /// Opens the store in the directory `state`, which must exist, and makes or migrates the database.
    ///
    /// # Errors
    /// [`StoreError::Newer`] for a database of a later release, [`StoreError::Foreign`] for one of another
    /// program; both are left as they are.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let path = state.join(DATABASE);
        let connection = open::writer(&path)?;
        let seal = Seal::open(&state.join(KEY_FILE))?;
        let readers = Readers::open(&path)?;
        let generation =
            office::generation(&connection).map_err(failed("read the generation of the office"))?;
        let signals = Arc::new(Signals::new(generation.unwrap_or(0)));
        let writer = Writer::start(connection, Arc::clone(&signals))
            .map_err(|_| StoreError::Stopped { operation: "start the writing thread" })?;
        Ok(Self { writer, readers, signals, seal: Arc::new(seal) })
    }

    /// Raised with every committed change of the office; the value is the generation.
    pub fn zone_generation(&self) -> watch::Receiver<u64> {
        self.signals.office.subscribe()
    }

    /// Raised when notifications were queued.
    pub fn outbox(&self) -> watch::Receiver<u64> {
        self.signals.outbox.subscribe()
    }

    /// Raised when the settings of a push provider changed.
    pub fn push_settings_generation(&self) -> watch::Receiver<u64> {
        self.signals.push_settings.subscribe()
    }

    /// Raised when another certificate is to be shown, or to be ordered.
    pub fn certificate_generation(&self) -> watch::Receiver<u64> {
        self.signals.certificate.subscribe()
    }

    /// Ends when the store can not write any more; the process is then to be started anew.
    pub async fn stopped(&self) {
        self.writer.stopped().await;
    }

    /// Whether changes can be committed now: commits an empty one.
    ///
    /// # Errors
    /// Whatever keeps it from being committed.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.writer.change("commit nothing", |_| Ok(())).await
    }

    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }

    pub(crate) async fn change<T, F>(&self, operation: &'static str, change: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.writer.change(operation, move |tx| change(tx).map_err(failed(operation))).await
    }

    /// A change whose events wait from `now` on; those of [`Self::change`] have waited long enough.
    pub(crate) async fn change_at<T, F>(
        &self,
        operation: &'static str,
        now: Timestamp,
        change: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.change(operation, move |tx| {
            tx.now = Some(now);
            change(tx)
        })
        .await
    }

    pub(crate) async fn read<T, F>(&self, operation: &'static str, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.readers.read(operation, move |sql| read(sql).map_err(failed(operation))).await
    }
}
