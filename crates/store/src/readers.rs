//! Connections that only read, taken in turn. A read sees the last commit before it began.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{StoreError, open};

/// How many reads run at a time. Reads are short and mostly from memory; more would only share the processors.
const READERS: usize = 4;

#[derive(Clone)]
pub(crate) struct Readers {
    free: Arc<Semaphore>,
    connections: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connections: Vec<_> = (0..READERS).map(|_| open::reader(path)).collect::<Result<_, _>>()?;
        Ok(Self { free: Arc::new(Semaphore::new(READERS)), connections: Arc::new(Mutex::new(connections)) })
    }

    pub(crate) async fn read<T, F>(&self, operation: &'static str, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let stopped = || StoreError::Stopped { operation };
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| stopped())?;
        let connections = Arc::clone(&self.connections);
        let work = move || {
            let _permit = permit;
            let connection = take(&connections).ok_or_else(stopped)?;
            let result = read(&connection);
            give_back(&connections, connection);
            result
        };
        // A read that panics takes its connection with it; the others go on.
        tokio::task::spawn_blocking(work).await.map_err(|_| stopped())?
    }
}

fn take(connections: &Mutex<Vec<Connection>>) -> Option<Connection> {
    connections.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give_back(connections: &Mutex<Vec<Connection>>, connection: Connection) {
    connections.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
}
