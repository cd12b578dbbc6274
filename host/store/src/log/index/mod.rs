//! The index: for each actor where its newest record is, in SQLite, so that opening a log with a million
//! actors reads only its tail, and finding one of them is one look-up.
//!
//! The index holds nothing that is not in the log, and lags behind it: what the log says beyond
//! [`Covered`] is kept in memory until the next [`flush`](Index::flush), and read again from the log by
//! the next process when this one dies before. A file that is missing, damaged or of another build is
//! made anew. SQLite runs with `synchronous=NORMAL`: a power cut may take the last transactions, which is
//! harmless, but leaves the file whole.

mod file;
mod query;

use std::collections::HashMap;
use std::path::PathBuf;

use rusqlite::{CachedStatement, Connection, ErrorCode, Row};

use super::entry::{Change, Delta};
use super::record::{ActorId, Position};
use crate::error::StoreError;

/// After how many changed actors the index is flushed.
pub(super) const CHANGED_ACTORS_MAX: usize = 4096;

/// How many changed actors may wait for an index that can't be flushed, before the log stops taking records.
const CHANGED_ACTORS_HARD_MAX: usize = 64 * CHANGED_ACTORS_MAX;

/// How many ranges of damaged bytes are remembered one by one; any further ones are in the report of
/// [`verify`](super::ActorLog::verify).
const DAMAGED_RANGES_MAX: usize = 1024;

/// Where the index of a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexPlace {
    /// In this file of the local disk, and in two more beside it.
    File(PathBuf),
    /// In memory: every opening reads the whole log.
    Memory,
}

/// How much of the log the index covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Covered {
    /// The last segment that it has read; 0 when it has read nothing.
    pub(super) segment: u64,
    /// The end of the last frame that it has read, in bytes.
    pub(super) offset: u64,
    /// The sequence number of the frame after that.
    pub(super) next_frame: u64,
    /// The smallest number that no actor has had.
    pub(super) next_actor: u64,
    /// What the log weighed, in bytes, after it was last compacted.
    pub(super) live_bytes: u64,
}

/// Bytes of a segment in which there may have been records of any actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DamagedRange {
    pub(super) position: Position,
    pub(super) bytes: u64,
}

/// The index of an open log.
#[derive(Debug)]
pub(super) struct Index {
    connection: Connection,
    path: PathBuf,
    /// Readers keep their deltas in memory for good.
    is_writable: bool,
    is_damaged: std::cell::Cell<bool>,
    deltas: HashMap<ActorId, Delta>,
    /// The actors of the `Whole` deltas, by name.
    names: HashMap<String, ActorId>,
    damage: Vec<DamagedRange>,
    pub(super) covered: Covered,
    flushed: Covered,
}

impl Index {
    /// Takes note of a durable record. The file is not touched.
    pub(super) fn apply(&mut self, change: Change) {
        let actor = change.actor;
        self.covered.next_actor = self.covered.next_actor.max(actor.0 + 1);
        let before = self.deltas.remove(&actor);
        if let Some(Delta::Whole(entry)) = &before
            && self.names.get(&entry.name) == Some(&actor)
        {
            self.names.remove(&entry.name);
        }
        let delta = Delta::merge(before, change);
        if let Delta::Whole(entry) = &delta {
            self.names.insert(entry.name.clone(), actor);
        }
        self.deltas.insert(actor, delta);
    }

    /// Takes note of bytes in which records were lost.
    pub(super) fn note_damage(&mut self, range: DamagedRange) {
        if self.damage.len() < DAMAGED_RANGES_MAX && !self.damage.contains(&range) {
            self.damage.push(range);
        }
    }

    /// Where the newest record of an actor may have been lost, given the newest one that is there. A later
    /// record would name it as the one before itself; without one, nobody can know.
    pub(super) fn doubt_after(&self, head: Position) -> Option<Position> {
        self.damage.iter().map(|range| range.position).find(|&lost| lost > head)
    }

    /// Whether the index lags so far behind that it should be flushed.
    pub(super) fn is_full(&self) -> bool {
        self.deltas.len() >= CHANGED_ACTORS_MAX
    }

    /// Whether so many changes are waiting that no more can be taken.
    pub(super) fn is_overfull(&self) -> bool {
        self.deltas.len() >= CHANGED_ACTORS_HARD_MAX
    }

    /// Whether a flush would change anything.
    pub(super) fn is_dirty(&self) -> bool {
        self.is_writable && (self.covered != self.flushed || !self.deltas.is_empty())
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        self.connection.prepare_cached(sql).map_err(|e| self.failed(e))
    }

    /// The error for what SQLite says. An index that SQLite finds damaged is removed when it is closed.
    fn failed(&self, error: rusqlite::Error) -> StoreError {
        let path = self.path.clone();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { path },
            code => {
                if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
                    self.is_damaged.set(true);
                }
                StoreError::ActorIndex { path, source: Box::new(error) }
            }
        }
    }
}

/// SQLite's integers are signed. Positions and counts never get that large; a time that does is as good as
/// never.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn loaded(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

#[cfg(test)]
mod tests;
