//! The catalog: what workflows have done, in SQLite.
//!
//! A run is one command (a workflow with its parameters); an item is one thing that the run works
//! through, such as a ticker; a step is one call for one item. Each change is one transaction that is on
//! the disk when the call returns (write-ahead log, `synchronous=FULL`), so a run that was killed goes on
//! from exactly the steps that were recorded. One connection writes, behind a lock; readers of other
//! processes see the last committed state without waiting for it.

mod columns;
mod items;
mod retention;
mod runs;
mod schema;
mod steps;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::data_dir::DataDir;
use crate::error::StoreError;

pub use columns::{JSON_BYTES_MAX, NAME_BYTES_MAX};
pub use items::{ITEMS_PER_RUN_MAX, Item, ItemUpdate, NewItem, RUN_ITEM};
pub use runs::{NewRun, RUNS_LISTED_MAX, Run, RunFilter, RunId, RunOutcome, RunStatus, run_key};
pub use steps::{Step, StepKey, StepState};

/// How long a call waits for another process that has the catalog to itself, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// What the write-ahead log is cut to when it was folded into the catalog, in bytes.
const WAL_BYTES_KEPT: i64 = 16 << 20;

/// The records of workflow runs in a data directory.
#[derive(Debug)]
pub struct Catalog {
    connection: Mutex<Connection>,
    data_dir: DataDir,
}

impl Catalog {
    /// Opens the catalog of a data directory. The writer creates it where there is none, brings it to
    /// this build's format, and marks what a dead process left running: such runs become
    /// [`RunStatus::Interrupted`] and their running steps [`StepState::Pending`].
    ///
    /// # Errors
    /// [`StoreError::NoCatalog`] when a reader finds none, [`StoreError::Version`] for the catalog of
    /// another build, [`StoreError::Busy`], [`StoreError::Catalog`].
    pub fn open(data_dir: &DataDir) -> Result<Self, StoreError> {
        let path = data_dir.catalog_path();
        let connection = if data_dir.is_writer() { Self::connect_writer(&path)? } else { Self::connect_reader(&path)? };
        let catalog = Self { connection: Mutex::new(connection), data_dir: data_dir.clone() };
        if data_dir.is_writer() {
            data_dir.recover_once(|| catalog.mark_interrupted())?;
        }
        Ok(catalog)
    }

    fn connect_writer(path: &Path) -> Result<Connection, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
        schema::migrate(&mut connection, path)?;
        Ok(connection)
    }

    fn connect_reader(path: &Path) -> Result<Connection, StoreError> {
        let no_catalog = || StoreError::NoCatalog { path: path.to_owned() };
        if !path.exists() {
            return Err(no_catalog());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        match schema::version(&connection, path)? {
            // The writer has created the file, and not yet committed what is in it.
            0 => Err(no_catalog()),
            schema::VERSION => Ok(connection),
            found => Err(schema::unknown_version(path, found)),
        }
    }

    /// Runs `change` in one transaction, which is on the disk when this returns, or has left no trace
    /// when `change` fails.
    fn write<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.data_dir.require_writer()?;
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = change(&transaction)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Runs `look` on the last committed state.
    fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        look(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back, so the connection is as good as before.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { waited_ms: BUSY_TIMEOUT_MS },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path: "catalog.sqlite".into() },
            _ => Self::Catalog { source: Box::new(error) },
        }
    }
}

/// The error for a record that is not there.
fn unknown(what: impl std::fmt::Display) -> StoreError {
    StoreError::UnknownRecord { what: what.to_string() }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
