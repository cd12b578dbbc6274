//! What may go: old runs by their age, and durable objects by the records that still name them.

use std::collections::HashSet;

use rusqlite::params;

use super::{Catalog, RunStatus};
use crate::digest::Digest;
use crate::error::StoreError;

impl Catalog {
    /// Every durable object that a step's output names: what
    /// [`DurableObjects::retain`](crate::DurableObjects::retain) has to keep.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn referenced_objects(&self) -> Result<HashSet<Digest>, StoreError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT DISTINCT object.value FROM steps, json_each(steps.objects) AS object")?;
            let digests = statement.query_map([], |row| row.get(0))?;
            Ok(digests.collect::<Result<_, _>>()?)
        })
    }

    /// Deletes the runs that ended before a time (in milliseconds since 1970), with their items and
    /// steps, and returns how many those were. A run that was interrupted is kept as long as its command
    /// can resume it.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and those of SQLite.
    pub fn delete_finished_before(&self, time_ms: i64) -> Result<u64, StoreError> {
        self.write(|transaction| {
            let deleted = transaction.execute(
                "DELETE FROM runs
                 WHERE finished_at_ms < ?1
                    OR (status = ?2 AND key IS NULL AND updated_at_ms < ?1)",
                params![time_ms, RunStatus::Interrupted],
            )?;
            Ok(deleted as u64)
        })
    }
}
