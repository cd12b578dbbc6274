//! What the parts of an open log share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::checksum::Key;
use super::commit::Commit;
use super::index::Index;
use super::record::ActorId;
use super::segments::Segments;
use super::writers::Writers;
use crate::error::StoreError;

/// An open log.
///
/// Locks are taken in this order, and never the other way round: a chain (in [`Writers`]), the index, the
/// queue of commits. The registry of writers is locked with none of the others held.
pub(super) struct Inner {
    pub(super) segments: Segments,
    index: Mutex<Index>,
    commit: Commit,
    writers: Writers,
    pub(super) is_writer: bool,
    pub(super) lease: u64,
    /// The key of the segments that this process begins.
    pub(super) key: Key,
    pub(super) next_actor: AtomicU64,
    pub(super) counters: Counters,
    /// Held while segments are evacuated and removed.
    pub(super) compaction: Mutex<()>,
    pub(super) segment_bytes_max: u64,
}

/// How a log was opened, and what was found.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) is_writer: bool,
    pub(super) lease: u64,
    pub(super) key: Key,
    pub(super) records_scanned: u64,
    pub(super) segment_bytes_max: u64,
}

/// What has happened since the log was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) frames: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) records_scanned: AtomicU64,
}

impl Inner {
    pub(super) fn new(segments: Segments, index: Index, commit: Commit, opening: Opening) -> Self {
        let Opening { is_writer, lease, key, records_scanned, segment_bytes_max } = opening;
        let next_actor = AtomicU64::new(index.covered.next_actor);
        let counters = Counters { records_scanned: AtomicU64::new(records_scanned), ..Counters::default() };
        Self {
            segments,
            index: Mutex::new(index),
            commit,
            writers: Writers::default(),
            is_writer,
            lease,
            key,
            next_actor,
            counters,
            compaction: Mutex::new(()),
            segment_bytes_max,
        }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        // Changes of the index are transactions, so a panic in one leaves it as it was before.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn commit(&self) -> &Commit {
        &self.commit
    }

    pub(super) fn writers(&self) -> &Writers {
        &self.writers
    }

    pub(super) fn require_writer(&self) -> Result<(), StoreError> {
        if self.is_writer {
            return Ok(());
        }
        Err(StoreError::ReadOnly { path: self.segments.full_folder() })
    }

    pub(super) fn new_actor(&self) -> ActorId {
        ActorId(self.next_actor.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorLog").field("segments", &self.segments).field("lease", &self.lease).finish_non_exhaustive()
    }
}
