//! The file of the index: opening it, making it anew, and bringing it up to date.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params};

use super::super::entry::{ActorEntry, Delta};
use super::super::update::NextTimer;
use super::{Covered, DamagedRange, Index, IndexPlace, loaded, stored};
use crate::atomic_file;
use crate::error::StoreError;
use crate::log::record::{ActorId, Position};

/// The version of the tables, in SQLite's `user_version`. An index of another version is made anew.
const VERSION: i64 = 1;

/// How long a call waits for another process that has the file to itself, in milliseconds.
const BUSY_TIMEOUT_MS: u64 = 5_000;

/// How much of the file is kept in memory, in KiB.
const CACHE_KIB: i64 = 16 << 10;

/// What the write-ahead log is cut to when it was folded into the file, in bytes.
const WAL_BYTES_KEPT: i64 = 16 << 20;

impl Index {
    /// Opens the index for writing. One that can't be used is replaced by an empty one.
    pub(in crate::log) fn open(place: &IndexPlace) -> Result<Self, StoreError> {
        let IndexPlace::File(path) = place else { return Self::in_memory() };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            atomic_file::create_directory(folder)?;
        }
        match Self::open_file(path) {
            Ok(index) => Ok(index),
            Err(error) if is_beyond_use(&error) => {
                tracing::warn!(path = %path.display(), %error, "making the index of actors anew");
                remove_files(path)?;
                Self::open_file(path).map_err(|e| index_error(path, e))
            }
            Err(error) => Err(index_error(path, error)),
        }
    }

    /// Opens the index as it is at this moment. `None` when there is none that can be used.
    pub(in crate::log) fn open_read_only(place: &IndexPlace) -> Option<Self> {
        let IndexPlace::File(path) = place else { return None };
        let open = || -> Result<Self, OpenError> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
            // The first read inside the transaction fixes what all later ones see.
            connection.execute_batch("BEGIN")?;
            Self::load(connection, path, false)
        };
        open().inspect_err(|error| tracing::debug!(%error, "reading the whole log: there is no index to use")).ok()
    }

    pub(in crate::log) fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from(":memory:");
        let open = || -> Result<Self, OpenError> {
            let connection = Connection::open_in_memory()?;
            create_tables(&connection)?;
            Self::load(connection, &path, true)
        };
        open().map_err(|e| index_error(&path, e))
    }

    fn open_file(path: &Path) -> Result<Self, OpenError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
        fold_wal(&connection)?;
        if connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| loaded(row, 0))? == 0 {
            create_tables(&connection)?;
        } else {
            check_size(&connection, path)?;
        }
        Self::load(connection, path, true)
    }

    fn load(connection: Connection, path: &Path, is_writable: bool) -> Result<Self, OpenError> {
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != VERSION {
            return Err(OpenError::Unfit("another build has written it"));
        }
        let sql = "SELECT segment, offset, next_frame, next_actor, live_bytes FROM covered";
        let covered = connection.query_row(sql, [], |row| {
            Ok(Covered {
                segment: loaded(row, 0)?,
                offset: loaded(row, 1)?,
                next_frame: loaded(row, 2)?,
                next_actor: loaded(row, 3)?,
                live_bytes: loaded(row, 4)?,
            })
        })?;
        let damage = connection
            .prepare("SELECT segment, offset, bytes FROM damage ORDER BY segment, offset")?
            .query_map([], |row| {
                let position = Position { segment: loaded(row, 0)?, offset: loaded(row, 1)? };
                Ok(DamagedRange { position, bytes: loaded(row, 2)? })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            is_writable,
            is_damaged: Cell::new(false),
            deltas: HashMap::new(),
            names: HashMap::new(),
            damage,
            covered,
            flushed: covered,
        })
    }

    /// Writes all that has changed, in one transaction. After an error nothing has changed and nothing is
    /// lost: the next flush tries again.
    pub(in crate::log) fn flush(&mut self) -> Result<(), StoreError> {
        if !self.is_dirty() {
            return Ok(());
        }
        self.write_deltas().map_err(|e| self.failed(e))?;
        self.deltas.clear();
        self.names.clear();
        self.flushed = self.covered;
        Ok(())
    }

    /// Flushes, and makes what was flushed durable: what the file says from now on is never older. Needed
    /// before a segment is removed that an older index would send its reader to.
    pub(in crate::log) fn flush_durably(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        fold_wal(&self.connection).map_err(|e| self.failed(e))
    }

    /// Empties the index.
    pub(in crate::log) fn clear(&mut self) -> Result<(), StoreError> {
        self.deltas.clear();
        self.names.clear();
        self.damage.clear();
        self.covered = Covered { next_actor: self.covered.next_actor, ..Covered::default() };
        let cleared = self.connection.execute("DELETE FROM actors", []);
        cleared.map_err(|e| self.failed(e))?;
        self.flush()
    }

    /// Forgets what was wrong with a segment that was removed.
    pub(in crate::log) fn forget_segment(&mut self, segment: u64) {
        self.damage.retain(|range| range.position.segment != segment);
    }

    fn write_deltas(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            // Names first become free and then are taken, since an actor may have the name of a removed one.
            // Should the removal have been lost in damaged bytes, the newer actor is the one that has the name.
            let mut remove = transaction.prepare_cached("DELETE FROM actors WHERE id = ?1")?;
            let mut insert = transaction
                .prepare_cached("INSERT OR REPLACE INTO actors VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
            let mut update = transaction.prepare_cached(
                "UPDATE actors SET head_segment = ?2, head_offset = ?3, sequence = ?4,
                     kept_from = coalesce(?5, kept_from), status = coalesce(?6, status),
                     next_timer_ns = CASE ?7 WHEN 0 THEN next_timer_ns ELSE ?8 END
                 WHERE id = ?1",
            )?;
            for (id, _) in self.deltas.iter().filter(|(_, delta)| matches!(delta, Delta::Gone)) {
                remove.execute([stored(id.0)])?;
            }
            // In the order of the rows, which is what the pages of the file are in.
            let mut deltas: Vec<(&ActorId, &Delta)> = self.deltas.iter().collect();
            deltas.sort_unstable_by_key(|(id, _)| **id);
            for (id, delta) in deltas {
                match delta {
                    Delta::Whole(entry) => insert_entry(&mut insert, entry)?,
                    Delta::Part(part) => {
                        let (sets_timer, time_ns) = match part.next_timer {
                            None => (false, None),
                            Some(NextTimer::Never) => (true, None),
                            Some(NextTimer::At(time_ns)) => (true, Some(stored(time_ns))),
                        };
                        update.execute(params![
                            stored(id.0),
                            stored(part.head.segment),
                            stored(part.head.offset),
                            stored(part.sequence),
                            part.kept_from.map(stored),
                            part.status,
                            sets_timer,
                            time_ns,
                        ])?;
                    }
                    Delta::Gone => {}
                }
            }
            transaction.execute("DELETE FROM damage", [])?;
            let mut damage = transaction.prepare_cached("INSERT INTO damage VALUES (?1, ?2, ?3)")?;
            for DamagedRange { position, bytes } in &self.damage {
                damage.execute([stored(position.segment), stored(position.offset), stored(*bytes)])?;
            }
            let Covered { segment, offset, next_frame, next_actor, live_bytes } = self.covered;
            transaction.execute(
                "UPDATE covered SET segment = ?1, offset = ?2, next_frame = ?3, next_actor = ?4, live_bytes = ?5",
                [segment, offset, next_frame, next_actor, live_bytes].map(stored),
            )?;
        }
        transaction.commit()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        if self.is_writable
            && self.is_damaged.get()
            && let Err(error) = remove_files(&self.path)
        {
            tracing::warn!(%error, "could not remove the damaged index of actors");
        }
    }
}

