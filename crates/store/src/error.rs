//! What can go wrong below the operations.

use std::path::PathBuf;

use thiserror::Error;

/// An operation of the store failed. None of these is the fault of whoever asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database could not be opened.
    #[error("can not open the database `{path}`")]
    Open {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file belongs to another program.
    #[error("`{path}` is not a database of Fulmar")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// A later release has written this database.
    #[error(
        "the database `{path}` has schema {found}, but this release knows schemas up to {known}: \
         start the release that wrote it, or restore a backup from before the update"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema this release knows.
        known: u32,
    },
    /// A migration failed; the database is as it was before.
    #[error("can not bring the database to schema {to}")]
    Migrate {
        /// The schema that was to be reached.
        to: u32,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file with the key that seals secrets can not be used.
    #[error("can not use the key file `{path}`: {problem}")]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// What the system said, where it said anything.
        source: Option<std::io::Error>,
    },
    /// A secret could not be sealed, for want of random numbers.
    #[error("can not seal {what}")]
    Seal {
        /// Which secret.
        what: &'static str,
    },
    /// A sealed secret does not open with this box's key.
    #[error("can not unseal {what}: the key file is not the one it was sealed with")]
    Unseal {
        /// Which secret.
        what: &'static str,
    },
    /// SQLite refused.
    #[error("can not {operation}")]
    Sql {
        /// What was tried.
        operation: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The group of changes to which this one belonged could not be committed; nothing of it happened.
    #[error("can not commit the changes of {operation}: {problem}")]
    Commit {
        /// What was tried.
        operation: &'static str,
        /// What SQLite said; as text, since all changes of the group share it.
        problem: String,
    },
    /// The thread that does the work has ended.
    #[error("can not {operation}: the store has stopped")]
    Stopped {
        /// What was tried.
        operation: &'static str,
    },
}
