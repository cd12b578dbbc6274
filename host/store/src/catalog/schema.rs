//! The tables, and how an older catalog becomes a newer one. SQLite's `user_version` counts the
//! migrations that were applied; each is applied once, in a transaction with its count. A migration that
//! was released is never edited: a change of the tables is a further migration.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// The schema that this build reads and writes.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

/// The version of an open catalog; 0 when nothing was ever committed to it.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    u32::try_from(found).map_err(|_| StoreError::Foreign { path: path.to_owned() })
}

/// Brings the catalog to [`VERSION`].
///
/// # Errors
/// [`StoreError::Version`] when it is newer than that; nothing is changed then.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection, path)?;
    if found > VERSION {
        return Err(unknown_version(path, found));
    }
    for (applied, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", applied as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

pub(super) fn unknown_version(path: &Path, found: u32) -> StoreError {
    StoreError::Version { path: path.to_owned(), found, supported: VERSION }
}