fn insert_entry(insert: &mut rusqlite::CachedStatement<'_>, entry: &ActorEntry) -> rusqlite::Result<()> {
    insert.execute(params![
        stored(entry.id.0),
        entry.name,
        stored(entry.head.segment),
        stored(entry.head.offset),
        stored(entry.sequence),
        stored(entry.kept_from),
        stored(entry.spawn.segment),
        stored(entry.spawn.offset),
        entry.status,
        entry.next_timer_ns.map(stored),
    ])?;
    Ok(())
}

fn create_tables(connection: &Connection) -> rusqlite::Result<()> {
    let nothing_covered = "INSERT INTO covered VALUES (1, 0, 0, 0, 1, 0)";
    connection.execute_batch(&format!(
        "BEGIN; {} {nothing_covered}; PRAGMA user_version = {VERSION}; COMMIT;",
        include_str!("schema.sql")
    ))
}

/// Moves all of the write-ahead log into the file, and syncs the file.
fn fold_wal(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// SQLite reads only the pages that it needs, and would notice much later that the file was cut short.
fn check_size(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let pages: u64 = connection.pragma_query_value(None, "page_count", |row| loaded(row, 0))?;
    let page_bytes: u64 = connection.pragma_query_value(None, "page_size", |row| loaded(row, 0))?;
    let file_bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if file_bytes < pages * page_bytes { Err(OpenError::Unfit("it was cut short")) } else { Ok(()) }
}

/// Why an index file can't be opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Unfit(&'static str),
}

/// Whether the file itself is the trouble, rather than the disk or another process.
fn is_beyond_use(error: &OpenError) -> bool {
    let OpenError::Sqlite(error) = error else { return true };
    !matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
        )
    )
}

fn index_error(path: &Path, error: OpenError) -> StoreError {
    match &error {
        OpenError::Sqlite(sqlite) if sqlite.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            StoreError::DiskFull { path: path.to_owned() }
        }
        _ => StoreError::ActorIndex { path: path.to_owned(), source: Box::new(error) },
    }
}

fn remove_files(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = PathBuf::from(name);
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(StoreError::io("remove", &file, e)),
        }
    }
    Ok(())
}
