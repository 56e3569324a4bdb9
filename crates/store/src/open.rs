//! Opening a database: the settings of every connection, and the way from any released schema to this one.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, config::DbConfig};

use crate::StoreError;

/// The schemas in the order of their numbers; the first is schema 1. What was released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001-office-people-sessions.sql"),
    include_str!("../migrations/0002-office-intent.sql"),
    include_str!("../migrations/0003-configuration.sql"),
    include_str!("../migrations/0004-secondaries.sql"),
    include_str!("../migrations/0005-certificates.sql"),
    include_str!("../migrations/0006-custom-zones.sql"),
    include_str!("../migrations/0007-dnssec.sql"),
    include_str!("../migrations/0008-nt-hashes.sql"),
    include_str!("../migrations/0009-home.sql"),
    include_str!("../migrations/0010-administrators.sql"),
    include_str!("../migrations/0011-ucwa.sql"),
    include_str!("../migrations/0012-history.sql"),
    include_str!("../migrations/0013-event-time.sql"),
    include_str!("../migrations/0014-presence.sql"),
    include_str!("../migrations/0015-contacts.sql"),
    include_str!("../migrations/0016-meetings.sql"),
    include_str!("../migrations/0017-invitations.sql"),
    include_str!("../migrations/0018-typing.sql"),
    include_str!("../migrations/0019-subscriptions.sql"),
    include_str!("../migrations/0020-html.sql"),
    include_str!("../migrations/0021-history-index.sql"),
    include_str!("../migrations/0022-receipts.sql"),
    include_str!("../migrations/0023-details.sql"),
    include_str!("../migrations/0024-bounded-log.sql"),
    include_str!("../migrations/0025-invitation-push.sql"),
    include_str!("../migrations/0026-photos.sql"),
    include_str!("../migrations/0027-conference.sql"),
    include_str!("../migrations/0028-message-conversation.sql"),
    include_str!("../migrations/0029-kept-for-a-time.sql"),
    include_str!("../migrations/0030-sign-in-notice.sql"),
    include_str!("../migrations/0031-joining.sql"),
    include_str!("../migrations/0032-bounded-work.sql"),
    include_str!("../migrations/0033-web-push.sql"),
    include_str!("../migrations/0034-ucwa-channels.sql"),
    include_str!("../migrations/0035-fcm-wns.sql"),
    include_str!("../migrations/0036-uptime.sql"),
    include_str!("../migrations/0037-push-services.sql"),
    include_str!("../migrations/0038-push-rule.sql"),
    include_str!("../migrations/0039-push-house.sql"),
];

/// "Flmr": marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x466c_6d72;

/// Opens the writing connection, makes the file if there is none, and brings the schema up to date.
pub(crate) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens a connection that can not change anything. The file must be there.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, mode: OpenFlags) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    let connection =
        Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A plan follows from the statement alone: else SQLite looks at the values too, and plans anew for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Open { path: path.to_owned(), source };
    let found: u32 = pragma(connection, "user_version").map_err(failed)?;
    let owner: i32 = pragma(connection, "application_id").map_err(failed)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if owner != APPLICATION_ID && !is_empty(connection).map_err(failed)? {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (to, script) in (1..).zip(MIGRATIONS).skip(found as usize) {
        apply(connection, to, script).map_err(|source| StoreError::Migrate { to, source })?;
        tracing::info!(schema = to, "The database was brought to a new schema.");
    }
    Ok(())
}

fn apply(connection: &mut Connection, to: u32, script: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(script)?;
    transaction.pragma_update(None, "user_version", to)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))
}
